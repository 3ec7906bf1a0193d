// How much of the page a keyboard on the screen covers, as `--keyboard` for the look. iOS lays it over the page; Android makes the page
// smaller, as `interactive-widget` in the page's head asks, and then there is nothing to do.

/** Bars of browsers come and go within less than this, CSS pixels. */
const LEAST = 120;

export function followKeyboard(page: Window): void {
  const { visualViewport: view, document } = page;
  if (!view) return;
  const follow = () => {
    // Zoomed in by two fingers the visible part is small for another reason.
    const covered = view.scale > 1.01 ? 0 : page.innerHeight - view.height - view.offsetTop;
    const inset = covered >= LEAST ? Math.round(covered) : 0;
    document.documentElement.style.setProperty('--keyboard', `${inset}px`);
  };
  view.addEventListener('resize', follow);
  view.addEventListener('scroll', follow);
}
