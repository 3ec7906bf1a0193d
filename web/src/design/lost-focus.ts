// When what has the focus is taken away, by somebody who leaves or by its own press, the browser lets the focus fall to the page: whoever
// comes by keyboard would begin at its top. It goes on beside where it was instead.

const TABBABLE = 'a[href], button, input, select, textarea, [tabindex="0"]';
/** Who takes something away by design, as a dialog, gives the focus back by itself within this time, ms. */
const PATIENCE = 100;

export function keepFocus(page: Document): () => void {
  /** What had the focus last, and what it was in, from the inside out. */
  let path: Element[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isLost = () => {
    const [last] = path;
    return last !== undefined && !last.isConnected && (page.activeElement ?? page.body) === page.body;
  };
  const onFocusIn = (event: FocusEvent) => {
    path = [];
    for (let at = event.target as Element | null; at && at !== page.body; at = at.parentElement) path.push(at);
  };
  const onFocusOut = (event: FocusEvent) => {
    // A click beside it: there is nothing to keep. What is removed is so a moment later.
    setTimeout(() => {
      const [last] = path;
      if (last === event.target && last.isConnected && page.activeElement === page.body) path = [];
    });
  };
  const observer = new MutationObserver(() => {
    if (!isLost()) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (isLost()) nearest(path, page)?.focus();
    }, PATIENCE);
  });

  page.addEventListener('focusin', onFocusIn);
  page.addEventListener('focusout', onFocusOut);
  observer.observe(page.body, { childList: true, subtree: true });
  return () => {
    page.removeEventListener('focusin', onFocusIn);
    page.removeEventListener('focusout', onFocusOut);
    observer.disconnect();
    clearTimeout(timer);
  };
}

/** The first that one can go to in the innermost part that is still there; of a whole view, its heading. */
function nearest(path: readonly Element[], page: Document): HTMLElement | null {
  for (const part of path.filter((each) => each.isConnected)) {
    if (part.querySelector('h1')) break;
    const all = [part, ...part.querySelectorAll(TABBABLE)].filter((each) => each.matches(TABBABLE));
    const first = all.find((each) => !each.matches(':disabled, [tabindex="-1"]'));
    if (first) return first as HTMLElement;
  }
  return page.querySelector<HTMLElement>('h1[tabindex="-1"]');
}
