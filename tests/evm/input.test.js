// Bad input over the Ethereum RPC: what the peer refuses is refused clearly, and everything stays alive.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Transaction, Wallet, concat, decodeRlp, encodeRlp, id, keccak256, parseEther, toBeArray, toBeHex, toQuantity } from "ethers";
import { Run, compare, summary } from "./compare.js";
import { post, startBoth } from "./network.js";

/** Gas that is enough for anything tried here and that both networks accept as a limit. */
const PLENTY = 10_000_000n;
const NOBODY = id("nobody").slice(0, 42);
const PAYEE = id("payee").slice(0, 42);
let names = 0;
let networks;
before(async () => { networks = await startBoth(); }, { timeout: 240_000 });
after(async () => { await networks?.stop(); });
afterEach(() => {
  for (const network of [networks.based, networks.peer]) assert.ok(network.alive(), `${network.name}:\n${network.log()}`);
});

const bad = (name, script) => it(name, { timeout: 180_000 }, () => compare(networks, name, script));

describe("transactions that are refused", { concurrency: true }, () => {
  bad("bytes that are no transaction", async (run) => {
    const [good] = await signed(run);
    const fields = decodeRlp(`0x${good.slice(4)}`);
    const rewrapped = (changed) => `0x02${encodeRlp(fields.map((field, index) => changed[index] ?? field)).slice(2)}`;
    const cases = {
      "nothing": "0x",
      "one zero": "0x00",
      "an empty list": "0xc0",
      "an empty typed list": "0x02c0",
      "an unknown type": `0x7f${good.slice(4)}`,
      "a length that is not there": "0xf8",
      "a length beyond all memory": "0xfbffffffffffffffff",
      "a deep list": `0x${"c1".repeat(5_000)}c0`,
      "the first half": good.slice(0, Math.floor(good.length / 4) * 2),
      "one byte less": good.slice(0, -2),
      "one byte more": `${good}00`,
      "a field less": `0x02${encodeRlp(fields.slice(0, -1)).slice(2)}`,
      "a field more": `0x02${encodeRlp([...fields, "0x01"]).slice(2)}`,
      "a list for a number": rewrapped({ 1: ["0x01"] }),
      "an address of 19 bytes": rewrapped({ 5: `0x${"11".repeat(19)}` }),
      "a nonce with leading zeros": rewrapped({ 1: "0x0001" }),
      "a value beyond 256 bits": rewrapped({ 6: `0x01${"00".repeat(32)}` }),
      "a signature of zeros": rewrapped({ 10: "0x", 11: "0x" }),
      "a signature beyond the curve": rewrapped({ 10: `0x${"ff".repeat(32)}` }),
      "a parity of seven": rewrapped({ 9: "0x07" }),
    };
    for (const [name, raw] of Object.entries(cases)) await refused(run, name, raw);
    for (const [name, raw] of [["no hexadecimal", "0xzz"], ["half a byte", "0x123"], ["no prefix", good.slice(2)], ["null", null], ["a number", 7], ["an object", {}]]) {
      await refused(run, name, raw);
    }
    await refusedCall(run, "no parameter", "eth_sendRawTransaction", []);
  });

  bad("a good transaction with one byte changed", async (run) => {
    const [good, wallet] = await signed(run);
    for (let position = 2; position < good.length; position += 14) {
      const changed = `${good.slice(0, position)}${good.slice(position, position + 2) === "55" ? "aa" : "55"}${good.slice(position + 2)}`;
      await refused(run, `byte ${position / 2 - 1}`, changed);
    }
    run.note("nonce", await wallet.getNonce("latest"));
  });

  it("differs: a signature mirrored on the curve is accepted (EIP-2)", { timeout: 180_000 }, async () => {
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const answers = await both(async (run) => {
      const [good] = await signed(run);
      const fields = decodeRlp(`0x${good.slice(4)}`);
      fields[9] = fields[9] === "0x" ? "0x01" : "0x";
      fields[11] = toBeHex(order - BigInt(fields[11]));
      return answered(run, `0x02${encodeRlp(fields).slice(2)}`);
    });
    assert.deepEqual(answers, [1, "refused"]);
  });

  bad("of another chain", async (run) => {
    await refused(run, "chain 1", (await signed(run, { chainId: 1 }))[0]);
    await refused(run, "legacy, chain 1", (await signed(run, { chainId: 1, type: 0 }))[0]);
    await refused(run, "no chain at all, typed", (await signed(run, { chainId: 0 }))[0]);
  });

  bad("replayed, and with a nonce that was used", async (run) => {
    const [raw, wallet] = await signed(run);
    const hash = await run.network.rpc("eth_sendRawTransaction", [raw]);
    await run.provider.waitForTransaction(hash);
    await refused(run, "the same again", raw);
    await refused(run, "another with its nonce", (await signed(run, { nonce: 0, value: 2n }, wallet))[0]);
    run.note("nonce", await wallet.getNonce("latest"));
  });

  bad("priced below what the chain asks", async (run) => {
    await refused(run, "dynamic fee", (await signed(run, { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }))[0]);
    await refused(run, "legacy", (await signed(run, { type: 0, gasPrice: 1n }))[0]);
    await refused(run, "free", (await signed(run, { type: 0, gasPrice: 0n }))[0]);
  });

  bad("that cannot be paid", async (run) => {
    const poor = new Wallet(id(`poor ${run.name}`), run.provider);
    await refused(run, "gas without an account", (await signed(run, {}, poor))[0]);
    await refused(run, "endless gas", (await signed(run, { gasLimit: (1n << 64n) - 1n }))[0]);
  });

  it("differs: more value than there is is not refused, but fails and costs its gas", { timeout: 180_000 }, async () => {
    const answers = await both(async (run) => answered(run, (await signed(run, { value: parseEther("1000") }))[0]));
    assert.deepEqual(answers, [0, "refused"]);
  });

  it("differs: a payment takes less than the 21,000 gas that wallets give it", { timeout: 180_000 }, async () => {
    const [ours, theirs] = await both(async (run) => {
      const hash = await run.network.rpc("eth_sendRawTransaction", (await signed(run, { gasLimit: 21_000n })).slice(0, 1));
      const { status, gasUsed } = await run.provider.waitForTransaction(hash);
      assert.equal(status, 1);
      return gasUsed;
    });
    assert.equal(theirs, 21_000n);
    assert.ok(ours > 15_000n && ours < 21_000n, `${ours}`);
  });

  it("differs: a transaction without a chain id is refused", { timeout: 180_000 }, async () => {
    const answers = await both(async (run) => answered(run, (await signed(run, { type: 0, chainId: 0n }))[0]));
    assert.deepEqual(answers, ["refused", 1]);
  });

  bad("with too little gas to begin", async (run) => {
    await refused(run, "none", (await signed(run, { gasLimit: 0n }))[0]);
    await refused(run, "less than any transaction takes", (await signed(run, { gasLimit: 1_000n }))[0]);
  });

  it("differs: only the chain's price counts, not a greatest fee beyond all means nor a tip above it", { timeout: 180_000 }, async () => {
    for (const fees of [{ maxFeePerGas: 1n << 255n }, { maxPriorityFeePerGas: 1n << 60n }]) {
      const answers = await both(async (run) => answered(run, (await signed(run, fees))[0]));
      assert.deepEqual(answers, [1, "refused"]);
    }
  });
});

