// Makes a room by its name, and joins it.
import { Dices, Plus } from 'lucide-react';
import { useId, useState, type SubmitEvent } from 'react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import type { RoomOptions } from '../rooms/api';
import { isRoomName, roomNameProblem } from '../rooms/names';
import { suggestName } from '../rooms/suggestion';
import { useServices } from '../shell/services';

const USUAL: RoomOptions = { listed: true, showPeople: true, waitingRoom: false };
const WORDS = { listed: 'home:listed', showPeople: 'home:show_people', waitingRoom: 'home:waiting_room' } as const;

export function CreateRoom() {
  const t = useT();
  const { call, keys } = useServices();
  const [name, setName] = useState('');
  const [isEncrypted, setEncrypted] = useState(false);
  const hint = useId();
  const [options, setOptions] = useState(USUAL);
  const rule = useId();
  const problem = roomNameProblem(name);

  function create(event: SubmitEvent): void {
    event.preventDefault();
    if (!isRoomName(name)) return;
    setName('');
    if (isEncrypted) keys.make(name);
    setOptions(USUAL);
    void call.join(name, options);
  }

  return (
    <form className="create-room" onSubmit={create}>
      <div className="create-room-name">
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
        <IconButton
          label={t('home:suggest')}
          icon={Dices}
          testId="suggest-name"
          onClick={() => setName(suggestName())}
        />
      </div>
      <button type="submit" className="button button-primary" data-testid="create-room" disabled={!isRoomName(name)}>
        <Plus aria-hidden="true" /> {t('lobby:create')}
      </button>
      {problem ? (
        <p className="field-problem" id={rule} data-testid="room-rule" role="alert">
          {problem}
        </p>
      ) : null}
      <label className="check">
        <input
          type="checkbox"
          data-testid="create-encrypted"
          aria-describedby={hint}
          checked={isEncrypted}
          onChange={(event) => setEncrypted(event.target.checked)}
        />
        <span>{t('encryption:create')}</span>
      </label>
      {isEncrypted ? (
        <p className="create-hint" id={hint}>
          {t('encryption:create-hint')}
        </p>
      ) : null}
      <details className="create-options">
        <summary data-testid="create-options">{t('home:options')}</summary>
        {(Object.keys(WORDS) as (keyof RoomOptions)[]).map((option) => (
          <label key={option} className="check">
            <input
              type="checkbox"
              data-testid={`option-${option}`}
              checked={options[option]}
              onChange={(event) => setOptions({ ...options, [option]: event.target.checked })}
            />
            <span>{t(WORDS[option])}</span>
          </label>
        ))}
      </details>
    </form>
  );
}
