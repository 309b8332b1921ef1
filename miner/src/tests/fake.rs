//! A chain held in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use based_primitives::{
    constants::BASED, payments::SignedVoucher, Balance, BlockNumber, BrainId, BrainInfo, BrainKind,
    BrainState, Endpoint, IpAddress, PeerInfo, PriceList, Purpose, ResourceKind, Resources, Role,
    SpendingAccountId, Task,
};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::AccountId32;

use crate::chain::{Account, Chain, ChainError, ChainResult, Reservation, SpendingAccount};

/// Brain that is mined.
pub const BRAIN: BrainId = 7;
/// Genesis hash.
pub const GENESIS: H256 = H256([9; 32]);
/// Spending account with a reservation.
pub const ACCOUNT: SpendingAccountId = 1;
/// Price of 1,000 units of either kind: a job of 17 units costs 0.017 BASED.
pub const PER_THOUSAND: Balance = BASED;
/// Price of a job.
pub const PRICE: Balance = BASED * 17 / 1_000;

/// A key pair by its name.
pub fn pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None).unwrap()
}

/// The account of a key pair.
pub fn account_of(name: &str) -> AccountId32 {
    pair(name).public().into()
}

/// A task with this manifest.
pub fn task(manifest: H256) -> Task {
    let repository = b"https://example.org/model".to_vec().try_into().unwrap();
    Task {
        manifest,
        repository,
        commit: [0; 20],
        zk: true,
    }
}

/// What the chain holds.
pub struct State {
    pub head: BlockNumber,
    pub down: bool,
    pub refuse: bool,
    pub brain: BrainInfo<AccountId32>,
    pub peer: Option<PeerInfo<AccountId32>>,
    pub accounts: HashMap<SpendingAccountId, Account>,
    pub finalized: HashMap<SpendingAccountId, Account>,
    pub redeemed: Vec<Vec<SignedVoucher>>,
}

/// The chain.
pub struct Fake(Mutex<State>);

impl Fake {
    /// A chain on which this miner and account 1, reserving 1 BASED for it, exist.
    pub fn new(manifest: H256, computekey: [u8; 32]) -> Self {
        let brain = BrainInfo {
            id: BRAIN,
            owner: account_of("Alice"),
            kind: BrainKind::Burned,
            state: BrainState::Active,
            name: Default::default(),
            task: Some(task(manifest)),
            next_task: None,
            fee: 0,
            prices: Some(PriceList {
                prompt: PER_THOUSAND,
                completion: PER_THOUSAND,
                context: 100,
            }),
            miners: 1,
            validators: 0,
            stake: 0,
        };
        let peer = PeerInfo {
            uid: 0,
            account: account_of("Miner"),
            role: Role::Miner,
            endpoint: Endpoint {
                ip: IpAddress::V4([127, 0, 0, 1]),
                port: 1,
            },
            computekey,
            resources: Resources {
                kind: ResourceKind::Cpu,
                storage_mib: 1_024,
            },
            registered_at: 0,
        };
        let account = spending(Some(BASED));
        Self(Mutex::new(State {
            head: 100,
            down: false,
            refuse: false,
            brain,
            peer: Some(peer),
            accounts: HashMap::from([(ACCOUNT, account.clone())]),
            finalized: HashMap::from([(ACCOUNT, account)]),
            redeemed: Vec::new(),
        }))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Finalizes what is in the best block.
    pub fn finalize(&self) {
        let mut state = self.state();
        state.finalized = state.accounts.clone();
    }

    fn up(&self) -> ChainResult<MutexGuard<'_, State>> {
        let state = self.state();
        if state.down {
            return Err(ChainError::Unreachable("connection refused".into()));
        }
        Ok(state)
    }
}

/// An account of //User that lives until block 10,000 and reserves so much for the miner.
pub fn spending(reserved: Option<Balance>) -> Account {
    let spending = SpendingAccount {
        spender: account_of("User"),
        purpose: Purpose::Prompt,
        expiry: 10_000,
        closing: None,
    };
    Account {
        spending,
        reservation: reserved.map(|reserved| Reservation {
            brain: BRAIN,
            reserved,
            redeemed: 0,
        }),
    }
}

#[tonic::async_trait]
impl Chain for Fake {
    fn genesis(&self) -> H256 {
        GENESIS
    }

    fn miner(&self) -> AccountId32 {
        account_of("Miner")
    }

    async fn head(&self) -> ChainResult<BlockNumber> {
        Ok(self.up()?.head)
    }

    async fn brain(&self, id: BrainId) -> ChainResult<Option<BrainInfo<AccountId32>>> {
        Ok(Some(self.up()?.brain.clone()).filter(|brain| brain.id == id))
    }

    async fn peer(&self, _: BrainId) -> ChainResult<Option<PeerInfo<AccountId32>>> {
        Ok(self.up()?.peer.clone())
    }

    async fn account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>> {
        Ok(self.up()?.accounts.get(&id).cloned())
    }

    async fn finalized_account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>> {
        Ok(self.up()?.finalized.get(&id).cloned())
    }

    async fn redeem(&self, vouchers: Vec<SignedVoucher>) -> ChainResult<()> {
        let mut state = self.up()?;
        state.redeemed.push(vouchers.clone());
        if state.refuse {
            return Err(ChainError::Refused("Compute.NothingRedeemed".into()));
        }
        for signed in vouchers {
            let account = state.accounts.get_mut(&signed.voucher.account);
            if let Some(reservation) = account.and_then(|account| account.reservation.as_mut()) {
                if signed.voucher.cumulative <= reservation.reserved {
                    reservation.redeemed = reservation.redeemed.max(signed.voucher.cumulative);
                }
            }
        }
        Ok(())
    }
}
