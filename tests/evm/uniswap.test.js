// Uniswap v2 as published on npm: the same trades on BasedAI and on the peer, every number equal.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { MaxUint256, concat, getCreate2Address, keccak256, parseEther, solidityPackedKeccak256, toQuantity } from "ethers";
import { Run, compare } from "./compare.js";
import { startBoth } from "./network.js";

let networks;
before(async () => { networks = await startBoth(); }, { timeout: 240_000 });
after(async () => { await networks?.stop(); });

const same = (name, script) => it(name, { timeout: 180_000 }, () => compare(networks, name, script));

describe("Uniswap v2", { concurrency: true }, () => {
  same("two tokens: pool, swaps both ways, withdrawal", async (run) => {
    const owner = await run.account("owner");
    const { router, factory } = await exchange(run, owner);
    const red = await run.deploy(owner, "Coin", "Red", "RED", parseEther("1000000"));
    const blue = await run.deploy(owner, "Coin", "Blue", "BLUE", parseEther("1000000"));
    const [a, b] = [await red.getAddress(), await blue.getAddress()];
    const spender = await router.getAddress();
    await run.send("approve red", red.approve(spender, MaxUint256));
    await run.send("approve blue", blue.approve(spender, MaxUint256));
    const state = async (step, pair) => {
      const [first, second] = await pair.getReserves();
      run.note(`${step}: reserves`, [first, second]);
      run.note(`${step}: balances`, [await red.balanceOf(owner.address), await blue.balanceOf(owner.address)]);
      run.note(`${step}: shares`, [await pair.totalSupply(), await pair.balanceOf(owner.address), await pair.kLast()]);
    };

    await run.send("add liquidity", router.addLiquidity(a, b, parseEther("1000"), parseEther("4000"), 0n, 0n, owner.address, MaxUint256));
    const address = run.note("pair", await factory.getPair(a, b));
    assert.equal(address, predicted(run, await factory.getAddress(), a, b));
    const pair = run.at("UniswapV2Pair", address, owner);
    await state("added", pair);
    await run.send("add out of proportion", router.addLiquidity(a, b, parseEther("10"), parseEther("100"), 0n, 0n, owner.address, MaxUint256));
    await state("added again", pair);
    for (const [step, path, amount] of [["red for blue", [a, b], "7.5"], ["blue for red", [b, a], "123.456789"]]) {
      await run.read(`${step}: quote`, router.getAmountsOut(parseEther(amount), path));
      await run.send(step, router.swapExactTokensForTokens(parseEther(amount), 0n, path, owner.address, MaxUint256));
      await state(step, pair);
    }
    await run.read("exact blue: quote", router.getAmountsIn(parseEther("3"), [a, b]));
    await run.send("exact blue", router.swapTokensForExactTokens(parseEther("3"), MaxUint256, [a, b], owner.address, MaxUint256));
    await state("exact blue", pair);
    await run.send("expired", router.swapExactTokensForTokens(1n, 0n, [a, b], owner.address, 1n));
    await run.send("price moved", router.swapExactTokensForTokens(1_000n, MaxUint256, [a, b], owner.address, MaxUint256));
    await run.send("no such pair", router.swapExactTokensForTokens(1n, 0n, [a, spender], owner.address, MaxUint256));
    await run.send("pair again", factory.createPair(b, a));
    await run.send("approve shares", pair.approve(spender, MaxUint256));
    const shares = (await pair.balanceOf(owner.address)) / 3n;
    await run.send("remove a third", router.removeLiquidity(a, b, shares, 0n, 0n, owner.address, MaxUint256));
    await state("removed", pair);
    const [domain, typed, message] = await sharesPermit(run, pair, owner.address, spender, shares);
    const signature = await owner.signTypedData(domain, typed, message);
    await run.send("remove by signature", router.removeLiquidityWithPermit(
      a, b, shares, 0n, 0n, owner.address, MaxUint256, false,
      parseInt(signature.slice(130), 16), signature.slice(0, 66), `0x${signature.slice(66, 130)}`,
    ));
    await state("removed by signature", pair);
  });

  same("coins: wrapping, a pool with coins, a route over three", async (run) => {
    const [owner, trader] = [await run.account("owner", "5000"), await run.account("trader")];
    const { router, factory, wrapped } = await exchange(run, owner);
    const red = await run.deploy(owner, "Coin", "Red", "RED", parseEther("1000000"));
    const blue = await run.deploy(owner, "Coin", "Blue", "BLUE", parseEther("1000000"));
    const [a, b, w] = [await red.getAddress(), await blue.getAddress(), await wrapped.getAddress()];
    const spender = await router.getAddress();
    await run.send("approve red", red.approve(spender, MaxUint256));
    await run.send("approve blue", blue.approve(spender, MaxUint256));
    const held = async (step) => {
      run.note(`${step}: red, blue`, [await red.balanceOf(trader.address), await blue.balanceOf(trader.address)]);
      run.note(`${step}: wrapped coins`, await run.provider.getBalance(w));
    };

    for (const [token, amount] of [[a, "500"], [b, "800"]]) {
      await run.send("add with coins", router.addLiquidityETH(token, parseEther(amount), 0n, 0n, owner.address, MaxUint256, { value: parseEther("1000") }));
      run.note("pair", await factory.getPair(token, w));
    }
    await held("pools");
    const trade = router.connect(trader);
    await run.send("coins for red", trade.swapExactETHForTokens(0n, [w, a], trader.address, MaxUint256, { value: parseEther("2") }));
    await run.send("coins for exact blue, rest back", trade.swapETHForExactTokens(parseEther("1"), [w, b], trader.address, MaxUint256, { value: parseEther("5") }));
    await held("bought");
    await run.send("approve", red.connect(trader).approve(spender, MaxUint256));
    await run.send("red for blue over coins", trade.swapExactTokensForTokens(parseEther("0.5"), 0n, [a, w, b], trader.address, MaxUint256));
    await run.send("red for coins", trade.swapExactTokensForETH(parseEther("0.1"), 0n, [a, w], trader.address, MaxUint256));
    await held("sold");
    const pair = run.at("UniswapV2Pair", await factory.getPair(a, w), owner);
    await run.send("approve shares", pair.approve(spender, MaxUint256));
    const shares = await pair.balanceOf(owner.address);
    await run.send("remove with coins", router.removeLiquidityETH(a, shares, 0n, 0n, owner.address, MaxUint256));
    await held("removed");
    await run.send("deposit", wrapped.connect(trader).deposit({ value: 77n }));
    await run.send("withdraw", wrapped.connect(trader).withdraw(70n));
    await run.send("withdraw too much", wrapped.connect(trader).withdraw(70n));
    await run.read("wrapped", wrapped.balanceOf(trader.address));
  });

  it("differs: at a named block gas is estimated as if no time passed, otherwise for the coming one", { timeout: 180_000 }, async () => {
    const run = new Run(networks.based, "estimate");
    const owner = await run.account("owner");
    const { router, factory } = await exchange(run, owner);
    const coins = [await run.deploy(owner, "Coin", "Red", "RED", 10n ** 9n), await run.deploy(owner, "Coin", "Blue", "BLUE", 10n ** 9n)];
    const path = await Promise.all(coins.map((coin) => coin.getAddress()));
    for (const coin of coins) await (await coin.approve(await router.getAddress(), MaxUint256)).wait();
    const add = await (await router.addLiquidity(...path, 10n ** 8n, 10n ** 8n, 0n, 0n, owner.address, MaxUint256)).wait();
    assert.ok(await factory.getPair(...path));
    const swap = await router.swapExactTokensForTokens.populateTransaction(1_000n, 0n, path, owner.address, MaxUint256);
    const estimate = (...block) => run.network.rpc("eth_estimateGas", [{ ...swap, from: owner.address }, ...block]).then(BigInt);
    const [named, pending, unsaid] = [await estimate(toQuantity(add.blockNumber)), await estimate("pending"), await estimate()];
    assert.ok(named < pending, `${named} ${pending}`);
    assert.equal(unsaid, pending);
  });
});

