//! Who acts, what they know that the chain does not, and numbers worth trying.

use based_primitives::{
    constants::{BASED, EXISTENTIAL_DEPOSIT, MIN_STAKE, PEPECOIN, PPB},
    forecasts::Forecast,
    Balance, BrainId, Edges, Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role, Salt,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie, One, Two};

use super::choices::Choices;
use crate::{configs::TreasuryAccount, AccountId, Balances, BlockNumber, Brains, Emission, Runtime};

/// Everybody who signs. The last two own nothing at genesis.
pub const PEOPLE: [Sr25519Keyring; 8] = [Alice, Bob, Charlie, Dave, Eve, Ferdie, One, Two];
/// Speaks for Ethereum.
pub const BRIDGE: Sr25519Keyring = Eve;

/// A row of weights that was committed and not revealed.
#[derive(Clone)]
pub struct PendingRow {
    pub who: AccountId,
    pub brain: BrainId,
    pub row: Edges,
    pub salt: Salt,
}

/// A forecast that was committed and not revealed.
#[derive(Clone)]
pub struct PendingForecast {
    pub who: AccountId,
    pub round: u32,
    pub forecast: Forecast,
    pub salt: Salt,
}

/// What people remember.
#[derive(Clone, Default)]
pub struct World {
    pub rows: Vec<PendingRow>,
    pub forecasts: Vec<PendingForecast>,
}

/// Somebody, mostly one who signs.
pub fn anyone(choices: &mut Choices) -> AccountId {
    match choices.below(16) {
        0 => TreasuryAccount::get(),
        1 => Emission::pot(),
        2 => AccountId::new([choices.array::<1>()[0]; 32]),
        _ => choices.pick(&PEOPLE).to_account_id(),
    }
}

/// The one who signs for an account, if somebody does.
pub fn keyring(account: &AccountId) -> Option<Sr25519Keyring> {
    PEOPLE
        .into_iter()
        .find(|person| person.to_account_id() == *account)
}

/// A Brain, mostly an open one.
pub fn brain(choices: &mut Choices) -> BrainId {
    let open = based_pallet_brains::OpenBrains::<Runtime>::get();
    match choices.below(24) {
        0 => choices.pick(&[5, 6, 47, 8, 9, 1_023, 1_024, BrainId::MAX]),
        1 => choices.below(16) as BrainId,
        // Those that somebody but Based Labs owns.
        2..=15 => choices.pick_any(&open[5.min(open.len())..]).unwrap_or(7),
        _ => choices.pick_any(&open).unwrap_or(7),
    }
}

/// A Brain and its owner.
pub fn owned_brain(choices: &mut Choices) -> (AccountId, BrainId) {
    let brain = brain(choices);
    let owner = Brains::brain(brain).map(|record| record.owner);
    (owner.unwrap_or_else(|| anyone(choices)), brain)
}

/// A peer and its Brain; of a role, if one is named.
pub fn peer(choices: &mut Choices, role: Option<Role>) -> Option<(BrainId, PeerInfo<AccountId>)> {
    let all: Vec<_> = based_pallet_registry::Peers::<Runtime>::iter()
        .filter(|(_, _, peer)| role.is_none_or(|role| role == peer.role))
        .map(|(brain, _, peer)| (brain, peer))
        .collect();
    choices.pick_any(&all)
}

/// Money of an account, in all shapes: everything, nothing, bounds of types and of rules, and ordinary sums.
pub fn amount(choices: &mut Choices, of: &AccountId) -> Balance {
    let free = Balances::free_balance(of);
    let ordinary = BASED * (1 + choices.below(1_500) as Balance);
    let values = [
        0,
        1,
        EXISTENTIAL_DEPOSIT - 1,
        EXISTENTIAL_DEPOSIT,
        MIN_STAKE - 1,
        MIN_STAKE,
        free / 3,
        free.saturating_sub(EXISTENTIAL_DEPOSIT),
        free,
        free + 1,
        Balance::MAX - 1,
        Balance::MAX,
    ];
    at_bounds(choices, &values, ordinary)
}

/// Pepecoin.
pub fn pepecoin(choices: &mut Choices) -> Balance {
    let ordinary = PEPECOIN * (1 + choices.below(50_000) as Balance);
    at_bounds(choices, &[0, 1, PEPECOIN - 1, PEPECOIN, Balance::MAX], ordinary)
}

/// A ratio in parts per billion.
pub fn ratio(choices: &mut Choices) -> u64 {
    let ordinary = choices.below(1_000) as u64 * (PPB / 1_000);
    at_bounds(choices, &[0, 1, PPB - 1, PPB, PPB + 1, u64::MAX], ordinary)
}

/// A block, mostly one ahead.
pub fn block(choices: &mut Choices, now: BlockNumber) -> BlockNumber {
    let ordinary = now + 20_000 + choices.below(1 << 16) as BlockNumber;
    at_bounds(
        choices,
        &[
            0,
            1,
            now - 1,
            now,
            now + 1,
            BlockNumber::MAX - 1,
            BlockNumber::MAX,
        ],
        ordinary,
    )
}

/// One of the bounds now and then, else the ordinary value.
pub fn at_bounds<T: Clone>(choices: &mut Choices, bounds: &[T], ordinary: T) -> T {
    if choices.once_in(3) {
        choices.pick(bounds)
    } else {
        ordinary
    }
}

/// An endpoint, now and then without a port.
pub fn endpoint(choices: &mut Choices) -> Endpoint {
    Endpoint {
        ip: IpAddress::V4([8, 8, 4, choices.array::<1>()[0]]),
        port: at_bounds(choices, &[1, u16::MAX, 0], 443),
    }
}

/// What a peer declares.
pub fn resources(choices: &mut Choices) -> Resources {
    Resources {
        kind: choices.pick(&[ResourceKind::Cpu, ResourceKind::Gpu]),
        storage_mib: at_bounds(choices, &[0, 1, u32::MAX], 1_024),
    }
}
