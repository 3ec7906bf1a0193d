// Which addresses an SDP answer offers, and the answer with only some of them, so that one way of connecting is tried alone.

export interface Target {
  protocol: 'udp' | 'tcp';
  address: string;
  port: number;
}

const LINE = /^a=candidate:\S+ \d+ (udp|tcp) \d+ (\S+) (\d+) /i;

/** The server's candidates, each once. */
export function targetsOf(sdp: string): Target[] {
  const found = new Map<string, Target>();
  for (const line of sdp.split(/\r?\n/)) {
    const target = targetIn(line);
    if (target) found.set(`${target.protocol} ${target.address} ${target.port}`, target);
  }
  return [...found.values()];
}

/** The answer without the candidates of the other protocol. */
export function onlyOver(protocol: Target['protocol'], sdp: string): string {
  return sdp
    .split('\r\n')
    .filter((line) => (targetIn(line)?.protocol ?? protocol) === protocol)
    .join('\r\n');
}

/** True of addresses that have no meaning outside of their own network, or machine (RFC 1918, 3927, 4193, 4291, 6598). */
export function isPrivate(address: string): boolean {
  if (address.includes(':')) return /^(::1$|f[cd]|fe[89ab])/i.test(address);
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  );
}

/** True if a page at this host is in a network whose private addresses it can reach: it is named by one, or locally. */
export function isNearby(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIp(host)) return isPrivate(host);
  return !host.includes('.') || /\.(local|lan|internal|localhost|home\.arpa)$/.test(host);
}

/** As people write it: `192.0.2.1:7882`. */
export function written({ address, port }: Target): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function isIp(host: string): boolean {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host);
}

function targetIn(line: string): Target | null {
  const match = LINE.exec(line);
  if (!match) return null;
  const [, protocol = '', address = '', port = ''] = match;
  return { protocol: protocol.toLowerCase() === 'tcp' ? 'tcp' : 'udp', address, port: Number(port) };
}
