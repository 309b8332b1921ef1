//! One random history.

use frame_support::traits::DisabledValidators;
use sp_consensus_babe::AuthorityId;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring::{self, Bob, Charlie};
use sp_runtime::{generic, ApplyExtrinsicResult};

use super::{
    calls::{self, Trial},
    chain::{apply, begin_block, end_block, signed, FIRST_SLOT},
    checks::{try_state, watch_log, Ledger},
    choices::Choices,
    offences::{equivocation, owner},
    setting::Setting,
    tally::Tally,
    world::World,
};
use crate::{
    time::CYCLE_BLOCKS, Babe, Runtime, RuntimeCall, RuntimeEvent, Session, System, UncheckedExtrinsic,
};

/// Most calls of a history, and most steps: what bytes are left then are not read.
const MOST_CALLS: u64 = 200;
const MOST_STEPS: u32 = 400;
/// Most blocks in which nothing is called, so that no history takes long.
const MOST_IDLE: u32 = 256;
/// Most cycles that a history leaps over: 90 days and some.
const MOST_CYCLES: u32 = 900;
/// Blocks between two writes of changes to the state below them.
const COMMITTED: u64 = 32;

/// A history on its way.
pub struct History<'a> {
    chain: TestExternalities,
    world: World,
    ledger: Ledger,
    tally: &'a mut Tally,
    calls: u64,
    steps: u32,
    idle: u32,
    leapt: u32,
}

/// What happens next.
enum Step {
    /// A block with so many calls.
    Calls(usize),
    /// So many blocks pass.
    Idle(u32),
    /// So many blocks pass, of which only the first two and the last of each cycle and those with tasks are written.
    Leap(u32),
}

impl<'a> History<'a> {
    /// A history from the setting, which counts its calls in the tally.
    pub fn new(setting: &Setting, tally: &'a mut Tally) -> Self {
        let mut chain = setting.chain();
        watch_log();
        let ledger = chain.execute_with(Ledger::new);
        Self {
            chain,
            world: setting.world.clone(),
            ledger,
            tally,
            calls: 0,
            steps: 0,
            idle: 0,
            leapt: 0,
        }
    }

    /// Runs as these bytes choose, until they end.
    ///
    /// # Panics
    /// If an invariant does not hold.
    pub fn run(mut self, bytes: &[u8]) {
        let mut choices = Choices::new(bytes);
        while !choices.is_empty() && self.calls < MOST_CALLS && self.steps < MOST_STEPS {
            self.steps += 1;
            match self.next_step(&mut choices) {
                Step::Calls(count) => self.block(&mut choices, count),
                Step::Idle(blocks) => self.pass(blocks),
                Step::Leap(blocks) => self.leap(blocks),
            }
            self.chain.commit_all().unwrap();
        }
        self.pass(1);
    }

    fn next_step(&mut self, choices: &mut Choices) -> Step {
        let now = self.chain.execute_with(System::block_number);
        match choices.below(32) {
            24 if self.idle < MOST_IDLE => Step::Idle(1 + choices.below(64) as u32),
            // Over the end of the cycle.
            25 if self.idle < MOST_IDLE && CYCLE_BLOCKS - now % CYCLE_BLOCKS < MOST_IDLE => {
                let rest = CYCLE_BLOCKS - now % CYCLE_BLOCKS;
                Step::Idle(rest + choices.below(32) as u32)
            }
            // Whole cycles, so that what is due in the same block of a later cycle is, or a little less.
            26..=29 => self.leap_over(choices, &[1, 1, 1, 2, 3, 3, 3, 4]),
            // Voting on parameters, on what runs as root, what left producers, and now and then 90 days.
            30 => {
                let longest = if choices.once_in(2) { 760 } else { 62 };
                self.leap_over(choices, &[9, 9, 9, 18, 18, 62, 62, longest])
            }
            _ => Step::Calls(1 + choices.below(6)),
        }
    }

    /// A leap of one of these numbers of cycles, or one call once the history is long enough.
    fn leap_over(&mut self, choices: &mut Choices, cycles: &[u32]) -> Step {
        let cycles = choices.pick(cycles);
        if self.leapt + cycles > MOST_CYCLES {
            return Step::Calls(1);
        }
        self.leapt += cycles;
        Step::Leap(cycles * CYCLE_BLOCKS - choices.below(3) as u32)
    }

