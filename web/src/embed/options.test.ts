import { expect, it } from 'vitest';
import { parseOptions } from './options';

const OWN = 'https://meet.example';
const parse = (search: string) => parseOptions(search, OWN);

it('an address that says nothing changes nothing', () => {
  const { problems, warnings, ...options } = parse('');
  expect([problems, warnings]).toEqual([[], []]);
  expect(options).toEqual({
    isEmbedded: false,
    parent: null,
    join: true,
    name: null,
    off: { camera: false, microphone: false },
    controls: null,
    language: null,
    look: { scheme: null, accent: null, background: null, radius: null, font: null, logo: null },
  });
});

it('an address says all that is documented', () => {
  const options = parse(
    '?embed=1&parent=https://host.example&join=0&name=Ann%20Arbor&camera=off&microphone=on&controls=microphone,leave' +
      '&lang=ar&theme=dark&accent=%23f2c200&radius=4&font=Inter,%20sans-serif&logo=https://cdn.example/l.svg',
  );
  expect(options.problems).toEqual([]);
  expect(options.warnings).toEqual([]);
  expect(options).toMatchObject({
    isEmbedded: true,
    parent: 'https://host.example',
    join: false,
    name: 'Ann Arbor',
    off: { camera: true, microphone: false },
    language: 'ar',
    look: { scheme: 'dark', accent: [0xf2, 0xc2, 0], radius: 4, font: 'Inter, sans-serif' },
  });
  expect([...(options.controls ?? [])]).toEqual(['microphone', 'leave']);
  expect(options.look.logo).toBe('https://cdn.example/l.svg');
});

it.each([
  ['embed=yes', 'embed is "yes": it is 1 or 0.'],
  ['parent=host.example', 'parent is "host.example": it is an origin such as https://intranet.example.org.'],
  ['parent=https://host.example/path', 'parent is'],
  ['parent=*', 'parent is'],
  ['camera=false', 'camera is "false": it is on or off.'],
  ['name=%20', 'name is " ": it has 1 to 60 characters.'],
  ['lang=xx', 'lang is "xx"'],
  ['theme=blue', 'theme is "blue": it is light or dark.'],
  ['accent=red', 'accent is "red": it is a colour such as 7a1fa2.'],
  ['background=888', 'background is "888": it is a colour such as f5f4f0 on which words can be read, light or dark.'],
  ['radius=33', 'radius is "33": it is a number of pixels from 0 to 32.'],
  ['font=x;}body{', 'font is'],
  ['controls=mic', 'controls is "mic": it is a list, with commas, of microphone, camera,'],
  ['logo=javascript:alert(1)', 'logo is'],
  ['logo=data:image/svg%2Bxml,x', 'logo is'],
  ['logo=http://cdn.example/l.png', 'logo is'],
])('%s is told to be wrong, and left out', (search, problem) => {
  const { problems, ...options } = parse(`?${search}`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(problem);
  expect({ ...options, problems: [] }).toEqual(parse(''));
});

it('a logo may be of our own server', () => {
  expect(parse('?logo=/theme/logo').look.logo).toBe(`${OWN}/theme/logo`);
});

it('what is unknown is left out with a warning, and a token in sight of logs is not taken', () => {
  expect(parse('?colour=red').warnings).toEqual(['"colour" is nothing that the address of a room can say.']);
  expect(parse('?token=x').warnings[0]).toContain('behind #');
});
