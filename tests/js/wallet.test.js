// Wallet files go from based to polkadot-js and back.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Keyring } from "@polkadot/api";
import { cryptoWaitReady, decodeAddress, encodeAddress } from "@polkadot/util-crypto";

const binary = join(process.env.BASED_BIN ?? "../../target/release", "based");
const home = mkdtempSync(join(tmpdir(), "based-js-"));
const based = (password, ...args) => JSON.parse(
  execFileSync(binary, ["--json", ...args], { env: { ...process.env, BASED_HOME: home, BASED_PASSWORD: password } }),
);

before(cryptoWaitReady);
after(() => rmSync(home, { recursive: true, force: true }));

test("polkadot-js unlocks a wallet that based made, with its password alone", () => {
  const { account } = based("pass", "wallet", "new", "new");
  const file = JSON.parse(readFileSync(join(home, "wallets", "new.json"), "utf8"));
  const pair = new Keyring().addFromJson(file);
  assert.throws(() => pair.decodePkcs8("word"));
  pair.decodePkcs8("pass");
  assert.equal(encodeAddress(decodeAddress(account)), encodeAddress(pair.publicKey));
  assert.ok(pair.verify("message", pair.sign("message"), pair.publicKey));
});

test("based imports a wallet that polkadot-js made, with its password alone", () => {
  const pair = new Keyring({ type: "sr25519" }).addFromUri("//Somebody");
  const path = join(home, "exported.json");
  writeFileSync(path, JSON.stringify(pair.toJson("word")));
  const wrong = () => based("pass", "wallet", "import", "theirs", "--json-file", path);
  assert.throws(wrong, ({ stdout, stderr }) => /password/i.test(`${stdout}${stderr}`));
  const { account } = based("word", "wallet", "import", "theirs", "--json-file", path);
  assert.equal(encodeAddress(decodeAddress(account)), encodeAddress(pair.publicKey));
});
