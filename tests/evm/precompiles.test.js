// The chain's own pallets as contracts: Pepecoin, Brains, stakes, peers, spending accounts, through wallets and contracts.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Contract, Interface, MaxUint256, ZeroAddress, concat, id, parseEther } from "ethers";
import { Run, eventually } from "./compare.js";
import { call, startBased } from "./network.js";

const AT = {
  pepecoin: "0x0000000000000000000000000000000008000000",
  IBrains: "0x0000000000000000000000000000000008010000",
  IStaking: "0x0000000000000000000000000000000008020000",
  IRegistry: "0x0000000000000000000000000000000008030000",
  ICompute: "0x0000000000000000000000000000000008040000",
  IEmission: "0x0000000000000000000000000000000008050000",
  ILinks: "0x0000000000000000000000000000000008060000",
};
const DEMO_BRAIN = 7;
const based = join(process.env.BASED_BIN ?? "../../target/release", "based");

let network;
before(async () => { network = await startBased(); }, { timeout: 150_000 });
after(async () => { await network?.stop(); });

/**
 * Runs the command line as the development account //Alice, until the Ethereum RPC has the blocks that it saw; throws
 * what it says.
 */
async function alice(...args) {
  const all = ["--node", network.node.url, "--uri", "//Alice", "--json", ...args];
  const { stdout } = await promisify(execFile)(based, all).catch((error) => error);
  const answer = JSON.parse(stdout);
  if (answer.error) throw new Error(answer.error);
  const best = BigInt((await call(network.node.url.replace("ws:", "http:"), "chain_getHeader")).number);
  await eventually(async () => assert.ok(BigInt(await network.rpc("eth_blockNumber")) >= best));
  return answer;
}

/** An account of an Ethereum wallet with coins and Pepecoin. */
async function owner(run, label, pepecoin) {
  const wallet = await run.account(label, "1000");
  if (pepecoin) await alice("transfer", concat([wallet.address, `0x${"ee".repeat(12)}`]), pepecoin, "--pepecoin");
  return wallet;
}

const of = (run, name, wallet) => run.at(name, AT[name], wallet);
const coin = (run, wallet) => new Contract(AT.pepecoin, run.artifact("ERC20Permit").abi, wallet ?? run.provider);
const mined = async (sent) => (await sent).wait();
/** The reason for which a call is refused. */
const reason = async (asked) => {
  try {
    await asked;
  } catch (error) {
    return error.reason ?? error.shortMessage;
  }
  return assert.fail("it was not refused");
};

