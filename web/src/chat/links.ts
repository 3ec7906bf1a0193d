// Finds addresses in what somebody wrote. Only http and https become links: any other scheme could run something here.

export type Piece = { text: string; href?: string };

const ADDRESS = /https?:\/\/[^\s<>"“”]+/gi;

export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutPunctuation(match[0]);
    const href = safeHref(address);
    if (!href) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** The full stop of a sentence is not part of an address, nor is a bracket that was opened before it. */
function withoutPunctuation(address: string): string {
  let kept = address;
  for (;;) {
    const last = kept.at(-1) ?? '';
    const isUnopened = last === ')' && kept.split(')').length > kept.split('(').length;
    if (!isUnopened && !/[.,;:!?'\]}*_]/.test(last)) return kept;
    kept = kept.slice(0, -1);
  }
}

function safeHref(address: string): string | null {
  try {
    const url = new URL(address);
    // "https://bank.example@evil.example" leads elsewhere than it reads.
    const isPlain = url.username === '' && url.password === '';
    return isPlain && (url.protocol === 'http:' || url.protocol === 'https:') ? url.href : null;
  } catch {
    return null;
  }
}
