//! A history of the whole runtime, calls of every pallet among blocks and leaps of time: no block panics or exceeds its
//! weight, no money appears or vanishes, and every pallet's invariants hold after every block.
#![no_main]

use std::sync::OnceLock;

use based_runtime::fuzzing::{History, Setting, Tally};
use libfuzzer_sys::fuzz_target;

static SETTING: OnceLock<Setting> = OnceLock::new();

fuzz_target!(
    // Ten cycles run before the first input.
    init: {
        SETTING.get_or_init(Setting::new);
    },
    |bytes: &[u8]| {
        let setting = SETTING.get_or_init(Setting::new);
        History::new(setting, &mut Tally::default()).run(bytes);
    }
);
