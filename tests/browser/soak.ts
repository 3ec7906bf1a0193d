/**
 * A page in a room of 50 while people come and go: does what it holds grow? `npm run soak -- [--minutes 10] [--people 49]`. Prints what
 * it holds after each change, and ends with 1 if that grows.
 */
import { parseArgs } from 'node:util';
import { growing, soaked } from './stage/soaking.ts';
import { Stage } from './stage/visit.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, people: { type: 'string', default: '49' } },
});
const [minutes, people] = [Number(values.minutes), Number(values.people)];
const changing = Math.max(1, Math.round(people / 6));
const pause = 20_000;

const stage = await Stage.open();
const began = performance.now();
const row = (cells: unknown[]) => console.log(cells.map((cell) => String(cell).padStart(14)).join(''));
row(['seconds', 'objects', 'heap, kB', 'nodes', 'listeners']);
const held = await soaked(stage, {
  people,
  changing,
  warmup: 3,
  rounds: Infinity,
  until: () => performance.now() - began > minutes * 60_000,
  pause,
  tell: ({ objects, heap, nodes, listeners }, round) =>
    row([
      `${Math.round((performance.now() - began) / 1000)}${round < 0 ? ' (warm-up)' : ''}`,
      objects,
      Math.round(heap / 1000),
      nodes,
      listeners,
    ]),
});
await stage[Symbol.asyncDispose]();
const found = growing(held, { changing });
console.log(found.length > 0 ? `It grows: ${found.join('; ')}` : 'It does not grow.');
process.exitCode = found.length > 0 ? 1 : 0;
