//! Events of the pallet.

use frame_support::pallet_macros::pallet_section;

/// Events, imported into the pallet.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A Brain was issued.
        BrainIssued {
            brain: BrainId,
            owner: T::AccountId,
            kind: BrainKind,
        },
        /// Pepecoin was burnt or staked for a Brain; `BrainIssued` says which.
        PepecoinPaid { brain: BrainId, amount: Balance },
        /// A Brain has a new owner; its reward account was reset to the owner.
        BrainTransferred {
            brain: BrainId,
            from: T::AccountId,
            to: T::AccountId,
        },
        /// A Brain no longer exists: its peers stop, and `returned` Pepecoin went back to the owner.
        BrainClosed {
            brain: BrainId,
            owner: T::AccountId,
            returned: Balance,
        },
        /// Nothing of a closed Brain is left: its number can be issued.
        NumberFreed { brain: BrainId },
        /// `account` speaks for Ethereum from now on; none means nobody.
        BridgeSet { account: Option<T::AccountId> },
        /// A task was announced: it holds from `effective_at` on, and peers restart with its code.
        TaskChanged {
            brain: BrainId,
            manifest: H256,
            effective_at: BlockNumber,
        },
        /// A task was audited.
        Audited {
            brain: BrainId,
            task: H256,
            status: AuditStatus,
        },
        /// The template from which the owner made the task.
        TemplateSet {
            brain: BrainId,
            template: Option<TemplateId>,
        },
        /// A Brain was named.
        NameSet { brain: BrainId, name: BrainName },
        /// A Brain has new domain names; the ENS name awaits its proof if it changed.
        DomainsSet {
            brain: BrainId,
            bns: Option<Domain>,
            ens: Option<Domain>,
        },
        /// Ethereum shows that the Brain's owner owns its ENS name.
        EnsProved { brain: BrainId },
        /// The owner's income goes to `account`, or to the owner if none.
        RewardAccountSet {
            brain: BrainId,
            account: Option<T::AccountId>,
        },
        /// Terms were announced, each with the block from which it holds.
        TermsChanged {
            brain: BrainId,
            miner_share: u64,
            miner_share_from: BlockNumber,
            owner_commission: u64,
            owner_commission_from: BlockNumber,
        },
        /// Parts of the owner's income go to miners and validators from `effective_at` on.
        RedistributionChanged {
            brain: BrainId,
            to_miners: u64,
            to_validators: u64,
            effective_at: BlockNumber,
        },
        /// A Brain admits everyone, or only the accounts on its list.
        AdmissionSet { brain: BrainId, restricted: bool },
        /// An account was put on the list of a Brain, or taken from it.
        AllowedSet {
            brain: BrainId,
            account: T::AccountId,
            allowed: bool,
        },
    }
}
