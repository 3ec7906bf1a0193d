// One tile: a face or a shared screen, with its name, its state and its menu.
import { EllipsisVertical, MicOff, MonitorUp, Pin, PinOff, VideoOff } from 'lucide-react';
import { memo, useState } from 'react';
import { useT } from '../i18n/i18n';
import type { Picture } from '../media/picture';
import { useCallServices } from '../call/services';
import type { Tile } from '../call/tiles';
import { TileStranger } from '../encryption/TileStranger';
import { TileHand } from '../people/TileHand';
import { TileReactions } from '../reactions/TileReactions';
import { colourOf, initialsOf } from '../shell/person';
import { useStore } from '../state/store';
import { labelOf } from './labels';
import { OwnPictureView } from './OwnPictureView';
import { PictureView } from './PictureView';
import type { Place } from './places';
import { QualityBars } from './QualityBars';

interface Props {
  tile: Tile;
  place: Place;
  x: number;
  y: number;
  width: number;
  height: number;
  isPinned: boolean;
  /** Whether the Tab key comes to this tile. */
  isStop: boolean;
  onMenu: (key: string, at: { left: number; right: number; top: number; bottom: number }) => void;
}

/** Box by numbers, so that a tile that did not change rests when another did. */
export const TileView = memo(function TileView(props: Props) {
  const { tile, place, x, y, width, height, isPinned, isStop, onMenu } = props;
  const t = useT();
  const { stage } = useCallServices();
  const label = labelOf(tile);
  const PinIcon = isPinned ? PinOff : Pin;
  return (
    <li
      className="tile"
      style={{ insetInlineStart: x, top: y, width, height, ...colourOf(tile.identity) }}
      data-testid="tile"
      data-key={tile.key}
      data-place={place}
      data-pinned={isPinned}
      {...marksOf(tile)}
      onContextMenu={(event) => {
        event.preventDefault();
        const { clientX, clientY } = event;
        // By the menu key of a keyboard it has no place of its own.
        if (clientX === 0 && clientY === 0) onMenu(tile.key, event.currentTarget.getBoundingClientRect());
        else onMenu(tile.key, { left: clientX, right: clientX, top: clientY, bottom: clientY });
      }}
      onDoubleClick={() => stage.togglePin(tile.key)}
    >
      <TileFace tile={tile} isPinned={isPinned} />
      <div className="tile-buttons" onDoubleClick={(event) => event.stopPropagation()}>
        <button
          type="button"
          className="tile-button tile-pin"
          // The menu has it for keyboards and screen readers: two stops a tile would be many.
          tabIndex={-1}
          aria-hidden="true"
          title={t(isPinned ? 'stage:unpin' : 'stage:pin')}
          onClick={() => stage.togglePin(tile.key)}
        >
          <PinIcon />
        </button>
        <button
          type="button"
          className="tile-button tile-options"
          data-testid="tile-options"
          tabIndex={isStop ? 0 : -1}
          aria-haspopup="menu"
          aria-label={t('stage:optionsFor', { label })}
          title={t('stage:options')}
          onClick={(event) => onMenu(tile.key, event.currentTarget.getBoundingClientRect())}
        >
          <EllipsisVertical aria-hidden="true" />
        </button>
      </div>
    </li>
  );
});

/** What a tile shows, without what one can do with it: the small window draws this alone. */
export function TileFace({ tile, isPinned = false }: { tile: Tile; isPinned?: boolean }) {
  const t = useT();
  const [seen, setSeen] = useState<Picture | null>(null);
  const isScreen = tile.source === 'screen_share';
  const label = labelOf(tile);
  const { picture } = tile;
  const View = tile.isLocal && !isScreen ? OwnPictureView : PictureView;
  const isConnecting = picture !== null && seen !== picture && !tile.isPaused;
  return (
    <>
      {picture !== null && seen === picture ? null : <Avatar tile={tile} />}
      {picture ? (
        <View
          picture={picture}
          className={seen === picture ? 'tile-picture' : 'tile-picture tile-picture-waiting'}
          label={t('stage:videoOf', { label })}
          onFrame={() => setSeen(picture)}
        />
      ) : null}
      {isConnecting ? <span className="tile-waiting spinner" aria-hidden="true" /> : null}
      <div className="tile-plate">
        {isPinned ? <Pin role="img" aria-label={t('stage:pinned')} /> : null}
        {isScreen ? <MonitorUp aria-hidden="true" /> : null}
        {!isScreen && tile.isMuted ? (
          <MicOff className="tile-muted" role="img" aria-label={t('stage:microphoneOff')} />
        ) : null}
        {!isScreen && tile.isCameraOff ? (
          <VideoOff className="tile-off" role="img" aria-label={t('stage:cameraOff')} />
        ) : null}
        <span className="tile-name name" dir="auto" title={label}>
          {label}
        </span>
        {isScreen ? null : <QualityBars quality={tile.quality} />}
      </div>
      {isScreen ? null : <TileHand identity={tile.identity} />}
      {isScreen ? null : <TileReactions identity={tile.identity} />}
      {tile.isLocal ? null : <TileStranger identity={tile.identity} />}
      <Hint tile={tile} />
    </>
  );
}

function Avatar({ tile }: { tile: Tile }) {
  return (
    <span className="tile-avatar" aria-hidden="true" style={colourOf(tile.identity)}>
      {tile.source === 'screen_share' ? <MonitorUp /> : initialsOf(tile.name)}
    </span>
  );
}

function Hint({ tile }: { tile: Tile }) {
  const t = useT();
  const isOwnPaused = useStore(useCallServices().weakUpload.isPaused) && tile.isLocal && !tile.isCameraOff;
  const text =
    tile.source === 'camera' && tile.quality === 'lost'
      ? t('stage:connectionLost')
      : tile.isPaused || (isOwnPaused && tile.source === 'camera')
        ? t('stage:paused')
        : null;
  return text === null ? null : <p className="tile-hint">{text}</p>;
}

/** The state of a tile as attributes, for the look and for tests. */
export function marksOf(tile: Tile): Record<`data-${string}`, string | boolean> {
  return {
    'data-identity': tile.identity,
    'data-local': tile.isLocal,
    'data-source': tile.source,
    'data-speaking': tile.isSpeaking,
    'data-dominant': tile.isDominant,
    'data-muted': tile.isMuted,
    'data-camera-off': tile.isCameraOff,
    'data-paused': tile.isPaused,
    'data-quality': tile.quality,
  };
}
