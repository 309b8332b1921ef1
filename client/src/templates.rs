//! The registry of task templates (SPEC R066-R068, R077, R078, R183): what a Brain's owner may start from.
//!
//! Each is one JSON manifest in `templates/`, whose SHA-256 stands in `templates/index.json`. The chain stores a Brain's
//! template by its number (`Brains.set_template`) and what was made of it by the hash of the task's manifest.

use std::collections::BTreeMap;

use based_primitives::TemplateId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The index: number, file and SHA-256 of each.
const INDEX: &str = include_str!("../../templates/index.json");
/// Names and bytes of the manifests.
const FILES: [(&str, &str); 10] = [
    (
        "0-converter.json",
        include_str!("../../templates/0-converter.json"),
    ),
    ("1-generic.json", include_str!("../../templates/1-generic.json")),
    (
        "2-sentiment.json",
        include_str!("../../templates/2-sentiment.json"),
    ),
    (
        "3-native-llm.json",
        include_str!("../../templates/3-native-llm.json"),
    ),
    ("4-video.json", include_str!("../../templates/4-video.json")),
    (
        "5-medical-records.json",
        include_str!("../../templates/5-medical-records.json"),
    ),
    (
        "6-private-search.json",
        include_str!("../../templates/6-private-search.json"),
    ),
    (
        "7-financial-trading.json",
        include_str!("../../templates/7-financial-trading.json"),
    ),
    (
        "8-cybersecurity.json",
        include_str!("../../templates/8-cybersecurity.json"),
    ),
    (
        "9-secure-ai-network.json",
        include_str!("../../templates/9-secure-ai-network.json"),
    ),
];
/// Version of the manifests' form.
const VERSION: u16 = 1;

/// Why a template cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is none of this number or name.
    #[error("there is no template {0}; see `based template list`")]
    Unknown(String),
    /// It is not served yet.
    #[error("template {id}, {title}, is not yet served: {why}")]
    NotYetServed {
        /// Number.
        id: TemplateId,
        /// Title.
        title: String,
        /// Why not.
        why: String,
    },
    /// The registry of this program is damaged.
    #[error("the registry of templates is damaged ({0}); install the program again")]
    Damaged(String),
}

/// Whether a template can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it is.
    Served,
    /// With a checkpoint that the owner names.
    NeedsSource,
    /// Not yet; the manifest says why.
    NotYetServed,
}

/// How a template's model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Wholly at the miner.
    Full,
    /// Linear layers at the miner.
    Split,
    /// Neither.
    None,
}

/// Where a template's model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// The owner names a repository or folder.
    Given {},
    /// A repository of the hub; its newest commit is pinned by the import.
    Hub {
        /// Repository.
        repository: String,
    },
    /// A model that comes with the program.
    Bundled {
        /// Name.
        name: String,
        /// SHA-256 of its manifest, in hex.
        manifest: String,
    },
    /// A graph of sums and products of the client's numbers.
    Expression {
        /// The expression.
        expression: String,
        /// Largest value of a variable, from 0.
        largest: u16,
        /// SHA-256 of the manifest that comes of it, in hex.
        manifest: String,
    },
    /// The kind of model that would be served.
    Artefact {
        /// Family of its network.
        family: String,
        /// Size of the checkpoint in GiB.
        gib: u32,
        /// Layers.
        layers: u32,
        /// Features of a token.
        width: u32,
    },
    /// None.
    None {},
}

/// Whom the owner admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// Anyone who pays the fee.
    #[default]
    Open,
    /// Accounts on the Brain's list.
    Listed,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    version: u16,
    /// Number, as on the chain.
    pub id: TemplateId,
    /// Short name.
    pub name: String,
    /// Title.
    pub title: String,
    /// What it does.
    pub does: String,
    /// What it does not.
    pub limits: String,
    /// How it runs.
    pub mode: Mode,
    /// Whether it can be started.
    pub state: State,
    /// Why it is not yet served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its model.
    pub model: Source,
    /// Analyses by the name that a user gives, each with the SHA-256 of its model's manifest in hex (R182, R187).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub analyses: BTreeMap<String, String>,
    /// Whom the owner admits.
    #[serde(default)]
    pub admission: Admission,
    /// A prompt that it takes.
    pub ask: String,
}

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Number.
    pub id: TemplateId,
    /// File in `templates/`.
    pub file: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl Template {
    /// Refuses what is not served, by name and with the reason.
    ///
    /// # Errors
    /// [`TemplateError::NotYetServed`].
    pub fn startable(&self) -> Result<(), TemplateError> {
        match self.state {
            State::Served | State::NeedsSource => Ok(()),
            State::NotYetServed => Err(TemplateError::NotYetServed {
                id: self.id,
                title: self.title.clone(),
                why: self.why.clone().unwrap_or_default(),
            }),
        }
    }
}

/// All templates with their entries, by number. A manifest whose hash is not the index's is no template.
///
/// # Errors
/// [`TemplateError::Damaged`].
pub fn all() -> Result<Vec<(Template, Entry)>, TemplateError> {
    let damaged =
        |what: &str, error: &dyn std::fmt::Display| TemplateError::Damaged(format!("{what}: {error}"));
    let index: Vec<Entry> = serde_json::from_str(INDEX).map_err(|error| damaged("index.json", &error))?;
    let read = |entry: Entry| {
        let file = FILES.iter().find(|(name, _)| *name == entry.file);
        let (_, text) = file.ok_or_else(|| damaged(&entry.file, &"it is missing"))?;
        if hex::encode(Sha256::digest(text.as_bytes())) != entry.sha256 {
            return Err(damaged(&entry.file, &"its SHA-256 is not the index's"));
        }
        let template: Template = serde_json::from_str(text).map_err(|error| damaged(&entry.file, &error))?;
        match template.version == VERSION && template.id == entry.id {
            true => Ok((template, entry)),
            false => Err(damaged(&entry.file, &"another version or number")),
        }
    };
    index.into_iter().map(read).collect()
}

