// Compiles our contracts and those they inherit from npm packages; the output is kept until a source changes.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "contracts");
/** Interfaces of the chain's own contracts. */
const interfaces = join(here, "../../contracts/interfaces");
const cache = join(here, ".cache");

/** Every contract and interface of ours and of the packages: name -> { abi, bytecode }. */
export function contracts() {
  const input = compilerInput();
  const versions = readFileSync(join(here, "package-lock.json"));
  const hash = createHash("sha256").update(JSON.stringify(input)).update(versions).digest("hex");
  const file = join(cache, `${hash}.json`);
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, JSON.stringify(compile(input)));
    renameSync(fresh, file);
  }
  return { ...JSON.parse(readFileSync(file)), ...uniswap() };
}

function compilerInput() {
  const files = [sources, interfaces].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const solidity = files.filter((path) => path.endsWith(".sol"));
  return {
    language: "Solidity",
    sources: Object.fromEntries(solidity.map((path) => [basename(path), { content: readFileSync(path, "utf8") }])),
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
}

function compile(input) {
  const solc = require("solc");
  const find = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const all = Object.values(output.contracts).flatMap(Object.entries);
  return Object.fromEntries(all.map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }]));
}

/** Uniswap v2 as it was published: the router knows the pair's code by the hash of exactly this build. */
function uniswap() {
  const files = {
    UniswapV2Factory: "@uniswap/v2-core/build/UniswapV2Factory.json",
    UniswapV2Pair: "@uniswap/v2-core/build/UniswapV2Pair.json",
    UniswapV2Router02: "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    WETH9: "@uniswap/v2-periphery/build/WETH9.json",
  };
  return Object.fromEntries(Object.entries(files).map(([name, path]) => {
    const { abi, bytecode } = require(path);
    return [name, { abi, bytecode: bytecode.startsWith("0x") ? bytecode : `0x${bytecode}` }];
  }));
}
