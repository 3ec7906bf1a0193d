// Draws the stories with the page's own components, each in a box of its own.
import { useMemo } from 'react';
import { CallServicesContext, type CallServices } from '../call/services';
import { ServicesContext } from '../shell/services';
import { Store } from '../state/store';
import { TileView } from '../stage/TileView';
import type { Story } from './stories';
import './gallery.css';

const SIZES = [
  [320, 180],
  [120, 120],
] as const;

export function Gallery({ stories }: { stories: readonly Story[] }) {
  return (
    <main className="gallery">
      <h1>Tiles</h1>
      {stories.map((story) => (
        <StoryView key={story.name} story={story} />
      ))}
    </main>
  );
}

function StoryView({ story }: { story: Story }) {
  const services = useMemo(() => servicesOf(story), [story]);
  return (
    <section className="story" data-testid="story" aria-label={story.name}>
      <h2>{story.name}</h2>
      <ServicesContext value={services}>
        <CallServicesContext value={services}>
          {SIZES.map(([width, height]) => (
            <ul key={width} className="story-box" style={{ width, height }} aria-label={`${width} × ${height}`}>
              <TileView
                tile={story.tile}
                place="grid"
                x={0}
                y={0}
                width={width}
                height={height}
                isPinned={story.isPinned ?? false}
                isStop
                onMenu={() => undefined}
              />
            </ul>
          ))}
        </CallServicesContext>
      </ServicesContext>
    </section>
  );
}

/** As much of a call as a tile asks about. */
function servicesOf({ tile, hand, reaction, stranger, isUploadWeak = false }: Story): CallServices {
  const { identity, name } = tile;
  return {
    media: { facing: new Store(null) },
    stage: { togglePin: () => undefined },
    people: { list: new Store(hand ? [{ identity, name, hand }] : []) },
    reactions: { shown: new Store(reaction ? [{ key: 'one', identity, sign: reaction }] : []) },
    weakUpload: { isPaused: new Store(isUploadWeak) },
    encryption: { view: new Store({ isOn: true, strangers: stranger ? [{ identity, name, why: stranger }] : [] }) },
  } as unknown as CallServices;
}
