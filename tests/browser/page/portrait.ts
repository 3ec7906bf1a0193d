/** Drawings for screenshots: somebody before a wall, or a slide. Tests tell people apart by plain colours instead. */
import type { Colour } from './palette.ts';

interface Paint {
  wall: [string, string];
  skin: string;
  hair: string;
  shirt: string;
}

const PAINTS: Partial<Record<Colour, Paint>> = {
  red: { wall: ['#f3d9c6', '#c98f72'], skin: '#8d5a3c', hair: '#2b1d16', shirt: '#a33b2f' },
  green: { wall: ['#dfe8d4', '#8fab86'], skin: '#f0c6a4', hair: '#7a4a24', shirt: '#2f6d4a' },
  blue: { wall: ['#d6e2ee', '#7d9bbd'], skin: '#dca57d', hair: '#3a3330', shirt: '#2d4f86' },
};

export function drawPortrait(context: CanvasRenderingContext2D, colour: Colour, isScreen: boolean): void {
  const { width: w, height: h } = context.canvas;
  const paint = PAINTS[colour];
  if (isScreen || !paint) {
    drawSlide(context, w, h);
    return;
  }
  const wall = context.createLinearGradient(0, 0, w, h);
  wall.addColorStop(0, paint.wall[0]);
  wall.addColorStop(1, paint.wall[1]);
  context.fillStyle = wall;
  context.fillRect(0, 0, w, h);
  const [x, y, r] = [w / 2, h * 0.47, h * 0.2];
  const ellipse = (fill: string, dx: number, dy: number, rx: number, ry: number) => {
    context.fillStyle = fill;
    context.beginPath();
    context.ellipse(x + dx * r, y + dy * r, rx * r, ry * r, 0, 0, Math.PI * 2);
    context.fill();
  };
  ellipse(paint.hair, 0, -0.22, 1.12, 1.2);
  if (colour !== 'green') ellipse(paint.hair, 0, 0.5, 1.15, 1.2);
  ellipse(paint.shirt, 0, 3.05, 2.1, 1.75);
  ellipse(paint.skin, 0, 1.15, 0.42, 0.62);
  ellipse(paint.skin, 0, 0.1, 0.85, 1.08);
  ellipse(paint.hair, 0, -0.78, 0.86, 0.42);
  for (const side of [-0.32, 0.32]) ellipse('#2a211d', side, 0.05, 0.075, 0.1);
  context.strokeStyle = '#7c3b30';
  context.lineWidth = r * 0.06;
  context.beginPath();
  context.arc(x, y + r * 0.42, r * 0.3, 0.25, Math.PI - 0.25);
  context.stroke();
}

function drawSlide(context: CanvasRenderingContext2D, w: number, h: number): void {
  context.fillStyle = '#fdfcf9';
  context.fillRect(0, 0, w, h);
  context.fillStyle = '#17423b';
  context.font = `700 ${h * 0.09}px sans-serif`;
  context.fillText('What we learned', w * 0.08, h * 0.19);
  const bars = [0.35, 0.52, 0.44, 0.7, 0.83];
  bars.forEach((bar, index) => {
    context.fillStyle = index === bars.length - 1 ? '#0f766e' : '#a9c9c2';
    context.fillRect(w * (0.1 + index * 0.16), h * (0.9 - bar * 0.6), w * 0.11, h * bar * 0.6);
  });
}
