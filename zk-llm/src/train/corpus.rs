//! The corpus: lexicons, sentence templates and free sentences, and their expansion into labelled text.
//!
//! A template reads `label: words {slot} words`. `{section}` is filled from `lexicon/common.txt` and
//! `{class.section}` from that class's lexicon; a trailing `?` leaves the slot out half of the time. In a
//! label or slot, `C` stands for any class, `E` for any emotion, `N` for any emotion but joy, and `A` and
//! `B` for two different emotions. `label*3` makes a template three times as likely to be drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::seq::SliceRandom;
use rand::Rng;

use crate::error::{Error, Result};

/// Classes, in the order of the model's outputs. The last one is the absence of emotion.
pub const LABELS: [&str; 6] = ["joy", "sadness", "anger", "fear", "surprise", "neutral"];
const EMOTIONS: usize = 5;
const COMMON: &str = "common";
/// Section of the common lexicon that holds the fillers.
const FILLER: &str = "filler";

/// A text and the index of its class in [`LABELS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Words separated by single spaces.
    pub text: String,
    /// Index into [`LABELS`].
    pub label: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Common,
    Fixed(usize),
    Any,
    Emotion,
    NotJoy,
    First,
    Second,
}

impl Class {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            COMMON => Self::Common,
            "C" => Self::Any,
            "E" => Self::Emotion,
            "N" => Self::NotJoy,
            "A" => Self::First,
            "B" => Self::Second,
            name => Self::Fixed(LABELS.iter().position(|label| *label == name)?),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Slot {
        class: Class,
        section: String,
        optional: bool,
    },
}

/// A labelled pattern of sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The template as written, without its label.
    pub pattern: String,
    label: Class,
    /// How often it is drawn, relative to others.
    weight: usize,
    parts: Vec<Part>,
}

/// Assignment of classes to the letters of a template.
#[derive(Clone, Copy, Debug)]
struct Binding {
    single: usize,
    first: usize,
    second: usize,
}

impl Binding {
    fn class(&self, class: Class) -> usize {
        match class {
            Class::Fixed(at) => at,
            Class::First => self.first,
            Class::Second => self.second,
            Class::Common | Class::Any | Class::Emotion | Class::NotJoy => self.single,
        }
    }
}

impl Template {
    fn parse(line: &str) -> Result<Self> {
        let fail = |what: &str| Error::Training(format!("template {line:?}: {what}"));
        let (label, pattern) = line
            .split_once(": ")
            .ok_or_else(|| fail("expected \"label: words\""))?;
        let (label, weight) = label.split_once('*').unwrap_or((label, "1"));
        let weight = weight.parse().map_err(|_| fail("the weight is no number"))?;
        let label = Class::parse(label).filter(|class| *class != Class::Common);
        let label = label.ok_or_else(|| fail("unknown label"))?;
        let parts = pattern
            .split_whitespace()
            .map(|word| {
                let Some(slot) = word.strip_prefix('{') else {
                    return Ok(Part::Word(word.into()));
                };
                let slot = slot
                    .strip_suffix('}')
                    .ok_or_else(|| fail("a slot is not closed"))?;
                let (slot, optional) = slot.strip_suffix('?').map_or((slot, false), |slot| (slot, true));
                let (class, section) = slot.split_once('.').unwrap_or((COMMON, slot));
                let class = Class::parse(class).ok_or_else(|| fail("a slot names an unknown class"))?;
                Ok(Part::Slot {
                    class,
                    section: section.into(),
                    optional,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            pattern: pattern.split_whitespace().collect::<Vec<_>>().join(" "),
            label,
            weight,
            parts,
        })
    }

    /// Whether some sentence of this template carries `label`.
    pub fn can_mean(&self, label: usize) -> bool {
        match self.label {
            Class::Fixed(at) => at == label,
            Class::Any => true,
            Class::NotJoy => label != 0 && label < EMOTIONS,
            _ => label < EMOTIONS,
        }
    }

    fn uses(&self, class: Class) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Slot { class: c, .. } if *c == class))
    }

    fn bindings(&self) -> Vec<Binding> {
        let used = |class: Class| self.label == class || self.uses(class);
        let singles = match (used(Class::NotJoy), used(Class::Emotion), used(Class::Any)) {
            (true, ..) => 1..EMOTIONS,
            (_, true, _) => 0..EMOTIONS,
            (.., true) => 0..LABELS.len(),
            _ => 0..1,
        };
        let pairs: Vec<_> = match used(Class::First) || used(Class::Second) {
            true => (0..EMOTIONS)
                .flat_map(|a| (0..EMOTIONS).map(move |b| (a, b)))
                .filter(|(a, b)| a != b)
                .collect(),
            false => vec![(0, 0)],
        };
        singles
            .flat_map(|single| {
                pairs.iter().map(move |(first, second)| Binding {
                    single,
                    first: *first,
                    second: *second,
                })
            })
            .collect()
    }
}

