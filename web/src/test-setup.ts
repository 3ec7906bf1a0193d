// What jsdom lacks and the components need.
import { cleanup } from '@testing-library/react';
import { afterEach, vi } from 'vitest';
import { alsoSay, startLanguage } from './i18n/i18n';
import operator from './i18n/locales/en/admin.json';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

// Files share a window, for it takes longer to make than most of them run: each begins with an empty one.
for (const element of [document.documentElement, document.head, document.body]) {
  for (const { name } of [...element.attributes]) element.removeAttribute(name);
}
document.head.replaceChildren();
document.body.replaceChildren();
localStorage.clear();
sessionStorage.clear();

// jsdom knows the element, but not how to show it.
if (!('showModal' in HTMLDialogElement.prototype)) {
  Object.assign(HTMLDialogElement.prototype, {
    showModal(this: HTMLDialogElement) {
      this.open = true;
    },
    close(this: HTMLDialogElement) {
      this.open = false;
    },
  });
}

// jsdom hides popovers, and knows no way to show them.
if (!('showPopover' in HTMLElement.prototype)) {
  Object.assign(HTMLElement.prototype, {
    showPopover(this: HTMLElement) {
      this.style.display = 'block';
    },
  });
}

// What is said in tests is said in English.
await startLanguage(null, ['en']);
await alsoSay('admin', () => Promise.resolve(operator));
