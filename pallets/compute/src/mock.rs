//! A runtime with this pallet and balances; Brains and miners are fixed.

use std::collections::{BTreeMap, BTreeSet};

use based_primitives::{
    constants::BASED,
    payments::{SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    traits::{BrainInspect, RegistryInspect},
    Balance, BrainId, ComputeKey, PeerInfo, Purpose, Role, SpendingAccountId, Task, Uid,
};
use frame_support::{derive_impl, parameter_types};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::{traits::IdentityLookup, AccountId32, BoundedVec, BuildStorage, DispatchResult};

use crate as pallet_compute;

/// Brain in which [`miner`]s work, owned by [`owner`].
pub const BRAIN: BrainId = 7;
/// Another Brain in which they work.
pub const OTHER_BRAIN: BrainId = 8;
pub const GRACE: u32 = 20;
pub const MINIMUM: Balance = BASED / 100;
pub const FUNDS: Balance = 1_000 * BASED;
pub const GENESIS: H256 = H256::repeat_byte(69);
/// Last block of accounts opened by [`open`].
pub const EXPIRY: u32 = 1_000;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Compute: pallet_compute,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = BASED / 1_000_000;
    pub const MinimumDeposit: Balance = MINIMUM;
    pub const RedemptionGrace: u32 = GRACE;
    /// Owners of further Brains.
    pub static Owners: BTreeMap<BrainId, AccountId32> = BTreeMap::new();
    /// Further miners of all Brains.
    pub static Miners: BTreeSet<AccountId32> = BTreeSet::new();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
}

/// Owner of the Brain and of spending accounts.
pub fn owner() -> AccountId32 {
    AccountId32::new([1; 32])
}

/// Spender whose key tests hold.
pub fn spender() -> sr25519::Pair {
    sr25519::Pair::from_seed(&[7; 32])
}

/// A miner with funds (0 to 39).
pub fn miner(number: u8) -> AccountId32 {
    AccountId32::new([number.saturating_add(100); 32])
}

/// Neither owner nor spender nor miner, with funds.
pub fn stranger() -> AccountId32 {
    AccountId32::new([2; 32])
}

pub struct MockBrains;

impl BrainInspect<AccountId32> for MockBrains {
    fn owner(brain: BrainId) -> Option<AccountId32> {
        let known = [BRAIN, OTHER_BRAIN].contains(&brain).then(owner);
        known.or_else(|| Owners::get().get(&brain).cloned())
    }
    fn reward_account(brain: BrainId) -> Option<AccountId32> {
        Self::owner(brain)
    }
    fn is_open(brain: BrainId) -> bool {
        Self::owner(brain).is_some()
    }
    fn task(_: BrainId) -> Option<Task> {
        None
    }
    fn owner_commission(_: BrainId) -> u64 {
        0
    }
    fn miner_share(_: BrainId) -> u64 {
        0
    }
    fn owner_earns(_: BrainId) -> bool {
        true
    }
    fn open_brains() -> Vec<BrainId> {
        vec![BRAIN, OTHER_BRAIN]
    }
}

pub struct MockRegistry;

impl RegistryInspect<AccountId32> for MockRegistry {
    fn uid(_: BrainId, _: &AccountId32) -> Option<Uid> {
        None
    }
    fn peer(_: BrainId, _: Uid) -> Option<PeerInfo<AccountId32>> {
        None
    }
    fn peers(_: BrainId) -> Vec<PeerInfo<AccountId32>> {
        Vec::new()
    }
    fn role(brain: BrainId, account: &AccountId32) -> Option<Role> {
        if *account == stranger() {
            return Some(Role::Validator);
        }
        let is_miner = Miners::get().contains(account) || (0..40).any(|number| miner(number) == *account);
        let memorized = MockBrains::is_open(brain) && is_miner;
        memorized.then_some(Role::Miner)
    }
    fn computekey(_: BrainId, _: &AccountId32) -> Option<ComputeKey> {
        None
    }
}

impl pallet_compute::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Brains = MockBrains;
    type Registry = MockRegistry;
    type MinimumDeposit = MinimumDeposit;
    type RedemptionGrace = RedemptionGrace;
    type WeightInfo = ();
}

/// Opens an account of [`owner`] for [`spender`] and returns its number.
pub fn open(deposit: Balance, cap: Balance) -> SpendingAccountId {
    let id = crate::NextId::<Test>::get();
    let spender = AccountId32::from(spender().public());
    Compute::open(
        RuntimeOrigin::signed(owner()),
        spender,
        Purpose::Prompt,
        deposit,
        cap,
        EXPIRY,
    )
    .unwrap();
    id
}

/// Reserves for a miner of [`BRAIN`], by the owner.
pub fn reserve(id: SpendingAccountId, to: AccountId32, amount: Balance) -> DispatchResult {
    Compute::reserve(RuntimeOrigin::signed(owner()), id, BRAIN, to, amount)
}

/// A voucher for miner 0 that is good in block 1, unsigned.
pub fn voucher(id: SpendingAccountId, cumulative: Balance) -> Voucher {
    Voucher {
        version: PAYMENT_VERSION,
        genesis: GENESIS,
        account: id,
        miner: miner(0),
        brain: BRAIN,
        job: [9; 32],
        cumulative,
        expiry: 100,
    }
}

/// Signs as [`spender`].
pub fn sign(voucher: Voucher) -> SignedVoucher {
    let signature = VoucherSignature::Sr25519(spender().sign(&voucher.signing_bytes()));
    SignedVoucher { voucher, signature }
}

/// Redeems as `who`.
pub fn redeem(who: AccountId32, vouchers: Vec<SignedVoucher>) -> DispatchResult {
    Compute::redeem(RuntimeOrigin::signed(who), BoundedVec::truncate_from(vouchers))
}

/// Free balance of an account.
pub fn free(who: &AccountId32) -> Balance {
    Balances::free_balance(who)
}

/// The chain in block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let funded = (0..40)
        .map(miner)
        .chain([owner(), stranger(), spender().public().into()]);
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: funded.map(|who| (who, FUNDS)).collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    #[cfg(feature = "runtime-benchmarks")]
    ext.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    ext.execute_with(|| {
        frame_system::BlockHash::<Test>::insert(0, GENESIS);
        System::set_block_number(1);
    });
    ext
}

/// Runs a test in block 1, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Compute::do_try_state().unwrap();
    });
}

/// Further Brains, miners and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<AccountId32> for Helper {
    fn fund(who: &AccountId32, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn open_brain(brain: BrainId, owner: &AccountId32) {
        Owners::mutate(|owners| owners.insert(brain, owner.clone()));
    }
    fn add_peer(_: BrainId, _: Uid, _: Role, who: &AccountId32) {
        Miners::mutate(|miners| miners.insert(who.clone()));
    }
}