async function exchange(run, owner) {
  const factory = await run.deploy(owner, "UniswapV2Factory", owner.address);
  const wrapped = await run.deploy(owner, "WETH9");
  const router = await run.deploy(owner, "UniswapV2Router02", await factory.getAddress(), await wrapped.getAddress());
  return { factory, wrapped, router };
}

/** Where CREATE2 puts a pair on Ethereum: the router computes the same from the hash it was compiled with. */
function predicted(run, factory, a, b) {
  const [first, second] = [a, b].sort((x, y) => (BigInt(x) < BigInt(y) ? -1 : 1));
  const salt = solidityPackedKeccak256(["address", "address"], [first, second]);
  const initCode = keccak256(concat([run.artifact("UniswapV2Pair").bytecode]));
  return getCreate2Address(factory, salt, initCode);
}

async function sharesPermit(run, pair, owner, spender, value) {
  const domain = { name: "Uniswap V2", version: "1", chainId: run.network.chainId, verifyingContract: await pair.getAddress() };
  const fields = [["owner", "address"], ["spender", "address"], ["value", "uint256"], ["nonce", "uint256"], ["deadline", "uint256"]];
  const types = { Permit: fields.map(([name, type]) => ({ name, type })) };
  return [domain, types, { owner, spender, value, nonce: await pair.nonces(owner), deadline: MaxUint256 }];
}