/// Everything the trainer learns from and is measured on.
#[derive(Clone, Debug)]
pub struct Corpus {
    lexicon: BTreeMap<String, Vec<String>>,
    /// Templates that the trainer learns from.
    pub train: Vec<Template>,
    /// Templates that it is measured on.
    pub heldout: Vec<Template>,
    /// Sentences written one by one, only measured on.
    pub free: Vec<Sample>,
    /// Further common words that carry no emotion, inserted as noise.
    pub fillers: Vec<String>,
    /// Endings by which the tokenizer splits words that it does not know whole.
    pub suffixes: Vec<String>,
}

impl Corpus {
    /// Reads the corpus directory: `lexicon/`, `templates/` and `free.txt`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Training`] naming the line that is malformed.
    pub fn load(dir: &Path) -> Result<Self> {
        let mut lexicon = BTreeMap::new();
        for class in LABELS.into_iter().chain([COMMON]) {
            let mut section = None;
            for line in lines(&dir.join("lexicon").join(format!("{class}.txt")))? {
                if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                    section = Some(format!("{class}.{name}"));
                    continue;
                }
                let name = section
                    .clone()
                    .ok_or_else(|| Error::Training(format!("{class}.txt: no section")))?;
                let items = line
                    .split(',')
                    .map(|item| item.split_whitespace().collect::<Vec<_>>().join(" "));
                lexicon
                    .entry(name)
                    .or_insert_with(Vec::new)
                    .extend(items.filter(|item| !item.is_empty()));
            }
        }
        let templates = |name: &str| -> Result<Vec<Template>> {
            lines(&dir.join("templates").join(name))?
                .iter()
                .map(|line| Template::parse(line))
                .collect()
        };
        let free = lines(&dir.join("free.txt"))?
            .iter()
            .map(|line| {
                let (label, text) = line.split_once(": ").unwrap_or(("", line));
                let label = LABELS.iter().position(|name| *name == label);
                let label =
                    label.ok_or_else(|| Error::Training(format!("free.txt: {line:?}: unknown label")))?;
                Ok(Sample {
                    text: text.into(),
                    label,
                })
            })
            .collect::<Result<_>>()?;
        let words = |name: &str| -> Result<Vec<String>> {
            let lines = lines(&dir.join("lexicon").join(name))?;
            Ok(lines
                .iter()
                .flat_map(|line| line.split_whitespace())
                .map(String::from)
                .collect())
        };
        let fillers = words("fillers.txt")?;
        lexicon.insert(format!("{COMMON}.{FILLER}"), fillers.clone());
        let corpus = Self {
            train: templates("train.txt")?,
            heldout: templates("heldout.txt")?,
            free,
            fillers,
            suffixes: words("suffixes.txt")?,
            lexicon,
        };
        for template in corpus.train.iter().chain(&corpus.heldout) {
            for binding in template.bindings() {
                for part in &template.parts {
                    corpus.items(part, &binding)?;
                }
            }
        }
        Ok(corpus)
    }

    fn items<'a>(&'a self, part: &'a Part, binding: &Binding) -> Result<&'a [String]> {
        match part {
            Part::Word(word) => Ok(std::slice::from_ref(word)),
            Part::Slot {
                class: Class::Common,
                section,
                ..
            } => self.section(COMMON, section),
            Part::Slot { class, section, .. } => self.section(LABELS[binding.class(*class)], section),
        }
    }

    /// Items of one section of a class's lexicon, or of the words common to all.
    ///
    /// # Errors
    /// [`Error::Training`] if there is no such section.
    pub fn section(&self, class: &str, section: &str) -> Result<&[String]> {
        let key = format!("{class}.{section}");
        let items = self.lexicon.get(&key).filter(|items| !items.is_empty());
        Ok(items.ok_or_else(|| Error::Training(format!("the lexicon has no section {key}")))?)
    }

    /// Every word of the lexicons, templates and fillers, each once, in alphabetical order.
    pub fn words(&self) -> BTreeSet<String> {
        let lexicon = self
            .lexicon
            .values()
            .flatten()
            .flat_map(|item| item.split_whitespace());
        let templates = self
            .train
            .iter()
            .chain(&self.heldout)
            .flat_map(|template| &template.parts);
        let literal = templates.filter_map(|part| match part {
            Part::Word(word) => Some(word.as_str()),
            Part::Slot { .. } => None,
        });
        lexicon
            .chain(literal)
            .chain(self.fillers.iter().map(String::as_str))
            .map(String::from)
            .collect()
    }

    /// Draws a sentence of `label` from `templates`; templates that can mean it are as likely as their
    /// weights say.
    ///
    /// # Errors
    /// [`Error::Training`] if no template can mean `label`.
    pub fn draw(&self, templates: &[&Template], label: usize, rng: &mut impl Rng) -> Result<Sample> {
        let able: Vec<_> = templates
            .iter()
            .filter(|template| template.can_mean(label))
            .flat_map(|template| std::iter::repeat_n(template, template.weight))
            .collect();
        let none = || Error::Training(format!("no template means {}", LABELS[label]));
        let template = able.choose(rng).ok_or_else(none)?;
        let fits = |binding: &Binding| {
            matches!(template.label, Class::Fixed(_)) || binding.class(template.label) == label
        };
        let bindings: Vec<_> = template.bindings().into_iter().filter(fits).collect();
        let binding = bindings.choose(rng).ok_or_else(none)?;
        let mut words = Vec::new();
        for part in &template.parts {
            let skip = matches!(part, Part::Slot { optional: true, .. }) && rng.gen_bool(0.5);
            if let (false, Some(item)) = (skip, self.items(part, binding)?.choose(rng)) {
                words.push(item.as_str());
            }
        }
        Ok(Sample {
            text: words.join(" "),
            label,
        })
    }

    /// Draws `per_label` different sentences of every class.
    ///
    /// # Errors
    /// As [`Corpus::draw`], or if the templates do not give that many.
    pub fn expand(
        &self,
        templates: &[&Template],
        per_label: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<Sample>> {
        let mut all = Vec::with_capacity(per_label * LABELS.len());
        for label in 0..LABELS.len() {
            let mut known = BTreeSet::new();
            for _ in 0..per_label * 50 {
                if known.len() == per_label {
                    break;
                }
                let sample = self.draw(templates, label, rng)?;
                if known.insert(sample.text.clone()) {
                    all.push(sample);
                }
            }
            if known.len() < per_label {
                let what = format!(
                    "the templates give only {} sentences of {}",
                    known.len(),
                    LABELS[label]
                );
                return Err(Error::Training(what));
            }
        }
        Ok(all)
    }

    /// Whether `template` can produce the words of `text`.
    ///
    /// # Errors
    /// As [`Corpus::section`].
    pub fn produces(&self, template: &Template, text: &str) -> Result<bool> {
        let words: Vec<_> = text.split_whitespace().collect();
        let literal = |part: &Part| !matches!(part, Part::Word(word) if !words.contains(&word.as_str()));
        if !template.parts.iter().all(literal) {
            return Ok(false);
        }
        for binding in template.bindings() {
            let mut ends = BTreeSet::from([0]);
            for part in &template.parts {
                let optional = matches!(part, Part::Slot { optional: true, .. });
                let mut next = if optional { ends.clone() } else { BTreeSet::new() };
                for item in self.items(part, &binding)? {
                    let item: Vec<_> = item.split_whitespace().collect();
                    next.extend(
                        ends.iter()
                            .filter(|at| words[**at..].starts_with(&item))
                            .map(|at| at + item.len()),
                    );
                }
                ends = next;
            }
            if ends.contains(&words.len()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Lines of a file without comments and blank lines.
fn lines(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
    })?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(String::from).collect())
}
