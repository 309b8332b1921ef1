//! Which miner a prompt goes to, by its topic, decided on this machine (SPEC R167-R170, B.22, F.4-5).
//!
//! The prompt is embedded here before any miner is spoken to. Then a sample of the Brain's miners, drawn without regard
//! to the prompt, is asked for free places and centroids, by the same two calls that every session begins with. The
//! mathematics is [`zk_llm::routing`]'s. Nothing that depends on the prompt goes to any miner but the chosen one, and to
//! that one ciphertexts alone.

use std::{collections::BTreeMap, path::Path, time::Duration};

use based_primitives::{BrainId, PeerInfo};
use futures::future::join_all;
use rand::{rngs::OsRng, seq::SliceRandom};
use zeroize::Zeroizing;
use zk_llm::{
    import::{exec::load_manifest, ClientPart, Dynamic, Output, Weights, WEIGHTS_FILE},
    routing::{Centroids, Policy, Router, MAX_PUBLISHED_BYTES},
};

use super::{
    link::{timely, timely_message, Link, Terms},
    reach, SessionError,
};
use crate::{
    chain::{AccountId, Chain},
    wire::{self, proto, CENTROIDS_FILE},
};

/// Miners compared at most, in memory 1 MiB each.
pub const MAX_COMPARED: usize = 32;
/// Longest wait for a miner's free places and centroids; one that is slower is left out.
const COMPARE: Duration = Duration::from_secs(15);
/// Miners drawn by topic; if all fail, the rest is tried in an order that the prompt has no part in. Each draw costs
/// the policy's epsilon.
pub const DRAWS: usize = 3;
/// Free places that are believed: no miner draws more prompts by claiming more.
pub(super) const MAX_FREE: u32 = 32;

/// A prompt's embedding, and how to choose by it. It has no way off this machine: nothing serialises it.
#[derive(Clone)]
pub struct Route {
    model: [u8; 32],
    pub(super) embedding: Zeroizing<Vec<f32>>,
    policy: Policy,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Route {
    /// A choice by this embedding of the model with this manifest hash.
    pub fn new(model: [u8; 32], embedding: Vec<f32>, policy: Policy) -> Self {
        Self {
            model,
            embedding: Zeroizing::new(embedding),
            policy,
        }
    }

    /// Embeds a text with an imported model on this machine, in clear. Of a text longer than the model's context its
    /// beginning counts. Blocks.
    ///
    /// # Errors
    /// [`SessionError::Model`] if the folder holds no whole embedding model.
    pub fn of(dir: &Path, text: &str, policy: Policy) -> Result<Self, SessionError> {
        let part = ClientPart::load(dir)?;
        if !matches!(part.manifest().network.output, Output::Embedding { .. }) {
            let advice = "import a sentence embedding, such as sentence-transformers/all-MiniLM-L6-v2";
            let what = format!("{} gives no embeddings; {advice}", dir.display());
            return Err(zk_llm::Error::Routing(what).into());
        }
        let weights = Weights::load(dir)?;
        let mut length = text.chars().count();
        let ids = loop {
            let beginning: Zeroizing<String> = Zeroizing::new(text.chars().take(length).collect());
            match part.encode(&beginning) {
                Err(zk_llm::Error::ContextExceeded { .. }) if length > 1 => length /= 2,
                encoded => break encoded?,
            }
        };
        let embedding = part.run(&mut Dynamic::new(&part, &weights), &ids)?;
        Ok(Self::new(part.manifest_hash(), embedding, policy))
    }

    /// Manifest hash of the embedding model.
    pub fn model(&self) -> &[u8; 32] {
        &self.model
    }

    /// How the choice is made.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Reads what a miner published; says why it cannot be used.
    fn read(&self, bytes: &[u8]) -> Result<Centroids, String> {
        let centroids = Centroids::from_json(bytes).map_err(|error| error.to_string())?;
        if centroids.model() != hex::encode(self.model) {
            // The hash is 64 hexadecimal digits by now.
            return Err(format!("of another embedding model, {}", centroids.model()));
        }
        // One miner's odd width would spoil the metric of all.
        let width = self.embedding.len();
        let fits = centroids.vectors().all(|vector| vector.len() == width);
        fits.then_some(centroids)
            .ok_or_else(|| "not of the embedding model's width".into())
    }
}

/// The first folder by name, among those in `models`, that holds a whole embedding model.
pub fn embedding_model(models: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(models).ok()?;
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders.into_iter().find(|dir| {
        dir.join(WEIGHTS_FILE).is_file()
            && load_manifest(dir)
                .is_ok_and(|(manifest, _)| matches!(manifest.network.output, Output::Embedding { .. }))
    })
}

/// What a miner published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// So many centroids that can be used.
    Centroids(usize),
    /// None; it counts as farthest.
    Nothing,
    /// Something that cannot be used, for this reason; it counts as farthest.
    Refused(String),
}

/// A miner that was compared.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Its account.
    pub miner: AccountId,
    /// Jobs that it has room for by its own word, at most 32.
    pub free: u32,
    /// What it published.
    pub published: Published,
    /// Embedding radius of the prompt, if centroids are known.
    pub radius: Option<f64>,
    /// Chance to be drawn first.
    pub chance: f64,
}

/// Miners in the order in which they are tried, and how it came about.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Manifest hash of the embedding model.
    pub model: [u8; 32],
    /// How the first [`DRAWS`] were drawn.
    pub policy: Policy,
    /// Everyone who was compared, by account.
    pub compared: Vec<Compared>,
    /// Who could not be compared, and why.
    pub absent: Vec<(AccountId, String)>,
    pub(super) order: Vec<(PeerInfo<AccountId>, Option<Link>)>,
}

