// Starts BasedAI with its Ethereum RPC, and the peer networks, on free loopback ports, and always stops them.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { JsonRpcProvider, Network, Wallet } from "ethers";
import { freePorts, listening, startNode } from "../js/network.js";

const here = dirname(fileURLToPath(import.meta.url));
const ethRpc = process.env.BASED_ETH_RPC ?? join(process.env.BASED_BIN ?? "../../target/release", "eth-rpc");

/** Ethereum development tools' first account; BasedAI's development networks endow it. */
export const TREASURY_KEY = "0x5fb92d6e98884f76de468fa3f6278f8807c48bebc13595d45af5bdc4da702133";
export const BASED_CHAIN_ID = 32323;
const PEER_CHAIN_ID = 31337;

/** Starts a program that listens on a port; `stop` ends it. */
async function startServer(command, args, port, env = {}) {
  const child = spawn(command, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const keep = (data) => { log = (log + data).slice(-20_000); };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.on("error", keep);
  const stop = async () => {
    if (child.exitCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  };
  if (!await listening(port, child)) {
    await stop();
    throw new Error(`${command} did not start:\n${log}`);
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, alive: () => child.exitCode === null, log: () => log, stop };
}

/** Starts the Ethereum RPC beside a node. Given a `base`, its database of receipts and logs is kept there. */
export async function startEthRpc(node, { base, port } = {}) {
  const rpcPort = port ?? (await freePorts(1))[0];
  const pruning = base ? ["--eth-pruning", "archive", "--base-path", base] : ["--eth-pruning", "4096"];
  const args = ["--node-rpc-url", node.url, "--rpc-port", `${rpcPort}`, "--no-prometheus", ...pruning];
  return startServer(ethRpc, args, rpcPort);
}

/** BasedAI as an Ethereum tool meets it: a node and the Ethereum RPC beside it. */
export async function startBased() {
  const node = await startNode();
  const rpc = await startEthRpc(node).catch(async (error) => { await node.stop(); throw error; });
  return network("Based", BASED_CHAIN_ID, rpc, async () => { await rpc.stop(); await node.stop(); }, node);
}

/** A Hardhat network: what contracts and tools are written against. */
export async function startPeer() {
  const [port] = await freePorts(1);
  const cli = join(here, "node_modules/hardhat/internal/cli/bootstrap.js");
  const quiet = { HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" };
  const rpc = await startServer(process.execPath, [cli, "node", "--port", `${port}`], port, quiet);
  return network("Hardhat", PEER_CHAIN_ID, rpc, rpc.stop);
}

/** An Anvil network with the same account endowed. */
export async function startAnvil(...args) {
  const [port] = await freePorts(1);
  const anvil = join(here, "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
  const rpc = await startServer(anvil, ["--port", `${port}`, "--quiet", ...args], port);
  const started = network("Anvil", PEER_CHAIN_ID, rpc, rpc.stop);
  await started.rpc("anvil_setBalance", [new Wallet(TREASURY_KEY).address, `0x${(10n ** 24n).toString(16)}`]);
  return started;
}

/** Both networks of a comparison; `stop` ends them. */
export async function startBoth() {
  const started = await Promise.allSettled([startBased(), startPeer()]);
  const running = started.filter(({ value }) => value).map(({ value }) => value);
  const stop = () => Promise.all(running.map((one) => one.stop()));
  const failed = started.find(({ reason }) => reason);
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const [based, peer] = running;
  return { based, peer, stop };
}

/** An ethers provider that asks often enough for fast blocks and never answers from its cache. */
export function connect(url, chainId) {
  const options = { staticNetwork: Network.from(chainId), cacheTimeout: -1, polling: true, pollingInterval: 100 };
  return new JsonRpcProvider(url, chainId, options);
}

function network(name, chainId, server, stop, node) {
  const provider = connect(server.url, chainId);
  return {
    name,
    chainId,
    provider,
    node,
    url: server.url,
    treasury: new Wallet(TREASURY_KEY, provider),
    rpc: (method, params = []) => call(server.url, method, params),
    alive: () => server.alive() && (node?.alive() ?? true),
    log: () => server.log() + (node?.log() ?? ""),
    stop: async () => { provider.destroy(); await stop(); },
  };
}

/** One JSON-RPC call as it is on the wire: the result, or the error thrown as the server gave it. */
export async function call(url, method, params = []) {
  const response = await post(url, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  const reply = JSON.parse(response.text);
  if (reply.error) throw Object.assign(new Error(reply.error.message), { rpc: reply.error });
  return reply.result;
}

/** Sends a body as it is. */
export async function post(url, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) });
  return { status: response.status, text: await response.text() };
}

/** A directory that is removed by `remove`. */
export function temporary() {
  const path = mkdtempSync(join(tmpdir(), "based-evm-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