describe("transactions that wait or fail", { concurrency: true }, () => {
  it("a future nonce waits for the one before it", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "future");
    const [second, wallet] = await signed(run, { nonce: 1 });
    const hash = await run.network.rpc("eth_sendRawTransaction", [second]);
    assert.equal(await run.network.rpc("eth_getTransactionReceipt", [hash]), null);
    const [first] = await signed(run, { nonce: 0 }, wallet);
    await run.network.rpc("eth_sendRawTransaction", [first]);
    const receipt = await run.provider.waitForTransaction(hash);
    assert.equal(receipt.status, 1);
    assert.equal(await wallet.getNonce("latest"), 2);
  });

  bad("an endless loop takes all its gas and no more", async (run) => {
    const probe = await deployed(run);
    const receipt = await sent(run, probe.spin({ gasLimit: PLENTY }));
    run.note("spin", summary(receipt));
    assert.ok(receipt.gasUsed <= PLENTY, `${receipt.gasUsed}`);
    run.note("nothing was kept", await probe.reached());
    await refusedCall(run, "asked", "eth_call", [await probe.spin.populateTransaction(), "latest"]);
    await refusedCall(run, "estimated", "eth_estimateGas", [await probe.spin.populateTransaction()]);
  });

  it("many endless loops at once do not stop blocks", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "bombs");
    const probe = await deployed(run);
    const transaction = await probe.spin.populateTransaction({ gasLimit: 1n << 62n });
    const request = { to: transaction.to, data: transaction.data, gas: toQuantity(transaction.gasLimit) };
    const before = await run.provider.getBlockNumber();
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => run.network.rpc("eth_call", [request, "latest"])));
    for (const { reason } of asked) assert.match(reason?.message ?? "answered", /OutOfGas|gas/);
    const owner = probe.runner;
    const nonce = await owner.getNonce("latest");
    const sentAll = await Promise.all(Array.from({ length: 8 }, (_, index) => probe.spin({ gasLimit: 50_000_000n, nonce: nonce + index })));
    for (const { hash } of sentAll) assert.equal((await run.provider.waitForTransaction(hash)).status, 0);
    assert.ok(await run.provider.getBlockNumber() > before);
  });

  bad("calls within the depth of both networks", async (run) => {
    const probe = await deployed(run);
    run.note("nest", summary(await sent(run, probe.nest(20n, { gasLimit: PLENTY }))));
    run.note("reached", await probe.reached());
  });

  it("differs: calls deeper than 25 fail", { timeout: 180_000 }, async () => {
    const statuses = await both(async (run) => {
      const probe = await deployed(run);
      return (await sent(run, probe.nest(40n, { gasLimit: PLENTY }))).status;
    });
    assert.deepEqual(statuses, [0, 1]);
  });

  bad("value to what takes none", async (run) => {
    const probe = await deployed(run);
    const call = { to: await probe.getAddress(), value: 1n, data: probe.interface.encodeFunctionData("refusesValue") };
    await refusedCall(run, "asked", "eth_call", [{ ...call, value: "0x1" }, "latest"]);
    run.note("sent", summary(await sent(run, probe.runner.sendTransaction({ ...call, gasLimit: PLENTY }))));
    run.note("kept", await run.provider.getBalance(call.to));
  });

  bad("calldata of 100,000 bytes", async (run) => {
    const probe = await deployed(run);
    const data = `0x${"5a".repeat(100_000)}`;
    run.note("measured", await probe.measure(data));
    run.note("sent", summary(await sent(run, probe.measure.send(data, { gasLimit: PLENTY }))));
  });

  it("differs: a contract takes 128 KiB of calldata", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "huge");
    const probe = await deployed(run);
    const data = `0x${"5a".repeat(140_000)}`;
    assert.equal((await sent(run, probe.measure.send(data, { gasLimit: PLENTY }))).status, 0);
    await assert.rejects(probe.measure(data));
  });

  it("differs: a gas limit above what a block holds is cut, not refused", { timeout: 180_000 }, async () => {
    assert.equal((await networks.based.provider.getBlock("latest")).gasLimit, (1n << 64n) - 1n);
    const answers = await both(async (run) => answered(run, (await signed(run, { gasLimit: 1_000_000_000n }))[0]));
    assert.deepEqual(answers, [1, "refused"]);
  });

  it("differs: transactions with blobs and delegations are refused", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "blobs");
    const wallet = await run.account("sender");
    const gasPrice = BigInt(await run.network.rpc("eth_gasPrice"));
    const common = {
      chainId: run.network.chainId, nonce: 0, to: NOBODY, gasLimit: PLENTY, maxFeePerGas: gasPrice * 2n, maxPriorityFeePerGas: 0n,
    };
    const authorization = await wallet.authorize({ address: NOBODY, nonce: 1, chainId: run.network.chainId });
    for (const special of [
      { type: 3, maxFeePerBlobGas: gasPrice, blobVersionedHashes: [`0x01${"11".repeat(31)}`] },
      { type: 4, authorizationList: [authorization] },
    ]) {
      const raw = await wallet.signTransaction(Transaction.from({ ...common, ...special }));
      assert.equal(await answered(run, raw), "refused");
    }
  });
});

