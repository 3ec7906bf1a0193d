// Every state of a tile, to look at and for tests: `npm run gallery`. Not part of what is served.
import { createRoot } from 'react-dom/client';
import '../design/design.css';
import '../people/people.css';
import '../reactions/reactions.css';
import '../stage/stage.css';
import { startLanguage } from '../i18n/i18n';
import type { Picture } from '../media/picture';
import { Gallery } from './Gallery';
import { storiesWith } from './stories';

/** A camera's picture, drawn. */
function drawnPicture(): Picture {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser draws nothing');
  let turn = 0;
  const draw = () => {
    const gradient = context.createLinearGradient(0, 0, canvas.width, canvas.height);
    gradient.addColorStop(0, `hsl(${turn++ % 360} 45% 60%)`);
    gradient.addColorStop(1, '#264653');
    context.fillStyle = gradient;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = '#fff';
    context.font = '48px sans-serif';
    context.fillText('← left', 24, 64);
  };
  draw();
  setInterval(draw, 200);
  const stream = canvas.captureStream();
  return {
    attach: (element) => {
      element.muted = true;
      element.srcObject = stream;
    },
    detach: (element) => {
      element.srcObject = null;
    },
  };
}

const root = document.getElementById('root');
if (!root) throw new Error('gallery.html has no #root');
await startLanguage(null, navigator.languages);
createRoot(root).render(<Gallery stories={storiesWith(drawnPicture())} />);
