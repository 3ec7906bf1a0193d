// Makes a room by its name, and joins it.
import { Plus } from 'lucide-react';
import { useId, useState, type SubmitEvent } from 'react';
import { useT } from '../i18n/i18n';
import { isRoomName, roomNameProblem } from '../rooms/names';
import { useServices } from '../shell/services';

export function CreateRoom() {
  const t = useT();
  const { call, keys } = useServices();
  const [name, setName] = useState('');
  const [isEncrypted, setEncrypted] = useState(false);
  const hint = useId();
  const rule = useId();
  const problem = roomNameProblem(name);

  function create(event: SubmitEvent): void {
    event.preventDefault();
    if (!isRoomName(name)) return;
    setName('');
    if (isEncrypted) keys.make(name);
    void call.join(name);
  }

  return (
    <form className="create-room" onSubmit={create}>
      <input
        className="input"
        data-testid="room-input"
        aria-label={t('lobby:roomName')}
        placeholder={t('lobby:roomName')}
        autoComplete="off"
        enterKeyHint="go"
        value={name}
        aria-invalid={problem !== null}
        aria-describedby={problem ? rule : undefined}
        onChange={(event) => setName(event.target.value)}
      />
      <button type="submit" className="button button-primary" data-testid="create-room" disabled={!isRoomName(name)}>
        <Plus aria-hidden="true" /> {t('lobby:create')}
      </button>
      <label className="create-encrypted">
        <input
          type="checkbox"
          data-testid="create-encrypted"
          aria-describedby={hint}
          checked={isEncrypted}
          onChange={(event) => setEncrypted(event.target.checked)}
        />
        {t('encryption:create')}
      </label>
      {isEncrypted ? (
        <p className="create-hint" id={hint}>
          {t('encryption:create-hint')}
        </p>
      ) : null}
      {problem ? (
        <p className="field-problem" id={rule} data-testid="room-rule" role="alert">
          {problem}
        </p>
      ) : null}
    </form>
  );
}
