import { describe, expect, it } from 'vitest';
import { bestGrid, stripSide, tilesPerPage } from './layout';

const GAP = 10;
const DESKTOP = { width: 1280, height: 600 };
const PHONE = { width: 344, height: 516 };
const CINEMA = { width: 1892, height: 960 };

describe('the grid', () => {
  it.each([
    [1, DESKTOP, 1, 1],
    [2, DESKTOP, 2, 1],
    [3, DESKTOP, 2, 2],
    [4, DESKTOP, 2, 2],
    [9, DESKTOP, 3, 3],
    [3, PHONE, 1, 3],
    [6, PHONE, 2, 3],
    [25, CINEMA, 5, 5],
  ])('of %i in %o has %i columns and %i rows', (count, space, columns, rows) => {
    expect(bestGrid(count, space, GAP)).toMatchObject({ columns, rows });
  });

  it.each([DESKTOP, PHONE, CINEMA])('never leaves %o, for 1 to 25 people, and no tile is empty of height', (space) => {
    for (let count = 1; count <= 25; count++) {
      const { columns, rows, tile } = bestGrid(count, space, GAP);
      expect(columns * rows).toBeGreaterThanOrEqual(count);
      expect(columns * tile.width + (columns - 1) * GAP).toBeLessThanOrEqual(space.width + 0.5);
      expect(rows * tile.height + (rows - 1) * GAP).toBeLessThanOrEqual(space.height + 0.5);
      expect(tile.width / tile.height).toBeGreaterThanOrEqual(0.74);
      expect(tile.width / tile.height).toBeLessThanOrEqual(16 / 9 + 0.01);
    }
  });

  it.each([DESKTOP, CINEMA])('shows faces on at least half of %o from 2 to 25 people', (space) => {
    for (let count = 2; count <= 25; count++) {
      const { tile } = bestGrid(count, space, GAP);
      expect((count * tile.width * tile.height) / (space.width * space.height), `${count}`).toBeGreaterThan(0.5);
    }
  });
});

describe('pages', () => {
  it('hold 25 on a desktop and fewer on a phone', () => {
    expect(tilesPerPage(DESKTOP, GAP)).toBe(25);
    expect(tilesPerPage(PHONE, GAP)).toBe(15);
    expect(tilesPerPage({ width: 10, height: 10 }, GAP)).toBe(1);
  });
});

it('faces stand beside a shared screen where it is wide, below where it is not', () => {
  expect(stripSide(DESKTOP)).toBe('right');
  expect(stripSide(PHONE)).toBe('bottom');
  expect(stripSide({ width: 800, height: 900 })).toBe('bottom');
});