describe("logs", { concurrency: true }, () => {
  bad("ranges: whole, reversed, of a block, by topics", async (run) => {
    const probe = await deployed(run);
    const receipt = await sent(run, probe.note(3n, 40n));
    const address = await probe.getAddress();
    const logs = async (step, filter) => {
      const found = await run.network.rpc("eth_getLogs", [{ address, ...filter }]);
      return run.note(step, found.map(({ topics, data, removed }) => ({ topics, data, removed })));
    };
    await logs("everything", { fromBlock: "earliest", toBlock: "latest" });
    await logs("the block", { blockHash: receipt.blockHash });
    await logs("of its number", { fromBlock: toQuantity(receipt.blockNumber), toBlock: toQuantity(receipt.blockNumber) });
    await logs("a topic", { fromBlock: "earliest", topics: [null, toBeHex(1, 32)] });
    await logs("either topic", { fromBlock: "earliest", topics: [[receipt.logs[0].topics[0]], [toBeHex(0, 32), toBeHex(2, 32)]] });
    await logs("a topic nobody has", { fromBlock: "earliest", topics: [id("nothing")] });
    await logs("many addresses", { fromBlock: "earliest", address: [address, ...Array.from({ length: 500 }, (_, n) => keccak256(toBeHex(n, 32)).slice(0, 42))] });
    await refusedCall(run, "range and block at once", "eth_getLogs", [{ fromBlock: "earliest", blockHash: receipt.blockHash }]);
    await refusedCall(run, "no block", "eth_getLogs", [{ fromBlock: "yesterday" }]);
    await refusedCall(run, "no address", "eth_getLogs", [{ address: "0x12" }]);
  });

  it("ranges that end beyond the chain or run backwards", { timeout: 180_000 }, async () => {
    const ask = (fromBlock, toBlock, topics = []) => networks.based.rpc("eth_getLogs", [{ fromBlock, toBlock, topics }]);
    await assert.rejects(ask("0x0", "0xffffffffffff"), /Failed to filter logs/);
    await assert.rejects(ask(`0x${"f".repeat(64)}`, `0x${"f".repeat(64)}`), /Invalid params/);
    await assert.rejects(ask("0x2", "0x1"), /Failed to filter logs/);
    await assert.rejects(ask("0x0", "latest", [null, null, null, null, id("five")]), /./);
  });

  it("differs: an index of a log counts all events of its block", { timeout: 180_000 }, async () => {
    const first = await both(async (run) => {
      const probe = await deployed(run);
      const receipt = await sent(run, probe.note(2n, 1n));
      return Math.max(...receipt.logs.map(({ index }) => index));
    });
    assert.ok(first[0] > 1 && first[1] === 1, `${first}`);
  });
});

