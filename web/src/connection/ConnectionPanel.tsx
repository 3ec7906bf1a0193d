// What is wrong with the connection, in plain words, and the figures behind it, each second anew.
import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import { useEffect } from 'react';
import { useCallServices } from '../call/services';
import type { Tile } from '../call/tiles';
import { Dialog } from '../design/Dialog';
import { useStore } from '../state/store';
import { QualityBars } from '../stage/QualityBars';
import type { Figures, ReceivedStream, SentStream, Stream, Transport } from './figures';
import { findingsOf, percent, type Finding } from './findings';
import './connection.css';

export function ConnectionPanel() {
  const { connection } = useCallServices();
  return useStore(connection.isOpen) ? <Panel onClose={() => connection.isOpen.set(false)} /> : null;
}

function Panel({ onClose }: { onClose: () => void }) {
  const { call, connection } = useCallServices();
  const view = useStore(call.view);
  const figures = useStore(connection.figures);
  useEffect(() => connection.watch(), [connection]);
  if (view.room === null) return null;
  return (
    <Dialog title="Connection" testId="connection" closeTestId="close-connection" onClose={onClose}>
      <Findings findings={findingsOf({ connection: view.connection, tiles: view.tiles, figures })} />
      {figures ? (
        <>
          <Totals figures={figures} />
          <Streams title="What you send" streams={figures.sent} tiles={view.tiles} />
          <Streams title="What you get" streams={figures.received} tiles={view.tiles} />
        </>
      ) : (
        <p className="connection-waiting">
          <span className="spinner" aria-hidden="true" /> Measuring…
        </p>
      )}
    </Dialog>
  );
}

const ICONS = { bad: CircleAlert, warning: TriangleAlert, info: Info };

function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <div role="status" data-testid="connection-findings">
      <ul className="findings" aria-label="What is wrong">
        {findings.map(({ tone, text }) => {
          const Icon = ICONS[tone];
          return (
            <li key={text} data-tone={tone}>
              <Icon aria-hidden="true" /> {text}
            </li>
          );
        })}
        {findings.length === 0 ? (
          <li data-tone="good">
            <CircleCheck aria-hidden="true" /> Nothing is wrong with your connection.
          </li>
        ) : null}
      </ul>
    </div>
  );
}

const TRANSPORTS: Record<Transport, string> = {
  udp: 'UDP',
  tcp: 'TCP',
  'relay-udp': 'TURN over UDP',
  'relay-tcp': 'TURN over TCP',
  'relay-tls': 'TURN over TLS',
};

function Totals({ figures: { transport, roundTrip, up, down } }: { figures: Figures }) {
  const totals = [
    ['Connected over', transport === null ? '–' : TRANSPORTS[transport], 'transport'],
    ['Round trip', roundTrip === null ? '–' : `${Math.round(roundTrip)} ms`, 'round-trip'],
    ['Upload', `${rate(up.bitrate)}, ${percent(up.loss)} lost`, 'upload'],
    ['Download', `${rate(down.bitrate)}, ${percent(down.loss)} lost`, 'download'],
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

const SOURCES: Record<string, string> = {
  camera: 'camera',
  microphone: 'microphone',
  screen_share: 'screen',
  screen_share_audio: 'sound of the screen',
};

interface StreamsProps {
  title: string;
  streams: readonly (ReceivedStream | SentStream)[];
  tiles: readonly Tile[];
}

function Streams({ title, streams, tiles }: StreamsProps) {
  if (streams.length === 0) return null;
  const people = new Map(tiles.filter(({ source }) => source === 'camera').map((tile) => [tile.identity, tile]));
  return (
    <table className="streams" data-testid="connection-streams">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">Stream</th>
          <th scope="col">Rate</th>
          <th scope="col">Lost</th>
          <th scope="col">Picture</th>
          <th scope="col">Codec</th>
        </tr>
      </thead>
      <tbody>
        {streams.map((stream) => {
          const source = SOURCES[stream.source] ?? stream.source;
          const identity = 'identity' in stream ? stream.identity : null;
          const person = identity === null ? undefined : people.get(identity);
          return (
            <tr key={`${identity} ${stream.source}`} data-identity={identity} data-source={stream.source}>
              <th scope="row">
                {person ? <QualityBars quality={person.quality} /> : null}{' '}
                {identity === null ? capital(source) : `${person?.name ?? identity}: ${source}`}
              </th>
              <td>{rate(stream.bitrate)}</td>
              <td>{percent(stream.loss)}</td>
              <td>{pictureOf(stream)}</td>
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
  return width > 0 ? `${width} × ${height}, ${framesPerSecond}/s` : 'none now';
}

function rate(bits: number): string {
  return bits >= 1_000_000 ? `${(bits / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
