// One tile: a face or a shared screen, with its name and its state.
import { MicOff, MonitorUp } from 'lucide-react';
import { memo } from 'react';
import type { Tile } from '../call/tiles';
import { TileHand } from '../people/TileHand';
import { TileReactions } from '../reactions/TileReactions';
import { initialsOf } from '../shell/person';
import { PictureView } from './PictureView';
import { QualityBars } from './QualityBars';

interface Props {
  tile: Tile;
  style?: React.CSSProperties;
}

export const TileView = memo(function TileView({ tile, style }: Props) {
  const isScreen = tile.source === 'screen_share';
  const name = tile.isLocal ? `${tile.name} (you)` : tile.name;
  const label = isScreen ? (tile.isLocal ? 'Your screen' : `${tile.name}’s screen`) : name;
  return (
    <li
      className="tile"
      style={style}
      data-testid="tile"
      data-identity={tile.identity}
      data-local={tile.isLocal}
      data-source={tile.source}
      data-speaking={tile.isSpeaking}
      data-dominant={tile.isDominant}
      data-muted={tile.isMuted}
      data-camera-off={tile.isCameraOff}
      data-quality={tile.quality}
    >
      {tile.picture ? (
        <PictureView
          picture={tile.picture}
          mirrored={tile.isLocal && !isScreen}
          className="tile-picture"
          label={`Video of ${label}`}
        />
      ) : (
        <span
          className="tile-avatar"
          aria-hidden="true"
          style={{ '--hue': hueOf(tile.identity) } as React.CSSProperties}
        >
          {initialsOf(tile.name)}
        </span>
      )}
      <div className="tile-plate">
        {isScreen ? <MonitorUp aria-hidden="true" /> : null}
        {!isScreen && tile.isMuted ? <MicOff className="tile-muted" role="img" aria-label="Microphone off:" /> : null}
        <span className="tile-name" title={label}>
          {label}
        </span>
        {isScreen ? null : <QualityBars quality={tile.quality} />}
      </div>
      {isScreen ? null : <TileHand identity={tile.identity} />}
      {isScreen ? null : <TileReactions identity={tile.identity} />}
      {tile.isPaused ? <p className="tile-hint">Picture paused: the network is slow</p> : null}
    </li>
  );
});

/** The same colour for the same person everywhere. */
function hueOf(identity: string): number {
  let hue = 0;
  for (const character of identity) hue = (hue * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hue;
}
