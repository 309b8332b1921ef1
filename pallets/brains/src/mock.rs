//! A runtime with this pallet alone.

use based_primitives::{BrainId, BrainKind, BrainState, Task};
use frame_support::{derive_impl, parameter_types};
use frame_system::EnsureRoot;
use sp_core::H256;
use sp_runtime::BuildStorage;

use crate as pallet_brains;

pub const LABS: u64 = 1;
pub const ALICE: u64 = 2;
pub const BOB: u64 = 3;
pub const CYCLE: u32 = 20;
pub const NOTICE: u32 = 10;
pub const VESTING: u32 = 90;
/// Issued for burnt Pepecoin, owned by Alice.
pub const BURNED: BrainId = 7;
/// Issued for staked Pepecoin, owned by Bob.
pub const STAKED: BrainId = 8;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Brains: pallet_brains,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

parameter_types! {
    pub const CycleBlocks: u32 = CYCLE;
    pub const NoticeBlocks: u32 = NOTICE;
    pub const OwnerVesting: u32 = VESTING;
}

impl pallet_brains::Config for Test {
    type IssueOrigin = EnsureRoot<u64>;
    type CycleBlocks = CycleBlocks;
    type NoticeBlocks = NoticeBlocks;
    type OwnerVesting = OwnerVesting;
    type WeightInfo = ();
}

type GenesisBrain = (BrainId, u64, BrainKind, BrainState, Vec<u8>, Option<Task>);

/// The eight administrative Brains as every network has them.
pub fn administrative() -> Vec<GenesisBrain> {
    [0, 1, 2, 3, 4, 5, 6, 47]
        .into_iter()
        .map(|id| {
            let state = if [5, 6, 47].contains(&id) {
                BrainState::Reserved
            } else {
                BrainState::Active
            };
            (
                id,
                LABS,
                BrainKind::Administrative,
                state,
                format!("Admin {id}").into_bytes(),
                None,
            )
        })
        .collect()
}

pub fn task(seed: u8) -> Task {
    Task {
        manifest: H256::repeat_byte(seed),
        repository: b"https://example.org/task.git".to_vec().try_into().unwrap(),
        commit: [seed; 20],
        zk: true,
    }
}

pub fn build(brains: Vec<GenesisBrain>) -> sp_io::TestExternalities {
    let config = RuntimeGenesisConfig {
        brains: pallet_brains::GenesisConfig { brains },
        ..Default::default()
    };
    config.build_storage().unwrap().into()
}

/// Runs a test on the administrative Brains, one burned and one staked, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    let mut brains = administrative();
    brains.push((
        BURNED,
        ALICE,
        BrainKind::Burned,
        BrainState::Active,
        b"Emotions".to_vec(),
        None,
    ));
    brains.push((
        STAKED,
        BOB,
        BrainKind::Staked,
        BrainState::Active,
        Vec::new(),
        None,
    ));
    build(brains).execute_with(|| {
        System::set_block_number(1);
        test();
        Brains::do_try_state().unwrap();
    });
}
