import { describe, expect, it } from 'vitest';
import {
  bestGrid,
  cornerBox,
  GAP,
  gridBoxes,
  neighbour,
  pagedGrid,
  split,
  stripSide,
  tilesPerPage,
  type Box,
} from './layout';

const DESKTOP = { width: 1280, height: 600 };
const PHONE = { width: 344, height: 516 };
const CINEMA = { width: 1892, height: 940 };
const at = (size: { width: number; height: number }): Box => ({ x: 0, y: 0, ...size });

const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width - 0.5 && b.x < a.x + a.width - 0.5 && a.y < b.y + b.height - 0.5 && b.y < a.y + a.height - 0.5;

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
    [49, CINEMA, 7, 7],
  ])('of %i in %o has %i columns and %i rows', (count, space, columns, rows) => {
    expect(bestGrid(count, space, GAP)).toMatchObject({ columns, rows });
  });

  it.each([DESKTOP, PHONE, CINEMA])('never leaves %o, for 1 to 49 people, and no two tiles overlap', (space) => {
    for (let count = 1; count <= 49; count++) {
      const boxes = gridBoxes(count, at(space));
      expect(boxes).toHaveLength(count);
      for (const [index, box] of boxes.entries()) {
        expect(box.x).toBeGreaterThanOrEqual(-0.5);
        expect(box.y).toBeGreaterThanOrEqual(-0.5);
        expect(box.x + box.width).toBeLessThanOrEqual(space.width + 0.5);
        expect(box.y + box.height).toBeLessThanOrEqual(space.height + 0.5);
        expect(box.width / box.height).toBeGreaterThanOrEqual(0.74);
        expect(box.width / box.height).toBeLessThanOrEqual(16 / 9 + 0.01);
        expect(boxes.slice(0, index).filter((other) => overlap(other, box))).toEqual([]);
      }
    }
  });

  it.each([DESKTOP, CINEMA])('shows faces on at least half of %o from 2 to 25 people', (space) => {
    for (let count = 2; count <= 25; count++) {
      const { tile } = bestGrid(count, space, GAP);
      expect((count * tile.width * tile.height) / (space.width * space.height), `${count}`).toBeGreaterThan(0.5);
    }
  });

  it('centres a last row that is not full', () => {
    const [a, b, c] = gridBoxes(3, at(DESKTOP));
    expect(a && b && (a.x + b.x + b.width) / 2).toBeCloseTo(640);
    expect(c && c.x + c.width / 2).toBeCloseTo(640);
  });
});

describe('pages', () => {
  it('hold 49 where faces can be read, 25 on a desktop, and fewer on a phone', () => {
    expect(tilesPerPage(CINEMA, GAP)).toBe(49);
    expect(tilesPerPage(DESKTOP, GAP)).toBe(25);
    expect(tilesPerPage(PHONE, GAP)).toBe(15);
    expect(tilesPerPage({ width: 10, height: 10 }, GAP)).toBe(1);
  });

  it('have no buttons where there is one only', () => {
    expect(pagedGrid(25, at(DESKTOP), 0)).toMatchObject({ from: 0, page: 0, pages: 1, pager: null });
  });

  it('leave room for the buttons, and keep the size of tiles on the last one', () => {
    const [first, last] = [pagedGrid(40, at(DESKTOP), 0), pagedGrid(40, at(DESKTOP), 1)];
    expect(first.pages).toBe(2);
    expect(last).toMatchObject({ page: 1, from: first.capacity });
    expect(last.boxes).toHaveLength(40 - first.capacity);
    expect(last.boxes[0]).toEqual(first.boxes[0]);
    expect(Math.max(...first.boxes.map(({ y, height }) => y + height))).toBeLessThanOrEqual(first.pager?.y ?? 0);
  });

  it('that are gone show the last there is', () => {
    expect(pagedGrid(30, at(DESKTOP), 7)).toMatchObject({ page: 1 });
    expect(pagedGrid(3, at(DESKTOP), 7)).toMatchObject({ page: 0, from: 0 });
  });
});

it('small tiles stand beside a large one where it is wide, below where it is not', () => {
  expect(stripSide(DESKTOP)).toBe('right');
  expect(stripSide(PHONE)).toBe('bottom');
  expect(stripSide({ width: 800, height: 900 })).toBe('bottom');
});

it.each([DESKTOP, PHONE, CINEMA])('a large tile takes most of %o and leaves the rest to the strip', (space) => {
  const { large, strip } = split(space, true);
  expect((large.width * large.height) / (space.width * space.height)).toBeGreaterThan(0.6);
  expect(strip && overlap(large, strip)).toBe(false);
  expect(split(space, false)).toEqual({ large: at(space), strip: null });
});

it.each([DESKTOP, PHONE, CINEMA])('oneself in the corner of %o covers little of the other', (space) => {
  const { x, y, width, height } = cornerBox(space);
  expect((width * height) / (space.width * space.height)).toBeLessThan(0.1);
  expect(x + width).toBeLessThan(space.width);
  expect(y + height).toBeLessThan(space.height);
});

describe('an arrow key', () => {
  const boxes = gridBoxes(5, at(DESKTOP)); // Three above two.

  it.each([
    [0, 'right', 1],
    [1, 'left', 0],
    [0, 'left', -1],
    [2, 'right', -1],
    [0, 'down', 3],
    [2, 'down', 4],
    [4, 'up', 1],
    [9, 'up', -1],
  ] as const)('goes from tile %i %s to tile %i', (from, direction, to) => {
    expect(neighbour(boxes, from, direction)).toBe(to);
  });
});
