//! Proposals and votes.

use based_client::{
    chain::{
        calls,
        governance::{BrakeCalled, Passed, Proposed, Rejected, SentBack},
        AccountId, Included, Proposal, ProposedCall, Proposer, Track, View,
    },
    money,
    wallet::format_account,
};
use based_primitives::BrainId;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{json, Value};

use crate::{account, amount, report, Context, Report};

#[derive(Debug, Subcommand)]
pub enum Governance {
    /// List open proposals and GigaBrains.
    List,
    /// Show one open proposal: what it does, who may vote, and where it stands.
    Show {
        /// Number of the proposal.
        proposal: u32,
    },
    /// Propose a call. It is named as Pallet.call { argument: value }, or by the bytes that a wallet shows.
    Propose(Propose),
    /// Vote on a proposal, for a Brain that you own or with Pepecoin.
    Vote(Vote),
    /// Close a proposal whose voting is over; anyone may.
    Close {
        /// Number of the proposal.
        proposal: u32,
    },
    /// Unfreeze the Pepecoin of votes on closed proposals; anyone may do this for anybody.
    Release {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
    /// Call for the emergency brake for a GigaBrain that you own; more than half of them pull it.
    Brake {
        /// Brain.
        brain: BrainId,
    },
}

/// What a proposal may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TrackName {
    /// Anything; takes at least eight days.
    Root,
    /// Change parameters; takes at least two days and a cycle.
    Parameters,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("proposer").required(true))]
pub struct Propose {
    /// Call to propose.
    call: String,
    /// What the call may do.
    #[arg(long, value_enum)]
    track: TrackName,
    /// Propose for this GigaBrain, which you own.
    #[arg(long, group = "proposer", value_name = "BRAIN")]
    brain: Option<BrainId>,
    /// Propose as Based Labs, in the first year.
    #[arg(long, group = "proposer")]
    labs: bool,
    /// Propose as an accurate forecaster of the Enforcer's Brain.
    #[arg(long, group = "proposer")]
    enforcer: bool,
}

/// A side.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Side {
    /// For the proposal.
    Aye,
    /// Against it.
    Nay,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("house").required(true))]
pub struct Vote {
    /// Number of the proposal.
    proposal: u32,
    /// Side.
    #[arg(value_enum)]
    side: Side,
    /// Vote for this Brain, which you own.
    #[arg(long, group = "house", value_name = "BRAIN")]
    brain: Option<BrainId>,
    /// Vote with this amount of Pepecoin; it is frozen until the proposal closes.
    #[arg(long, group = "house", value_parser = amount, value_name = "AMOUNT")]
    pepecoin: Option<u128>,
}

impl Governance {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::List => list(&context.chain().await?.best().await?).await,
            Self::Show { proposal } => show(&context.chain().await?.best().await?, proposal).await,
            Self::Propose(propose) => propose.run(context).await,
            Self::Vote(vote) => vote.run(context).await,
            Self::Close { proposal } => {
                let signer = context.key.signer()?;
                let call = calls::close_proposal(proposal);
                let included = context.chain().await?.submit(&signer, &call).await?;
                let (words, mut more) = outcome(&included)?;
                more["proposal"] = json!(proposal);
                let done = format!("Proposal {proposal} {words}.");
                Ok(Report::included(&done, &included, more))
            }
            Self::Release { account } => {
                let signer = context.key.signer()?;
                let account = account.unwrap_or_else(|| signer.account());
                let call = calls::release_pepecoin(account.clone());
                let included = context.chain().await?.submit(&signer, &call).await?;
                let done = format!("Released what votes of {} froze.", format_account(&account));
                let more = json!({ "account": report::account(&account) });
                Ok(Report::included(&done, &included, more))
            }
            Self::Brake { brain } => {
                let signer = context.key.signer()?;
                let call = calls::pull_brake(brain);
                let included = context.chain().await?.submit(&signer, &call).await?;
                let Some(BrakeCalled { calls, eligible }) = included.event()? else {
                    anyhow::bail!("the node does not tell what became of the call for the brake");
                };
                let pulled = calls > eligible.saturating_sub(calls);
                let done = match pulled {
                    true => "The brake is pulled: only vital calls pass until it ends by itself.".into(),
                    false => format!(
                        "{calls} of {eligible} GigaBrains call for the brake; more than half pull it."
                    ),
                };
                let more = json!({ "brain": brain, "calls": calls, "eligible": eligible, "pulled": pulled });
                Ok(Report::included(&done, &included, more))
            }
        }
    }
}