describe("the wire", { concurrency: true }, () => {
  const bodies = {
    "no JSON": "{",
    "an empty body": "",
    "no method": JSON.stringify({ jsonrpc: "2.0", id: 1 }),
    "deep nesting": "[".repeat(100_000),
    "an unknown method": JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_fly", params: [] }),
    "parameters that are none": JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getBalance", params: [true] }),
    "a block that is none": JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getBalance", params: [NOBODY, "soon"] }),
    "a block to come": JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getBalance", params: [NOBODY, "0xffffffff"] }),
  };
  for (const [name, body] of Object.entries(bodies)) {
    it(name, { timeout: 180_000 }, async () => {
      for (const network of [networks.based, networks.peer]) {
        const { status, text } = await post(network.url, body);
        assert.ok(status >= 400 || text.includes('"error"'), `${network.name}: ${status} ${text.slice(0, 200)}`);
      }
    });
  }

  it("a batch is answered whole, a body of 20 MB is refused", { timeout: 180_000 }, async () => {
    const batch = Array.from({ length: 500 }, (_, index) => ({ jsonrpc: "2.0", id: index, method: "eth_chainId", params: [] }));
    const { text } = await post(networks.based.url, JSON.stringify(batch));
    assert.equal(JSON.parse(text).length, 500);
    // The server may close the connection before it has read the whole body.
    const refusal = await post(networks.based.url, `["${"0".repeat(20_000_000)}"]`).catch(() => ({ status: 413 }));
    assert.equal(refusal.status, 413);
  });

  bad("blocks and transactions that are not there", async (run) => {
    const none = `0x${"12".repeat(32)}`;
    for (const [method, ...params] of [
      ["eth_getTransactionByHash", none], ["eth_getTransactionReceipt", none], ["eth_getBlockByHash", none, false],
      ["eth_getBlockByNumber", "0xffffff", false], ["eth_getTransactionByBlockHashAndIndex", none, "0x0"],
    ]) run.note(method, await run.network.rpc(method, params));
    run.note("balance of nobody", await run.network.rpc("eth_getBalance", [NOBODY, "latest"]));
    run.note("code of nobody", await run.network.rpc("eth_getCode", [NOBODY, "latest"]));
    run.note("storage of nobody", await run.network.rpc("eth_getStorageAt", [NOBODY, "0x0", "latest"]));
    run.note("nonce of nobody", await run.network.rpc("eth_getTransactionCount", [NOBODY, "latest"]));
  });
});

