/** Drawings for screenshots: somebody in a room, or a slide. Tests tell people apart by plain colours instead. */
import type { Colour } from './palette.ts';

type Hair = 'long' | 'short' | 'bob' | 'curls' | 'bun' | 'beard';

interface Paint {
  wall: [string, string];
  /** What stands behind, out of focus. */
  behind: [string, string];
  skin: string;
  shade: string;
  hair: string;
  cut: Hair;
  shirt: [string, string];
}

const PAINTS: Partial<Record<Colour, Paint>> = {
  red: {
    wall: ['#ecd9c8', '#c49a7d'],
    behind: ['#7f9b7a', '#f7ead7'],
    skin: '#8d5a3c',
    shade: '#6f432b',
    hair: '#241812',
    cut: 'long',
    shirt: ['#b5483a', '#8f3128'],
  },
  green: {
    wall: ['#d9e2d3', '#8aa38a'],
    behind: ['#5d7a5c', '#f3efdf'],
    skin: '#ecc0a0',
    shade: '#cf9a78',
    hair: '#6b4325',
    cut: 'short',
    shirt: ['#3b7a5c', '#265440'],
  },
  blue: {
    wall: ['#d5dfe9', '#8199b4'],
    behind: ['#b58a5d', '#eef3f7'],
    skin: '#dca57d',
    shade: '#bd8159',
    hair: '#39302d',
    cut: 'bob',
    shirt: ['#34588f', '#233c66'],
  },
  yellow: {
    wall: ['#efe3c8', '#bfa673'],
    behind: ['#8d6f4b', '#fbf4e2'],
    skin: '#c98f63',
    shade: '#a66f47',
    hair: '#1d1a1a',
    cut: 'beard',
    shirt: ['#5a6270', '#3d434e'],
  },
  cyan: {
    wall: ['#d3e4e4', '#7ea5a6'],
    behind: ['#4f7f7c', '#edf6f5'],
    skin: '#f1cdb4',
    shade: '#d8a88a',
    hair: '#b06a35',
    cut: 'bun',
    shirt: ['#d9a441', '#b7832c'],
  },
  magenta: {
    wall: ['#e3d6e3', '#9c86a3'],
    behind: ['#6d5a78', '#f6eff7'],
    skin: '#6f452e',
    shade: '#54321f',
    hair: '#181212',
    cut: 'curls',
    shirt: ['#e7e2d8', '#c9c2b4'],
  },
};

/** Drawn once, however many frames show it. */
const drawn = new Map<string, HTMLCanvasElement>();

export function drawPortrait(context: CanvasRenderingContext2D, colour: Colour, isScreen: boolean): void {
  const { width, height } = context.canvas;
  const key = `${isScreen ? 'slide' : colour} ${width} ${height}`;
  let picture = drawn.get(key);
  if (!picture) {
    picture = Object.assign(document.createElement('canvas'), { width, height });
    const onto = picture.getContext('2d');
    if (!onto) throw new Error('no 2d canvas');
    const paint = PAINTS[colour];
    if (isScreen || !paint) drawSlide(onto, width, height);
    else {
      drawRoom(onto, paint, width, height);
      drawPerson(onto, paint, width, height);
    }
    drawn.set(key, picture);
  }
  context.drawImage(picture, 0, 0);
}

function gradient(context: CanvasRenderingContext2D, box: [number, number, number, number], ...stops: string[]) {
  const made = context.createLinearGradient(...box);
  stops.forEach((stop, index) => made.addColorStop(index / (stops.length - 1), stop));
  return made;
}

function drawRoom(context: CanvasRenderingContext2D, { wall, behind }: Paint, w: number, h: number): void {
  context.fillStyle = gradient(context, [0, 0, w, h], ...wall);
  context.fillRect(0, 0, w, h);
  const [dark, light] = behind;
  context.filter = `blur(${h * 0.022}px)`;
  context.globalAlpha = 0.75;
  // A window.
  context.fillStyle = light;
  context.fillRect(w * 0.07, h * 0.08, w * 0.2, h * 0.5);
  context.fillStyle = wall[1];
  context.fillRect(w * 0.165, h * 0.08, w * 0.012, h * 0.5);
  context.fillRect(w * 0.07, h * 0.3, w * 0.2, h * 0.018);
  // A shelf with books, and a plant on it.
  context.globalAlpha = 0.55;
  context.fillStyle = dark;
  context.fillRect(w * 0.7, h * 0.5, w * 0.26, h * 0.028);
  [0.7, 0.735, 0.76, 0.8].forEach((x, index) => {
    context.fillStyle = index % 2 === 0 ? dark : light;
    context.fillRect(w * x, h * (0.33 + (index % 3) * 0.025), w * 0.024, h * 0.17);
  });
  context.fillStyle = dark;
  for (const [dx, dy, rx, ry] of [
    [0.895, 0.36, 0.02, 0.1],
    [0.87, 0.4, 0.018, 0.08],
    [0.92, 0.4, 0.018, 0.08],
  ] as const) {
    context.beginPath();
    context.ellipse(w * dx, h * dy, w * rx, h * ry, (dx - 0.895) * 14, 0, Math.PI * 2);
    context.fill();
  }
  context.filter = 'none';
  context.globalAlpha = 1;
}

