/**
 * The colours that fake cameras show and tests look for. Saturated and far apart, so that a colour survives video
 * coding; `nearestColour` says none rather than guess.
 */

export const PALETTE = {
  red: [230, 20, 20],
  green: [20, 200, 20],
  blue: [20, 20, 230],
  yellow: [230, 230, 20],
  magenta: [230, 20, 230],
  cyan: [20, 230, 230],
  white: [235, 235, 235],
  black: [0, 0, 0],
} as const;

export type Colour = keyof typeof PALETTE;

/** The palette's colour within `tolerance` (distance in RGB) of a sample, or null. */
export function nearestColour(rgb: readonly [number, number, number], tolerance = 90): Colour | null {
  let best: Colour | null = null;
  let bestDistance = tolerance;
  for (const [name, [r, g, b]] of Object.entries(PALETTE)) {
    const distance = Math.hypot(rgb[0] - r, rgb[1] - g, rgb[2] - b);
    if (distance < bestDistance) {
      best = name as Colour;
      bestDistance = distance;
    }
  }
  return best;
}
