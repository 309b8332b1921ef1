//! Where histories begin: a network of some cycles with Brains, peers, stakers, spending accounts and GigaBrains.

use based_pallet_brains::Call as BrainsCall;
use based_pallet_compute::Call as ComputeCall;
use based_pallet_registry::Call as RegistryCall;
use based_pallet_staking::Call as StakingCall;
use based_primitives::{
    constants::{BASED, GIGA_BRAIN_CYCLES},
    forecasts::{commitment, Forecast},
    weights_commitment, Balance, BrainId, BrainKind, Endpoint, IpAddress, Purpose, ResourceKind, Resources,
    Role,
};
use serde_json::json;
use sp_core::H256;
use sp_io::TestExternalities;
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie},
};
use sp_runtime::{transaction_validity::InvalidTransaction, StateVersion};

use super::{
    chain::{self, block, signed},
    checks::Ledger,
    world::{PendingForecast, PendingRow, World, BRIDGE},
};
use crate::{time::CYCLE_BLOCKS, Runtime, RuntimeCall, SessionKeys, System};

/// Cycles that pass before a history, so that there are GigaBrains and weights in force.
const CYCLES: u32 = GIGA_BRAIN_CYCLES + 1;
/// Block of a cycle in which peers act: after the epochs of their Brains, while forecasts are revealed.
const PHASE: u32 = 30;

/// A state from which histories begin.
pub struct Setting {
    raw: Vec<(Vec<u8>, (Vec<u8>, i32))>,
    root: H256,
    /// What people remember.
    pub world: World,
}

impl Setting {
    /// Builds the network and lets it run; of each cycle only the blocks in which something is due are written.
    ///
    /// # Panics
    /// If one of its calls fails.
    pub fn new() -> Self {
        let mut chain = Self::founded().chain();
        let mut world = World::default();
        for cycle in 0..=CYCLES {
            if cycle > 0 {
                chain.execute_with(|| pass_to(cycle));
                chain.commit_all().unwrap();
            }
            chain.execute_with(|| work(&mut world));
            chain.commit_all().unwrap();
        }
        Self::of(chain, world)
    }

    /// The network in its first blocks.
    ///
    /// # Panics
    /// If one of its calls fails.
    pub fn founded() -> Self {
        let mut chain = chain::build(&genesis());
        chain.execute_with(found);
        chain.commit_all().unwrap();
        Self::of(chain, World::default())
    }

    fn of(chain: TestExternalities, world: World) -> Self {
        let (raw, root) = chain.into_raw_snapshot();
        Self { raw, root, world }
    }

    /// The state.
    pub fn chain(&self) -> TestExternalities {
        TestExternalities::from_raw_snapshot(self.raw.clone(), self.root, StateVersion::V1)
    }
}

/// The local network, on which two more accounts have session keys, so that they can stand for election.
fn genesis() -> serde_json::Value {
    let mut genesis = chain::genesis("local_testnet");
    let keys = genesis["session"]["keys"].as_array_mut().unwrap();
    for (who, finality) in [(Dave, Ed25519Keyring::Dave), (Ferdie, Ed25519Keyring::Ferdie)] {
        let account = who.to_account_id();
        let own = SessionKeys {
            babe: who.public().into(),
            grandpa: finality.public().into(),
        };
        keys.push(json!([account, account, own]));
    }
    genesis
}

/// Goes to the block of a cycle in which peers act, after the last of the cycle before and the epochs of all Brains.
fn pass_to(cycle: u32) {
    let last = cycle * CYCLE_BLOCKS - 1;
    Ledger::new().skip_to(last - 1);
    (last..=cycle * CYCLE_BLOCKS + PHASE).for_each(|_| drop(block(vec![])));
}

/// Makes calls, each in a block of its own, which all succeed.
fn act(calls: Vec<(Sr25519Keyring, RuntimeCall)>) {
    for (who, call) in calls {
        let nonce = System::account_nonce(who.to_account_id());
        let extrinsic = signed(who, call.clone(), nonce, 0);
        let mut outcome = block(vec![extrinsic.clone()]);
        // A block that begins a session takes no calls.
        if outcome[0] == Err(InvalidTransaction::ExhaustsResources.into()) {
            outcome = block(vec![extrinsic]);
        }
        assert_eq!(outcome, [Ok(Ok(()))], "{call:?}");
    }
}

fn memorize(brain: BrainId, role: Role) -> RuntimeCall {
    let (ip, port) = (IpAddress::V4([8, 8, 4, 4]), 1);
    let (kind, storage_mib) = (ResourceKind::Cpu, 1);
    RegistryCall::memorize {
        brain,
        role,
        endpoint: Endpoint { ip, port },
        computekey: [5; 32],
        resources: Resources { kind, storage_mib },
        max_fee: Balance::MAX,
    }
    .into()
}

fn stake(brain: BrainId, validator: Option<Sr25519Keyring>, based: Balance) -> RuntimeCall {
    StakingCall::stake {
        brain,
        validator: validator.map(|who| who.to_account_id()),
        amount: based * BASED,
    }
    .into()
}

