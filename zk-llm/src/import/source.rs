//! Where a checkpoint is: a folder, or a repository of the hub.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::manifest::is_plain;
use crate::error::{Error, Result};

/// Where a checkpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A repository of the hub.
    Hub(Repository),
}

/// A repository of the hub at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// User or organisation.
    pub owner: String,
    /// Name of the model.
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Repository {
    /// `owner/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.owner, self.name, self.revision)
    }
}

impl Location {
    /// Short name of a model that comes from here.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Hub(repository) => repository.name.clone(),
            Self::Folder(path) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                let last = whole.file_name().map(|name| name.to_string_lossy().into_owned());
                last.unwrap_or_default()
            }
        };
        let plain: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '-'
                }
            })
            .take(64)
            .collect();
        match plain.trim_start_matches('.') {
            "" => "model".into(),
            plain => plain.into(),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    /// `https://huggingface.co/owner/name`, also with `/tree/revision`; `owner/name` or `owner/name@revision`; or a
    /// folder: a path that is there, or that starts with `.`, `/` or `~`.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim().trim_end_matches('/');
        let refused = || {
            Error::Hub(format!(
                "{text:?} is neither https://huggingface.co/owner/name, owner/name, owner/name@revision nor a folder"
            ))
        };
        if let Some((scheme, rest)) = text.split_once("://") {
            let path = rest
                .strip_prefix("huggingface.co/")
                .or_else(|| rest.strip_prefix("hf.co/"));
            let Some(path) = path.filter(|_| scheme == "https") else {
                return Err(refused());
            };
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let parts: Vec<&str> = path.splitn(4, '/').collect();
            let (id, revision) = match parts[..] {
                [owner, name] => (format!("{owner}/{name}"), "main"),
                [owner, name, "tree" | "commit", revision] => (format!("{owner}/{name}"), revision),
                _ => return Err(refused()),
            };
            return repository(&id, revision).ok_or_else(refused);
        }
        if text.starts_with(['.', '/', '~']) || PathBuf::from(text).is_dir() {
            return Ok(Self::Folder(text.into()));
        }
        let (id, revision) = text.split_once('@').unwrap_or((text, "main"));
        repository(id, revision).ok_or_else(refused)
    }
}

fn repository(id: &str, revision: &str) -> Option<Location> {
    let (owner, name) = id.split_once('/')?;
    // A revision may be refs/pr/1; its parts are as plain as names.
    let sound = [owner, name].into_iter().chain(revision.split('/')).all(is_plain);
    sound.then(|| {
        Location::Hub(Repository {
            owner: owner.into(),
            name: name.into(),
            revision: revision.into(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(owner: &str, name: &str, revision: &str) -> Location {
        Location::Hub(Repository {
            owner: owner.into(),
            name: name.into(),
            revision: revision.into(),
        })
    }

    #[test]
    fn urls_names_and_folders_are_told_apart() {
        for (text, wanted) in [
            (
                "https://huggingface.co/openai-community/gpt2",
                hub("openai-community", "gpt2", "main"),
            ),
            ("https://hf.co/a/b/", hub("a", "b", "main")),
            (
                "https://huggingface.co/a/b/tree/refs/pr/4",
                hub("a", "b", "refs/pr/4"),
            ),
            (
                "https://huggingface.co/a/b?library=transformers",
                hub("a", "b", "main"),
            ),
            ("a/b", hub("a", "b", "main")),
            ("a/b@v1.0", hub("a", "b", "v1.0")),
            ("./a/b", Location::Folder("./a/b".into())),
            ("/srv/models/b", Location::Folder("/srv/models/b".into())),
        ] {
            assert_eq!(text.parse::<Location>().unwrap(), wanted, "{text}");
        }
        let here = tempfile::tempdir().unwrap();
        let path = here.path().to_str().unwrap();
        assert_eq!(path.parse::<Location>().unwrap(), Location::Folder(path.into()));
    }

    #[test]
    fn names_that_would_leave_the_repository_are_refused() {
        for text in [
            "gpt2",
            "https://huggingface.co/gpt2",
            "http://huggingface.co/a/b",
            "https://example.org/a/b",
            "https://huggingface.co/a/b/blob/main/config.json",
            "a/b/c",
            "a/..",
            "a/b@../../c",
            "a/b@",
            "a b/c",
            "",
        ] {
            assert!(matches!(text.parse::<Location>(), Err(Error::Hub(_))), "{text}");
        }
    }

    #[test]
    fn a_model_is_named_after_its_last_part() {
        assert_eq!(hub("a", "b", "main").name(), "b");
        assert_eq!(Location::Folder("/srv/my model".into()).name(), "my-model");
        assert_eq!(Location::Folder("/".into()).name(), "model");
    }
}
