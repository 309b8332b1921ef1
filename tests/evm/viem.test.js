// viem, the library under wagmi and most wallets' pages, with the settings of docs/evm.md: no code of ours between.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, defineChain, http, maxUint256,
  parseEther, parseSignature, webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Run } from "./compare.js";
import { BASED_CHAIN_ID, startBased } from "./network.js";

const SPENDER = "0x00000000000000000000000000000000000000ab";

let network;
let reader;
let wallet;
let coin;
before(async () => {
  network = await startBased();
  const run = new Run(network, "viem");
  const { privateKey } = await run.account("owner");
  const chain = defineChain({
    id: BASED_CHAIN_ID,
    name: "BasedAI",
    nativeCurrency: { name: "BASED", symbol: "BASED", decimals: 18 },
    rpcUrls: { default: { http: [network.url], webSocket: [network.url.replace("http", "ws")] } },
  });
  reader = createPublicClient({ chain, transport: http(), pollingInterval: 200 });
  wallet = createWalletClient({ chain, transport: http(), account: privateKeyToAccount(privateKey) });
  const { abi, bytecode } = run.artifact("Coin");
  const hash = await wallet.deployContract({ abi, bytecode, args: ["Coin", "COIN", parseEther("1000")] });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  coin = { abi, address: receipt.contractAddress };
}, { timeout: 240_000 });
after(async () => { await network?.stop(); });

describe("viem", () => {
  const read = (functionName, ...args) => reader.readContract({ ...coin, functionName, args });
  const write = async (functionName, ...args) => {
    const { request } = await reader.simulateContract({ ...coin, account: wallet.account, functionName, args });
    return reader.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
  };

  it("pays by a transaction with a fee of EIP-1559 that it estimated", { timeout: 180_000 }, async () => {
    const before = await reader.getBalance({ address: wallet.account.address });
    const hash = await wallet.sendTransaction({ to: SPENDER, value: parseEther("1") });
    const receipt = await reader.waitForTransactionReceipt({ hash });
    const sent = await reader.getTransaction({ hash });
    assert.equal(sent.type, "eip1559");
    assert.ok(receipt.effectiveGasPrice <= sent.maxFeePerGas);
    assert.equal(await reader.getBalance({ address: SPENDER }), parseEther("1"));
    const after = await reader.getBalance({ address: wallet.account.address });
    const fee = before - after - parseEther("1");
    assert.ok(fee > 0n && fee < parseEther("0.1"), `${fee}`);
  });

  it("simulates, sends and hears of a contract's events", { timeout: 180_000 }, async () => {
    const live = createPublicClient({ chain: reader.chain, transport: webSocket() });
    const heard = new Promise((resolve, reject) => {
      // The deployment's own transfer may still be on its way.
      const onLogs = (logs) => logs.filter(({ args }) => args.value === 42n).forEach(resolve);
      live.watchContractEvent({ ...coin, eventName: "Transfer", onLogs, onError: reject });
    });
    const receipt = await write("transfer", SPENDER, 42n);
    assert.equal(await read("balanceOf", SPENDER), 42n);
    const wanted = { from: wallet.account.address, to: SPENDER, value: 42n };
    const same = ({ args }) => assert.deepEqual(lower(args), lower(wanted));
    same(await heard);
    const range = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
    const logs = await reader.getContractEvents({ ...coin, eventName: "Transfer", ...range });
    assert.equal(logs.length, 1);
    same(logs[0]);
    await (await live.transport.getRpcClient()).close();
  });

  it("reads why a contract refuses", { timeout: 180_000 }, async () => {
    const asked = { ...coin, account: SPENDER, functionName: "transfer", args: [wallet.account.address, parseEther("1")] };
    const error = await reader.simulateContract(asked).then(() => assert.fail("not refused"), (error) => error);
    assert.ok(error instanceof BaseError, `${error}`);
    const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    assert.equal(revert?.data?.errorName, "ERC20InsufficientBalance");
    assert.equal(revert.data.args[2], parseEther("1"));
  });

  it("signs typed data that a contract takes", { timeout: 180_000 }, async () => {
    const owner = wallet.account.address;
    const domain = { name: "Coin", version: "1", chainId: BASED_CHAIN_ID, verifyingContract: coin.address };
    const types = { Permit: ["address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline"].map(field) };
    const message = { owner, spender: SPENDER, value: 7n, nonce: await read("nonces", owner), deadline: maxUint256 };
    const signed = await wallet.signTypedData({ domain, types, primaryType: "Permit", message });
    const { v, r, s } = parseSignature(signed);
    await write("permit", owner, SPENDER, 7n, maxUint256, Number(v), r, s);
    assert.equal(await read("allowance", owner, SPENDER), 7n);
  });
});

const field = (text) => {
  const [type, name] = text.split(" ");
  return { type, name };
};

/** Addresses are written in more than one case. */
const lower = (args) => Object.fromEntries(
  Object.entries(args).map(([key, value]) => [key, typeof value === "string" ? value.toLowerCase() : value]),
);
