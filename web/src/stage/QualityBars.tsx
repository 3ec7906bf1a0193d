// The quality of somebody's connection as three bars; nothing while it is not known.
import type { Quality } from '../call/tiles';
import { useT } from '../i18n/i18n';

const LIT: Record<Quality, number> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 };

export function QualityBars({ quality }: { quality: Quality }) {
  const t = useT();
  if (quality === 'unknown') return null;
  const text = t(`stage:quality.${quality}`);
  return (
    <span className="quality" data-quality={quality} role="img" aria-label={text} title={text}>
      {[1, 2, 3].map((bar) => (
        <span key={bar} data-lit={bar <= LIT[quality]} />
      ))}
    </span>
  );
}
