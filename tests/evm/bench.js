// Measures BasedAI's Ethereum side beside Hardhat's network and Anvil, in one run: bench.js FILE writes the figures.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { MaxUint256, Transaction, Wallet, id, parseEther } from "ethers";
import { Run, fund, pause } from "./compare.js";
import { call, startAnvil, startBased, startPeer } from "./network.js";

const SENDERS = 20;
const TRANSFERS_EACH = 50;
const CALLS = 400;
const AT_ONCE = 16;
const ESTIMATES = 5;
const PLENTY = 15_000_000n;

const out = process.argv[2];
const measured = {};
for (const [name, start] of [["Based", startBased], ["Hardhat", startPeer], ["Anvil", () => startAnvil("--block-time", "1")]]) {
  const network = await start();
  try {
    measured[name] = await measure(network);
  } finally {
    await network.stop();
  }
}
report(measured);

async function measure(network) {
  const run = new Run(network, "bench");
  const owner = await run.account("owner", "3000");
  const coin = await run.deploy(owner, "Coin", "Bench", "BENCH", parseEther("1000000000"));
  return {
    ...await transfers(network, coin),
    ...await latencies(network, coin, owner),
    ...await reads(network, coin, owner),
    ...await estimates(run, coin, owner),
  };
}

/** Tokens sent by many accounts at once: how many a second reach a block, from the first sent to the last mined. */
async function transfers(network, coin) {
  const senders = Array.from({ length: SENDERS }, (_, index) => new Wallet(id(`sender ${index}`)));
  await Promise.all(senders.map(({ address }) => fund(network, address, parseEther("2"))));
  let nonce = await coin.runner.getNonce("latest");
  let endowed;
  // One after another: Hardhat's network does not queue nonces.
  for (const { address } of senders) endowed = await coin.transfer(address, parseEther("1"), { nonce: nonce++, gasLimit: 2_000_000n });
  await endowed.wait();

  const to = await coin.getAddress();
  const gasPrice = BigInt(await network.rpc("eth_gasPrice")) * 2n;
  const signed = await Promise.all(senders.map((sender, index) => {
    const data = coin.interface.encodeFunctionData("transfer", [senders[(index + 1) % SENDERS].address, 1n]);
    const common = { to, data, chainId: network.chainId, type: 0, gasPrice, gasLimit: 200_000n };
    return Promise.all(Array.from({ length: TRANSFERS_EACH }, (_, turn) => sender.signTransaction(Transaction.from({ ...common, nonce: turn }))));
  }));
  const began = performance.now();
  const hashes = await Promise.all(signed.map(async (own) => {
    let last;
    for (const raw of own) last = await network.rpc("eth_sendRawTransaction", [raw]);
    return last;
  }));
  const accepted = performance.now();
  await Promise.all(hashes.map((hash) => receipt(network, hash)));
  const ended = performance.now();
  const total = SENDERS * TRANSFERS_EACH;
  return { erc20_tps: total / (ended - began) * 1_000, erc20_accepted_per_second: total / (accepted - began) * 1_000 };
}

/** From sending a transaction to holding its receipt, one after another. */
async function latencies(network, coin, owner) {
  const samples = [];
  for (let turn = 0; turn < 10; turn += 1) {
    const transaction = await coin.transfer.populateTransaction(owner.address, 1n, { gasLimit: 200_000n });
    const raw = await owner.signTransaction(await owner.populateTransaction(transaction));
    const began = performance.now();
    await receipt(network, await network.rpc("eth_sendRawTransaction", [raw]));
    samples.push(performance.now() - began);
  }
  return { receipt_latency: quantile(samples, 0.5) };
}

/** Questions to a contract: how long one takes alone, and how many are answered a second when several ask. */
async function reads(network, coin, owner) {
  const request = [await coin.balanceOf.populateTransaction(owner.address), "latest"];
  const samples = [];
  for (let turn = 0; turn < CALLS / 4; turn += 1) {
    const began = performance.now();
    await network.rpc("eth_call", request);
    samples.push(performance.now() - began);
  }
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let turn = 0; turn < CALLS / AT_ONCE; turn += 1) await network.rpc("eth_call", request);
  }));
  return { call_latency: quantile(samples, 0.5), calls_per_second: CALLS / (performance.now() - began) * 1_000 };
}

/**
 * What gas is estimated as tools ask for it, and what is used: transactions of several kinds, sent at once. An error is a
 * share of the estimate; one of 1 is a transaction whose deposits came back, so that it used nothing.
 */
