// Deploys Uniswap v2 as published on npm: wrapped BASED, the factory of pools and the router that swaps (R151).
import { ContractFactory, JsonRpcProvider, Wallet } from "ethers";
import { contracts } from "./solidity.js";

const [url = "http://127.0.0.1:8545"] = process.argv.slice(2);
const key = process.env.KEY;
if (!key) {
  console.error("deploy-swap: KEY must hold the private key of an account with some BASED");
  process.exit(2);
}
const provider = new JsonRpcProvider(url, undefined, { polling: true });
const wallet = new Wallet(key, provider);

async function deploy(name, ...args) {
  const { abi, bytecode } = contracts()[name];
  const contract = await new ContractFactory(abi, bytecode, wallet).deploy(...args);
  await contract.waitForDeployment();
  return contract.getAddress();
}

try {
  const wrapped = await deploy("WETH9");
  const factory = await deploy("UniswapV2Factory", wallet.address);
  const router = await deploy("UniswapV2Router02", factory, wrapped);
  console.log(JSON.stringify({ wrapped, factory, router }));
} catch (error) {
  const said = error.error?.message ?? error.shortMessage ?? error.message;
  console.error(`deploy-swap: ${said}; is the server at ${url}, and has ${wallet.address} BASED?`);
  process.exitCode = 1;
} finally {
  provider.destroy();
}
