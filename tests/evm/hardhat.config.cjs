// The peer network, and BasedAI as a Hardhat project names it (docs/evm.md).
// Ethereum development tools' first account, which BasedAI's development networks endow too.
const KEY = "0x5fb92d6e98884f76de468fa3f6278f8807c48bebc13595d45af5bdc4da702133";

module.exports = {
  networks: {
    hardhat: {
      chainId: 31337,
      accounts: [{ privateKey: KEY, balance: (10n ** 24n).toString() }],
      // A failed transaction is answered with its hash, as on a public network.
      throwOnTransactionFailures: false,
      // Beside the block per transaction, one a second, so that time passes as on BasedAI.
      mining: { auto: true, interval: 1000 },
    },
    based: {
      url: process.env.BASED_ETH_URL ?? "http://127.0.0.1:8545",
      chainId: 32323,
      accounts: [process.env.KEY ?? KEY],
    },
  },
};
