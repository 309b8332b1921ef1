// The machine itself: precompiles, arithmetic and limits. What agrees with the peer is compared; what differs is stated.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Wallet, concat, id, keccak256, toBeHex, zeroPadValue } from "ethers";
import { Run, compare } from "./compare.js";
import { startBoth } from "./network.js";

let networks;
let probes;
before(async () => {
  networks = await startBoth();
  probes = await both((network) => deployed(network, "Probe"));
}, { timeout: 240_000 });
after(async () => { await networks?.stop(); });

const both = async (ask) => {
  const [based, peer] = await Promise.all([ask(networks.based), ask(networks.peer)]);
  return { based, peer };
};

describe("precompiles", { concurrency: true }, () => {
  const signer = new Wallet(id("signer"));
  const signature = signer.signingKey.sign(id("message"));
  const recover = concat([id("message"), word(BigInt(signature.v)), signature.r, signature.s]);
  // Generator of the second group of alt_bn128, and the first group's generator with its negative.
  const second = [
    0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2n,
    0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6edn,
    0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975bn,
    0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daan,
  ];
  const minus = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45n;
  const blake = `0x0000000c48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b616263${"00".repeat(125)}0300000000000000000000000000000001`;
  const cases = [
    ["ecrecover", 1, recover],
    ["ecrecover of a broken signature", 1, concat([id("message"), word(99n), signature.r, signature.s])],
    ["sha256", 2, "0x616263"],
    ["sha256 of nothing", 2, "0x"],
    ["ripemd160", 3, "0x616263"],
    ["identity", 4, "0x0102030405"],
    ["modexp", 5, words(1n, 1n, 1n).concat("030507")],
    ["modexp of 256 bytes", 5, concat([words(256n, 3n, 256n), id("a").padEnd(514, "7"), "0x010001", id("b").padEnd(514, "9")])],
    ["modexp modulo zero", 5, words(1n, 1n, 1n).concat("030500")],
    ["bn128 addition", 6, words(1n, 2n, 1n, 2n)],
    ["bn128 addition off the curve", 6, words(1n, 3n, 1n, 2n)],
    ["bn128 multiplication", 7, words(1n, 2n, 123456789n)],
    ["bn128 pairing of nothing", 8, "0x"],
    ["bn128 pairing that holds", 8, words(1n, 2n, ...second, 1n, minus, ...second)],
    ["bn128 pairing that does not", 8, words(1n, 2n, ...second, 1n, 2n, ...second)],
    ["bn128 pairing of a wrong length", 8, words(1n)],
    ["blake2f", 9, blake],
    ["blake2f of a wrong length", 9, blake.slice(0, -2)],
    ["point evaluation of a broken proof", 10, `0x01${"00".repeat(191)}`],
    ["p256 of a broken signature", 256, words(1n, 2n, 3n, 4n, 5n)],
  ];
  for (const [name, address, data] of cases) {
    it(name, async () => {
      const to = zeroPadValue(toBeHex(address), 20);
      const answers = await both((network) => outcome(network.rpc("eth_call", [{ to, data }, "latest"])));
      assert.deepEqual(answers.based, answers.peer);
    });
  }

  it("differs: the BLS12-381 precompiles of EIP-2537 are not there", async () => {
    const call = (network) => network.rpc("eth_call", [{ to: zeroPadValue("0x0b", 20), data: `0x${"00".repeat(256)}` }, "latest"]);
    const answers = await both(call);
    assert.equal(answers.peer.length, 2 + 256);
    assert.equal(answers.based, "0x");
  });
});

