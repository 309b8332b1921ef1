//! An expression as a task of a Brain: a model of full mode that is no language model (SPEC R068).
//!
//! A prompt is one number for each variable, in the order of their names, apart by blanks: `1 0 2`. The numbers are
//! the words that the tokenizer knows, and the embedding of each is itself. The answer is the one output, exact.

use std::path::Path;

use super::Expression;
use crate::error::Result;
use crate::frontend::Frontend;
use crate::manifest::{Accuracy, Manifest, Quantiser, EMBEDDING_FILE, GRAPH_FILE, TOKENIZER_FILE};
use crate::params::ParameterSet;
use crate::text::Tokeniser;

impl Expression {
    /// Writes the model directory of the expression for variables in `0..=largest`, and gives its manifest's hash.
    /// The same expression, text and name give the same bytes. A word that is no number of the range counts as 0, and so do
    /// variables that a prompt leaves out at its end.
    ///
    /// # Errors
    /// [`Error::Expression`] if a value takes too wide a range, [`Error::Compile`] if the graph does not fit the
    /// encrypted plaintext space; [`Error::Io`].
    pub fn write_task(&self, dir: &Path, name: &str, text: &str, largest: u16) -> Result<[u8; 32]> {
        let graph = self.one_by_one(largest)?;
        let circuit = graph.compile(&ParameterSet::default())?;
        let variables = self.variables();
        let words: Vec<String> = (0..=largest).map(|number| number.to_string()).collect();
        let tokenizer = Tokeniser::build(words.iter().map(String::as_str), [])?;
        // Padding and unknown words first.
        let span = f32::from(largest.max(1));
        let table: Vec<f32> = [0.0; 2]
            .into_iter()
            .chain((0..=largest).map(|number| f32::from(number) / span))
            .collect();
        let files = [
            (TOKENIZER_FILE, tokenizer.to_bytes()?),
            (EMBEDDING_FILE, Frontend::embedding_bytes(&table, table.len(), 1)?),
            (GRAPH_FILE, graph.to_json()?),
        ];
        let names: Vec<&str> = variables.into_iter().collect();
        let task = format!(
            "{text} of the numbers {} from 0 to {largest}; no language model.",
            names.join(", ")
        );
        let unmeasured = Manifest::unmeasured(name, &task, &["value"], &circuit);
        let mut manifest = Manifest {
            quantiser: Quantiser {
                levels: 2 * u32::from(largest) + 1,
                ..unmeasured.quantiser
            },
            // Nothing was learned: the answer is exact.
            accuracy: Accuracy {
                squeezed: 1.0,
                unsqueezed: 1.0,
                floating: 1.0,
                ..unmeasured.accuracy
            },
            ..unmeasured
        };
        manifest.write(dir, &files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exec_clear, ClientModel, Model};

    #[test]
    fn an_expression_becomes_a_task_that_computes_it_exactly() {
        let text = "(a+b)+(c*d)+(e*f)-b";
        let expression: Expression = text.parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let hash = expression.write_task(dir.path(), "sums", text, 2).unwrap();
        let (model, client) = (
            Model::load(dir.path()).unwrap(),
            ClientModel::load(dir.path()).unwrap(),
        );
        assert_eq!((model.manifest_hash(), client.manifest_hash()), (hash, hash));
        // Every assignment of six numbers from 0 to 2.
        for at in 0..3i64.pow(6) {
            let numbers: Vec<i64> = (0..6u32).map(|place| at / 3i64.pow(place) % 3).collect();
            let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            let prompt = client.prepare(&words.join(" ")).unwrap();
            let known = ["a", "b", "c", "d", "e", "f"].into_iter().zip(numbers);
            let wanted = expression.evaluate(&known.collect()).unwrap();
            let found = exec_clear::run(model.circuit(), &prompt).unwrap();
            assert_eq!(found.0, [i32::try_from(wanted).unwrap()], "{words:?}");
        }
        // Canaries are numbers, not sentences, and not always the same.
        let drawn: std::collections::BTreeSet<String> = (0..20)
            .filter_map(|_| client.numbers(&mut rand::thread_rng()))
            .collect();
        assert!(drawn.len() > 1, "{drawn:?}");
        for prompt in &drawn {
            let numbers: Vec<i8> = prompt.split(' ').map(|word| word.parse().unwrap()).collect();
            assert_eq!(client.prepare(prompt).unwrap().values, numbers);
        }
        // Another text, another task; the same, the same.
        let again = tempfile::tempdir().unwrap();
        assert_eq!(
            expression.write_task(again.path(), "sums", text, 2).unwrap(),
            hash
        );
        assert_ne!(
            expression.write_task(again.path(), "sums", text, 1).unwrap(),
            hash
        );
    }

    #[test]
    fn expressions_that_cannot_be_encrypted_exactly_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (text, largest) in [("1+2", 2), ("a*b*c*d", 40), ("a*b", 2_000)] {
            let expression: Expression = text.parse().unwrap();
            assert!(
                expression.write_task(dir.path(), "wide", text, largest).is_err(),
                "{text}"
            );
        }
    }
}