function drawPerson(context: CanvasRenderingContext2D, paint: Paint, w: number, h: number): void {
  const [x, y, r] = [w / 2, h * 0.46, h * 0.2];
  const { skin, shade, hair, cut, shirt } = paint;
  const ellipse = (fill: CanvasGradient | string, dx: number, dy: number, rx: number, ry: number, turn = 0) => {
    context.fillStyle = fill;
    context.beginPath();
    context.ellipse(x + dx * r, y + dy * r, rx * r, ry * r, turn, 0, Math.PI * 2);
    context.fill();
  };
  const line = (colour: string, thick: number, draw: () => void) => {
    context.strokeStyle = colour;
    context.lineWidth = r * thick;
    context.lineCap = 'round';
    context.beginPath();
    draw();
    context.stroke();
  };
  // Behind the head.
  if (cut === 'long') {
    ellipse(hair, 0, -0.15, 1.12, 1.25);
    ellipse(hair, 0, 0.85, 1.12, 1.3);
  } else if (cut === 'bob') {
    ellipse(hair, 0, -0.12, 1.14, 1.26);
    ellipse(hair, 0, 0.42, 1.12, 0.95);
  } else if (cut === 'curls') {
    for (let step = 0; step <= 12; step++) {
      const angle = Math.PI * (1 + step / 12);
      ellipse(hair, Math.cos(angle) * 0.95, -0.15 + Math.sin(angle) * 1.0, 0.4, 0.4);
    }
    ellipse(hair, -0.9, 0.15, 0.34, 0.45);
    ellipse(hair, 0.9, 0.15, 0.34, 0.45);
  } else {
    if (cut === 'bun') ellipse(hair, 0, -1.42, 0.46, 0.42);
    ellipse(hair, 0, -0.3, 1.0, 1.02);
  }
  // Shoulders, neck and what it shades.
  context.fillStyle = gradient(context, [0, y + r * 1.3, 0, h], ...shirt);
  context.beginPath();
  context.moveTo(x - r * 2.25, h);
  context.bezierCurveTo(x - r * 2.1, y + r * 1.75, x - r * 1.1, y + r * 1.62, x - r * 0.5, y + r * 1.38);
  context.lineTo(x + r * 0.5, y + r * 1.38);
  context.bezierCurveTo(x + r * 1.1, y + r * 1.62, x + r * 2.1, y + r * 1.75, x + r * 2.25, h);
  context.fill();
  ellipse(shade, 0, 1.38, 0.52, 0.42);
  context.fillStyle = shade;
  context.fillRect(x - r * 0.38, y + r * 0.7, r * 0.76, r * 0.72);
  ellipse(skin, 0, 1.5, 0.42, 0.22);
  // The head.
  for (const side of [-1, 1]) ellipse(shade, side * 0.86, 0.12, 0.13, 0.2);
  ellipse(gradient(context, [x - r * 0.5, y - r, x + r * 0.7, y + r * 1.1], skin, skin, shade), 0, 0.08, 0.86, 1.08);
  if (cut === 'beard') {
    context.fillStyle = hair;
    context.beginPath();
    context.ellipse(x, y + r * 0.32, r * 0.83, r * 0.88, 0, 0, Math.PI);
    context.ellipse(x, y + r * 0.3, r * 0.66, r * 0.14, 0, Math.PI, 0, true);
    context.fill();
    ellipse(skin, 0, 0.3, 0.55, 0.13);
  }
  context.globalAlpha = 0.16;
  for (const side of [-0.48, 0.48]) ellipse('#d2563f', side, 0.36, 0.2, 0.13);
  context.globalAlpha = 1;
  // The hair in front.
  context.fillStyle = hair;
  context.beginPath();
  if (cut === 'short' || cut === 'beard') {
    context.moveTo(x - r * 0.92, y - r * 0.05);
    context.bezierCurveTo(x - r * 1.1, y - r * 1.35, x - r * 0.3, y - r * 1.42, x + r * 0.1, y - r * 1.36);
    context.bezierCurveTo(x + r * 0.9, y - r * 1.34, x + r * 1.08, y - r * 0.7, x + r * 0.92, y - r * 0.05);
    context.bezierCurveTo(x + r * 0.86, y - r * 0.5, x + r * 0.5, y - r * 0.62, x + r * 0.05, y - r * 0.6);
    context.bezierCurveTo(x - r * 0.45, y - r * 0.58, x - r * 0.82, y - r * 0.5, x - r * 0.92, y - r * 0.05);
  } else {
    context.moveTo(x - r * 0.94, y + r * 0.12);
    context.bezierCurveTo(x - r * 1.14, y - r * 1.75, x + r * 1.14, y - r * 1.75, x + r * 0.94, y + r * 0.12);
    context.bezierCurveTo(x + r * 0.86, y - r * 0.45, x + r * 0.5, y - r * 0.62, x - r * 0.22, y - r * 0.82);
    context.bezierCurveTo(x - r * 0.55, y - r * 0.6, x - r * 0.88, y - r * 0.42, x - r * 0.94, y + r * 0.12);
  }
  context.fill();
  // The face.
  for (const side of [-1, 1]) {
    const at = x + side * r * 0.33;
    line(hair, 0.06, () => context.arc(at, y + r * 0.05, r * 0.2, Math.PI * 1.24, Math.PI * 1.76));
    ellipse('#fbf7f2', side * 0.33, 0.06, 0.125, 0.09);
    ellipse('#2b1f19', side * 0.33, 0.06, 0.074, 0.082);
    ellipse('#ffffff', side * 0.33 + 0.025, 0.035, 0.022, 0.022);
    line(shade, 0.035, () => context.ellipse(at, y + r * 0.06, r * 0.14, r * 0.1, 0, Math.PI * 1.1, Math.PI * 1.9));
  }
  line(shade, 0.045, () => context.arc(x + r * 0.01, y + r * 0.33, r * 0.085, 0.25, Math.PI - 0.35));
  context.fillStyle = '#fdf6ef';
  context.beginPath();
  context.moveTo(x - r * 0.28, y + r * 0.56);
  context.quadraticCurveTo(x, y + r * 0.62, x + r * 0.28, y + r * 0.56);
  context.quadraticCurveTo(x, y + r * 0.86, x - r * 0.28, y + r * 0.56);
  context.fill();
  line('#9c4a3d', 0.045, () => {
    context.moveTo(x - r * 0.3, y + r * 0.555);
    context.quadraticCurveTo(x, y + r * 0.62, x + r * 0.3, y + r * 0.555);
    context.moveTo(x - r * 0.26, y + r * 0.6);
    context.quadraticCurveTo(x, y + r * 0.87, x + r * 0.26, y + r * 0.6);
  });
}

