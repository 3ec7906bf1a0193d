// A room before the code of calls is there: where one is going, and the way back.
import { useServices } from './services';
import './joining.css';

export function JoiningPage({ room }: { room: string }) {
  const { call } = useServices();
  return (
    <main className="joining" data-testid="room" data-room={room} data-state="joining">
      <p role="status">
        <span className="spinner" aria-hidden="true" /> Joining {room}…
      </p>
      <button type="button" className="button" data-testid="leave" onClick={() => call.leave()}>
        Cancel
      </button>
    </main>
  );
}
