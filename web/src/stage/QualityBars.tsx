// The quality of somebody's connection as three bars; nothing while it is not known.
import type { Quality } from '../call/tiles';

const BARS: Record<Quality, { lit: number; text: string } | null> = {
  excellent: { lit: 3, text: 'Connection: excellent' },
  good: { lit: 2, text: 'Connection: good' },
  poor: { lit: 1, text: 'Connection: poor' },
  lost: { lit: 0, text: 'Connection: lost' },
  unknown: null,
};

export function QualityBars({ quality }: { quality: Quality }) {
  const bars = BARS[quality];
  if (!bars) return null;
  return (
    <span className="quality" data-quality={quality} role="img" aria-label={bars.text} title={bars.text}>
      {[1, 2, 3].map((bar) => (
        <span key={bar} data-lit={bar <= bars.lit} />
      ))}
    </span>
  );
}
