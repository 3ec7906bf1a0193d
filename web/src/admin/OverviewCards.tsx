// How the process is: a figure and a minute of it, each.
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import type { Admin } from './admin';
import type { Overview } from './api';
import { bitrate, bytes, count, share } from './format';
import { Sparkline } from './Sparkline';

const POINTS = 30;
// Only where the server carries the media itself.
const OF_MEDIA = new Set(['in', 'out', 'packets']);

export function OverviewCards({ admin }: { admin: Admin }) {
  const t = useT();
  const overview = useStore(admin.overview);
  const trail = useStore(admin.trail);
  if (overview === null) return null;
  const cards: { name: string; label: string; value: string; more?: string; of: (at: Overview) => number }[] = [
    { name: 'rooms', label: t('admin:rooms'), value: count(overview.rooms), of: (at) => at.rooms },
    { name: 'people', label: t('admin:people'), value: count(overview.people), of: (at) => at.people },
    { name: 'in', label: t('admin:incoming'), value: bitrate(overview.bitrateIn), of: (at) => at.bitrateIn ?? 0 },
    { name: 'out', label: t('admin:outgoing'), value: bitrate(overview.bitrateOut), of: (at) => at.bitrateOut ?? 0 },
    {
      name: 'packets',
      label: t('admin:packets'),
      value: t('admin:per-second', { value: count((overview.packetsIn ?? 0) + (overview.packetsOut ?? 0)) }),
      more: t('admin:dropped', { value: count(overview.packetsDropped ?? 0) }),
      of: (at) => (at.packetsIn ?? 0) + (at.packetsOut ?? 0),
    },
    {
      name: 'cpu',
      label: t('admin:cpu'),
      value: share(overview.cpu / overview.cores),
      ...(overview.workers.length > 0 && {
        more: t('admin:workers', { value: overview.workers.map((worker) => share(worker)).join(' · ') }),
      }),
      of: (at) => at.cpu,
    },
    { name: 'memory', label: t('admin:memory'), value: bytes(overview.memory), of: (at) => at.memory },
  ];
  const shown = overview.hasFigures ? cards : cards.filter(({ name }) => !OF_MEDIA.has(name));
  return (
    <section aria-label={t('admin:overview')}>
      <dl className="admin-cards">
        {shown.map(({ name, label, value, more, of }) => (
          <div key={name} className="admin-card" data-testid={`card-${name}`}>
            <dt>{label}</dt>
            <dd>
              <span className="admin-figure" data-testid={`figure-${name}`}>
                <bdi>{value}</bdi>
              </span>
              {more ? <span className="admin-more">{more}</span> : null}
              <Sparkline values={trail.map(of)} points={POINTS} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
