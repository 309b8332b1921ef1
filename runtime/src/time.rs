//! Time of the chain. The `fast-runtime` feature, compiled only into the second wasm, shortens it for tests
//! and demonstrations; release networks never carry it.

use based_primitives::BlockNumber;

#[cfg(not(feature = "fast-runtime"))]
mod values {
    use super::BlockNumber;
    use based_primitives::constants;

    /// Slot length in milliseconds (R082).
    pub const SLOT_MILLIS: u64 = constants::SLOT_MILLIS;
    /// Slots in one BABE epoch, which is one session: an hour.
    pub const EPOCH_SLOTS: BlockNumber = 360;
    /// Blocks in one consensus cycle (C.10).
    pub const CYCLE_BLOCKS: BlockNumber = constants::CYCLE_BLOCKS;
    /// Blocks in one bucket of metrics (D.4).
    pub const METRIC_BUCKET_BLOCKS: BlockNumber = constants::METRIC_BUCKET_BLOCKS;
    /// Blocks in one year of the weight of forecasts (R118).
    pub const TFT_YEAR: BlockNumber = constants::TFT_YEAR;
    /// Blocks between the announcement of a task and the change (R062): one cycle.
    pub const TASK_NOTICE: BlockNumber = constants::CYCLE_BLOCKS;
    /// Cycles between the commitment to weights and their reveal (C.11-T5).
    pub const REVEAL_DELAY: u32 = constants::REVEAL_DELAY;
    /// Blocks between two commitments of one validator: about 17 minutes.
    pub const WEIGHTS_INTERVAL: BlockNumber = 100;
    /// Blocks during which miners may still redeem after a spending account closes: one day (F.3).
    pub const REDEMPTION_GRACE: BlockNumber = 8_640;
    /// Blocks between two changes of a peer's endpoint.
    pub const ENDPOINT_COOLDOWN: BlockNumber = 10;
    /// Blocks between the announcement of a validator's higher take and its start: 30 days (E.1).
    pub const TAKE_RAISE_DELAY: BlockNumber = 30 * DAY;
    /// Sessions whose offences may be reported: those of a week, and the one in which it ends.
    pub const WINDOW_SESSIONS: u32 = 7 * 24 + 1;
    /// Last block of the first year of governance (R157, B.2).
    pub const YEAR_ONE: BlockNumber = constants::EMISSION_YEAR;
    /// Blocks between the announcement of what can set code or move funds and its enactment: seven days (F.2-4).
    pub const MINIMUM_NOTICE: BlockNumber = 7 * DAY;
    /// Blocks of voting on what runs as root.
    pub const ROOT_VOTING: BlockNumber = 7 * DAY;
    /// Blocks between its close and its enactment.
    pub const ROOT_ENACTMENT: BlockNumber = DAY;
    /// Blocks of voting on parameters.
    pub const PARAMETER_VOTING: BlockNumber = 2 * DAY;
    /// Blocks between their close and their enactment: one cycle.
    pub const PARAMETER_ENACTMENT: BlockNumber = constants::CYCLE_BLOCKS;
    /// Blocks within which GigaBrains must agree to pull the brake.
    pub const BRAKE_WINDOW: BlockNumber = DAY;
    /// Blocks for which the brake holds.
    pub const BRAKE_BLOCKS: BlockNumber = DAY;

    /// Blocks of a day.
    const DAY: BlockNumber = 8_640;
}

#[cfg(feature = "fast-runtime")]
mod values {
    use super::BlockNumber;

    /// Slot length in milliseconds.
    pub const SLOT_MILLIS: u64 = 1_000;
    /// Slots in one BABE epoch, which is one session.
    pub const EPOCH_SLOTS: BlockNumber = 20;
    /// Blocks in one consensus cycle.
    pub const CYCLE_BLOCKS: BlockNumber = 20;
    /// Blocks in one bucket of metrics.
    pub const METRIC_BUCKET_BLOCKS: BlockNumber = 5;
    /// Blocks in one year of the weight of forecasts: they begin to weigh after ten minutes.
    pub const TFT_YEAR: BlockNumber = 300;
    /// Blocks between the announcement of a task and the change.
    pub const TASK_NOTICE: BlockNumber = 10;
    /// Cycles between the commitment to weights and their reveal.
    pub const REVEAL_DELAY: u32 = 1;
    /// Blocks between two commitments of one validator.
    pub const WEIGHTS_INTERVAL: BlockNumber = 2;
    /// Blocks during which miners may still redeem after a spending account closes.
    pub const REDEMPTION_GRACE: BlockNumber = 20;
    /// Blocks between two changes of a peer's endpoint.
    pub const ENDPOINT_COOLDOWN: BlockNumber = 10;
    /// Blocks between the announcement of a validator's higher take and its start.
    pub const TAKE_RAISE_DELAY: BlockNumber = 20;
    /// Sessions whose offences may be reported.
    pub const WINDOW_SESSIONS: u32 = 5;
    /// Last block of the first year of governance.
    pub const YEAR_ONE: BlockNumber = 2_000;
    /// Blocks between the announcement of what can set code or move funds and its enactment.
    pub const MINIMUM_NOTICE: BlockNumber = 30;
    /// Blocks of voting on what runs as root.
    pub const ROOT_VOTING: BlockNumber = 20;
    /// Blocks between its close and its enactment.
    pub const ROOT_ENACTMENT: BlockNumber = 10;
    /// Blocks of voting on parameters.
    pub const PARAMETER_VOTING: BlockNumber = 10;
    /// Blocks between their close and their enactment.
    pub const PARAMETER_ENACTMENT: BlockNumber = 5;
    /// Blocks within which GigaBrains must agree to pull the brake.
    pub const BRAKE_WINDOW: BlockNumber = 60;
    /// Blocks for which the brake holds.
    pub const BRAKE_BLOCKS: BlockNumber = 30;
}

pub use values::*;

/// Blocks during which stake that left a producer stays slashable (F.2-5): as long as any offence of the session in
/// which it left, or of the next, may be reported. A session has at most as many blocks as slots.
pub const SLASH_WINDOW: BlockNumber = (WINDOW_SESSIONS + 2) * EPOCH_SLOTS;