async function estimates(run, coin, owner) {
  const factory = await run.deploy(owner, "UniswapV2Factory", owner.address);
  const wrapped = await run.deploy(owner, "WETH9");
  const router = await run.deploy(owner, "UniswapV2Router02", await factory.getAddress(), await wrapped.getAddress());
  const probe = await run.deploy(owner, "Probe");
  const token = await coin.getAddress();
  const spender = await router.getAddress();
  const weth = await wrapped.getAddress();
  const errors = [];
  const kind = async (populate) => {
    const transaction = await populate;
    const estimate = BigInt(await run.network.rpc("eth_estimateGas", [hexed({ ...transaction, from: owner.address })]));
    const sent = await owner.sendTransaction({ ...transaction, gasLimit: PLENTY });
    const { gasUsed } = await receipt(run.network, sent.hash);
    errors.push(Number(estimate - BigInt(gasUsed)) / Number(estimate));
  };
  const pay = (coins) => ({ value: parseEther(coins) });
  await (await coin.approve(spender, MaxUint256)).wait();
  await (await router.addLiquidityETH(token, parseEther("1000"), 0n, 0n, owner.address, MaxUint256, pay("100"))).wait();
  for (let turn = 0; turn < ESTIMATES; turn += 1) {
    await kind(coin.transfer.populateTransaction(new Wallet(id(`new ${turn}`)).address, 1n));
    await kind(coin.transfer.populateTransaction(token, 1n));
    await kind({ to: id(`payee ${turn}`).slice(0, 42), value: 1n, data: "0x" });
    await kind(router.swapExactETHForTokens.populateTransaction(0n, [weth, token], owner.address, MaxUint256, pay("0.01")));
    await kind(router.swapExactTokensForETH.populateTransaction(parseEther("0.01"), 0n, [token, weth], owner.address, MaxUint256));
    // The second is estimated at the block of the first.
    for (const amount of [1_000n, 2_000n]) {
      await kind(router.swapExactTokensForTokens.populateTransaction(amount, 0n, [token, weth], owner.address, MaxUint256));
    }
    await kind(probe.store.populateTransaction(BigInt(turn * 5), 5n));
    await kind(probe.clear.populateTransaction(BigInt(turn * 5), 3n));
    await kind(probe.note.populateTransaction(3n, 100n));
  }
  return {
    estimate_shortfall_rate: errors.filter((error) => error < 0).length / errors.length,
    estimate_error_least: Math.min(...errors),
    estimate_error_median: quantile(errors, 0.5),
    estimate_error_greatest: Math.max(...errors),
  };
}

async function receipt(network, hash) {
  for (;;) {
    const found = await call(network.url, "eth_getTransactionReceipt", [hash]);
    if (found) return found;
    await pause(20);
  }
}

/** A request as it goes over the wire. */
function hexed({ value, ...rest }) {
  return value === undefined ? rest : { ...rest, value: `0x${value.toString(16)}` };
}

function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function report({ Based, Hardhat, Anvil }) {
  const units = {
    erc20_tps: "tx/s", erc20_accepted_per_second: "tx/s", receipt_latency: "ms", call_latency: "ms", calls_per_second: "calls/s",
    estimate_shortfall_rate: "share", estimate_error_least: "share", estimate_error_median: "share", estimate_error_greatest: "share",
  };
  const higherIsBetter = new Set(["erc20_tps", "erc20_accepted_per_second", "calls_per_second"]);
  const compared = new Set([...higherIsBetter, "receipt_latency", "call_latency"]);
  const ratio = (key, peer) => (compared.has(key) ? (higherIsBetter.has(key) ? Based[key] / peer[key] : peer[key] / Based[key]) : null);
  const figure = (key, value, unit, peer, peerValue, better, target = null, met = null) => (
    { key, value, unit, peer, peer_value: peerValue, ratio: better, target, met }
  );
  const ratios = [["erc20_tps_ratio", "erc20_tps"], ["call_latency_ratio", "call_latency"]];
  const figures = [
    ...ratios.map(([name, key]) => figure(name, ratio(key, Hardhat), "times", "hardhat node", 1, ratio(key, Hardhat))),
    ...Object.keys(units).map((key) => figure(
      key, Based[key], units[key], "hardhat node", Hardhat[key], ratio(key, Hardhat),
      key === "estimate_shortfall_rate" ? 0 : null, key === "estimate_shortfall_rate" ? Based[key] <= 0 : null,
    )),
    ...Object.keys(units).map((key) => figure(`${key}_anvil`, Based[key], units[key], "anvil, a block a second", Anvil[key], ratio(key, Anvil))),
  ];
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"]).toString().trim();
  const bench = { name: "evm", commit, cores: cpus().length, cpu: cpus()[0].model, figures };
  if (out) writeFileSync(out, `${JSON.stringify(bench, null, 2)}\n`);
  console.table(figures.map(({ key, value, unit, peer, peer_value: theirs, ratio: better }) => (
    { key, value: rounded(value), unit, peer, "peer's": rounded(theirs), "times better": rounded(better) }
  )));
}

function rounded(value) { return value === null ? null : Number(value.toPrecision(4)); }
