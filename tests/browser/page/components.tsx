/** The prefabs of `@livekit/components-react` as its documentation puts them together: `PreJoin`, and then `VideoConference`. */
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { LiveKitRoom, PreJoin, VideoConference, type LocalUserChoices } from '@livekit/components-react';

const query = new URLSearchParams(location.search);

function Page() {
  const [choices, setChoices] = useState<LocalUserChoices>();
  const [hasLeft, setHasLeft] = useState(false);
  if (hasLeft) return <h1>You left</h1>;
  if (!choices) return <PreJoin persistUserChoices={false} onSubmit={setChoices} />;
  return (
    <LiveKitRoom
      serverUrl={query.get('url') ?? ''}
      token={query.get('token') ?? ''}
      video={choices.videoEnabled}
      audio={choices.audioEnabled}
      onDisconnected={() => setHasLeft(true)}
    >
      <VideoConference />
    </LiveKitRoom>
  );
}

const page = document.getElementById('page');
if (page) createRoot(page).render(<Page />);
