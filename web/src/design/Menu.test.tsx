import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Pin } from 'lucide-react';
import { beforeEach, expect, it, vi } from 'vitest';
import { chooseLanguage } from '../i18n/i18n';
import { Menu } from './Menu';

const AT = { left: 0, right: 0, top: 0, bottom: 0 };
const [first, second, close] = [vi.fn(), vi.fn(), vi.fn()];
const focused = () => document.activeElement?.textContent;

beforeEach(() => vi.resetAllMocks());

function open() {
  render(<button type="button">opener</button>);
  screen.getByText('opener').focus();
  const items = [
    { label: 'one', icon: Pin, testId: 'one', run: first },
    { label: 'two', icon: Pin, testId: 'two', isChosen: true, run: second },
    { label: 'three', icon: Pin, testId: 'three', run: first },
  ];
  return render(<Menu label="menu" testId="menu" items={items} at={AT} onClose={close} />);
}

it('begins at what is chosen, and the arrow keys go round', async () => {
  open();
  const user = userEvent.setup();
  expect(focused()).toBe('two');
  await user.keyboard('{ArrowDown}');
  expect(focused()).toBe('three');
  await user.keyboard('{ArrowDown}');
  expect(focused()).toBe('one');
  await user.keyboard('{End}');
  expect(focused()).toBe('three');
  await user.keyboard('{Home}');
  expect(focused()).toBe('one');
  await user.keyboard('{ArrowUp}');
  expect(focused()).toBe('three');
});

it('closes before it does what was chosen, and gives the focus back', async () => {
  const { unmount } = open();
  await userEvent.setup().keyboard('{Enter}');
  expect(close.mock.invocationCallOrder[0]).toBeLessThan(second.mock.invocationCallOrder[0] ?? 0);
  unmount();
  expect(focused()).toBe('opener');
});

it.each(['{Escape}', '{Tab}'])('closes by %s, and does nothing', async (key) => {
  open();
  await userEvent.setup().keyboard(key);
  expect(close).toHaveBeenCalledOnce();
  expect(second).not.toHaveBeenCalled();
});

it('choices of different things have captions, and the arrow keys go through all', async () => {
  const choice = (label: string, group: string, isChosen: boolean) => ({
    label,
    group,
    isChosen,
    icon: Pin,
    testId: label,
    run: first,
  });
  const items = [choice('one', 'Odd', true), choice('three', 'Odd', false), choice('two', 'Even', true)];
  render(<Menu label="menu" testId="menu" items={items} at={AT} onClose={close} />);
  const [odd, even] = screen.getAllByRole('group', { hidden: true });
  expect([odd, even].map((group) => group?.getAttribute('aria-label'))).toEqual(['Odd', 'Even']);
  expect(odd?.textContent).toBe('Oddonethree');
  expect(even?.textContent).toBe('Eventwo');
  const user = userEvent.setup();
  expect(focused()).toBe('one');
  await user.keyboard('{ArrowDown}{ArrowDown}');
  expect(focused()).toBe('two');
});

it('stands at the side of what opened it that it is told to, in either direction of writing', async () => {
  vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockReturnValue(new DOMRect(0, 0, 200, 100));
  const at = { left: 400, right: 440, top: 50, bottom: 90 };
  const leftOf = (align: 'start' | 'end') => {
    const { unmount } = render(<Menu label="menu" testId="menu" items={[]} at={at} align={align} onClose={close} />);
    const { left } = screen.getByTestId('menu').style;
    unmount();
    return left;
  };
  expect(leftOf('start')).toBe('400px');
  expect(leftOf('end')).toBe('240px');
  await chooseLanguage('ar', null);
  expect(leftOf('start')).toBe('240px');
  expect(leftOf('end')).toBe('400px');
  await chooseLanguage('en', null);
  vi.restoreAllMocks();
});

it('keeps the focus at its place when another item comes there', () => {
  const { rerender } = open();
  const items = ['one', 'two, of late', 'three'].map((label) => ({ label, icon: Pin, testId: label, run: first }));
  rerender(<Menu label="menu" testId="menu" items={items} at={AT} onClose={close} />);
  expect(focused()).toBe('two, of late');
});
