import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import * as smoldot from "smoldot";
import { lightSpec, startNode } from "./network.js";

const DEMO_BRAIN = 7;
let node;
let api;

before(async () => {
  node = await startNode();
  const provider = new WsProvider(node.url, 500);
  try {
    api = await ApiPromise.create({ provider, noInitWarn: true });
  } catch (error) {
    await provider.disconnect();
    throw new Error(`polkadot-js could not connect: ${error}\n${node.log()}`);
  }
}, { timeout: 60_000 });

after(async () => {
  await api?.disconnect();
  await node?.stop();
});

test("polkadot-js reads the demonstration Brain and the eight administrative ones", async () => {
  const brain = (await api.query.brains.brains(DEMO_BRAIN)).unwrap();
  const alice = new Keyring({ type: "sr25519", ss58Format: api.registry.chainSS58 }).addFromUri("//Alice");
  assert.equal(brain.owner.toString(), alice.address);
  assert.equal(brain.task.unwrap().manifest.toHex().length, 66);
  assert.match(brain.task.unwrap().repository.toUtf8(), /^https:\/\//);
  const ids = (await api.query.brains.brains.keys()).map((key) => key.args[0].toNumber());
  assert.deepEqual(ids.sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, DEMO_BRAIN, 47]);
  assert.equal((await api.query.brains.brains(5)).unwrap().state.toString(), "Reserved");
});

test("polkadot-js signs and pays a transfer in BASED", async () => {
  assert.deepEqual(api.registry.chainTokens, ["BASED"]);
  assert.deepEqual(api.registry.chainDecimals, [18]);
  const keyring = new Keyring({ type: "sr25519" });
  const [alice, bob] = ["//Alice", "//Bob"].map((uri) => keyring.addFromUri(uri));
  const free = async (account) => (await api.query.system.account(account.address)).data.free.toBigInt();
  const [aliceBefore, bobBefore] = [await free(alice), await free(bob)];
  const amount = 3_000_000_000_000_000_000n;
  await new Promise((resolve, reject) => {
    api.tx.balances.transferKeepAlive(bob.address, amount).signAndSend(alice, ({ status, dispatchError }) => {
      if (dispatchError) reject(new Error(dispatchError.toString()));
      if (status.isInBlock) resolve();
    }).catch(reject);
  });
  assert.equal(await free(bob), bobBefore + amount);
  const fee = aliceBefore - amount - await free(alice);
  assert.ok(fee > 0n && fee < amount, `fee ${fee}`);
});

test("a smoldot light client verifies the same Brain from a proof", { timeout: 120_000 }, async () => {
  // A client goes on setting timers after it is terminated: they must not keep this process alive.
  const schedule = globalThis.setTimeout;
  globalThis.setTimeout = (...timer) => schedule(...timer).unref();
  const client = smoldot.start({ maxLogLevel: 2, logCallback: () => {} });
  try {
    const chain = await client.addChain({ chainSpec: lightSpec(node.bootnode) });
    const call = rpc(chain);
    const key = api.query.brains.brains.key(DEMO_BRAIN);
    const finalized = await eventually(async () => {
      const hash = await call("chain_getFinalizedHead", []);
      const header = await call("chain_getHeader", [hash]);
      return Number(header.number) > 0 ? hash : null;
    });
    const value = await call("state_getStorage", [key, finalized]);
    const expected = await api.rpc.state.getStorage(key, finalized);
    assert.equal(value, expected.unwrap().toHex());
    const brain = api.createType("Option<Bytes>", value);
    assert.ok(brain.isSome);
  } finally {
    await client.terminate();
  }
});

/** JSON-RPC over a smoldot chain: one call at a time. */
function rpc(chain) {
  let id = 0;
  return async (method, params) => {
    const mine = `${(id += 1)}`;
    chain.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id: mine, method, params }));
    for (;;) {
      const reply = JSON.parse(await chain.nextJsonRpcResponse());
      if (reply.id !== mine) continue;
      if (reply.error) throw new Error(`${method}: ${reply.error.message}`);
      return reply.result;
    }
  };
}

async function eventually(attempt, milliseconds = 90_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await attempt().catch((error) => { if (Date.now() > end) throw error; return null; });
    if (value !== null) return value;
    if (Date.now() > end) throw new Error("the light client did not synchronise in time");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
