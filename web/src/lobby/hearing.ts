// Whether we hear the person: from levels over time to what to say. Pure: times come in.

export type Heard = 'listening' | 'heard' | 'nothing';

/** Louder than a quiet room with a fan: a voice, a cough, a tap. */
const VOICE = 30;
/** Not a sound at all: an open microphone in a silent room gives a little more. */
const SILENCE = 2;
/** Milliseconds without any sound after which it is likely the wrong microphone, and without a voice until the praise is over. */
const SILENT_FOR = 6_000;
const REMEMBERED_FOR = 8_000;

export class Hearing {
  #sound: number | undefined;
  #voice: number | undefined;

  /** Takes a level of 0 to 100 at a time in milliseconds, and answers what to say. */
  hear(level: number, now: number): Heard {
    this.#sound ??= now;
    if (level > SILENCE) this.#sound = now;
    if (level >= VOICE) this.#voice = now;
    if (this.#voice !== undefined && now - this.#voice < REMEMBERED_FOR) return 'heard';
    return now - this.#sound >= SILENT_FOR ? 'nothing' : 'listening';
  }
}