it("after all of this a payment goes through", { timeout: 180_000 }, () => compare(networks, "afterwards", async (run) => {
  const owner = await run.account("owner");
  const to = id("somebody").slice(0, 42);
  await run.send("pay", owner.sendTransaction({ to, value: 3n }));
  run.note("paid", await run.provider.getBalance(to));
}));

/** A payment of one unit to nobody in particular, signed but not sent, with what the case changes; and who signed it. */
async function signed(run, changes = {}, wallet) {
  run.signers = (run.signers ?? 0) + 1;
  const signer = wallet ?? await run.account(`signer ${run.signers}`);
  const gasPrice = BigInt(await run.network.rpc("eth_gasPrice"));
  const transaction = {
    type: 2, chainId: run.network.chainId, nonce: 0, to: PAYEE, value: 1n, gasLimit: 1_000_000n, data: "0x",
    gasPrice: gasPrice * 2n, maxFeePerGas: gasPrice * 2n, maxPriorityFeePerGas: 0n, ...changes,
  };
  return [transaction.type === 0 ? signedLegacy(transaction, signer) : signedDynamic(transaction, signer), signer];
}

function signedLegacy({ chainId, nonce, gasPrice, gasLimit, to, value, data }, signer) {
  const draft = Transaction.from({ type: 0, chainId, nonce, gasPrice, gasLimit, to, value, data });
  draft.signature = signer.signingKey.sign(draft.unsignedHash);
  return draft.serialized;
}

/** Encoded by hand, for ethers refuses to sign some of these. */
function signedDynamic({ chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit, to, value, data }, signer) {
  const numbers = [chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit].map((number) => toBeArray(number));
  const fields = [...numbers, to, toBeArray(value), data, []];
  const encoded = (list) => concat(["0x02", encodeRlp(list)]);
  const { yParity, r, s } = signer.signingKey.sign(keccak256(encoded(fields)));
  return encoded([...fields, toBeArray(yParity), toBeArray(r), toBeArray(s)]);
}

/** The status of a transaction, or that it was refused. */
async function answered(run, raw) {
  const hash = await run.network.rpc("eth_sendRawTransaction", [raw]).catch((error) => { assert.ok(error.rpc, error.message); });
  return hash ? (await run.provider.waitForTransaction(hash)).status : "refused";
}

/** The same on both networks: [Based, peer]. */
const both = (ask) => Promise.all([networks.based, networks.peer].map((network) => ask(new Run(network, `${(names += 1)}`))));

/** Sends what must not be accepted; that it was refused is what networks have in common. */
const refused = (run, step, raw) => refusedCall(run, step, "eth_sendRawTransaction", [raw]);

async function refusedCall(run, step, method, params) {
  const answer = await run.network.rpc(method, params).then((result) => ({ result }), (error) => ({ error }));
  if (answer.error) {
    assert.ok(answer.error.rpc, `${step}: ${answer.error.message}`);
    assert.ok(answer.error.rpc.message.length > 5, `${step}: a reason`);
    (run.reasons ??= []).push(`${step}: ${answer.error.rpc.code} ${answer.error.rpc.message}`);
  }
  run.note(step, answer.error ? "refused" : "accepted");
}

async function deployed(run) {
  const owner = await run.account("owner");
  return run.deploy(owner, "Probe");
}

/** The receipt of a transaction, whether it failed or not. */
async function sent(run, transaction) {
  const { hash } = await transaction;
  return run.provider.waitForTransaction(hash);
}
