// Blocks that the network gives up take nothing with them: no receipt or log stays of them, none of others is lost.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ContractFactory, Wallet } from "ethers";
import { startNode } from "../js/network.js";
import { eventually } from "./compare.js";
import { BASED_CHAIN_ID, TREASURY_KEY, call, connect, startEthRpc, temporary } from "./network.js";
import { contracts } from "./solidity.js";

const { Probe } = contracts();
const directory = temporary();
const running = new Map();
let rpc;

after(async () => {
  await rpc?.stop();
  await stop(...running.keys());
  directory.remove();
});

/** Starts an authority of the network of three on its own database, at the same port each time. */
async function start(authority, ...peers) {
  const rpcPort = start.ports?.[authority];
  const node = await startNode({
    authority, rpcPort, chain: "local-fast", base: `${directory.path}/${authority}`, bootnodes: peers.map(({ bootnode }) => bootnode),
  });
  start.ports = { ...start.ports, [authority]: Number(new URL(node.url).port) };
  running.set(authority, node);
  return node;
}

async function stop(...authorities) {
  await Promise.all(authorities.map((authority) => running.get(authority).stop()));
  for (const authority of authorities) running.delete(authority);
}

test("a fork that loses leaves no receipt and no log, and what came before and after is whole", { timeout: 600_000 }, async () => {
  const alice = await start("alice");
  const bob = await start("bob", alice);
  await start("charlie", alice, bob);
  rpc = await startEthRpc(alice, { base: `${directory.path}/eth-rpc` });
  const ask = (method, ...params) => call(rpc.url, method, params);
  const provider = connect(rpc.url, BASED_CHAIN_ID);
  const wallet = new Wallet(TREASURY_KEY, provider);

  // Final on every node.
  const probe = await new ContractFactory(Probe.abi, Probe.bytecode, wallet).deploy();
  await probe.waitForDeployment();
  const kept = await (await probe.note(2n, 32n)).wait();
  await eventually(async () => assert.ok(await number(ask, "finalized") >= kept.blockNumber));
  const address = await probe.getAddress();
  const logs = () => ask("eth_getLogs", { address, fromBlock: "earliest", toBlock: "latest" });
  const receipt = (hash) => ask("eth_getTransactionReceipt", hash);
  const [logsBefore, receiptBefore] = [await logs(), await receipt(kept.hash)];
  assert.equal(logsBefore.length, 2);

  // Alice alone makes blocks that nobody sees.
  await stop("bob", "charlie");
  const raw = await wallet.signTransaction(await wallet.populateTransaction(await probe.note.populateTransaction(3n, 64n)));
  const lost = await provider.waitForTransaction(await ask("eth_sendRawTransaction", raw));
  const forked = await receipt(lost.hash);
  assert.equal((await logs()).length, 5);
  const height = await number(ask, "latest");
  await stop("alice");

  // The others make more.
  const there = await start("bob");
  await start("charlie", there);
  await eventually(async () => {
    const header = await call(there.url.replace("ws:", "http:"), "chain_getHeader");
    assert.ok(Number(header.number) > height + 20, header.number);
  }, 240_000);
  await start("alice", there, running.get("charlie"));
  await eventually(async () => assert.notEqual((await ask("eth_getBlockByNumber", forked.blockNumber, false)).hash, forked.blockHash));

  // What the network gave up is pending again, in a new block already, or gone; sent again, it is in one block of this
  // chain and no other.
  await ask("eth_sendRawTransaction", raw).catch(({ rpc: refused }) => assert.match(refused.message, /already|banned|stale|outdated|invalid transaction/i));
  // The receipt of the lost block goes a moment after that block.
  const again = await eventually(async () => {
    const found = await receipt(lost.hash);
    assert.ok(found);
    assert.notEqual(found.blockHash, forked.blockHash);
    return found;
  });
  assert.equal((await ask("eth_getBlockByNumber", again.blockNumber, false)).hash, again.blockHash);
  await eventually(async () => assert.ok(await number(ask, "finalized") >= Number(again.blockNumber)));
  assert.deepEqual(await receipt(kept.hash), receiptBefore);
  const found = await logs();
  assert.deepEqual(found.slice(0, 2), logsBefore);
  assert.deepEqual(found.slice(2).map(({ blockHash, transactionHash }) => [blockHash, transactionHash]), Array(3).fill([again.blockHash, lost.hash]));
  assert.equal(await ask("eth_getTransactionByBlockHashAndIndex", forked.blockHash, forked.transactionIndex).catch(() => null), null);
  assert.deepEqual(await ask("eth_getLogs", { address, blockHash: forked.blockHash }).catch(() => []), []);
  provider.destroy();
});

async function number(ask, tag) {
  return Number((await ask("eth_getBlockByNumber", tag, false)).number);
}