describe("instructions", { concurrency: true }, () => {
  const top = "5f5260205ff3";
  const programs = {
    "size of the code": `38${top}`,
    "position in the code": `58${top}`,
    "no return data yet": `3d${top}`,
    "size of memory": `6001607f525960005260206000f3`,
    "copy in memory": `602a5f5260205f60405e6040515f5260205ff3`,
    "leading zeros": `60011e${top}`,
    "transient storage": `602a60015d60015c${top}`,
    "code hash of nobody": `73${"11".repeat(20)}3f${top}`,
    "hash of a block ahead": `63ffffffff40${top}`,
    "value sent": `34${top}`,
    "signed division of the least number": `5f19600160ff1b05${top}`,
    "a jump to no destination": "600056",
    "an undefined instruction": "0c",
    "the designated invalid instruction": "fe",
    "a stack that is empty": "01",
    "a stack that is full": `${"5f".repeat(1_025)}`,
    "return data beyond its end": "60205f5f3e",
    "code of the greatest size": "6160005ff3",
    "code beyond it": "6160015ff3",
  };
  for (const [name, program] of Object.entries(programs)) {
    it(name, async () => {
      const answers = await both((network) => outcome(network.rpc("eth_call", [{ data: `0x${program}` }, "latest"])));
      assert.deepEqual(answers.based, answers.peer);
    });
  }

  it("random arithmetic gives the peer's numbers", { timeout: 180_000 }, async () => {
    const random = generator(20_260_101);
    for (let round = 0; round < 24; round += 1) {
      const data = arithmetic(random);
      const answers = await both((network) => network.rpc("eth_call", [{ data }, "latest"]));
      assert.equal(answers.based, answers.peer, data);
    }
  });

  it("differs: CALLCODE, BLOBHASH and BLOBBASEFEE fail", async () => {
    for (const program of [`5f5f5f5f5f60045af2${top}`, `5f49${top}`, `4a${top}`]) {
      const answers = await both((network) => outcome(network.rpc("eth_call", [{ data: `0x${program}` }, "latest"])));
      assert.ok(answers.peer.data);
      assert.ok(answers.based.failed, program);
    }
  });

  it("differs: precompiles have the code hash of an account without code", async () => {
    const { based, peer } = await both((network) => network.rpc("eth_call", [{ data: `0x60013f${top}` }, "latest"]));
    assert.equal(based, keccak256("0x"));
    assert.equal(BigInt(peer), 0n);
  });

  it("differs: code that begins with 0xEF can be made (EIP-3541), and never runs", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "EIP-3541");
    const owner = await run.account("owner");
    const program = `0x76ef0100${"11".repeat(20)}5f5260176009f3`;
    assert.ok((await outcome(networks.peer.rpc("eth_call", [{ data: program }, "latest"]))).failed);
    const { contractAddress } = await (await owner.sendTransaction({ data: program })).wait();
    assert.equal(await run.provider.getCode(contractAddress), `0xef0100${"11".repeat(20)}`);
    assert.ok((await outcome(run.network.rpc("eth_call", [{ to: contractAddress }, "latest"]))).failed);
  });

  it("differs: block.prevrandao is a constant", async () => {
    const seen = new Set();
    for (let block = 0; block < 3; block += 1) {
      seen.add((await probes.based.environment()).prevrandao);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    assert.deepEqual([...seen], [2_500_000_000_000_000n]);
  });

  it("what contracts see of block and chain is what the RPC says", async () => {
    await both(async (network) => {
      const probe = network === networks.based ? probes.based : probes.peer;
      const number = await network.provider.getBlockNumber();
      const block = await network.provider.getBlock(number);
      const environment = await probe.environment({ blockTag: number });
      assert.equal(environment.limit, block.gasLimit, network.name);
      const [chain, , , , base] = await probe.context({ blockTag: number });
      assert.equal(chain, BigInt(network.chainId));
      assert.ok(base <= block.baseFeePerGas, `${network.name}: ${base} ${block.baseFeePerGas}`);
    });
  });

  it("contracts read hashes of earlier blocks", { timeout: 180_000 }, async () => {
    await both(async (network) => {
      const probe = network === networks.based ? probes.based : probes.peer;
      let number = 0;
      while (number < 4) number = await network.provider.getBlockNumber();
      const { hash } = await network.provider.getBlock(number - 2);
      const seen = [];
      for (const distance of [1n, 2n, 3n]) seen.push(await probe.ancestor(distance, { blockTag: number }));
      assert.ok(seen.includes(hash), `${network.name}: ${hash} of ${seen}`);
    });
  });
});