/// Brains of every kind, peers of both roles, stake on Brains and validators, candidates, and a spending account.
fn found() {
    block(vec![]);
    let bridge = BrainsCall::<Runtime>::set_bridge {
        account: Some(BRIDGE.to_account_id()),
    };
    let acquire = |kind| BrainsCall::acquire {
        brain: None,
        kind,
        max_price: Balance::MAX,
    };
    let issue = |owner: Sr25519Keyring, kind| BrainsCall::issue {
        brain: None,
        owner: owner.to_account_id(),
        kind,
    };
    let sudo = pallet_sudo::Call::sudo {
        call: Box::new(bridge.into()),
    };
    act(vec![
        (Alice, sudo.into()),
        (Bob, acquire(BrainKind::Burned).into()),
        (Charlie, acquire(BrainKind::Staked).into()),
        (BRIDGE, issue(Dave, BrainKind::Burned).into()),
        (BRIDGE, issue(Ferdie, BrainKind::Staked).into()),
    ]);
    let owned = [
        (Alice, 7),
        (Alice, 2),
        (Bob, 8),
        (Charlie, 9),
        (Dave, 10),
        (Ferdie, 11),
    ];
    let free = |(who, brain)| (who, RegistryCall::<Runtime>::set_fee { brain, fee: 0 }.into());
    act(owned.into_iter().map(free).collect());
    let (miner, validator) = (Role::Miner, Role::Validator);
    act(vec![
        (Alice, memorize(2, validator)),
        (Bob, memorize(2, validator)),
        (Bob, memorize(7, validator)),
        (Charlie, memorize(7, validator)),
        (Dave, memorize(7, validator)),
        (Eve, memorize(7, miner)),
        (Ferdie, memorize(7, miner)),
        (Alice, memorize(7, miner)),
        (Alice, memorize(8, validator)),
        (Dave, memorize(8, miner)),
        (Eve, memorize(8, miner)),
        (Bob, memorize(9, miner)),
        (Ferdie, memorize(9, validator)),
    ]);
    act(vec![
        (Bob, stake(7, Some(Bob), 1_200)),
        (Charlie, stake(7, Some(Charlie), 1_200)),
        (Dave, stake(7, Some(Dave), 1_200)),
        (Eve, stake(7, Some(Bob), 300)),
        (Eve, stake(7, Some(Charlie), 300)),
        (Ferdie, stake(7, None, 300)),
        (Ferdie, stake(9, Some(Ferdie), 1_100)),
        (Alice, stake(2, Some(Alice), 2_000)),
        (Alice, stake(8, Some(Alice), 500)),
        (Charlie, stake(9, None, 500)),
        (Dave, stake(10, None, 100)),
        (Ferdie, stake(11, None, 100)),
    ]);
    let open = ComputeCall::open {
        spender: Ferdie.to_account_id(),
        purpose: Purpose::Prompt,
        deposit: 100 * BASED,
        cap: Balance::MAX,
        expiry: u32::MAX,
    };
    let reserve = ComputeCall::reserve {
        id: 0,
        brain: 7,
        miner: Eve.to_account_id(),
        amount: 50 * BASED,
    };
    let opt_in = based_pallet_authorities::Call::opt_in { brain: 7 };
    act(vec![
        (Ferdie, open.into()),
        (Ferdie, reserve.into()),
        (Dave, opt_in.clone().into()),
        (Bob, opt_in.into()),
    ]);
}

/// What peers do once in a cycle: they reveal what is due and commit themselves anew.
fn work(world: &mut World) {
    let genesis = System::block_hash(0);
    let round = System::block_number() / CYCLE_BLOCKS;
    let (delay, salt) = (crate::time::REVEAL_DELAY as usize, [round as u8; 32]);
    let validators = [(Bob, 7, 0), (Charlie, 7, 1), (Dave, 7, 2), (Alice, 8, 0)];
    if world.rows.len() >= delay * validators.len() {
        let due: Vec<_> = world.rows.drain(..validators.len()).collect();
        for (pending, (who, ..)) in due.into_iter().zip(validators) {
            let PendingRow { brain, row, salt, .. } = pending;
            act(vec![(
                who,
                based_pallet_consensus::Call::reveal_weights { brain, row, salt }.into(),
            )]);
        }
    }
    for pending in std::mem::take(&mut world.forecasts) {
        let who = super::world::keyring(&pending.who).unwrap();
        let (forecast, salt) = (pending.forecast, pending.salt);
        act(vec![(
            who,
            based_pallet_forecasts::Call::reveal_forecast { forecast, salt }.into(),
        )]);
    }
    for (who, brain, uid) in validators {
        let peers = if brain == 7 { 6 } else { 3 };
        let row: Vec<_> = (0..peers)
            .filter(|peer| *peer != uid)
            .map(|peer| (peer, 100 + 7 * peer + round as u16 + uid))
            .collect();
        let (account, row) = (who.to_account_id(), based_primitives::Edges::truncate_from(row));
        let hash = weights_commitment(&genesis, brain, &account, &row, &salt);
        world.rows.push(PendingRow {
            who: account,
            brain,
            row,
            salt,
        });
        act(vec![(
            who,
            based_pallet_consensus::Call::commit_weights { brain, hash }.into(),
        )]);
    }
    for who in [Alice, Bob] {
        let account = who.to_account_id();
        let forecast = Forecast {
            quantiles: [[0, 10_000_000_000, 20_000_000_000]; 6],
            brains: Default::default(),
        };
        let hash = commitment(round, &account, &[5; 32], &salt, &forecast);
        world.forecasts.push(PendingForecast {
            who: account,
            round,
            forecast,
            salt,
        });
        act(vec![(
            who,
            based_pallet_forecasts::Call::commit_forecast { brain: 2, hash }.into(),
        )]);
    }
}