impl Choice {
    /// Whom it fell on.
    pub fn chosen(&self) -> Option<&AccountId> {
        self.order.first().map(|(peer, _)| &peer.account)
    }

    /// Miners whose centroids could be used; without any the choice is by free places alone.
    pub fn informed(&self) -> usize {
        let known = |compared: &&Compared| matches!(compared.published, Published::Centroids(_));
        self.compared.iter().filter(known).count()
    }
}

/// Compares a Brain's miners with a prompt's embedding.
///
/// # Errors
/// [`SessionError`]: the Brain is not served, or no miner can be compared or has a free place.
pub async fn compare(chain: &Chain, brain: BrainId, route: &Route) -> Result<Choice, SessionError> {
    let (_, miners, terms, _) = reach::served(chain, brain).await?;
    among(miners, &terms, route).await
}

/// As [`compare`], among these miners.
pub(super) async fn among(
    mut miners: Vec<PeerInfo<AccountId>>,
    terms: &Terms,
    route: &Route,
) -> Result<Choice, SessionError> {
    let no_one = |reasons| SessionError::NoUsableMiner {
        brain: terms.brain,
        reasons,
    };
    miners.shuffle(&mut OsRng);
    miners.truncate(MAX_COMPARED);
    let asked = join_all(miners.iter().map(|peer| ask(peer, terms))).await;
    let (mut links, mut known, mut published) = (BTreeMap::new(), vec![], BTreeMap::new());
    let (mut free, mut absent) = (BTreeMap::new(), vec![]);
    for (peer, asked) in miners.into_iter().zip(asked) {
        let account = peer.account.clone();
        let (link, bytes) = match asked {
            Ok(answer) => answer,
            Err(error) => {
                absent.push((account, error.to_string()));
                continue;
            }
        };
        let said = match bytes.map(|bytes| route.read(&bytes)) {
            None => Published::Nothing,
            Some(Err(why)) => Published::Refused(why),
            Some(Ok(centroids)) => {
                let count = centroids.vectors().count();
                known.push((account.clone(), centroids));
                Published::Centroids(count)
            }
        };
        free.insert(account.clone(), link.free);
        published.insert(account.clone(), said);
        links.insert(account, (peer, link));
    }
    let reasons = || {
        absent
            .iter()
            .map(|(miner, why)| format!("  {}: {why}", crate::wallet::format_account(miner)))
    };
    if links.is_empty() {
        return Err(no_one(reasons().collect()));
    }
    let (route, drawn) = (route.clone(), free.clone());
    let work = move || {
        let router = Router::new(&route.model, known)?.with_policy(route.policy)?;
        let chances = router.chances(&route.embedding, &drawn)?;
        let radii = router.radii(&route.embedding)?;
        let (mut left, mut draws) = (drawn, Vec::new());
        while draws.len() < DRAWS && left.values().any(|free| *free > 0) {
            let next = router.choose(&route.embedding, &left, &mut OsRng)?;
            left.remove(&next);
            draws.push(next);
        }
        Ok::<_, zk_llm::Error>((route, chances, radii, draws))
    };
    let done = tokio::task::spawn_blocking(work).await;
    let (route, chances, radii, draws) = done.map_err(|e| SessionError::Internal(e.to_string()))??;
    let compared = published.into_iter().map(|(miner, published)| Compared {
        free: free.get(&miner).copied().unwrap_or_default(),
        radius: radii.get(&miner).copied(),
        chance: chances.get(&miner).copied().unwrap_or_default(),
        published,
        miner,
    });
    let compared = compared.collect();
    let drawn: Vec<_> = draws.iter().filter_map(|miner| links.remove(miner)).collect();
    let mut rest: Vec<_> = links.into_values().map(|(peer, _)| (peer, None)).collect();
    rest.shuffle(&mut OsRng);
    let drawn = drawn.into_iter().map(|(peer, link)| (peer, Some(link)));
    Ok(Choice {
        model: route.model,
        policy: route.policy,
        compared,
        absent,
        order: drawn.chain(rest).collect(),
    })
}

/// A link to a miner, and what it published.
async fn ask(peer: &PeerInfo<AccountId>, terms: &Terms) -> Result<(Link, Option<Vec<u8>>), SessionError> {
    let asked = async {
        let mut link = Link::open(peer, terms).await?;
        let published = link.centroids().await?;
        Ok((link, published))
    };
    match tokio::time::timeout(COMPARE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(SessionError::MinerGone(format!(
            "no centroids in {} s",
            COMPARE.as_secs()
        ))),
    }
}

impl Link {
    /// What the miner publishes for routing, unread; none if it publishes nothing. Every session asks, whether it
    /// routes or not, so that the calls of users and canaries are the same (SPEC F.4-3).
    ///
    /// # Errors
    /// [`SessionError::Protocol`] if it is too large, else those of the connection.
    pub(super) async fn centroids(&mut self) -> Result<Option<Vec<u8>>, SessionError> {
        let request = proto::ModelFileRequest {
            name: CENTROIDS_FILE.into(),
        };
        let mut stream = match timely(self.client.model_file(request)).await {
            Err(SessionError::Refused(_)) => return Ok(None),
            stream => stream?,
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = timely_message(&mut stream).await? {
            let size = chunk.data.len();
            if size == 0 || size > wire::MAX_CHUNK || bytes.len() + size > MAX_PUBLISHED_BYTES {
                return Err(SessionError::Protocol(
                    "its centroids are too large or cut into nothing".into(),
                ));
            }
            bytes.extend(chunk.data);
        }
        Ok(Some(bytes))
    }
}
