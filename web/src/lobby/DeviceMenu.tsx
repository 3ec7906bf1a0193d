// The small button beside a device's: which one to use, without a dialog.
import { ChevronDown, Mic, Video, Volume2, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import { Menu, type MenuItem } from '../design/Menu';
import { useT } from '../i18n/i18n';
import type { ChoiceKind, Device } from '../media/choices';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

const ICONS: Record<ChoiceKind, LucideIcon> = { camera: Video, microphone: Mic, speaker: Volume2 };

export function DeviceMenu({ kind }: { kind: 'camera' | 'microphone' }) {
  const { media } = useServices();
  const t = useT();
  const { cameras, microphones, speakers } = useStore(media.devices);
  const state = useStore(media[kind].state);
  useStore(media.choices);
  const [at, setAt] = useState<DOMRect | null>(null);
  const active = state.status === 'live' ? state.deviceId : undefined;
  const itemsOf = (of: ChoiceKind, devices: readonly Device[], chosen: string | undefined): MenuItem[] => {
    // Browsers hide the ids until the person allowed one device of the kind: nothing to choose by before that.
    const known = devices.filter(({ deviceId }) => deviceId !== '');
    const isKnown = known.some(({ deviceId }) => deviceId === chosen);
    return known.map((device, index) => ({
      label: device.label || t(`home:${of}`, { number: index + 1 }),
      icon: ICONS[of],
      testId: `${of}-${device.deviceId}`,
      isChosen: isKnown ? device.deviceId === chosen : index === 0,
      group: t(`media:${of}`),
      run: () => media.choose(of, device),
    }));
  };
  const items =
    kind === 'camera'
      ? itemsOf('camera', cameras, active)
      : [...itemsOf('microphone', microphones, active), ...itemsOf('speaker', speakers, media.speaker())];
  if (items.length === 0) return null;
  const label = kind === 'camera' ? t('home:choose_camera') : t('home:choose_microphone');
  return (
    <>
      <button
        type="button"
        className="device-menu"
        data-testid={`choose-${kind}`}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={at !== null}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <ChevronDown aria-hidden="true" />
      </button>
      {at ? <Menu label={label} testId={`${kind}-menu`} items={items} at={at} onClose={() => setAt(null)} /> : null}
    </>
  );
}