describe("limits", { concurrency: true }, () => {
  it("differs: a call reaches 25 calls deep, not 1,024", async () => {
    const depth = await both((network) => of(network).dive.staticCall(0n));
    assert.equal(depth.based, 25n);
    assert.ok(depth.peer > 100n, `${depth.peer}`);
  });

  it("differs: a contract has 1 MiB of memory", async () => {
    const grown = (bytes) => both((network) => outcome(of(network).grow(bytes)));
    const small = await grown(1_000_000n);
    assert.deepEqual(small.based, small.peer);
    const large = await grown(1_100_000n);
    assert.ok(large.peer.data);
    assert.ok(large.based.failed);
  });

  it("differs: return data has 128 KiB at most", async () => {
    const answered = (bytes) => both((network) => outcome(of(network).answer(bytes)));
    const small = await answered(130_000n);
    assert.deepEqual(small.based, small.peer);
    const large = await answered(140_000n);
    assert.ok(large.peer.data);
    assert.ok(large.based.failed);
  });

  it("differs: an event has 64 KiB at most", async () => {
    const noted = (bytes) => both((network) => outcome(of(network).note.staticCall(1n, bytes)));
    const small = await noted(65_000n);
    assert.deepEqual(small.based, small.peer);
    const large = await noted(70_000n);
    assert.ok(large.peer.data !== undefined);
    assert.ok(large.based.failed);
  });

  it("differs: transient storage has 4 KiB", async () => {
    // Writes so many slots of transient storage.
    const program = (slots) => `0x${Array.from({ length: slots }, (_, slot) => `600160${(slot + 1).toString(16).padStart(2, "0")}5d`).join("")}00`;
    const written = (slots) => both((network) => outcome(network.rpc("eth_call", [{ data: program(slots) }, "latest"])));
    const few = await written(20);
    assert.deepEqual(few.based, few.peer);
    const many = await written(200);
    assert.ok(many.peer.data);
    assert.ok(many.based.failed);
  });

  it("a transaction clears what another stored, and the deposit comes back", { timeout: 180_000 }, async () => {
    await compare(networks, "store and clear", async (run) => {
      const owner = await run.account("owner");
      const probe = await run.deploy(owner, "Probe");
      const balance = () => run.provider.getBalance(owner.address);
      const start = await balance();
      await run.send("store", probe.store(0n, 100n));
      const stored = await balance();
      run.note("last slot", await probe.slots(99n));
      await run.send("clear", probe.clear(0n, 100n));
      const cleared = await balance();
      run.note("last slot after", await probe.slots(99n));
      assert.ok(stored < start);
      if (run.network === networks.based) assert.ok(cleared > stored, `${stored} ${cleared}`);
    });
  });
});

const of = (network) => (network === networks.based ? probes.based : probes.peer);

async function deployed(network, name) {
  const run = new Run(network, "machine");
  return run.deploy(await run.account(name), name);
}

/** What was answered, or that nothing was. */
async function outcome(asked) {
  try {
    const data = await asked;
    return { data };
  } catch (error) {
    assert.ok(error.rpc || error.code === "CALL_EXCEPTION", error.message);
    return { failed: true };
  }
}

function word(number) { return zeroPadValue(toBeHex(number), 32); }

function words(...numbers) { return concat(numbers.map(word)); }

/** A small generator of 32-bit numbers that always gives the same ones (xorshift). */
function generator(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Init code that computes 32 random things and returns them all. */
function arithmetic(random) {
  const three = ["08", "09"];
  const two = ["01", "02", "03", "04", "05", "06", "07", "0a", "0b", "10", "11", "12", "13", "14", "16", "17", "18", "1a", "1b", "1c", "1d"];
  const one = ["15", "19", "1e"];
  const operand = () => {
    const shape = random(4);
    if (shape === 0) return word(BigInt(random(260)));
    if (shape === 1) return word((1n << 256n) - 1n - BigInt(random(260)));
    if (shape === 2) return word(1n << BigInt(random(256)));
    return id(`${random(1 << 30)}`);
  };
  const step = (slot) => {
    const [count, instructions] = [[3, three], [2, two], [2, two], [2, two], [1, one]][random(5)];
    const pushed = Array.from({ length: count }, () => `7f${operand().slice(2)}`).join("");
    return `${pushed}${instructions[random(instructions.length)]}61${(slot * 32).toString(16).padStart(4, "0")}52`;
  };
  return `0x${Array.from({ length: 32 }, (_, slot) => step(slot)).join("")}6104005ff3`;
}
