//! Errors of the pallet.

use frame_support::pallet_macros::pallet_section;

/// Errors, imported into the pallet.
#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// No Brain has this number.
        UnknownBrain,
        /// Only the Brain's owner may do this.
        NotOwner,
        /// Numbers of Brains are 0 to 1,023.
        InvalidNumber,
        /// The number is one of the administrative Brains, which exist from genesis only.
        AdministrativeNumber,
        /// Administrative Brains are not issued; choose burned or staked.
        AdministrativeKind,
        /// A Brain with this number exists; choose another or none for the lowest free one.
        NumberTaken,
        /// All Brains are issued.
        NoFreeNumber,
        /// Administrative Brains stay with Based Labs.
        AdministrativeBrain,
        /// A Brain issued for staked Pepecoin cannot change hands.
        StakedBrain,
        /// The new owner already owns the Brain.
        AlreadyOwner,
        /// The repository must be an https:// address with a host, without spaces or control characters.
        InvalidRepository,
        /// The commit of the repository must not be zero.
        MissingCommit,
        /// The manifest hash must not be zero.
        MissingManifest,
        /// The name must be UTF-8 without control characters.
        InvalidName,
        /// A ratio exceeds one; ratios are in parts per billion.
        RatioTooLarge,
        /// The Brain costs more Pepecoin than the call allows; read the price and try again.
        PriceTooHigh,
        /// Only Brains issued for staked Pepecoin can be closed.
        PermanentBrain,
        /// The stake's term has not ended.
        TooEarly,
        /// The Brain's Pepecoin is not on this chain; close the Brain where it was staked.
        StakedElsewhere,
        /// The Brain's Pepecoin is on this chain; its owner deactivates it here.
        StakedHere,
        /// The Brain follows its token on Ethereum; transfer that.
        FollowsToken,
        /// The Brain has no token on Ethereum.
        NoToken,
        /// A closed Brain with this number is not yet emptied; choose another number or wait.
        NumberClosing,
        /// The domain name must be labels of a-z, 0-9 and inner hyphens, between dots; a BNS name is one label of at
        /// least three characters, an ENS name has at least two labels.
        InvalidDomain,
        /// Another Brain has this BNS name.
        DomainTaken,
        /// The Brain has no such ENS name.
        UnknownEns,
        /// The hash is not that of the Brain's task, nor of the announced one.
        UnknownTask,
        /// The account is on the list.
        AlreadyAllowed,
        /// The account is not on the list.
        NotAllowed,
        /// The list is full; remove accounts first.
        ListFull,
    }
}
