import { act, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallServicesContext, type CallServices } from '../call/services';
import { Store } from '../state/store';
import type { ChatView } from './chat';
import { Composer } from './Composer';

const send = vi.fn(() => Promise.resolve());
const share = vi.fn(() => Promise.resolve());
let view: Store<ChatView>;
const field = () => screen.getByTestId<HTMLTextAreaElement>('chat-input');
const sendButton = () => screen.getByTestId<HTMLButtonElement>('send-message');

beforeEach(() => {
  send.mockClear();
  share.mockClear();
  view = new Store<ChatView>({ messages: [], unread: 0, canWrite: true, isTrimmed: false, problem: null });
  const services = { chat: { view, send, share } } as unknown as CallServices;
  render(
    <CallServicesContext value={services}>
      <Composer field={{ current: null }} replyTo={null} onReplied={vi.fn()} />
    </CallServicesContext>,
  );
});

describe('writing a message', () => {
  it('Enter sends it, Shift and Enter is a new line', async () => {
    await userEvent.type(field(), 'one{Shift>}{Enter}{/Shift}two{Enter}');
    expect(send).toHaveBeenCalledWith('one\ntwo', null);
    expect(field().value).toBe('');
  });

  it('Enter that ends the input of a syllable sends nothing', () => {
    fireEvent.change(field(), { target: { value: 'に' } });
    fireEvent.keyDown(field(), { key: 'Enter', isComposing: true });
    expect(send).not.toHaveBeenCalled();
  });

  it('tells how much is left when little is, and what is too much', () => {
    const hint = () => screen.getByTestId('chat-left').textContent;
    fireEvent.change(field(), { target: { value: 'x'.repeat(1_700) } });
    expect(hint()).toBe('');
    fireEvent.change(field(), { target: { value: 'x'.repeat(1_990) } });
    expect(hint()).toBe('10 characters left');
    fireEvent.change(field(), { target: { value: 'x'.repeat(2_012) } });
    expect(hint()).toBe('12 too many: a message has up to 2,000 characters.');
    expect(sendButton().disabled).toBe(true);
    fireEvent.keyDown(field(), { key: 'Enter' });
    expect(send).not.toHaveBeenCalled();
  });

  it('shares what is pasted as a file', () => {
    const file = new File(['x'], 'pasted.png');
    fireEvent.paste(field(), { clipboardData: { files: [file] } });
    expect(share).toHaveBeenCalledWith(file);
  });

  it('is not offered to who may not', () => {
    act(() => view.set({ ...view.get(), canWrite: false }));
    expect(screen.queryByTestId('chat-input')).toBeNull();
    expect(screen.getByText(/you can read, but not write/)).toBeTruthy();
  });
});
