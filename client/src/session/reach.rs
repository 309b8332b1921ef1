//! From a Brain to a miner that agrees with the chain, and the model's public part.

use based_primitives::{BrainId, BrainState, PeerInfo, PriceList, Role};
use rand::seq::SliceRandom;

use super::{
    audit::Auditor,
    fetch::TaskModel,
    link::{Link, Terms},
    payment::Payer,
    split::SplitSession,
    Options, Session, SessionError,
};
use crate::{
    chain::{AccountId, Chain, Signer, View},
    state::State,
    wire,
};

/// Miners tried at most.
const MAX_TRIED: usize = 8;

/// A session, by how the Brain's model is run.
#[derive(Debug)]
pub enum Opened {
    /// The miner runs the whole model under encryption.
    Full(Box<Session>),
    /// The miner runs the linear layers.
    Split(Box<SplitSession>),
}

impl Opened {
    /// Hash of the manifest of the Brain's task.
    pub fn task(&self) -> [u8; 32] {
        match self {
            Self::Full(session) => session.model().manifest_hash(),
            Self::Split(session) => session.part().manifest_hash(),
        }
    }
}

/// Reads the Brain, chooses a miner, and obtains the model's public part.
///
/// # Errors
/// [`SessionError`] saying what is missing: Brain, task, prices, miners, or a miner that agrees with the chain.
pub async fn open(
    chain: Chain,
    signer: Signer,
    brain: BrainId,
    options: Options,
) -> Result<Opened, SessionError> {
    let state = State::open(&options.home)?;
    let (view, mut miners, terms, prices) = served(&chain, brain).await?;
    if let Some(wanted) = &options.miner {
        miners.retain(|peer| peer.account == *wanted);
        if miners.is_empty() {
            return Err(SessionError::UnknownMiner(wanted.clone(), brain));
        }
    }
    let payer = Payer {
        chain,
        signer,
        brain,
        account: options.account,
        deposit: options.deposit,
    };
    let miners = match options.choice {
        Some(choice) if options.miner.is_none() => choice.order,
        _ => {
            order(&mut miners, &payer, &view).await?;
            miners.into_iter().map(|peer| (peer, None)).collect()
        }
    };
    let cache = options.home.join("models");
    let mut reasons = Vec::new();
    for (peer, link) in miners.into_iter().take(MAX_TRIED) {
        match agree((&peer, link), &terms, &cache, &prices).await {
            Ok((link, TaskModel::Full(model), quote)) => {
                let dir = cache.join(hex::encode(terms.task));
                return Ok(Opened::Full(Box::new(Session {
                    auditor: Auditor::new(dir, options.audit),
                    named: options.miner.is_some(),
                    payer,
                    terms,
                    quote,
                    model: *model,
                    state,
                    link,
                    keys: None,
                })));
            }
            Ok((_, TaskModel::Split(_), _)) if options.audit > 0 => {
                return Err(SessionError::NotAuditable(brain));
            }
            Ok((link, TaskModel::Split(part), _)) => {
                let session = SplitSession::new(payer, terms, prices, *part, state, link);
                return Ok(Opened::Split(Box::new(session)));
            }
            Err(error) => reasons.push(format!("  miner {}: {error}", peer.uid)),
        }
    }
    Err(SessionError::NoUsableMiner { brain, reasons })
}

/// What the chain says of a Brain that is asked: the view, its miners, what they must agree to, and its prices.
pub(super) async fn served(
    chain: &Chain,
    brain: BrainId,
) -> Result<(View, Vec<PeerInfo<AccountId>>, Terms, PriceList), SessionError> {
    let view = chain.best().await?;
    let info = view.brain(brain).await?.ok_or(SessionError::NoBrain(brain))?;
    if info.state == BrainState::Reserved {
        return Err(SessionError::NotServing(brain, "is reserved"));
    }
    let task = info
        .task
        .ok_or(SessionError::NotServing(brain, "has no task yet"))?
        .manifest;
    let prices = info
        .prices
        .ok_or(SessionError::NotServing(brain, "has no prices yet"))?;
    let mut miners = view.peers(brain).await?;
    miners.retain(|peer| peer.role == Role::Miner);
    if miners.is_empty() {
        return Err(SessionError::NoMiners(brain));
    }
    let terms = Terms {
        genesis: chain.genesis(),
        brain,
        task,
    };
    Ok((view, miners, terms, prices))
}

/// Connects to a miner, unless there is a link; gives the link, the model, and what a job costs at most in full mode.
async fn agree(
    (peer, link): (&PeerInfo<AccountId>, Option<Link>),
    terms: &Terms,
    cache: &std::path::Path,
    prices: &PriceList,
) -> Result<(Link, TaskModel, based_primitives::Balance), SessionError> {
    let mut link = match link {
        Some(link) => link,
        None => {
            let mut link = Link::open(peer, terms).await?;
            // Unused: a miner must not tell sessions that route from those that do not, canaries among them.
            link.centroids().await?;
            link
        }
    };
    let model = link.model(&terms.task, cache).await?;
    let TaskModel::Full(full) = &model else {
        return Ok((link, model, 0));
    };
    let limits = full.limits();
    if link.limits
        != (
            limits.evaluation_key_bytes,
            limits.input_bytes,
            limits.output_bytes,
        )
    {
        return Err(SessionError::Protocol("its sizes are not the model's".into()));
    }
    let context = full.manifest().context;
    let quote = prices.quote(context, wire::FULL_COMPLETION_UNITS);
    let quote = quote.ok_or_else(|| {
        SessionError::Refused(format!(
            "the model's {context} units exceed the Brain's context limit"
        ))
    })?;
    if link.price > quote {
        return Err(SessionError::Refused(
            "it asks more than the Brain's price list allows".into(),
        ));
    }
    Ok((link, model, quote))
}

/// Shuffles miners, those with a reservation first: it spares the user another one, and is public anyway.
async fn order(miners: &mut [PeerInfo<AccountId>], payer: &Payer, view: &View) -> Result<(), SessionError> {
    miners.shuffle(&mut rand::rngs::OsRng);
    let mut reserved = Vec::new();
    for id in payer.accounts().await?.keys() {
        reserved.extend(view.reservations(*id).await?.into_iter().map(|(miner, _)| miner));
    }
    miners.sort_by_key(|peer| !reserved.contains(&peer.account));
    Ok(())
}
