//! Every call of this repository's pallets with every wrong origin, in wrong states, and with amounts at their bounds:
//! each is refused with its own error and changes nothing.

mod brains;
mod bytes;
mod compute;
mod consensus;
mod ethereum;
mod forecasts;
mod governance;
mod registry;
mod staking;

use std::collections::BTreeSet;

use frame_support::traits::GetCallMetadata;
use sp_keyring::Sr25519Keyring::{self, Alice, One};
use sp_runtime::{traits::Dispatchable, DispatchError, StateVersion};

use crate::{
    fuzzing::{Setting, BRIDGE, PALLETS},
    AccountId, RuntimeCall, RuntimeOrigin, System,
};

/// Who may make a call.
#[derive(Clone, Copy)]
enum By {
    /// An account.
    Signed(Sr25519Keyring),
    /// Root.
    Root,
    /// The account that speaks for Ethereum.
    Bridge,
    /// It, or root.
    BridgeOrRoot,
}

impl By {
    fn origin(self) -> RuntimeOrigin {
        match self {
            By::Signed(who) => RuntimeOrigin::signed(who.to_account_id()),
            By::Root => RuntimeOrigin::root(),
            By::Bridge | By::BridgeOrRoot => By::Signed(BRIDGE).origin(),
        }
    }

    /// Origins that must not make the call.
    fn wrong(self) -> Vec<(&'static str, RuntimeOrigin)> {
        let mut wrong = vec![("none", RuntimeOrigin::none())];
        if matches!(self, By::Signed(_) | By::Bridge) {
            wrong.push(("root", RuntimeOrigin::root()));
        }
        if !matches!(self, By::Signed(_)) {
            wrong.push(("a stranger", By::Signed(Alice).origin()));
        }
        wrong
    }
}

/// A call that is refused.
struct Refused {
    by: By,
    call: RuntimeCall,
    error: DispatchError,
}

/// A call that succeeds, and what is refused around it.
struct Case {
    by: By,
    call: RuntimeCall,
    early: Vec<Refused>,
    prepare: Box<dyn FnOnce()>,
    wrong: Vec<Refused>,
    late: Vec<Refused>,
}

fn case(by: By, call: impl Into<RuntimeCall>) -> Case {
    Case {
        by,
        call: call.into(),
        early: vec![],
        prepare: Box::new(|| ()),
        wrong: vec![],
        late: vec![],
    }
}

impl Case {
    /// What has to happen first.
    fn after(self, prepare: impl FnOnce() + 'static) -> Self {
        Self {
            prepare: Box::new(prepare),
            ..self
        }
    }

    /// The call itself is refused before that.
    fn early(mut self, error: impl Into<DispatchError>) -> Self {
        let (by, call, error) = (self.by, self.call.clone(), error.into());
        self.early.push(Refused { by, call, error });
        self
    }

    /// Another call is refused where this one would succeed.
    fn refuses(self, call: impl Into<RuntimeCall>, error: impl Into<DispatchError>) -> Self {
        let by = self.by;
        self.refuses_by(by, call, error)
    }

    fn refuses_by(mut self, by: By, call: impl Into<RuntimeCall>, error: impl Into<DispatchError>) -> Self {
        let (call, error) = (call.into(), error.into());
        self.wrong.push(Refused { by, call, error });
        self
    }

    /// The call is refused once it was made.
    fn again(self, error: impl Into<DispatchError>) -> Self {
        let (by, call) = (self.by, self.call.clone());
        self.then(by, call, error)
    }

    /// Another call is refused once it was made.
    fn then(mut self, by: By, call: impl Into<RuntimeCall>, error: impl Into<DispatchError>) -> Self {
        let (call, error) = (call.into(), error.into());
        self.late.push(Refused { by, call, error });
        self
    }

    /// Runs the case; returns what went otherwise.
    fn run(self) -> Vec<String> {
        let mut found = vec![];
        let mut check = |by: RuntimeOrigin, call: &RuntimeCall, error: DispatchError, when: &str| {
            let root = || sp_io::storage::root(StateVersion::V1);
            let before = root();
            let outcome = dispatch(by, call.clone());
            if outcome != Err(error) {
                found.push(format!("{when} {call:?}: {outcome:?}, not {error:?}"));
            }
            if root() != before {
                found.push(format!("{when} {call:?} left something behind"));
            }
        };
        for Refused { by, call, error } in self.early {
            check(by.origin(), &call, error, "early");
        }
        (self.prepare)();
        for (name, origin) in self.by.wrong() {
            check(origin, &self.call, DispatchError::BadOrigin, name);
        }
        for Refused { by, call, error } in self.wrong {
            check(by.origin(), &call, error, "wrong");
        }
        let outcome = dispatch(self.by.origin(), self.call.clone());
        for Refused { by, call, error } in self.late {
            check(by.origin(), &call, error, "late");
        }
        if outcome.is_err() {
            found.push(format!("{:?} fails: {outcome:?}", self.call));
        }
        found
    }
}

fn dispatch(by: RuntimeOrigin, call: RuntimeCall) -> Result<(), DispatchError> {
    call.dispatch(by).map(|_| ()).map_err(|error| error.error)
}

/// Makes a call that succeeds.
fn make(by: By, call: impl Into<RuntimeCall>) {
    dispatch(by.origin(), call.into()).unwrap();
}

fn account(who: Sr25519Keyring) -> AccountId {
    who.to_account_id()
}

/// Lets blocks pass, without their hooks.
fn pass(blocks: u32) {
    System::set_block_number(System::block_number() + blocks);
}

fn all() -> Vec<Case> {
    let pallets = [
        brains::cases(),
        registry::cases(),
        staking::cases(),
        consensus::cases(),
        compute::cases(),
        ethereum::cases(),
        forecasts::cases(),
        governance::cases(),
    ];
    pallets.into_iter().flatten().collect()
}

/// A call that succeeds once.
pub struct Succeeding {
    /// Who signs.
    pub signer: Sr25519Keyring,
    /// What has to happen first.
    pub prepare: Box<dyn FnOnce()>,
    /// The call, for the administrator wrapped if it needs root.
    pub call: RuntimeCall,
}

/// A call of each kind that succeeds, signed by an account that can pay for it.
pub fn succeeding() -> Vec<Succeeding> {
    let of = |case: Case| {
        let Case {
            by, call, prepare, ..
        } = case;
        let (signer, call) = match by {
            By::Signed(One) => (Alice, call),
            By::Signed(who) => (who, call),
            By::Bridge | By::BridgeOrRoot => (BRIDGE, call),
            By::Root => {
                let call = Box::new(call);
                (Alice, pallet_sudo::Call::sudo { call }.into())
            }
        };
        Succeeding {
            signer,
            prepare,
            call,
        }
    };
    all().into_iter().map(of).collect()
}

#[test]
fn bad_input_is_refused_with_its_error_and_changes_nothing() {
    let network = Setting::founded();
    let mut found = vec![];
    for case in all() {
        network.chain().execute_with(|| found.extend(case.run()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_call_of_every_pallet_has_a_case() {
    let covered: BTreeSet<_> = all()
        .iter()
        .map(|case| {
            let name = case.call.get_call_metadata();
            (name.pallet_name, name.function_name)
        })
        .collect();
    let calls = PALLETS.iter().flat_map(|pallet| {
        let names = RuntimeCall::get_call_names(pallet);
        names.iter().map(move |name| (*pallet, *name))
    });
    let missing: Vec<_> = calls.filter(|call| !covered.contains(call)).collect();
    assert!(missing.is_empty(), "no bad input is tried on {missing:?}");
}
