// Runs one script on BasedAI and on the peer and compares what they record, step by step.
import assert from "node:assert/strict";
import { ContractFactory, Contract, Wallet, id, parseEther } from "ethers";
import { contracts } from "./solidity.js";

const artifacts = contracts();
const funding = new Map();

/** One script on one network: what it does is recorded in the form in which networks must agree. */
export class Run {
  constructor(network, name) {
    this.network = network;
    this.name = name;
    this.steps = [];
  }

  get provider() { return this.network.provider; }

  /** The same account on every network, with coins. */
  async account(label, amount = "100") {
    const wallet = new Wallet(id(`${this.name}: ${label}`), this.provider);
    await fund(this.network, wallet.address, parseEther(amount));
    return wallet;
  }

  note(step, value) {
    this.steps.push([step, plain(value)]);
    return value;
  }

  artifact(name) { return artifacts[name]; }

  at(name, address, wallet) { return new Contract(address, artifacts[name].abi, wallet ?? this.provider); }

  /** Deploys a contract and records its address and receipt. */
  async deploy(wallet, name, ...args) { return this.deployWith(wallet, {}, name, ...args); }

  /** The same with settings of the transaction. */
  async deployWith(wallet, settings, name, ...args) {
    const { abi, bytecode } = artifacts[name];
    const contract = await new ContractFactory(abi, bytecode, wallet).deploy(...args, settings);
    const receipt = await contract.deploymentTransaction().wait();
    this.note(`deploy ${name}`, summary(receipt));
    return contract;
  }

  /** Sends a transaction the way a wallet does: estimated, signed, waited for. Records the receipt. */
  async send(step, sent) {
    try {
      const transaction = await sent;
      return this.note(step, summary(await transaction.wait()));
    } catch (error) {
      return this.note(step, failure(error));
    }
  }

  /** Asks a contract and records the answer or the reason why there is none. */
  async read(step, asked) {
    try {
      return this.note(step, await asked);
    } catch (error) {
      return this.note(step, failure(error));
    }
  }
}

/** Runs a script on both networks at once; every step must have had the same outcome. */
export async function compare({ based, peer }, name, script) {
  const runs = [based, peer].map((network) => new Run(network, name));
  await Promise.all(runs.map((run) => script(run).catch((error) => {
    error.message = `${run.network.name}, after ${run.steps.at(-1)?.[0] ?? "start"}: ${error.message}`;
    throw error;
  })));
  const [ours, theirs] = runs.map(({ steps }) => steps);
  theirs.forEach(([step, outcome], index) => {
    assert.deepEqual(ours[index], [step, outcome], `${name}: ${step}`);
  });
  assert.equal(ours.length, theirs.length);
  return ours;
}

/** Coins from the endowed account; one transaction after another, so that nonces follow each other. */
export function fund(network, to, value) {
  const before = funding.get(network) ?? Promise.resolve();
  const sent = before.then(async () => {
    network.nonce ??= await network.treasury.getNonce("latest");
    const transaction = await network.treasury.sendTransaction({ to, value, nonce: network.nonce });
    network.nonce += 1;
    return transaction;
  });
  funding.set(network, sent.catch(() => {}));
  return sent.then((transaction) => transaction.wait());
}

/** What receipts of the same transaction have in common on every network. */
export function summary(receipt) {
  const indices = receipt.logs.map(({ index }) => index);
  assert.deepEqual(indices, [...new Set(indices)].sort((a, b) => a - b));
  return {
    status: receipt.status,
    from: receipt.from,
    to: receipt.to,
    contractAddress: receipt.contractAddress,
    type: receipt.type,
    bloom: receipt.logsBloom,
    logs: receipt.logs.map(({ address, topics, data }) => ({ address, topics, data })),
  };
}

/** What failures of the same call have in common: the data a contract reverted with, or the receipt's status. */
export function failure(error) {
  if (error.receipt) return { failed: summary(error.receipt) };
  if (error.code !== "CALL_EXCEPTION") throw error;
  return { reverted: error.data ?? null, error: error.revert?.name ?? null };
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Tries until it succeeds, and throws the last error if that takes too long. */
export async function eventually(attempt, milliseconds = 90_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(300);
    }
  }
}

/** Values that compare by what they hold. */
function plain(value) {
  return JSON.parse(JSON.stringify(value ?? null, (_, held) => (typeof held === "bigint" ? `${held}` : held)));
}
