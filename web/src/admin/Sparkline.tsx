// A small chart of the last minute. The figure beside it says the same, so screen readers are spared it.

const WIDTH = 120;
const HEIGHT = 32;

interface Props {
  values: readonly number[];
  /** So many make the full width; fewer begin further on. */
  points: number;
}

export function Sparkline({ values, points }: Props) {
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparklinePath(values, points)} />
    </svg>
  );
}

/** From zero to the highest value; the latest is at the end. */
export function sparklinePath(values: readonly number[], points: number): string {
  const highest = Math.max(...values, 0);
  const step = WIDTH / Math.max(1, points - 1);
  const start = WIDTH - step * (values.length - 1);
  return values
    .map((value, index) => {
      const y = HEIGHT - 2 - (highest > 0 ? (value / highest) * (HEIGHT - 4) : 0);
      return `${index === 0 ? 'M' : 'L'}${(start + step * index).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
