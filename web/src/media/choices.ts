// Which device the person chose, kept across reloads, and which device that is now. Ids may change (other browser profile, cleared
// site data), so the label is kept too.

export type ChoiceKind = 'camera' | 'microphone' | 'speaker';

export interface Choice {
  deviceId: string;
  label: string;
}

export type Choices = Partial<Record<ChoiceKind, Choice>>;

export interface Device {
  deviceId: string;
  label: string;
  /** What is one thing, as a headset's microphone and speaker, has one of these. */
  groupId?: string;
}

/** The id to open for a choice; undefined leaves it to the browser. */
export function resolveChoice(choice: Choice | undefined, devices: readonly Device[]): string | undefined {
  if (!choice) return undefined;
  // Before the first permission browsers hide ids: then the kept id is the best there is, and a wrong one does no harm.
  if (!devices.some((device) => device.deviceId !== '')) return choice.deviceId;
  const same = devices.find((device) => device.deviceId === choice.deviceId);
  const alike = choice.label === '' ? undefined : devices.find((device) => device.label === choice.label);
  return (same ?? alike)?.deviceId;
}

const KEY = 'visavis.devices';

export function loadChoices(storage: Storage | null): Choices {
  const text = storage?.getItem(KEY);
  if (!text) return {};
  try {
    return parseChoices(JSON.parse(text));
  } catch {
    return {}; // Somebody else wrote there: as good as nothing chosen.
  }
}

export function saveChoices(storage: Storage | null, choices: Choices): void {
  storage?.setItem(KEY, JSON.stringify(choices));
}

function parseChoices(value: unknown): Choices {
  const choices: Choices = {};
  if (typeof value !== 'object' || value === null) return choices;
  for (const kind of ['camera', 'microphone', 'speaker'] as const) {
    const entry = (value as Record<string, unknown>)[kind];
    if (typeof entry !== 'object' || entry === null) continue;
    const { deviceId, label } = entry as Record<string, unknown>;
    if (typeof deviceId === 'string' && typeof label === 'string') choices[kind] = { deviceId, label };
  }
  return choices;
}
