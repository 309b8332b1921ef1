// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// Miners and validators of Brains, at 0x0000000000000000000000000000000008030000.
interface IRegistry {
    struct Peer {
        uint16 uid;
        address account;
        /// 0: miner, 1: validator.
        uint8 role;
        /// Address of its endpoint; those of IP version 4 as ::ffff:a.b.c.d.
        bytes16 ip;
        uint16 port;
        /// Ed25519 key that authenticates the endpoint and signs receipts.
        bytes32 computekey;
        /// Block in which it was memorized.
        uint32 registeredAt;
    }

    /// Memorizes the caller in a Brain. `role` is 0 for a miner and 1 for a validator; `kind` is 0 for a CPU and 1 for
    /// a GPU. Reverts if the Brain's fee is above `maxFee`.
    function memorize(
        uint16 brain,
        uint8 role,
        bytes16 ip,
        uint16 port,
        bytes32 computekey,
        uint8 kind,
        uint32 storageMib,
        uint256 maxFee
    ) external;
    /// Takes the caller out of a Brain.
    function leave(uint16 brain) external;

    /// Fee for being memorized in a Brain.
    function fee(uint16 brain) external view returns (uint256);
    /// Numbers of a Brain's peers.
    function counts(uint16 brain) external view returns (uint16 miners, uint16 validators);
    /// Number of an account in a Brain, if it is a peer.
    function uidOf(uint16 brain, address account) external view returns (bool found, uint16 uid);
    /// Peers of a Brain by ascending uid from `start` on; at most `limit` and 64.
    function peers(uint16 brain, uint16 start, uint16 limit) external view returns (Peer[] memory);
}