function drawSlide(context: CanvasRenderingContext2D, w: number, h: number): void {
  context.fillStyle = '#fdfcf9';
  context.fillRect(0, 0, w, h);
  context.fillStyle = '#17423b';
  context.font = `700 ${h * 0.075}px sans-serif`;
  context.fillText('What we learned this spring', w * 0.08, h * 0.16);
  context.fillStyle = '#5b6f6b';
  context.font = `400 ${h * 0.036}px sans-serif`;
  context.fillText('Visitors a week, in thousands', w * 0.08, h * 0.235);
  context.strokeStyle = '#dfe6e3';
  context.lineWidth = h * 0.003;
  for (let grid = 0; grid <= 4; grid++) {
    context.beginPath();
    context.moveTo(w * 0.08, h * (0.86 - grid * 0.13));
    context.lineTo(w * 0.92, h * (0.86 - grid * 0.13));
    context.stroke();
  }
  const bars = [0.35, 0.52, 0.44, 0.7, 0.83, 0.94];
  bars.forEach((bar, index) => {
    const [left, height] = [w * (0.115 + index * 0.14), h * bar * 0.56];
    context.fillStyle = index === bars.length - 1 ? '#0f766e' : '#a9c9c2';
    context.fillRect(left, h * 0.86 - height, w * 0.085, height);
    context.fillStyle = '#5b6f6b';
    context.font = `600 ${h * 0.032}px sans-serif`;
    context.fillText(String(Math.round(bar * 48)), left + w * 0.03, h * 0.845 - height);
    context.fillText(`W${index + 1}`, left + w * 0.028, h * 0.92);
  });
}
