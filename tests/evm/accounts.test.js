// Accounts seen from both sides, what the RPC offers, and tools with the settings of docs/evm.md.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { blake2b } from "@noble/hashes/blake2b";
import { WebSocketProvider, concat, dataSlice, getAddress, getBytes, hexlify, id, keccak256, parseEther } from "ethers";
import { Run, pause } from "./compare.js";
import { BASED_CHAIN_ID, call, startBoth } from "./network.js";

/** Public key of the development account //Bob. */
const BOB = "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";
/** Hashed names of the storage map System.Account. */
const SYSTEM_ACCOUNT = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9";
/** Where Ethereum transactions reach the chain's own calls: "modlpy/paddr". */
const RUNTIME = "0x6d6f646c70792f70616464720000000000000000";

let networks;
before(async () => { networks = await startBoth(); }, { timeout: 240_000 });
after(async () => { await networks?.stop(); });

describe("accounts", { concurrency: true }, () => {
  it("an Ethereum account is its address and twelve times 0xEE on the chain", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "ethereum account");
    const owner = await run.account("owner", "5");
    const { free, nonce } = await native(concat([owner.address, `0x${"ee".repeat(12)}`]));
    const balance = await run.provider.getBalance(owner.address);
    assert.equal(balance, parseEther("5"));
    assert.ok(free > balance && free - balance < parseEther("0.1"), `${free}`);
    assert.equal(nonce, 0);
  });

  it("a native account is the last 20 bytes of the hash of its key", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "native account");
    const bob = getAddress(dataSlice(keccak256(BOB), 12));
    const owner = await run.account("owner", "5");
    const [before, seen] = [await native(BOB), await run.provider.getBalance(bob)];
    await (await owner.sendTransaction({ to: bob, value: parseEther("2") })).wait();
    assert.equal((await native(BOB)).free, before.free + parseEther("2"));
    assert.equal(await run.provider.getBalance(bob), seen + parseEther("2"));
  });

  it("an Ethereum wallet makes the chain's own calls through one address", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "runtime call");
    const owner = await run.account("owner", "5");
    // System.remark of one byte.
    const { status } = await (await owner.sendTransaction({ to: RUNTIME, data: "0x00000461" })).wait();
    assert.equal(status, 1);
    assert.equal((await native(concat([owner.address, `0x${"ee".repeat(12)}`]))).nonce, 1);
  });
});

describe("the RPC", { concurrency: true }, () => {
  it("says who it is", async () => {
    assert.equal(await networks.based.rpc("eth_chainId"), `0x${BASED_CHAIN_ID.toString(16)}`);
    assert.equal(await networks.based.rpc("net_version"), `${BASED_CHAIN_ID}`);
    assert.match(await networks.based.rpc("web3_clientVersion"), /^eth-rpc\//);
    assert.deepEqual(await networks.based.rpc("eth_accounts"), []);
    assert.equal(await networks.based.rpc("eth_syncing"), false);
    assert.equal(await networks.based.rpc("eth_maxPriorityFeePerGas"), "0x0");
  });

  it("differs: methods that the peer has and BasedAI has not", async () => {
    const missing = [
      "eth_blobBaseFee", "eth_coinbase", "eth_getFilterChanges", "eth_getFilterLogs", "eth_getProof", "eth_mining",
      "eth_newBlockFilter", "eth_newFilter", "eth_newPendingTransactionFilter", "eth_pendingTransactions", "eth_sign",
      "eth_signTypedData_v4", "eth_uninstallFilter", "web3_sha3",
    ];
    for (const method of missing) {
      assert.equal(await known(networks.based, method), false, method);
      assert.equal(await known(networks.peer, method), true, method);
    }
    for (const method of ["eth_getBlockReceipts", "debug_traceBlockByNumber"]) assert.equal(await known(networks.based, method), true, method);
  });

  it("tells subscribers of blocks and logs", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "subscriber");
    const owner = await run.account("owner");
    const probe = await run.deploy(owner, "Probe");
    const socket = new WebSocketProvider(networks.based.url.replace("http", "ws"), BASED_CHAIN_ID);
    try {
      const heads = new Promise((resolve) => socket.on("block", resolve));
      const logs = new Promise((resolve) => socket.on({ address: probe.target }, resolve));
      assert.ok(await heads > 0);
      const receipt = await (await probe.note(1n, 4n)).wait();
      assert.equal((await logs).transactionHash, receipt.hash);
    } finally {
      await socket.destroy();
    }
  });

  it("traces the calls of a transaction", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "traced");
    const probe = await run.deploy(await run.account("owner"), "Probe");
    const { hash } = await (await probe.nest(3n)).wait();
    let trace = await run.network.rpc("debug_traceTransaction", [hash, { tracer: "callTracer" }]);
    for (let depth = 0; depth < 3; depth += 1) [trace] = trace.calls;
    assert.equal(getAddress(trace.to), await probe.getAddress());
    assert.equal(trace.calls, undefined);
  });

  it("Hardhat pays with the documented settings", { timeout: 180_000 }, async () => {
    const to = id("paid by Hardhat").slice(0, 42);
    const { privateKey } = await new Run(networks.based, "Hardhat").account("owner");
    const script = `
      const { network } = require("hardhat");
      (async () => {
        const [from] = await network.provider.send("eth_accounts");
        await network.provider.send("eth_sendTransaction", [{ from, to: "${to}", value: "0x2a" }]);
      })();`;
    const settings = { HARDHAT_NETWORK: "based", BASED_ETH_URL: networks.based.url, KEY: privateKey };
    const env = { ...process.env, ...settings, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" };
    await promisify(execFile)(process.execPath, ["-e", script], { env });
    while (await networks.based.provider.getBalance(to) !== 42n) await pause(200);
  });

  it("Foundry's cast pays and reads", { timeout: 180_000 }, async () => {
    const to = id("paid by cast").slice(0, 42);
    const owner = await new Run(networks.based, "cast").account("owner");
    const cast = (...parameters) => promisify(execFile)("node_modules/@foundry-rs/cast-linux-amd64/bin/cast", [
      ...parameters, "--rpc-url", networks.based.url,
    ]);
    await cast("send", to, "--value", "42", "--private-key", owner.privateKey);
    const { stdout } = await cast("balance", to);
    assert.equal(stdout.trim(), "42");
  });

  it("differs: receipts do not add up the gas of their block", { timeout: 180_000 }, async () => {
    const owner = await new Run(networks.based, "cumulative").account("owner");
    const receipt = await (await owner.sendTransaction({ to: owner.address })).wait();
    assert.ok(receipt.gasUsed > 0n);
    assert.equal(receipt.cumulativeGasUsed, 0n);
  });
});

/** What the node itself says of an account. */
async function native(account) {
  const key = concat([SYSTEM_ACCOUNT, hexlify(blake2b(getBytes(account), { dkLen: 16 })), account]);
  const info = getBytes(await call(networks.based.node.url.replace("ws", "http"), "state_getStorage", [key]));
  const view = new DataView(info.buffer, info.byteOffset);
  return { nonce: view.getUint32(0, true), free: view.getBigUint64(16, true) + (view.getBigUint64(24, true) << 64n) };
}

async function known(network, method) {
  try {
    await network.rpc(method);
    return true;
  } catch (error) {
    return !/not found|not supported|does not exist|is not available/i.test(error.message);
  }
}
