/** Closes what tests open, whatever of it could be opened: what stays open keeps the process, and so the whole run, from ending. */
import { after } from 'node:test';

export class Closing {
  #opened: AsyncDisposable[] = [];

  /** Waits for all of these at once. If one cannot be opened, throws why; the others are closed all the same. */
  async opened<T extends AsyncDisposable[]>(...opening: { [I in keyof T]: Promise<T[I]> }): Promise<T> {
    const outcomes = await Promise.allSettled<AsyncDisposable>(opening);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') this.#opened.push(outcome.value);
    return Promise.all(opening);
  }

  /** In reverse. What one of them throws is thrown when the others are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened.splice(0).reverse();
    const errors: unknown[] = [];
    for (const each of opened)
      await each[Symbol.asyncDispose]().then(undefined, (error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, 'not everything could be closed');
  }
}

/** Closes after the tests of the `describe`, or of the file, in which it is called. */
export function closedAfter(): Closing {
  const closing = new Closing();
  after(() => closing[Symbol.asyncDispose]());
  return closing;
}
