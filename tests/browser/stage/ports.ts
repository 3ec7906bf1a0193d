/** The ports of these tests, all on loopback. One block, so that runs beside each other can be moved apart by one variable. */

const BASE = Number(process.env['TEST_BROWSER_PORT'] ?? 17700);

export const PORTS = {
  visavis: { http: BASE, tcp: BASE + 1, udp: BASE + 2 },
  livekit: { http: BASE + 10, tcp: BASE + 11, udp: BASE + 12 },
  harness: BASE + 20,
  proxy: BASE + 30,
  mediaProxy: BASE + 31,
} as const;
