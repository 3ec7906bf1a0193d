// The real @microsoft/signalr, 3.0.1 and the newest, over each transport, against the hub at HUB_ORIGIN.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import * as newest from "signalr-newest";
import * as oldest from "signalr-3";

const origin = process.env.HUB_ORIGIN;
const quickOrigin = process.env.QUICK_HUB_ORIGIN;
const versions = { "3.0.1": oldest, newest };
const transports = { WebSockets: 1, ServerSentEvents: 2, LongPolling: 4 };

const open = [];
after(() => Promise.all(open.map((connection) => connection.stop())));

function build(signalr, options, base = origin) {
  const connection = new signalr.HubConnectionBuilder()
    .withUrl(`${base}/notificationHub`, options)
    .configureLogging(signalr.LogLevel.None)
    .build();
  open.push(connection);
  connection.heard = [];
  connection.waiting = [];
  connection.on("RoomsUpdated", (flag) => {
    connection.heard.push(flag);
    connection.waiting.shift()?.(flag);
  });
  // Call it before what causes the message.
  connection.next = () =>
    within(5000, new Promise((resolve) => connection.waiting.push(resolve)), "a RoomsUpdated");
  return connection;
}

async function started(...args) {
  const connection = build(...args);
  await within(5000, connection.start(), "start()");
  return connection;
}

function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function closed(connection) {
  return within(5000, new Promise((resolve) => connection.onclose(resolve)), "onclose");
}

async function connections() {
  return (await (await fetch(`${origin}/count`)).json()).connections;
}

for (const [version, signalr] of Object.entries(versions)) {
  for (const [name, transport] of Object.entries(transports)) {
    describe(`@microsoft/signalr ${version} over ${name}`, () => {
      it("hears the others' RoomsUpdated and the server's, and not its own", async () => {
        const [alice, bob] = await Promise.all([started(signalr, { transport }), started(signalr, { transport })]);
        for (const flag of [true, false]) {
          const next = bob.next();
          await alice.send("RoomsUpdated", flag);
          assert.equal(await next, flag);
        }
        const both = Promise.all([alice.next(), bob.next()]);
        await fetch(`${origin}/announce`, { method: "POST" });
        assert.deepEqual(await both, [true, true]);
        assert.deepEqual(alice.heard, [true]);
      });

      it("invoke returns, and errors come as errors with the connection kept", async () => {
        const alice = await started(signalr, { transport });
        assert.equal((await alice.invoke("RoomsUpdated", true)) ?? null, null);
        await assert.rejects(alice.invoke("Nope", true), /Failed to invoke 'Nope' due to an error on the server/);
        await assert.rejects(alice.invoke("RoomsUpdated"), /Failed to invoke 'RoomsUpdated' due to an error/);
        await assert.rejects(alice.invoke("RoomsUpdated", "yes"), /Failed to invoke 'RoomsUpdated'/);
        const stream = new Promise((resolve) => {
          alice.stream("RoomsUpdated", true).subscribe({ next() {}, complete() {}, error: resolve });
        });
        assert.match(String(await within(5000, stream, "the stream's end")), /non-streaming 'RoomsUpdated' method/);
        await alice.invoke("RoomsUpdated", true);
      });

      it("stop() is noticed by the hub at once", async () => {
        const alice = await started(signalr, { transport });
        const before = await connections();
        await alice.stop();
        const deadline = Date.now() + 3000;
        while ((await connections()) !== before - 1) {
          assert.ok(Date.now() < deadline, "the hub still counts it after 3 s");
        }
      });
    });
  }

  describe(`@microsoft/signalr ${version}`, () => {
    it("connects with its defaults", async () => {
      const [alice, bob] = await Promise.all([started(signalr, {}), started(signalr, {})]);
      const next = bob.next();
      await alice.send("RoomsUpdated", true);
      assert.equal(await next, true);
    });

    it("connects without negotiation", async () => {
      const alice = await started(signalr, { transport: transports.WebSockets, skipNegotiation: true });
      await alice.invoke("RoomsUpdated", true);
    });

    it("is kept alive by the hub's pings, and pings itself", async () => {
      // The quick hub pings each 0.3 s and drops a client silent for 2.5 s: pings may be late on a busy machine.
      const alice = build(signalr, { transport: transports.WebSockets }, quickOrigin);
      alice.serverTimeoutInMilliseconds = 2500;
      alice.keepAliveIntervalInMilliseconds = 300;
      let lost = false;
      alice.onclose(() => (lost = true));
      await alice.start();
      await new Promise((resolve) => setTimeout(resolve, 4000)); // what is tested is that time passes
      assert.equal(lost, false);
      await alice.invoke("RoomsUpdated", true);
    });

    it("falls back to long polling when it cannot do the others", async () => {
      const alice = await started(signalr, { transport: transports.LongPolling });
      const bob = await started(signalr, {});
      const next = alice.next();
      await bob.send("RoomsUpdated", true);
      assert.equal(await next, true);
    });
  });
}

describe("a hub that goes down", () => {
  it("makes the newest client with automatic reconnect come back, and 3.0.1 stop cleanly", async () => {
    const back = new newest.HubConnectionBuilder()
      .withUrl(`${origin}/notificationHub`)
      .withAutomaticReconnect([0, 50, 100, 200])
      .configureLogging(newest.LogLevel.None)
      .build();
    open.push(back);
    const reconnected = new Promise((resolve) => back.onreconnected(resolve));
    await back.start();
    const old = await started(oldest, {});
    const ended = closed(old);
    await fetch(`${origin}/restart`, { method: "POST" });
    await within(5000, reconnected, "reconnecting");
    await ended;
    await back.invoke("RoomsUpdated", true);
  });
});
