import { act, render } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Store, usePart } from './store';

it('a component that draws a part rests while only the rest changes', () => {
  const store = new Store({ hands: 1, speaker: 'ann' });
  let draws = 0;
  function Hands() {
    draws++;
    return <p>{usePart(store, ({ hands }) => hands)}</p>;
  }
  const { container } = render(<Hands />);
  act(() => store.set({ hands: 1, speaker: 'bob' }));
  expect([container.textContent, draws]).toEqual(['1', 1]);
  act(() => store.set({ hands: 2, speaker: 'bob' }));
  expect([container.textContent, draws]).toEqual(['2', 2]);
});
