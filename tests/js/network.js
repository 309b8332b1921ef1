// Starts a real node on free loopback ports and always stops it.
import { spawn, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = join(process.env.BASED_BIN ?? "../../target/release", "based-node");

/**
 * So many free loopback ports, held together until all are known, so that they differ. Below those from which Linux takes
 * the near ends of connections, so that no connection takes one before its server does.
 */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    for (;;) {
      const server = createServer();
      const free = await new Promise((resolve) => {
        server.once("error", () => resolve(false));
        server.listen(10_000 + Math.floor(Math.random() * 22_000), "127.0.0.1", () => resolve(true));
      });
      if (free) return server;
    }
  }));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Starts an authority of a fast network: Alice of the one with no other, unless told. `stop` ends it and removes its
 * database. Given a `base`, the database stays there, so that the node can be started again, at the same `rpcPort` if
 * that is given too.
 */
export async function startNode({ authority = "alice", chain = "dev-fast", bootnodes = [], ...again } = {}) {
  const base = again.base ?? mkdtempSync(join(tmpdir(), "based-js-"));
  mkdirSync(base, { recursive: true });
  const [freePort, p2pPort] = await freePorts(2);
  const rpcPort = again.rpcPort ?? freePort;
  // Known network keys, so that the bootnode's address is known beforehand.
  const nodeKey = `${["alice", "bob", "charlie"].indexOf(authority) + 1}`.padStart(64, "0");
  const child = spawn(
    binary,
    [
      ...["--chain", chain, `--${authority}`, "--base-path", base, "--node-key", nodeKey, "--force-authoring"],
      ...["--rpc-port", `${rpcPort}`, "--no-prometheus", "--no-mdns"],
      ...["--listen-addr", `/ip4/127.0.0.1/tcp/${p2pPort}/ws`],
      ...bootnodes.flatMap((address) => ["--bootnodes", address]),
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
    if (!again.base) rmSync(base, { recursive: true, force: true });
  };
  if (!await listening(rpcPort, child)) {
    await stop();
    throw new Error(`the node did not start:\n${log}`);
  }
  return {
    url: `ws://127.0.0.1:${rpcPort}`,
    pid: child.pid,
    alive: () => child.exitCode === null,
    bootnode: `/ip4/127.0.0.1/tcp/${p2pPort}/ws/p2p/${peerId}`,
    log: () => log,
    stop,
  };
}

/** Whether the child accepts connections on a loopback port within two minutes, which a busy machine may take. */
export async function listening(port, child) {
  for (let attempt = 0; attempt < 1_200 && child.exitCode === null; attempt += 1) {
    const open = await new Promise((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.once("connect", () => { socket.destroy(); resolve(true); });
      socket.once("error", () => resolve(false));
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** Raw specification of the fast development network with one bootnode, as a light client takes it. */
export function lightSpec(bootnode) {
  const spec = execFileSync(binary, ["export-chain-spec", "--chain", "dev-fast", "--raw"], {
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();
  return JSON.stringify({ ...JSON.parse(spec), bootNodes: [bootnode] });
}
