/** Calls through TURN on our media ports: over UDP, over TCP, and within TLS, by browsers that may use nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { leftOut, Server } from '../stage/servers.ts';

interface Selected {
  type: string;
  relayed: string;
}

describe('TURN of visavis', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let browser: Browser, site: HarnessSite, server: Server;
  let people: Person[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'visavis-relay-'));
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];

  before(async () => {
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost';
    const more = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate];
    execFileSync('openssl', [...request.split(' '), ...more], { stdio: 'ignore' });
    const flags = ['--turn-domain', 'localhost', '--turn-cert', certificate, '--turn-key', key];
    const publicKey = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' });
    const trusted = createHash('sha256').update(publicKey).digest('base64');
    [browser, site, server] = await closing.opened(
      openBrowser('chromium', { flags: [`--ignore-certificate-errors-spki-list=${trusted}`] }),
      HarnessSite.open(),
      Server.start('visavis', flags),
    );
  });
  afterEach(async () => {
    await Promise.all(people.map((person) => person.close()));
    people = [];
  });
  after(() => rmSync(folder, { recursive: true }));

  async function enter(name: 'alice' | 'bob', onlyTurn?: string): Promise<Person> {
    const setup = onlyTurn === undefined ? {} : { onlyTurn };
    const person = await Person.join(name, 'relay', { browser, site, server, setup });
    people.push(person);
    return person;
  }

  for (const [kind, url] of Object.entries({ udp: 'transport=udp', tcp: '^turn:.*tcp', tls: '^turns:' })) {
    it(`publishes and subscribes by TURN over ${kind}`, async () => {
      const alice = await enter('alice', url);
      const bob = await enter('bob');
      await Promise.all([alice.publish(), bob.publish()]);
      await Promise.all([
        alice.sees('bob', PEOPLE.bob.colour),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.sees('alice', PEOPLE.alice.colour),
        bob.hears('alice', PEOPLE.alice.hz),
      ]);
      const pairs = await alice.page.evaluate(selectedPairs);
      assert.ok(pairs.length > 0);
      for (const { type, relayed } of pairs) assert.deepEqual([type, relayed], ['relay', kind]);
    });
  }
});

/** In the page: how each connection's packets go. */
async function selectedPairs(): Promise<Selected[]> {
  const selected: Selected[] = [];
  for (const connection of window.peerConnections) {
    const stats = new Map<string, Record<string, unknown>>([...(await connection.getStats()).entries()]);
    for (const pair of stats.values()) {
      if (pair['type'] !== 'candidate-pair' || pair['state'] !== 'succeeded' || !pair['nominated']) continue;
      const local = stats.get(String(pair['localCandidateId'])) ?? {};
      const { candidateType, relayProtocol } = local as { candidateType: string; relayProtocol: string };
      selected.push({ type: candidateType, relayed: relayProtocol });
    }
  }
  return selected;
}
