// What is wrong with the connection, in plain words, and the figures behind it, each second anew.
import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import { useEffect } from 'react';
import { useCallServices } from '../call/services';
import type { Tile } from '../call/tiles';
import { Dialog } from '../design/Dialog';
import { number, percent } from '../i18n/format';
import { t, useT } from '../i18n/i18n';
import { CheckupLink } from '../shell/CheckupLink';
import { useStore } from '../state/store';
import { QualityBars } from '../stage/QualityBars';
import type { Figures, ReceivedStream, SentStream, Stream } from './figures';
import { findingsOf, type Finding } from './findings';
import './connection.css';

export function ConnectionPanel() {
  const { connection } = useCallServices();
  return useStore(connection.isOpen) ? <Panel onClose={() => connection.isOpen.set(false)} /> : null;
}

function Panel({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { call, connection, weakUpload } = useCallServices();
  const view = useStore(call.view);
  const isVideoPaused = useStore(weakUpload.isPaused);
  const figures = useStore(connection.figures);
  useEffect(() => connection.watch(), [connection]);
  if (view.room === null) return null;
  return (
    <Dialog
      title={t('connection:connection')}
      testId="connection"
      closeTestId="close-connection"
      onClose={onClose}
      isWide
    >
      <Findings
        findings={findingsOf({ connection: view.connection, tiles: view.tiles, figures, isVideoPaused })}
        isMeasured={figures !== null}
      />
      {figures ? (
        <>
          <Totals figures={figures} />
          <Streams title={t('connection:sent')} streams={figures.sent} tiles={view.tiles} />
          <Streams title={t('connection:received')} streams={figures.received} tiles={view.tiles} />
        </>
      ) : (
        <p className="connection-waiting">
          <span className="spinner" aria-hidden="true" /> {t('connection:measuring')}
        </p>
      )}
      <p>
        <CheckupLink />
      </p>
    </Dialog>
  );
}

const ICONS = { bad: CircleAlert, warning: TriangleAlert, info: Info };

function Findings({ findings, isMeasured }: { findings: readonly Finding[]; isMeasured: boolean }) {
  const t = useT();
  return (
    <div role="status" data-testid="connection-findings">
      <ul className="findings" aria-label={t('connection:findings')}>
        {findings.map(({ tone, text }) => {
          const Icon = ICONS[tone];
          return (
            <li key={text} data-tone={tone}>
              <Icon aria-hidden="true" /> {text}
            </li>
          );
        })}
        {findings.length === 0 && isMeasured ? (
          <li data-tone="good">
            <CircleCheck aria-hidden="true" /> {t('connection:nothing')}
          </li>
        ) : null}
      </ul>
    </div>
  );
}

function Totals({ figures: { transport, roundTrip, up, down } }: { figures: Figures }) {
  const t = useT();
  const totals = [
    [t('connection:over'), transport === null ? '–' : t(`connection:transport.${transport}`), 'transport'],
    [t('connection:roundTrip'), roundTrip === null ? '–' : milliseconds(roundTrip), 'round-trip'],
    [t('connection:upload'), rateAndLoss(up), 'upload'],
    [t('connection:download'), rateAndLoss(down), 'download'],
  ] as const;
  return (
    <dl className="totals">
      {totals.map(([name, value, id]) => (
        <div key={id}>
          <dt>{name}</dt>
          <dd data-testid={`connection-${id}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface StreamsProps {
  title: string;
  streams: readonly (ReceivedStream | SentStream)[];
  tiles: readonly Tile[];
}

function Streams({ title, streams, tiles }: StreamsProps) {
  const t = useT();
  if (streams.length === 0) return null;
  const people = new Map(tiles.filter(({ source }) => source === 'camera').map((tile) => [tile.identity, tile]));
  return (
    <table className="streams" data-testid="connection-streams">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">{t('connection:column.stream')}</th>
          <th scope="col">{t('connection:column.rate')}</th>
          <th scope="col">{t('connection:column.lost')}</th>
          <th scope="col">{t('connection:column.picture')}</th>
          <th scope="col">{t('connection:column.codec')}</th>
        </tr>
      </thead>
      <tbody>
        {streams.map((stream) => {
          const source = sourceOf(stream.source);
          const identity = 'identity' in stream ? stream.identity : null;
          const person = identity === null ? undefined : people.get(identity);
          return (
            <tr key={`${identity} ${stream.source}`} data-identity={identity} data-source={stream.source}>
              <th scope="row">
                {person ? <QualityBars quality={person.quality} /> : null}{' '}
                {identity === null ? source : t('connection:sourceOf', { name: person?.name ?? identity, source })}
              </th>
              <td>{rate(stream.bitrate)}</td>
              <td data-column={t('connection:column.lost')}>{percent(stream.loss)}</td>
              <td data-none={stream.kind === 'audio'}>{pictureOf(stream)}</td>
              <td>{stream.codec || '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function pictureOf({ kind, width, height, framesPerSecond }: Stream): string {
  if (kind === 'audio') return '–';
  if (width === 0) return t('connection:noPicture');
  return t('connection:picture', { width, height, frames: framesPerSecond });
}

function sourceOf(source: string): string {
  switch (source) {
    case 'camera':
    case 'microphone':
    case 'screen_share':
    case 'screen_share_audio':
      return t(`connection:source.${source}`);
    default:
      return source;
  }
}

function milliseconds(time: number): string {
  return t('connection:milliseconds', { number: number(Math.round(time)) });
}

function rateAndLoss({ bitrate, loss }: Figures['up']): string {
  return t('connection:rateAndLoss', { rate: rate(bitrate), loss: percent(loss) });
}

function rate(bits: number): string {
  if (bits < 1_000_000) return t('connection:kilobits', { number: number(Math.round(bits / 1000)) });
  const one = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return t('connection:megabits', { number: number(bits / 1_000_000, one) });
}