/// A template by its number or name.
///
/// # Errors
/// [`TemplateError::Unknown`], or as [`all`].
pub fn find(wanted: &str) -> Result<(Template, Entry), TemplateError> {
    let is = |(template, _): &(Template, Entry)| template.name == wanted || wanted.parse() == Ok(template.id);
    let found = all()?.into_iter().find(is);
    found.ok_or_else(|| TemplateError::Unknown(wanted.chars().filter(|c| !c.is_control()).take(64).collect()))
}

/// Hash of the manifest that an analysis names: 64 hexadecimal digits, or a name that a template has for it (R182, R187).
///
/// # Errors
/// [`TemplateError::Unknown`] if no template knows the name, or as [`all`].
pub fn analysis(wanted: &str) -> Result<[u8; 32], TemplateError> {
    let unknown = || {
        TemplateError::Unknown(format!(
            "with an analysis {:?}",
            wanted.chars().take(64).collect::<String>()
        ))
    };
    let named = all()?
        .into_iter()
        .find_map(|(template, _)| template.analyses.get(wanted).cloned());
    let hash = hex::decode(named.as_deref().unwrap_or(wanted)).map_err(|_| unknown())?;
    hash.try_into().map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_manifest_has_the_hash_that_the_registry_gives() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let index: Vec<Entry> =
            serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        for entry in &index {
            let bytes = std::fs::read(dir.join(&entry.file)).unwrap();
            assert_eq!(
                hex::encode(Sha256::digest(&bytes)),
                entry.sha256,
                "{}",
                entry.file
            );
            let template: Template = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(entry.file, format!("{}-{}.json", template.id, template.name));
            // What is embedded is what lies there.
            assert_eq!(
                find(&entry.id.to_string()).unwrap(),
                (template.clone(), entry.clone())
            );
            assert_eq!(find(&template.name).unwrap().0, template);
        }
        let files = std::fs::read_dir(&dir).unwrap().count();
        assert_eq!(files, index.len() + 1, "no manifest lies outside of the registry");
        let numbers: Vec<TemplateId> = index.iter().map(|entry| entry.id).collect();
        assert_eq!(
            numbers,
            (0..10).collect::<Vec<_>>(),
            "numbers of the chain, each once"
        );
        assert_eq!(
            index[0].id,
            zk_llm::import::TEMPLATE,
            "the converter writes template 0 into its manifests"
        );
    }

    #[test]
    fn the_templates_of_the_specification_are_there() {
        let names: BTreeSet<String> = all()
            .unwrap()
            .into_iter()
            .map(|(template, _)| template.name)
            .collect();
        for name in [
            "converter",
            "generic",
            "sentiment",
            "native-llm",
            "video",
            "medical-records",
            "private-search",
            "financial-trading",
            "cybersecurity",
            "secure-ai-network",
        ] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn what_is_not_served_is_refused_by_name_with_the_reason() {
        for (template, _) in all().unwrap() {
            let not_yet = ["native-llm", "video"].contains(&template.name.as_str());
            assert_eq!(
                template.state == State::NotYetServed,
                not_yet,
                "{}",
                template.name
            );
            assert_eq!(template.why.is_some(), not_yet, "{}", template.name);
            match template.startable() {
                Ok(()) => assert!(!not_yet),
                Err(error) => {
                    let (text, why) = (error.to_string(), template.why.unwrap());
                    assert!(text.contains(&template.title) && text.contains(&why), "{text}");
                }
            }
        }
        // The class of artefact that the specification names: about 15 GB.
        let (native, _) = find("3").unwrap();
        let Source::Artefact {
            gib, layers, width, ..
        } = native.model
        else {
            panic!("{native:?}");
        };
        assert_eq!((gib, layers, width), (14, 32, 4096));
    }

    #[test]
    fn hashes_of_models_are_those_of_what_they_name() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (template, _) in all().unwrap() {
            let made = match &template.model {
                Source::Bundled { name, manifest } => {
                    let model = zk_llm::Model::load(&root.join("zk-llm/models").join(name)).unwrap();
                    assert!(template.analyses.values().all(|hash| hash == manifest));
                    (model.manifest_hash(), manifest.clone())
                }
                Source::Expression {
                    expression,
                    largest,
                    manifest,
                } => {
                    let dir = tempfile::tempdir().unwrap();
                    let parsed: zk_llm::actions::Expression = expression.parse().unwrap();
                    let hash = parsed.write_task(dir.path(), &template.name, expression, *largest);
                    (hash.unwrap(), manifest.clone())
                }
                _ => continue,
            };
            assert_eq!(hex::encode(made.0), made.1, "{}", template.name);
        }
    }

    #[test]
    fn an_analysis_is_named_or_given_by_its_hash() {
        let hash = find("medical-records").unwrap().0.analyses["mood"].clone();
        assert_eq!(hex::encode(analysis("mood").unwrap()), hash);
        assert_eq!(hex::encode(analysis(&hash).unwrap()), hash);
        for wrong in ["surgery", "", "ab", &hash[1..]] {
            assert!(
                matches!(analysis(wrong), Err(TemplateError::Unknown(_))),
                "{wrong}"
            );
        }
        for wrong in ["10", "-1", "65536", "nothing\u{1b}[2J"] {
            let error = find(wrong).unwrap_err().to_string();
            assert!(
                error.contains("based template list") && !error.contains('\u{1b}'),
                "{error}"
            );
        }
    }
}
