// OpenZeppelin's standards: the same script on BasedAI and on the peer, every step with the same outcome.
import { after, before, describe, it } from "node:test";
import { AbiCoder, ZeroAddress, ZeroHash, concat, id, parseEther } from "ethers";
import { compare } from "./compare.js";
import { startBoth } from "./network.js";

let networks;
before(async () => { networks = await startBoth(); }, { timeout: 240_000 });
after(async () => { await networks?.stop(); });

const same = (name, script) => it(name, { timeout: 180_000 }, () => compare(networks, name, script));

describe("OpenZeppelin", { concurrency: true }, () => {
  same("ERC-20: transfers, allowances, burning, errors", async (run) => {
    const [owner, friend] = await accounts(run, "owner", "friend");
    const coin = await run.deploy(owner, "Coin", "Coin", "COIN", parseEther("1000"));
    const balances = async (step) => {
      for (const { address } of [owner, friend]) await run.read(`${step}: balance`, coin.balanceOf(address));
      await run.read(`${step}: supply`, coin.totalSupply());
    };
    await balances("minted");
    await run.read("decimals", coin.decimals());
    await run.send("transfer", coin.transfer(friend.address, parseEther("12.5")));
    await balances("transferred");
    await run.send("transfer of too much", coin.transfer(friend.address, parseEther("1001")));
    await run.send("transfer to nobody", coin.transfer(ZeroAddress, 1n));
    await run.send("transferFrom without allowance", coin.connect(friend).transferFrom(owner.address, friend.address, 1n));
    await run.send("approve", coin.approve(friend.address, 70n));
    await run.send("transferFrom", coin.connect(friend).transferFrom(owner.address, friend.address, 50n));
    await run.read("allowance left", coin.allowance(owner.address, friend.address));
    await run.send("burn", coin.connect(friend).burn(50n));
    await run.send("a failure that was paid for", coin.transfer(ZeroAddress, 1n, { gasLimit: 1_000_000n }));
    await balances("burnt");
    run.note("nonces", [await owner.getNonce(), await friend.getNonce()]);
  });

  same("ERC-20: an allowance by signature", async (run) => {
    const [owner, friend] = await accounts(run, "owner", "friend");
    const coin = await run.deploy(owner, "Coin", "Permitted", "PERM", 1_000n);
    const permit = async (value, deadline) => {
      const domain = { name: "Permitted", version: "1", chainId: run.network.chainId, verifyingContract: await coin.getAddress() };
      const fields = ["owner", "spender"].map((name) => ({ name, type: "address" }))
        .concat(["value", "nonce", "deadline"].map((name) => ({ name, type: "uint256" })));
      const message = { owner: owner.address, spender: friend.address, value, nonce: await coin.nonces(owner.address), deadline };
      const signature = await owner.signTypedData(domain, { Permit: fields }, message);
      return [owner.address, friend.address, value, deadline, ...vrs(signature)];
    };
    const good = await permit(10n, 1n << 60n);
    await run.send("permit", coin.connect(friend).permit(...good));
    await run.read("allowance", coin.allowance(owner.address, friend.address));
    await run.read("nonce", coin.nonces(owner.address));
    await run.send("expired", coin.connect(friend).permit(...await permit(10n, 1n)));
  });

  same("ERC-721: minting, receivers, enumeration, approvals", async (run) => {
    const [owner, friend] = await accounts(run, "owner", "friend");
    const picture = await run.deploy(owner, "Picture");
    const shelf = await run.deploy(owner, "Shelf");
    await run.send("mint", picture.mint(owner.address, 7n));
    await run.send("mint to a contract that accepts", picture.mint(await shelf.getAddress(), 8n));
    await run.send("mint to one that does not", picture.mint(await picture.getAddress(), 9n));
    await run.send("mint twice", picture.mint(owner.address, 7n));
    await run.send("mint by a stranger", picture.connect(friend).mint(friend.address, 9n));
    await run.read("owner", picture.ownerOf(7n));
    await run.read("nobody's", picture.ownerOf(99n));
    await run.read("address", picture.tokenURI(7n));
    await run.send("transfer by a stranger", picture.connect(friend).transferFrom(owner.address, friend.address, 7n));
    await run.send("approve", picture.approve(friend.address, 7n));
    const safe = picture.connect(friend)["safeTransferFrom(address,address,uint256)"];
    await run.send("transfer", safe(owner.address, friend.address, 7n));
    await run.read("first of friend", picture.tokenOfOwnerByIndex(friend.address, 0n));
    await run.read("second of friend", picture.tokenOfOwnerByIndex(friend.address, 1n));
    await run.read("is enumerable", picture.supportsInterface("0x780e9d63"));
  });

  same("ERC-1155: batches, receivers, operators", async (run) => {
    const [owner, friend] = await accounts(run, "owner", "friend");
    const goods = await run.deploy(owner, "Goods");
    const shelf = await run.deploy(owner, "Shelf");
    await run.send("mint", goods.mint(owner.address, [1n, 2n, 3n], [10n, 20n, 30n]));
    await run.send("uneven batch", goods.mint(owner.address, [1n, 2n], [10n]));
    const move = (by, from, to, ids, amounts) => goods.connect(by).safeBatchTransferFrom(from, to, ids, amounts, "0x");
    await run.send("batch to a contract", move(owner, owner.address, await shelf.getAddress(), [1n, 3n], [4n, 5n]));
    await run.send("by a stranger", move(friend, owner.address, friend.address, [1n], [1n]));
    await run.send("operator", goods.setApprovalForAll(friend.address, true));
    await run.send("by the operator", move(friend, owner.address, friend.address, [2n], [2n]));
    await run.send("of too much", move(owner, owner.address, friend.address, [2n], [1_000n]));
    await run.send("to a contract that does not accept", move(owner, owner.address, await goods.getAddress(), [2n], [1n]));
    await run.read("balances", goods.balanceOfBatch([owner.address, friend.address, await shelf.getAddress()], [2n, 2n, 3n]));
    await run.read("address", goods.uri(1n));
  });

  same("AccessControl: roles given, used, renounced, taken", async (run) => {
    const [owner, keeper] = await accounts(run, "owner", "keeper");
    const door = await run.deploy(owner, "Door");
    const role = id("KEEPER");
    await run.read("role", door.KEEPER());
    await run.send("without the role", door.connect(keeper).set(true));
    await run.send("grant by a stranger", door.connect(keeper).grantRole(role, keeper.address));
    await run.send("grant", door.grantRole(role, keeper.address));
    await run.send("use", door.connect(keeper).set(true));
    await run.read("open", door.open());
    await run.send("renounce for another", door.renounceRole(role, keeper.address));
    await run.send("renounce", door.connect(keeper).renounceRole(role, keeper.address));
    await run.send("revoke what is gone", door.revokeRole(role, keeper.address));
    await run.read("has", door.hasRole(role, keeper.address));
  });

  same("TimelockController: an operation waits its time", async (run) => {
    const [owner, anyone] = await accounts(run, "owner", "anyone");
    const delay = 6n;
    const clock = await run.deploy(owner, "Clock", delay, [owner.address], [ZeroAddress]);
    const coin = await run.deploy(owner, "Coin", "Locked", "LOCK", 500n);
    await run.send("endow", coin.transfer(await clock.getAddress(), 500n));
    const pay = coin.interface.encodeFunctionData("transfer", [anyone.address, 500n]);
    const operation = [await coin.getAddress(), 0n, pay, ZeroHash, id("salt")];
    const name = await run.read("id", clock.hashOperation(...operation));
    await run.send("schedule by a stranger", clock.connect(anyone).schedule(...operation, delay));
    await run.send("schedule too early", clock.schedule(...operation, delay - 1n));
    await run.send("schedule", clock.schedule(...operation, delay));
    await run.send("execute too early", clock.connect(anyone).execute(...operation));
    await run.read("state while waiting", clock.getOperationState(name));
    const planned = await clock.getTimestamp(name);
    await until(async () => BigInt((await run.provider.getBlock("latest")).timestamp) >= planned);
    await run.read("state when ready", clock.getOperationState(name));
    await run.send("execute", clock.connect(anyone).execute(...operation));
    await run.read("paid", coin.balanceOf(anyone.address));
    await run.send("execute again", clock.connect(anyone).execute(...operation));
    await run.send("cancel what is done", clock.cancel(name));
  });

  same("TransparentUpgradeableProxy: state outlives the code", async (run) => {
    const [owner, user] = await accounts(run, "owner", "user");
    const first = await run.deploy(owner, "BoxV1");
    const second = await run.deploy(owner, "BoxV2");
    const start = first.interface.encodeFunctionData("initialize", [41n]);
    const proxy = await run.deploy(owner, "TransparentUpgradeableProxy", await first.getAddress(), owner.address, start);
    const address = await proxy.getAddress();
    const box = run.at("BoxV2", address, user);
    await run.read("version", box.version());
    await run.read("value", box.value());
    await run.send("initialise again", run.at("BoxV1", address, user).initialize(1n));
    await run.send("initialise the implementation", first.initialize(1n));
    // EIP-1967's slots of administrator and implementation.
    const slot = async (name) => run.provider.getStorage(address, BigInt(id(name)) - 1n);
    const adminSlot = run.note("admin slot", await slot("eip1967.proxy.admin"));
    run.note("implementation slot", await slot("eip1967.proxy.implementation"));
    const admin = run.at("ProxyAdmin", `0x${adminSlot.slice(26)}`, owner);
    const relabel = second.interface.encodeFunctionData("relabel", ["new"]);
    await run.send("upgrade by a stranger", admin.connect(user).upgradeAndCall(address, await second.getAddress(), relabel));
    await run.send("upgrade", admin.upgradeAndCall(address, await second.getAddress(), relabel));
    await run.read("version after", box.version());
    await run.read("value after", box.value());
    await run.read("label after", box.label());
    run.note("implementation slot after", await slot("eip1967.proxy.implementation"));
    await run.send("upgrade to what is no contract", admin.upgradeAndCall(address, user.address, "0x"));
  });

  same("UUPS: an implementation that upgrades itself", async (run) => {
    const [owner] = await accounts(run, "owner");
    const first = await run.deploy(owner, "Self");
    const second = await run.deploy(owner, "SelfByTen");
    const begin = first.interface.encodeFunctionData("increment");
    const proxy = await run.deploy(owner, "ERC1967Proxy", await first.getAddress(), begin);
    const self = run.at("Self", await proxy.getAddress(), owner);
    await run.read("count before", self.count());
    await run.send("upgrade", self.upgradeToAndCall(await second.getAddress(), "0x"));
    await run.send("increment after", self.increment());
    await run.read("count", self.count());
    await run.send("not through a proxy", first.upgradeToAndCall(await second.getAddress(), "0x"));
    await run.send("to what is no implementation", self.upgradeToAndCall(owner.address, "0x"));
  });

  same("contracts made by contracts: CREATE and CREATE2 give the peer's addresses", async (run) => {
    const [owner] = await accounts(run, "owner");
    const maker = await run.deploy(owner, "Maker");
    for (const turn of [1, 2]) await run.send(`CREATE ${turn}`, maker.make());
    await run.send("CREATE2", maker.makeAt(id("salt")));
    await run.send("CREATE2 at the same salt", maker.makeAt(id("salt")));
    run.note("code", await run.provider.getCode(await maker.getAddress()));
    run.note("nonce of a contract", await run.provider.getTransactionCount(await maker.getAddress()));
    const proxy = concat(["0x3d602d80600a3d3981f3363d3d373d3d3d363d73", await maker.getAddress(), "0x5af43d82803e903d91602b57fd5bf3"]);
    const clone = await (await owner.sendTransaction({ data: proxy })).wait();
    await run.send("CREATE within a minimal proxy", run.at("Maker", clone.contractAddress, owner).make());
  });

  same("coins: to accounts and contracts, with and without their consent", async (run) => {
    const [owner] = await accounts(run, "owner");
    const till = await run.deploy(owner, "Till");
    const probe = await run.deploy(owner, "Probe");
    const stranger = id("a stranger").slice(0, 42);
    const balance = async (step, address) => run.note(`${step}: balance`, await run.provider.getBalance(address));
    await run.send("to a new account", owner.sendTransaction({ to: stranger, value: parseEther("0.25") }));
    await balance("new account", stranger);
    await run.send("one unit to another", owner.sendTransaction({ to: id("another").slice(0, 42), value: 1n }));
    await balance("one unit", id("another").slice(0, 42));
    await run.send("to a contract", owner.sendTransaction({ to: await till.getAddress(), value: 5n }));
    await run.send("through a contract, with a stipend", probe.pass(await till.getAddress(), { value: 6n }));
    await balance("contract", await till.getAddress());
    await run.send("to one that takes none", owner.sendTransaction({ to: await probe.getAddress(), value: 5n }));
    await run.send("to a function that takes none", owner.sendTransaction({
      to: await probe.getAddress(), value: 5n, data: probe.interface.encodeFunctionData("refusesValue"), gasLimit: 1_000_000n,
    }));
    await run.send("to one that does", probe.takesValue({ value: 9n }));
    await balance("kept", await probe.getAddress());
  });

  same("kinds of transactions: legacy, access list, dynamic fee", async (run) => {
    const [owner] = await accounts(run, "owner");
    const coin = await run.deploy(owner, "Coin", "Kinds", "KIND", 100n);
    const to = await coin.getAddress();
    const { gasPrice } = await run.provider.getFeeData();
    const accessList = [{ address: to, storageKeys: [ZeroHash] }];
    const pay = coin.interface.encodeFunctionData("transfer", [ZeroAddress.replace(/.$/, "1"), 1n]);
    await run.send("legacy", owner.sendTransaction({ to, data: pay, type: 0, gasPrice }));
    await run.send("access list", owner.sendTransaction({ to, data: pay, type: 1, gasPrice, accessList }));
    await run.send("dynamic fee", owner.sendTransaction({ to, data: pay, type: 2, accessList }));
  });

  same("reasons of failures reach the caller", async (run) => {
    const [owner] = await accounts(run, "owner");
    const probe = await run.deploy(owner, "Probe");
    await run.read("text", probe.failWithText("no, thank you"));
    await run.read("long text", probe.failWithText("x".repeat(1_000)));
    await run.read("custom", probe.failWithCustom(7n, "seven"));
    await run.read("panic: index", probe.failWithPanic([], 0n));
    await run.read("panic: overflow", probe.overflow((1n << 256n) - 1n));
    await run.read("unknown function", run.provider.call({ to: await probe.getAddress(), data: "0x12345678" }));
    await run.read("chain, sender and origin", probe.context().then(([, origin, sender]) => [origin, sender]));
    await run.read("calldata", probe.measure(AbiCoder.defaultAbiCoder().encode(["uint256[]"], [Array(900).fill(5n)])));
  });
});

const accounts = (run, ...labels) => Promise.all(labels.map((label) => run.account(label)));

/** A 65-byte signature as contracts take it: v, r, s. */
function vrs(signature) {
  return [parseInt(signature.slice(130), 16), signature.slice(0, 66), `0x${signature.slice(66, 130)}`];
}

async function until(condition) {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 200));
}
