//! How `ask` chooses a miner by the prompt's topic, and what it tells of the choice.

use std::path::PathBuf;

use based_client::{
    chain::{AccountId, Chain},
    files,
    session::route::{self, Choice, Compared, Published, Route},
    wallet::format_account,
};
use based_primitives::BrainId;
use clap::{Args, ValueEnum};
use serde_json::{json, Value};
use zk_llm::routing::{Policy, DEFAULT_EPSILON};

use crate::{report, Report};

/// How the miner is chosen.
#[derive(Debug, Args)]
pub struct Routing {
    /// How a miner is chosen; by default `private` if an embedding model is at hand and miners published centroids for
    /// it, else `random`.
    #[arg(long, value_enum, conflicts_with = "miner")]
    route: Option<Kind>,
    /// Folder of the imported sentence-embedding model by which miners are compared; else the first in the wallet
    /// home's models/. It runs on this machine, in clear.
    #[arg(long, value_name = "DIR", env = "BASED_EMBEDDING_MODEL")]
    embedding_model: Option<PathBuf>,
    /// With `private`: no prompt makes a choice more than e^EPSILON times as likely as another prompt does.
    #[arg(long, value_name = "EPSILON", default_value_t = DEFAULT_EPSILON, value_parser = epsilon)]
    epsilon: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// At random; near miners and those with free places come more often.
    Private,
    /// The miner of least embedding radius: it learns the topic.
    Nearest,
    /// At random, or one that holds a reservation; the prompt has no part in it.
    Random,
}

fn epsilon(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(epsilon) if f64::is_finite(epsilon) && epsilon > 0.0 => Ok(epsilon),
        _ => Err("give a positive number, such as 2".into()),
    }
}

impl Routing {
    /// The choice for a text; none if miners are chosen without regard to it.
    ///
    /// # Errors
    /// If a way was asked for by name that is not open.
    pub async fn choose(&self, chain: &Chain, brain: BrainId, text: &str) -> anyhow::Result<Option<Choice>> {
        let policy = match self.route {
            Some(Kind::Random) => return Ok(None),
            Some(Kind::Nearest) => Policy::Nearest,
            Some(Kind::Private) | None => Policy::Randomised {
                epsilon: self.epsilon,
            },
        };
        let at_hand = match &self.embedding_model {
            Some(dir) => Some(dir.clone()),
            None => route::embedding_model(&files::home()?.join("models")),
        };
        let Some(dir) = at_hand else {
            anyhow::ensure!(
                self.route.is_none(),
                "there is no embedding model on this machine to choose a miner by; import the one that the miners name, \
                 such as `based model import sentence-transformers/all-MiniLM-L6-v2`, or ask with --route random"
            );
            return Ok(None);
        };
        // Before any miner is spoken to: how long it takes tells nobody how long the prompt is.
        let text = text.to_owned();
        let embedded = tokio::task::spawn_blocking(move || Route::of(&dir, &text, policy)).await??;
        let choice = route::compare(chain, brain, &embedded).await?;
        if choice.informed() > 0 {
            return Ok(Some(choice));
        }
        anyhow::ensure!(
            self.route.is_none(),
            "no miner of Brain {brain} that answers has published centroids of embedding model {}; ask with --route \
             random, or give --embedding-model another:\n{}",
            hex::encode(choice.model),
            refusals(&choice)
        );
        Ok(None)
    }
}

/// What a dry run tells: how the choice falls, with nothing sent that depends on the prompt.
pub fn preview(named: Option<&AccountId>, choice: Option<&Choice>) -> Report {
    let Some(choice) = choice else {
        let how = match named {
            Some(miner) => format!("The miner is the one named, {}.", format_account(miner)),
            None => "A miner is drawn at random, or is one that holds a reservation: the prompt has no part in it.".into(),
        };
        let json = json!({ "sent": false, "route": to_json(named, None) });
        return Report::new(json, format!("Nothing was sent. {how}"));
    };
    let rows = choice.compared.iter().map(|compared| {
        vec![
            format_account(&compared.miner),
            compared.free.to_string(),
            published(&compared.published),
            compared
                .radius
                .map_or_else(|| "-".into(), |radius| format!("{radius:.3}")),
            format!("{:.1} %", compared.chance * 100.0),
        ]
    });
    let columns = ["miner", "free places", "centroids", "radius", "chance"];
    let json = json!({ "sent": false, "route": to_json(None, Some(choice)) });
    let report = Report::table(json, &columns, rows.collect(), "No miner was compared.");
    report.with_line(&format!(
        "\nNothing was sent but the same questions to each of them. {}.",
        summary(choice)
    ))
}

/// One line on a choice.
pub fn summary(choice: &Choice) -> String {
    let how = match choice.policy {
        Policy::Nearest => "the nearest".into(),
        Policy::Randomised { epsilon } => format!("drawn at random, epsilon {epsilon}"),
    };
    let chosen = choice
        .chosen()
        .map_or_else(|| "no miner".into(), |miner| format_account(miner));
    format!(
        "Chosen first, on this machine, among {} miners, of which {} published centroids: {chosen}, {how}",
        choice.compared.len(),
        choice.informed()
    )
}

/// A choice for scripts. Radii come of the prompt: they are for this machine alone.
pub fn to_json(named: Option<&AccountId>, choice: Option<&Choice>) -> Value {
    let Some(choice) = choice else {
        let policy = if named.is_some() { "named" } else { "random" };
        return json!({ "policy": policy, "chosen": named.map(report::account) });
    };
    let (policy, epsilon) = match choice.policy {
        Policy::Nearest => ("nearest", None),
        Policy::Randomised { epsilon } => ("private", Some(epsilon)),
    };
    let compared = |compared: &Compared| {
        json!({
            "miner": report::account(&compared.miner),
            "free": compared.free,
            "centroids": published(&compared.published),
            "radius": compared.radius,
            "chance": compared.chance,
        })
    };
    json!({
        "policy": policy,
        "epsilon": epsilon,
        "embedding_model": hex::encode(choice.model),
        "chosen": choice.chosen().map(report::account),
        "compared": choice.compared.iter().map(compared).collect::<Vec<_>>(),
        "absent": choice.absent.iter().map(|(miner, why)| json!({ "miner": report::account(miner), "why": why })).collect::<Vec<_>>(),
    })
}

fn published(published: &Published) -> String {
    match published {
        Published::Centroids(count) => count.to_string(),
        Published::Nothing => "none".into(),
        Published::Refused(why) => format!("refused: {why}"),
    }
}

fn refusals(choice: &Choice) -> String {
    let of = |compared: &Compared| {
        let miner = format_account(&compared.miner);
        format!("  {miner}: {}", published(&compared.published))
    };
    let lines: Vec<_> = choice.compared.iter().map(of).collect();
    lines.join("\n")
}
