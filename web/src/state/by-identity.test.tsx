import { act, render } from '@testing-library/react';
import { expect, it } from 'vitest';
import { allOf, useFirstOf } from './by-identity';
import { Store } from './store';

interface Item {
  identity: string;
  text: string;
}

const item = (identity: string, text: string): Item => ({ identity, text });

it('has what is somebody’s in the order of the list, and the same nothing for who has none', () => {
  const list = [item('ann', '1'), item('bob', '2'), item('ann', '3')];
  expect(allOf(list, 'ann').map(({ text }) => text)).toEqual(['1', '3']);
  expect(allOf(list, 'ann')).toBe(allOf(list, 'ann'));
  expect(allOf(list, 'eve')).toBe(allOf([], 'eve'));
});

it('a component rests while only what is others’ changes', () => {
  const [ann, bob] = [item('ann', '1'), item('bob', '2')];
  const store = new Store<readonly Item[]>([ann, bob]);
  let draws = 0;
  function Own() {
    draws++;
    return <p>{useFirstOf(store, 'ann')?.text ?? 'none'}</p>;
  }
  const { container } = render(<Own />);
  act(() => store.set([ann, item('bob', '3')]));
  expect([container.textContent, draws]).toEqual(['1', 1]);
  act(() => store.set([item('ann', '4'), bob]));
  expect([container.textContent, draws]).toEqual(['4', 2]);
  act(() => store.set([bob]));
  expect(container.textContent).toBe('none');
});
