// The Ethereum RPC and the node behind it are stopped and started again: no receipt and no log is lost.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ContractFactory, Wallet } from "ethers";
import { freePorts, startNode } from "../js/network.js";
import { eventually, pause } from "./compare.js";
import { BASED_CHAIN_ID, TREASURY_KEY, call, connect, startEthRpc, temporary } from "./network.js";
import { contracts } from "./solidity.js";

const { Probe } = contracts();
const directory = temporary();
const base = (name) => `${directory.path}/${name}`;
let ports;
let node;
let rpc;
/** Transactions of the first test. */
const all = [];

before(async () => {
  ports = await freePorts(2);
  await start();
}, { timeout: 240_000 });

after(async () => {
  await rpc?.stop();
  await node?.stop();
  directory.remove();
});

async function start() {
  node = await startNode({ base: base("node"), rpcPort: ports[0] });
  rpc = await startEthRpc(node, { base: base("eth-rpc"), port: ports[1] });
}

test("receipts, logs, blocks and state are the same after each restart", { timeout: 400_000 }, async () => {
  const provider = connect(rpc.url, BASED_CHAIN_ID);
  const wallet = new Wallet(TREASURY_KEY, provider);
  const probe = await new ContractFactory(Probe.abi, Probe.bytecode, wallet).deploy();
  await probe.waitForDeployment();
  const write = async (count) => {
    const hashes = [];
    for (let turn = 0; turn < count; turn += 1) {
      const receipt = await (await probe.note(2n, 32n)).wait();
      hashes.push(receipt.hash);
    }
    return hashes;
  };
  const address = await probe.getAddress();
  const remember = async (hashes, until) => {
    const receipts = await Promise.all(hashes.map((hash) => call(rpc.url, "eth_getTransactionReceipt", [hash])));
    const transactions = await Promise.all(hashes.map((hash) => call(rpc.url, "eth_getTransactionByHash", [hash])));
    const blocks = await Promise.all(receipts.map(({ blockHash }) => call(rpc.url, "eth_getBlockByHash", [blockHash, true])));
    const logs = await call(rpc.url, "eth_getLogs", [{ address, fromBlock: "earliest", toBlock: until }]);
    return { receipts, transactions, blocks, logs };
  };

  const first = await write(3);
  await finalized(first.at(-1));
  const until = (await call(rpc.url, "eth_getTransactionReceipt", [first.at(-1)])).blockNumber;
  const known = await remember(first, until);
  assert.equal(known.logs.length, 6);

  // The RPC alone: the chain goes on without it, and what happened meanwhile is found afterwards.
  await rpc.stop();
  await pause(3_000);
  rpc = await startEthRpc(node, { base: base("eth-rpc"), port: ports[1] });
  assert.deepEqual(await remember(first, until), known);

  // The node under a running RPC, which finds it again by itself; what is asked meanwhile waits.
  await node.stop();
  const asked = call(rpc.url, "eth_getBalance", [wallet.address, "latest"]).catch(() => null);
  node = await startNode({ base: base("node"), rpcPort: ports[0] });
  await eventually(() => call(rpc.url, "eth_getBalance", [wallet.address, "latest"]));
  await asked;
  assert.deepEqual(await remember(first, until), known);
  const second = await write(2);

  // Both; and nothing of the time between is missing.
  await finalized(second.at(-1));
  all.push(...first, ...second);
  const end = (await call(rpc.url, "eth_getTransactionReceipt", [second.at(-1)])).blockNumber;
  const everything = await remember(all, end);
  assert.equal(everything.logs.length, 10);
  await rpc.stop();
  await node.stop();
  await start();
  assert.deepEqual(await remember(all, end), everything);
  await write(1);

  // An RPC that starts from nothing finds the whole past in an archive of blocks.
  await rpc.stop();
  rpc = await startEthRpc(node, { base: base("fresh"), port: ports[1] });
  await eventually(async () => assert.deepEqual(await remember(all, end), everything));
  provider.destroy();
});

test("an RPC without a database of its own forgets, and says so with null", { timeout: 180_000 }, async () => {
  const forgetful = await startEthRpc(node);
  try {
    assert.ok(await call(rpc.url, "eth_getTransactionReceipt", [all[0]]));
    assert.equal(await call(forgetful.url, "eth_getTransactionReceipt", [all[0]]), null);
  } finally {
    await forgetful.stop();
  }
});

/** Waits until the block of a transaction is final. */
async function finalized(hash) {
  await eventually(async () => {
    const { blockNumber } = await call(rpc.url, "eth_getTransactionReceipt", [hash]);
    const { number } = await call(rpc.url, "eth_getBlockByNumber", ["finalized", false]);
    assert.ok(BigInt(number) >= BigInt(blockNumber));
  });
}