describe("the chain's own contracts", () => {
  it("Pepecoin is an ERC-20 token with permits", { timeout: 120_000 }, async () => {
    const run = new Run(network, "pepecoin");
    const holder = await owner(run, "holder", "500");
    const [friend, spender] = [await run.account("friend"), await run.account("spender")];
    const pepecoin = coin(run, holder);
    assert.deepEqual([await pepecoin.name(), await pepecoin.symbol(), await pepecoin.decimals()], ["Pepecoin", "PEPECOIN", 18n]);
    assert.equal(await pepecoin.balanceOf(holder.address), parseEther("500"));
    const supply = await pepecoin.totalSupply();

    const sent = await mined(pepecoin.transfer(friend.address, parseEther("20")));
    const [{ name, args }] = sent.logs.map((log) => pepecoin.interface.parseLog(log));
    assert.deepEqual([name, ...args], ["Transfer", holder.address, friend.address, parseEther("20")]);
    assert.equal(await pepecoin.balanceOf(friend.address), parseEther("20"));
    assert.ok(await reason(pepecoin.transfer.staticCall(friend.address, parseEther("481"))));

    await mined(pepecoin.approve(spender.address, parseEther("5")));
    assert.equal(await pepecoin.allowance(holder.address, spender.address), parseEther("5"));
    await mined(coin(run, spender).transferFrom(holder.address, friend.address, parseEther("2")));
    assert.equal(await pepecoin.allowance(holder.address, spender.address), parseEther("3"));

    const { chainId } = network;
    const domain = { name: "Pepecoin", version: "1", chainId, verifyingContract: AT.pepecoin };
    const types = { Permit: ["owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256"]
      .map((field) => ({ name: field.split(":")[0], type: field.split(":")[1] })) };
    const permit = async (value) => {
      const nonce = await pepecoin.nonces(holder.address);
      const message = { owner: holder.address, spender: spender.address, value, nonce, deadline: 10n ** 12n };
      const signature = await holder.signTypedData(domain, types, message);
      return [...Object.values(message).filter((field) => field !== nonce), parseInt(signature.slice(130), 16),
        signature.slice(0, 66), `0x${signature.slice(66, 130)}`];
    };
    const signed = await permit(parseEther("9"));
    await mined(coin(run, spender).permit(...signed));
    assert.equal(await pepecoin.allowance(holder.address, spender.address), parseEther("9"));
    assert.ok(await reason(coin(run, spender).permit.staticCall(...signed)), "a permit is good once");
    assert.equal(await pepecoin.totalSupply(), supply);
  });

  it("Brains are ERC-721 tokens that wallets buy, approve and trade", { timeout: 240_000 }, async () => {
    const run = new Run(network, "brains");
    const [seller, buyer] = [await owner(run, "seller", "5000"), await owner(run, "buyer", "900")];
    const brains = of(run, "IBrains", seller);
    const [brain, price] = [500n, await brains.burnPrice()];
    assert.match(await reason(brains.acquire.staticCall(brain, false, price - 1n)), /^Brains\./);
    const bought = await mined(brains.acquire(brain, false, price));
    const log = brains.interface.parseLog(bought.logs.at(-1));
    assert.deepEqual([log.name, ...log.args], ["Transfer", ZeroAddress, seller.address, brain]);
    assert.deepEqual([await brains.ownerOf(brain), await brains.balanceOf(seller.address)], [seller.address, 1n]);
    assert.equal(await coin(run).balanceOf(seller.address), parseEther("5000") - price);
    const page = JSON.parse(Buffer.from((await brains.tokenURI(brain)).split(",")[1], "base64"));
    assert.equal(page.name, "Brain 500");

    const market = await run.deploy(seller, "Market", AT.pepecoin, AT.IBrains);
    const at = await market.getAddress();
    assert.equal(await reason(market.sell.staticCall(brain, 1n)), "Ethereum.NotApproved");
    await mined(brains.approve(at, brain));
    assert.equal(await brains.getApproved(brain), at);
    await mined(market.sell(brain, parseEther("700")));
    assert.deepEqual([await brains.ownerOf(brain), await brains.getApproved(brain)], [at, ZeroAddress]);
    await mined(coin(run, buyer).approve(at, parseEther("700")));
    await mined(market.connect(buyer).buy(brain));
    assert.equal(await brains.ownerOf(brain), buyer.address);
    assert.equal(await coin(run).balanceOf(buyer.address), parseEther("200"));

    // Operators act for all Brains of an owner, until they no longer do.
    const theirs = of(run, "IBrains", buyer);
    await mined(theirs.setApprovalForAll(seller.address, true));
    assert.equal(await brains.isApprovedForAll(buyer.address, seller.address), true);
    const safely = brains["safeTransferFrom(address,address,uint256)"];
    const deaf = await run.deploy(seller, "Misuse");
    assert.match(await reason(safely.staticCall(buyer.address, await deaf.getAddress(), brain)), /does not take/);
    assert.match(await reason(brains.transferFrom.staticCall(buyer.address, ZeroAddress, brain)), /zero address/);
    await mined(theirs.setApprovalForAll(seller.address, false));
    assert.equal(await reason(safely.staticCall(buyer.address, seller.address, brain)), "Ethereum.NotApproved");
    assert.equal(await reason(brains.ownerOf(501n)), "there is no such Brain");
  });

  it("a receiver that hands a Brain on at once leaves one owner", { timeout: 120_000 }, async () => {
    const run = new Run(network, "reentry");
    const seller = await owner(run, "seller", "5000");
    const brains = of(run, "IBrains", seller);
    await mined(brains.acquire(600n, false, MaxUint256 >> 128n));
    const next = (await run.account("next")).address;
    const receiver = await run.deploy(seller, "Reenter", AT.IBrains, next);
    const safely = brains["safeTransferFrom(address,address,uint256)"];
    const receipt = await mined(safely(seller.address, await receiver.getAddress(), 600n));
    assert.equal(await brains.ownerOf(600n), next);
    const hops = receipt.logs.map((log) => brains.interface.parseLog(log)).map(({ args }) => [args.from, args.to]);
    assert.deepEqual(hops, [[seller.address, await receiver.getAddress()], [await receiver.getAddress(), next]]);
  });

  it("staked Brains refuse transfers", { timeout: 120_000 }, async () => {
    const run = new Run(network, "staked");
    const seller = await owner(run, "seller", "100000");
    const brains = of(run, "IBrains", seller);
    await mined(brains.acquire(700n, true, parseEther("100000")));
    assert.equal(await reason(brains.transferFrom.staticCall(seller.address, AT.IBrains, 700n)), "Brains.StakedBrain");
  });

  it("wallets and contracts stake, and what fails leaves nothing", { timeout: 120_000 }, async () => {
    const run = new Run(network, "staking");
    const wallet = await run.account("wallet", "200");
    const staking = of(run, "IStaking", wallet);
    await mined(staking.stake(DEMO_BRAIN, ZeroAddress, parseEther("10")));
    assert.equal(await staking.staked(wallet.address, DEMO_BRAIN, ZeroAddress), parseEther("10"));
    const poor = await run.deploy(wallet, "Staker", AT.IStaking);
    assert.ok(await reason(poor.stake.staticCall(DEMO_BRAIN, parseEther("1"))), "it has no coins");
    const rich = await run.deployWith(wallet, { value: parseEther("20") }, "Staker", AT.IStaking);
    const before = await staking.stakeOfBrain(DEMO_BRAIN);
    assert.equal(await reason(rich.stakeAndFail.staticCall(DEMO_BRAIN, parseEther("3"))), "changed its mind");
    await mined(rich.tried(DEMO_BRAIN, parseEther("3")));
    assert.equal(await staking.stakeOfBrain(DEMO_BRAIN), before);
    await mined(rich.stake(DEMO_BRAIN, parseEther("3")));
    assert.equal(await staking.stakeOfBrain(DEMO_BRAIN), before + parseEther("3"));
    assert.equal(await staking.staked(await rich.getAddress(), DEMO_BRAIN, ZeroAddress), parseEther("3"));
    await mined(staking.unstake(DEMO_BRAIN, ZeroAddress, parseEther("10")));
    assert.equal(await staking.staked(wallet.address, DEMO_BRAIN, ZeroAddress), 0n);
    assert.equal(await reason(staking.stake.staticCall(DEMO_BRAIN, wallet.address, 10n ** 18n)), "Staking.NotValidator");
  });

  it("peers, spending accounts, rewards and links answer", { timeout: 120_000 }, async () => {
    const run = new Run(network, "others");
    const wallet = await run.account("wallet", "500");
    const registry = of(run, "IRegistry", wallet);
    const join = ["0x00000000000000000000ffff7f000001", 40_000, id("key"), 0, 64, parseEther("1000")];
    await mined(registry.memorize(DEMO_BRAIN, 0, ...join));
    const [found, uid] = await registry.uidOf(DEMO_BRAIN, wallet.address);
    assert.equal(found, true);
    const [peer] = await registry.peers(DEMO_BRAIN, uid, 1);
    assert.deepEqual([peer.account, peer.role, peer.port], [wallet.address, 0n, 40_000n]);
    assert.match(await reason(registry.memorize.staticCall(DEMO_BRAIN, 9, ...join)), /role/);
    await mined(registry.leave(DEMO_BRAIN));

    const compute = of(run, "ICompute", wallet);
    const opening = [wallet.address, 0, parseEther("5"), parseEther("5"), 1_000_000];
    const account = await compute.open.staticCall(...opening);
    await mined(compute.open(...opening));
    await mined(compute.topUp(account, parseEther("1")));
    const held = await compute.accountOf(account);
    assert.deepEqual([held.owner, held.balance, held.closing], [wallet.address, parseEther("6"), false]);
    await mined(compute.close(account));
    assert.equal((await compute.accountOf(account)).closing, true);
    assert.equal(await reason(compute.close.staticCall(account)), "Compute.AlreadyClosing");

    const emission = of(run, "IEmission", wallet);
    assert.equal(await emission.blockReward(), parseEther("10"));
    assert.equal(await emission.earned(wallet.address), 0n);
    assert.equal(await reason(emission.claim.staticCall(wallet.address)), "Emission.NothingToClaim");
  });

  it("an account of the chain is linked to a wallet that signs typed data", { timeout: 120_000 }, async () => {
    const run = new Run(network, "links");
    const wallet = await run.account("wallet");
    const data = await alice("evm", "link", wallet.address);
    const { EIP712Domain, ...types } = data.types;
    const consent = await wallet.signTypedData(data.domain, types, data.message);
    await alice("evm", "link", wallet.address, "--consent", consent);
    const links = of(run, "ILinks");
    assert.equal(await links.linkedAccount(wallet.address), data.message.account);
    assert.equal(await links.linkedAddress(data.message.account), wallet.address);
    assert.equal((await alice("evm", "address")).linked, wallet.address.toLowerCase());
    // The same consent a second time, and one of another key.
    await assert.rejects(alice("evm", "link", wallet.address, "--consent", consent), /WrongConsent|did not sign/);
    await alice("evm", "unlink");
    assert.equal(BigInt(await links.linkedAccount(wallet.address)), 0n);
    await assert.rejects(alice("evm", "link", wallet.address, "--consent", consent), /WrongConsent|did not sign/);
  });

  it("calls with value, by delegatecall or by staticcall are refused", { timeout: 120_000 }, async () => {
    const run = new Run(network, "misuse");
    const wallet = await run.account("wallet");
    const misuse = await run.deploy(wallet, "Misuse");
    const error = new Interface(["function Error(string)"]);
    const said = ([done, answer]) => [done, error.decodeFunctionData("Error", answer)[0]];
    const calls = [
      [AT.pepecoin, coin(run).interface.encodeFunctionData("approve", [wallet.address, 1n])],
      [AT.IBrains, of(run, "IBrains").interface.encodeFunctionData("setApprovalForAll", [wallet.address, true])],
      [AT.IStaking, of(run, "IStaking").interface.encodeFunctionData("withdraw")],
      [AT.ICompute, of(run, "ICompute").interface.encodeFunctionData("close", [0n])],
    ];
    for (const [target, input] of calls) {
      const [delegated, why] = said(await misuse.delegated.staticCall(target, input));
      assert.equal(delegated, false);
      assert.match(why, /delegatecall/);
      const [paid, paidWhy] = said(await misuse.paid.staticCall(target, input, { value: 1n }));
      assert.equal(paid, false);
      assert.match(paidWhy, /takes no BASED/);
      assert.equal((await misuse.looked(target, input))[0], false);
      assert.equal(await run.provider.getBalance(target), 0n);
      assert.notEqual(await run.provider.getCode(target), "0x");
    }
  });
});
