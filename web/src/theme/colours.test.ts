import { expect, it } from 'vitest';
import accents from './accents.json';
import { accentOn, hexOf, parseColour, SCHEMES, type Colour, type SchemeName } from './colours';

it.each(accents)('$given on $scheme is the accent that the server makes of it', ({ given, scheme, ...wanted }) => {
  const made = accentOn(parseColour(given) ?? [0, 0, 0], SCHEMES[scheme as SchemeName]);
  const told = Object.fromEntries(
    (Object.entries(made) as [string, Colour][]).map(([name, colour]) => [name, hexOf(colour)]),
  );
  expect(told).toEqual(wanted);
});

it.each([
  ['#0F6b5f', '#0f6b5f'],
  ['abc', '#aabbcc'],
  ['red', null],
  ['#12345', null],
  ['#000;}', null],
])('%j is read as %j', (text, wanted) => {
  const colour = parseColour(text);
  expect(colour && hexOf(colour)).toBe(wanted);
});
