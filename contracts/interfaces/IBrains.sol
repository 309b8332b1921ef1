// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// Brains as ERC-721 tokens with metadata, at 0x0000000000000000000000000000000008010000.
/// A token's id is the Brain's number. Staked and administrative Brains refuse to be transferred.
interface IBrains {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId);
    event ApprovalForAll(address indexed owner, address indexed operator, bool approved);

    function balanceOf(address owner) external view returns (uint256 balance);
    function ownerOf(uint256 tokenId) external view returns (address owner);
    function safeTransferFrom(address from, address to, uint256 tokenId, bytes calldata data) external;
    function safeTransferFrom(address from, address to, uint256 tokenId) external;
    function transferFrom(address from, address to, uint256 tokenId) external;
    function approve(address to, uint256 tokenId) external;
    function setApprovalForAll(address operator, bool approved) external;
    function getApproved(uint256 tokenId) external view returns (address operator);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
    function supportsInterface(bytes4 interfaceId) external view returns (bool);
    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function tokenURI(uint256 tokenId) external view returns (string memory);

    /// Pepecoin burnt for the next Brain issued by burning, in units of 10^-18.
    function burnPrice() external view returns (uint256);
    /// Acquires a Brain by its number for Pepecoin of the caller: burnt, or staked if `staked`.
    /// Reverts if that costs more than `maxPrice`.
    function acquire(uint16 brain, bool staked, uint256 maxPrice) external;
}
