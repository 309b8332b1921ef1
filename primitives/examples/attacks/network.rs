//! Brains for the attacks.

use std::collections::BTreeMap;

use based_primitives::{
    constants::ACTIVE_PERCENTILE,
    math::{EpochInput, EpochOutput, EpochPeer, EpochScore, EpochValidator, WeightRow},
    Balance, BlockNumber, Role, Uid,
};

/// Blocks of a cycle.
pub const CYCLE: BlockNumber = 1_024;

/// A Brain whose validators have the first uids and whose miners follow, and the rows of the validators.
#[derive(Clone)]
pub struct Network {
    pub input: EpochInput,
    pub rows: BTreeMap<Uid, WeightRow>,
}

impl Network {
    pub fn new(stakes: &[Balance], miners: u16) -> Self {
        let validators = stakes.len() as Uid;
        let peer = |uid| EpochPeer {
            uid,
            role: if uid < validators {
                Role::Validator
            } else {
                Role::Miner
            },
            registered_at: 0,
        };
        let validator = |(uid, stake): (Uid, &Balance)| EpochValidator {
            uid,
            stake: *stake,
            revealed_at: None,
            accuracy: 0,
            credits: 0,
        };
        let input = EpochInput {
            now: CYCLE,
            cycle_blocks: CYCLE,
            activity_cutoff: 5_000,
            percentile: ACTIVE_PERCENTILE,
            beta: 0,
            peers: (0..validators + miners).map(peer).collect(),
            validators: (0..).zip(stakes).map(validator).collect(),
        };
        Self {
            input,
            rows: BTreeMap::new(),
        }
    }

    /// Lets a validator reveal weights in the cycle that ends now.
    pub fn reveal(&mut self, uid: Uid, weights: &[(Uid, u16)]) {
        let at = self.input.now - 1;
        let row = WeightRow::reveal(self.rows.get(&uid), at, weights);
        self.rows.insert(uid, row);
        self.input.validators[usize::from(uid)].revealed_at = Some(at);
    }

    /// Runs the epoch and goes to the next cycle; TrustCredits carry over.
    pub fn epoch(&mut self) -> EpochOutput {
        let output = self.input.run(&mut self.rows);
        for (validator, (_, credits)) in self.input.validators.iter_mut().zip(&output.credits) {
            validator.credits = *credits;
        }
        self.input.now += CYCLE;
        output
    }
}

/// What an epoch found about a peer.
pub fn score(output: &EpochOutput, uid: Uid) -> EpochScore {
    let found = output.scores.iter().find(|score| score.uid == uid);
    *found.expect("the peer takes part")
}

/// A ratio as a double.
pub fn part(numerator: u128, denominator: u128) -> f64 {
    if denominator == 0 {
        0.0
    } else {
        numerator as f64 / denominator as f64
    }
}
