// One kind of device to choose from; nothing if there is none.
import { useId, type ReactNode } from 'react';
import { useT } from '../i18n/i18n';
import type { ChoiceKind, Device } from '../media/choices';
import { useServices } from '../shell/services';

interface Props {
  kind: ChoiceKind;
  devices: readonly Device[];
  /** The id of the one in use, if known. */
  active: string | undefined;
  children?: ReactNode;
}

export function DeviceSelect({ kind, devices, active, children }: Props) {
  const t = useT();
  const { media } = useServices();
  const id = useId();
  const label = t(`media:${kind}`);
  // Browsers hide the ids until the person allowed one device of the kind: nothing to choose by before that.
  const known = devices.filter((device) => device.deviceId !== '');
  if (known.length === 0) return null;
  const value = known.some((device) => device.deviceId === active) ? active : known[0]?.deviceId;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-row">
        <select
          id={id}
          className="input"
          data-testid={`${kind}-select`}
          value={value}
          onChange={(event) => {
            const device = known.find(({ deviceId }) => deviceId === event.target.value);
            if (device) media.choose(kind, device);
          }}
        >
          {known.map((device, index) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || t('settings:device', { kind: label, number: index + 1 })}
            </option>
          ))}
        </select>
        {children}
      </div>
    </div>
  );
}
