// How the process is: a figure and a minute of it, each.
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import type { Admin } from './admin';
import type { Overview } from './api';
import { bitrate, bytes, count, share } from './format';
import { Sparkline } from './Sparkline';

const POINTS = 30;

export function OverviewCards({ admin }: { admin: Admin }) {
  const t = useT();
  const overview = useStore(admin.overview);
  const trail = useStore(admin.trail);
  if (overview === null) return null;
  const cards: { name: string; label: string; value: string; more?: string; of: (at: Overview) => number }[] = [
    { name: 'rooms', label: t('admin:rooms'), value: count(overview.rooms), of: (at) => at.rooms },
    { name: 'people', label: t('admin:people'), value: count(overview.people), of: (at) => at.people },
    { name: 'in', label: t('admin:incoming'), value: bitrate(overview.bitrateIn), of: (at) => at.bitrateIn },
    { name: 'out', label: t('admin:outgoing'), value: bitrate(overview.bitrateOut), of: (at) => at.bitrateOut },
    {
      name: 'packets',
      label: t('admin:packets'),
      value: t('admin:per-second', { value: count(overview.packetsIn + overview.packetsOut) }),
      more: t('admin:dropped', { value: count(overview.packetsDropped) }),
      of: (at) => at.packetsIn + at.packetsOut,
    },
    {
      name: 'cpu',
      label: t('admin:cpu'),
      value: share(overview.cpu / overview.cores),
      more: t('admin:workers', { value: overview.workers.map((worker) => share(worker)).join(' · ') }),
      of: (at) => at.cpu,
    },
    { name: 'memory', label: t('admin:memory'), value: bytes(overview.memory), of: (at) => at.memory },
  ];
  return (
    <section aria-label={t('admin:overview')}>
      <dl className="admin-cards">
        {cards.map(({ name, label, value, more, of }) => (
          <div key={name} className="admin-card" data-testid={`card-${name}`}>
            <dt>{label}</dt>
            <dd>
              <span className="admin-figure" data-testid={`figure-${name}`}>
                {value}
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
