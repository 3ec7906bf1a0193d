// An address that opens a mail with words in it (RFC 6068: spaces are %20, lines end with CR LF).

export function mailAddress(subject: string, text: string): string {
  return `mailto:?subject=${encode(subject)}&body=${encode(text)}`;
}

function encode(text: string): string {
  return encodeURIComponent(text.replace(/\r?\n/g, '\r\n'));
}
