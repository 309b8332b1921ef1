// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// Links between accounts of the network and Ethereum addresses, at 0x0000000000000000000000000000000008060000.
interface ILinks {
    /// Account (32 bytes) linked to an address, by the consent of its key; zero if there is none.
    function linkedAccount(address ethereum) external view returns (bytes32);
    /// Address linked to an account; zero if there is none.
    function linkedAddress(bytes32 account) external view returns (address);
    /// Nonce of the next consent of an address.
    function nonces(address ethereum) external view returns (uint32);
    /// Account (32 bytes) under which an address holds its $BASED.
    function accountId(address ethereum) external view returns (bytes32);
}