    fn pass(&mut self, blocks: u32) {
        self.idle += blocks;
        (0..blocks).for_each(|_| self.write());
        self.chain.execute_with(check_state);
    }

    /// Writes a block without calls.
    fn write(&mut self) {
        self.chain.execute_with(|| {
            begin();
            end_block();
            self.ledger.check_block();
        });
        self.tally.blocks += 1;
        if self.tally.blocks % COMMITTED == 0 {
            self.chain.commit_all().unwrap();
        }
    }

    fn leap(&mut self, blocks: u32) {
        let now = || System::block_number();
        let end = self.chain.execute_with(now) + blocks;
        while self.chain.execute_with(now) < end {
            self.chain.execute_with(|| {
                let next = now() + 1;
                let slot = next % CYCLE_BLOCKS;
                if slot > 1 {
                    let last = (next - slot + CYCLE_BLOCKS - 1).min(end);
                    let tasks = pallet_scheduler::Agenda::<Runtime>::iter_keys();
                    let task = tasks.filter(|at| (next..last).contains(at)).min();
                    self.ledger.skip_to(task.unwrap_or(last) - 1);
                }
            });
            self.write();
        }
        self.chain.execute_with(check_state);
    }

    fn block(&mut self, choices: &mut Choices, count: usize) {
        let Self {
            chain,
            world,
            ledger,
            tally,
            calls,
            ..
        } = self;
        chain.execute_with(|| {
            let author = begin();
            let offender = choices.pick(&[Bob, Charlie]);
            // A producer writes no block in which it is disabled.
            if choices.once_in(48) && author != Some(offender.public().into()) {
                report(offender);
            }
            for _ in 0..count {
                let trial = calls::next(world, choices);
                let done = try_out(&trial);
                tally.count(&trial.call, done);
                *calls += 1;
            }
            end_block();
            ledger.check_block();
            check_state();
        });
        tally.blocks += 1;
    }
}

/// Begins a block of one of the producers, the next that is not disabled; its key.
fn begin() -> Option<AuthorityId> {
    let producers = Babe::authorities().len().max(1) as u32;
    let turn = System::block_number() % producers;
    let author = (turn..turn + producers)
        .map(|place| place % producers)
        .find(|producer| !Session::is_disabled(*producer));
    let author = author.unwrap_or(0);
    begin_block(author);
    let (key, _) = Babe::authorities().get(author as usize).cloned()?;
    Some(key)
}

fn check_state() {
    if let Err((pallet, broken)) = try_state() {
        panic!("{pallet} in block {}: {broken:?}", System::block_number());
    }
}

/// Makes a call; whether it succeeded.
fn try_out(trial: &Trial) -> bool {
    let Trial {
        signer,
        as_root,
        call,
    } = trial;
    if !as_root {
        return matches!(submit(*signer, call.clone()), Ok(Ok(())));
    }
    let call = Box::new(call.clone());
    let outcome = submit(*signer, pallet_sudo::Call::sudo { call }.into());
    let ran = System::read_events_no_consensus().filter_map(|record| match record.event {
        RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => Some(sudo_result.is_ok()),
        _ => None,
    });
    matches!(outcome, Ok(Ok(()))) && ran.last() == Some(true)
}

/// Signs and applies a call as the chain does, within what is left of the block.
fn submit(signer: Sr25519Keyring, call: RuntimeCall) -> ApplyExtrinsicResult {
    let nonce = System::account_nonce(signer.to_account_id());
    apply(signed(signer, call, nonce, 0))
}

/// Reports two blocks of a producer in the current slot, if it is one.
fn report(offender: Sr25519Keyring) {
    let slot = FIRST_SLOT + u64::from(System::block_number());
    let Some(owner) = owner(offender) else {
        return;
    };
    let call = pallet_babe::Call::report_equivocation_unsigned {
        equivocation_proof: Box::new(equivocation(offender, slot)),
        key_owner_proof: owner,
    };
    let report: UncheckedExtrinsic = generic::UncheckedExtrinsic::new_bare(call.into()).into();
    // Refused where the producer was reported before.
    let _ = apply(report);
}