/// What became of a proposal that was closed.
fn outcome(included: &Included) -> anyhow::Result<(String, Value)> {
    if let Some(Passed { enacted_at }) = included.event()? {
        let json = json!({ "outcome": "passed", "enacted_at": enacted_at });
        return Ok((format!("passed and runs in block {enacted_at}"), json));
    }
    if let Some(SentBack { ends_at }) = included.event()? {
        let json = json!({ "outcome": "sent back", "ends_at": ends_at });
        let words = format!("was sent back by Pepecoin: GigaBrains vote once more, up to block {ends_at}");
        return Ok((words, json));
    }
    let forfeited = included.event()?.map_or(0, |Rejected { forfeited }| forfeited);
    let json = json!({ "outcome": "rejected", "forfeited": report::amount(forfeited) });
    let words = match forfeited {
        0 => "was rejected".into(),
        _ => format!(
            "was voted down; {} went to the treasury",
            money::with_symbol(forfeited)
        ),
    };
    Ok((words, json))
}

impl Propose {
    async fn run(self, context: &Context) -> anyhow::Result<Report> {
        let proposer = match (self.brain, self.labs) {
            (Some(brain), _) => Proposer::GigaBrain(brain),
            (None, true) => Proposer::Labs,
            (None, false) => Proposer::Enforcer,
        };
        let track = match self.track {
            TrackName::Root => Track::Root,
            TrackName::Parameters => Track::Parameters,
        };
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let view = chain.best().await?;
        let written = view.read_call(&self.call)?;
        let text = written.to_string();
        let (call, is_long) = ProposedCall::new(written.bytes());
        if is_long && view.proposed_bytes(&call).await?.is_none() {
            let bytes = written.bytes().to_vec();
            chain.submit(&signer, &calls::note_preimage(bytes)).await?;
        }
        let included = chain
            .submit(&signer, &calls::propose(proposer, track, call))
            .await?;
        let Some(Proposed { id, ends_at }) = included.event()? else {
            anyhow::bail!("the node does not tell the proposal's number; see `based governance list`");
        };
        let done = format!("Proposed {text} as number {id}; voting ends with block {ends_at}.");
        let more = json!({ "proposal": id, "call": text, "ends_at": ends_at });
        Ok(Report::included(&done, &included, more))
    }
}

impl Vote {
    async fn run(self, context: &Context) -> anyhow::Result<Report> {
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let aye = matches!(self.side, Side::Aye);
        let side = if aye { "for" } else { "against" };
        let id = self.proposal;
        if let Some(brain) = self.brain {
            let included = chain.submit(&signer, &calls::vote(id, brain, aye)).await?;
            let done = format!("Brain {brain} votes {side} proposal {id}.");
            let more = json!({ "proposal": id, "brain": brain, "aye": aye });
            return Ok(Report::included(&done, &included, more));
        }
        let amount = self.pepecoin.unwrap_or_default();
        let call = calls::vote_with_pepecoin(id, aye, amount);
        let included = chain.submit(&signer, &call).await?;
        let amount = money::format(amount);
        let done = format!(
            "{amount} Pepecoin count {side} proposal {id} and stay frozen until it closes; then: based governance release"
        );
        let more = json!({ "proposal": id, "pepecoin": amount, "aye": aye });
        Ok(Report::included(&done, &included, more))
    }
}

async fn list(view: &View) -> anyhow::Result<Report> {
    let proposals = view.proposals().await?;
    let giga = view.giga_brains().await?;
    let now = view.number();
    let mut rows = Vec::new();
    let mut open = Vec::new();
    for (id, proposal) in &proposals {
        rows.push(vec![
            id.to_string(),
            proposer_name(proposal.proposer),
            track_name(proposal.track).into(),
            format!("{} : {} of {}", proposal.ayes, proposal.nays, proposal.eligible),
            format!(
                "{} : {}",
                money::format(proposal.pepecoin_ayes),
                money::format(proposal.pepecoin_nays)
            ),
            proposal.ends_at.to_string(),
            standing(proposal, now).into(),
        ]);
        open.push(to_json(*id, proposal, now));
    }
    let json = json!({ "proposals": open, "giga_brains": giga });
    let columns = ["number", "by", "track", "Brains", "Pepecoin", "ends", "stands"];
    let brains = match giga.is_empty() {
        true => "There are no GigaBrains.".to_owned(),
        false => format!("GigaBrains: {}", join(&giga)),
    };
    let table = Report::table(json, &columns, rows, "No proposal is open.");
    Ok(table.with_line(&brains))
}

