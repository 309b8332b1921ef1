// Starts a real node on free loopback ports and always stops it.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = join(process.env.BASED_BIN ?? "../../target/release", "based-node");

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts one authority of the fast development network; `stop` ends it and removes its database. */
export async function startNode() {
  const base = mkdtempSync(join(tmpdir(), "based-js-"));
  const rpcPort = await freePort();
  const p2pPort = await freePort();
  // Alice's well-known network key, so that the bootnode's address is known beforehand.
  const nodeKey = "0000000000000000000000000000000000000000000000000000000000000001";
  const child = spawn(
    binary,
    [
      ...["--chain", "dev-fast", "--alice", "--base-path", base, "--node-key", nodeKey],
      ...["--rpc-port", `${rpcPort}`, "--no-prometheus", "--no-mdns"],
      ...["--listen-addr", `/ip4/127.0.0.1/tcp/${p2pPort}/ws`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (data) => { log = (log + data).slice(-20_000); });
  const keyFile = join(base, "node-key");
  writeFileSync(keyFile, nodeKey);
  const inspect = ["key", "inspect-node-key", "--file", keyFile];
  const peerId = execFileSync(binary, inspect, { stdio: ["ignore", "pipe", "ignore"] }).toString().trim();
  const stop = async () => {
    if (child.exitCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    }
    rmSync(base, { recursive: true, force: true });
  };
  await listening(rpcPort, child);
  return {
    url: `ws://127.0.0.1:${rpcPort}`,
    bootnode: `/ip4/127.0.0.1/tcp/${p2pPort}/ws/p2p/${peerId}`,
    log: () => log,
    stop,
  };
}

/** Waits until somebody accepts connections on a loopback port, at most half a minute. */
async function listening(port, child) {
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt += 1) {
    const open = await new Promise((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.once("connect", () => { socket.destroy(); resolve(true); });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Raw specification of the fast development network with one bootnode, as a light client takes it. */
export function lightSpec(bootnode) {
  const spec = execFileSync(binary, ["export-chain-spec", "--chain", "dev-fast", "--raw"], {
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();
  return JSON.stringify({ ...JSON.parse(spec), bootNodes: [bootnode] });
}
