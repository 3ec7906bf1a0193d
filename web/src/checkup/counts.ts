// The few figures of `getStats` that a test reads.

export interface Counts {
  bytesSent: number;
  /** By the far end's word. */
  lossSent: number;
  bytesReceived: number;
  packetsReceived: number;
  framesDecoded: number;
}

export function countsOf(report: RTCStatsReport | undefined): Counts {
  const counts: Counts = { bytesSent: 0, lossSent: 0, bytesReceived: 0, packetsReceived: 0, framesDecoded: 0 };
  for (const entry of (report?.values() ?? []) as Iterable<Record<string, unknown>>) {
    const figure = (name: string) => (typeof entry[name] === 'number' ? entry[name] : 0);
    switch (entry['type']) {
      case 'outbound-rtp':
        counts.bytesSent += figure('bytesSent');
        break;
      case 'remote-inbound-rtp':
        counts.lossSent = Math.max(counts.lossSent, figure('fractionLost'));
        break;
      case 'inbound-rtp':
        counts.bytesReceived += figure('bytesReceived');
        counts.packetsReceived += figure('packetsReceived');
        counts.framesDecoded += figure('framesDecoded');
        break;
    }
  }
  return counts;
}