async fn show(view: &View, id: u32) -> anyhow::Result<Report> {
    let Some(proposal) = view.proposal(id).await? else {
        anyhow::bail!("no proposal {id} is open; see `based governance list`");
    };
    let now = view.number();
    let bytes = view.proposed_bytes(&proposal.call).await?;
    let call = match &bytes {
        Some(bytes) => view.decode_call(bytes)?.to_string(),
        None => "not on the chain any more".into(),
    };
    let seats = view.electorate(id).await?;
    let voted = |side| {
        let brains = seats.iter().filter(|seat| seat.aye == side);
        brains.map(|seat| seat.brain).collect::<Vec<_>>()
    };
    let (ayes, nays, silent) = (voted(Some(true)), voted(Some(false)), voted(None));
    let pepecoin = format!(
        "{} for, {} against",
        money::format(proposal.pepecoin_ayes),
        money::format(proposal.pepecoin_nays)
    );
    let fields = [
        ("proposal", id.to_string()),
        ("by", proposer_name(proposal.proposer)),
        ("account", format_account(&proposal.account.0)),
        ("track", track_name(proposal.track).into()),
        ("call", call.clone()),
        ("deposit", money::with_symbol(proposal.deposit)),
        ("announced in block", proposal.announced_at.to_string()),
        ("voting ends with block", proposal.ends_at.to_string()),
        ("round", if proposal.sent_back { "2 of 2" } else { "1" }.into()),
        ("rule", rule(&proposal).into()),
        ("Brains for", join(&ayes)),
        ("Brains against", join(&nays)),
        ("Brains silent", join(&silent)),
        ("Pepecoin", pepecoin),
        ("stands", standing(&proposal, now).into()),
    ];
    let mut json = to_json(id, &proposal, now);
    json["call"] = json!(call);
    json["bytes"] = json!(bytes.map(hex::encode));
    json["brains"] = json!({ "ayes": ayes, "nays": nays, "silent": silent });
    Ok(Report::fields(json, &fields))
}

fn to_json(id: u32, proposal: &Proposal, now: u32) -> Value {
    json!({
        "proposal": id,
        "by": proposer_name(proposal.proposer),
        "account": report::account(&proposal.account.0),
        "track": track_name(proposal.track),
        "deposit": report::amount(proposal.deposit),
        "announced_at": proposal.announced_at,
        "ends_at": proposal.ends_at,
        "by_default": proposal.by_default,
        "sent_back": proposal.sent_back,
        "eligible": proposal.eligible,
        "ayes": proposal.ayes,
        "nays": proposal.nays,
        "pepecoin_ayes": report::amount(proposal.pepecoin_ayes),
        "pepecoin_nays": report::amount(proposal.pepecoin_nays),
        "stands": standing(proposal, now),
    })
}

fn proposer_name(proposer: Proposer) -> String {
    match proposer {
        Proposer::Labs => "Based Labs".into(),
        Proposer::GigaBrain(brain) => format!("Brain {brain}"),
        Proposer::Enforcer => "Enforcer".into(),
    }
}

fn track_name(track: Track) -> &'static str {
    match track {
        Track::Root => "root",
        Track::Parameters => "parameters",
    }
}

fn rule(proposal: &Proposal) -> &'static str {
    match proposal.by_default {
        true => "passes unless more than half of the eligible Brains vote against it",
        false => "passes with more Brains for it than against it, from a third of the eligible",
    }
}

/// Where a proposal would go with the votes it has.
fn standing(proposal: &Proposal, now: u32) -> &'static str {
    let over = now > proposal.ends_at;
    match (proposal.votes().passes(), proposal.is_sent_back(), over) {
        (true, true, false) => "is sent back",
        (true, true, true) => "is sent back once closed",
        (true, false, false) => "passes",
        (true, false, true) => "passes once closed",
        (false, _, false) => "fails",
        (false, _, true) => "fails once closed",
    }
}

fn join(brains: &[BrainId]) -> String {
    if brains.is_empty() {
        return "none".into();
    }
    let words: Vec<_> = brains.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use based_client::chain::AccountId;
    use subxt::utils::Static;

    use super::*;

    fn proposal() -> Proposal {
        Proposal {
            account: Static(AccountId::new([1; 32])),
            proposer: Proposer::Labs,
            track: Track::Root,
            call: ProposedCall::Inline(vec![]),
            deposit: 1,
            announced_at: 1,
            ends_at: 10,
            by_default: true,
            sent_back: false,
            eligible: 3,
            ayes: 0,
            nays: 0,
            pepecoin_ayes: 0,
            pepecoin_nays: 0,
        }
    }

    #[test]
    fn where_a_proposal_stands_follows_the_rule_and_the_votes() {
        let silent = proposal();
        assert_eq!(standing(&silent, 10), "passes");
        assert_eq!(standing(&silent, 11), "passes once closed");
        let voted_down = Proposal {
            nays: 2,
            ..proposal()
        };
        assert_eq!(standing(&voted_down, 10), "fails");
        let unloved = Proposal {
            pepecoin_nays: 1,
            ..proposal()
        };
        assert_eq!(standing(&unloved, 10), "is sent back");
        let again = Proposal {
            sent_back: true,
            ..unloved
        };
        assert_eq!(standing(&again, 11), "passes once closed");
        let later = Proposal {
            by_default: false,
            ..proposal()
        };
        assert_eq!(standing(&later, 11), "fails once closed");
        assert!(rule(&later).contains("a third"));
    }

    #[test]
    fn lists_of_brains_are_never_blank() {
        assert_eq!(join(&[]), "none");
        assert_eq!(join(&[3, 1_023]), "3, 1023");
    }
}
