//! What can go wrong, in words that say what to do. No message carries a plaintext or a key.

use std::path::PathBuf;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Failure of an operation of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The manifest is malformed or names something unknown.
    #[error("manifest: {0}")]
    Manifest(String),
    /// A model file is not the one that the manifest names.
    #[error("{file}: contents do not match the manifest's hash; fetch the model again")]
    HashMismatch {
        /// The file's name.
        file: String,
    },
    /// The integer graph is malformed.
    #[error("graph: {0}")]
    Graph(String),
    /// The integer graph cannot be evaluated exactly under the parameter set.
    #[error(transparent)]
    Compile(#[from] crate::compile::CompileError),
    /// A checkpoint has a part that this version does not run.
    #[error("{what} is not supported; {advice}")]
    Unsupported {
        /// The part, by its name in the checkpoint.
        what: String,
        /// What to do about it.
        advice: String,
    },
    /// A checkpoint is malformed.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// A hub of models refused a request, or its answer is malformed.
    #[error("hub: {0}")]
    Hub(String),
    /// Centroids or embeddings are malformed, or no peer can be chosen.
    #[error("routing: {0}")]
    Routing(String),
    /// An expression is malformed or cannot be squeezed.
    #[error("expression: {0}")]
    Expression(String),
    /// The tokenizer file is malformed or a text cannot be tokenised.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// The embedding file is malformed.
    #[error("embedding: {0}")]
    Embedding(String),
    /// The text has more tokens than the model's context.
    #[error("the text has {tokens} tokens and the model takes {limit}; shorten it")]
    ContextExceeded {
        /// Tokens of the text.
        tokens: usize,
        /// The model's context.
        limit: usize,
    },
    /// A prompt's integers do not match the model's inputs.
    #[error("prompt: {0}")]
    Prompt(String),
    /// Bytes from a peer have a length other than the only right one, or exceed a limit.
    #[error("{what}: {got} bytes, expected {expected}")]
    Size {
        /// What was received.
        what: &'static str,
        /// Bytes received.
        got: u64,
        /// Bytes expected (or the most that is accepted).
        expected: u64,
    },
    /// Bytes from a peer are not a ciphertext list of the model's shape and parameters.
    #[error("ciphertext: {0}")]
    Ciphertext(String),
    /// Bytes from a peer are not an evaluation key of the parameter set.
    #[error("evaluation key: {0}")]
    Key(String),
    /// A device cannot be used.
    #[error("device: {0}")]
    Device(String),
    /// A matrix of split mode, or its description, is malformed or cannot be multiplied exactly.
    #[error("matrix: {0}")]
    Matrix(String),
    /// A batch of one-time masks has no such number of positions, or not so many left.
    #[error("batch: {0}")]
    Batch(String),
    /// A miner's trace does not hold together, or its answer does not follow from it.
    #[error("audit: {0}")]
    Audit(String),
    /// A trace could not be written or read.
    #[error("trace: {0}")]
    Trace(#[source] std::io::Error),
    /// The parameter set is not known to this version.
    #[error("parameter set {0:?} is unknown to this version")]
    ParameterSet(String),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
    /// The evaluation was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Worker threads could not be started.
    #[error("threads: {0}")]
    Threads(String),
    /// Training or evaluation of a model failed.
    #[error("training: {0}")]
    Training(String),
}
