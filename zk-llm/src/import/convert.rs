//! From a checkpoint's folder to a model's: 8-bit weights for the miner, the client's part, the manifest.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::blueprint::{Blueprint, Linear};
use super::config::{self, unsupported, SentenceFiles, MAX_CONFIG_BYTES};
use super::manifest::{
    is_plain, LinearSpec, Mode, Source, SplitManifest, CLIENT_FILE, MANIFEST_VERSION, TEMPLATE, WEIGHTS_FILE,
};
use super::network::Network;
use super::steps::{quantise_rows, turn_rows};
use super::tensors::{hash_file, Form, Planned, Tensors, Writer};
use super::tokenizer::Tokens;
use crate::error::{Error, Result};
use crate::manifest::{MANIFEST_FILE, TOKENIZER_FILE};
use crate::split::Matrix;

/// `config.json`.
pub(super) const CONFIG_FILE: &str = "config.json";
/// The weights of a checkpoint in one file.
pub(super) const SINGLE_FILE: &str = "model.safetensors";
/// Names the files of a checkpoint in several.
pub(super) const INDEX_FILE: &str = "model.safetensors.index.json";
/// The modules of a sentence embedding.
pub(super) const MODULES_FILE: &str = "modules.json";
/// How a sentence embedding pools tokens.
pub(super) const POOLING_FILE: &str = "1_Pooling/config.json";
/// Largest tokenizer or index that is read, in bytes.
pub(super) const MAX_JSON_BYTES: u64 = 64 << 20;
/// Most files of a checkpoint in several.
const MAX_SHARDS: usize = 256;

/// A checkpoint whose parts have been found.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub network: Network,
    pub blueprint: Blueprint,
    pub tensors: Tensors,
    /// Every file that was read, by its path inside the folder.
    files: Vec<String>,
}

impl Checkpoint {
    /// Reads a folder's `config.json` and the headers of its weights.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Unsupported`] or [`Error::Checkpoint`].
    pub fn open(folder: &Path) -> Result<Self> {
        let mut files = vec![CONFIG_FILE.to_owned(), TOKENIZER_FILE.to_owned()];
        let config = read_limited(&folder.join(CONFIG_FILE), MAX_CONFIG_BYTES)?;
        let sentence = match folder.join(MODULES_FILE).exists() {
            true if !folder.join(POOLING_FILE).exists() => return Err(without_pooling()),
            true => Some((
                read_limited(&folder.join(MODULES_FILE), MAX_CONFIG_BYTES)?,
                read_limited(&folder.join(POOLING_FILE), MAX_CONFIG_BYTES)?,
            )),
            false => None,
        };
        if sentence.is_some() {
            files.extend([MODULES_FILE.into(), POOLING_FILE.into()]);
        }
        let network = config::read(
            &config,
            sentence
                .as_ref()
                .map(|(modules, pooling)| SentenceFiles { modules, pooling }),
        )?;
        let shards = match folder.join(SINGLE_FILE).exists() {
            true => vec![SINGLE_FILE.to_owned()],
            false if folder.join(INDEX_FILE).exists() => {
                files.push(INDEX_FILE.into());
                shards(&read_limited(&folder.join(INDEX_FILE), MAX_JSON_BYTES)?)?
            }
            false => return Err(without_weights()),
        };
        let paths: Vec<PathBuf> = shards.iter().map(|shard| folder.join(shard)).collect();
        files.extend(shards);
        let tensors = Tensors::open(&paths)?;
        let blueprint = Blueprint::new(&network, &tensors)?;
        // Before anything is allocated for them.
        blueprint.check(&tensors)?;
        Ok(Self {
            network,
            blueprint,
            tensors,
            files,
        })
    }

    /// A linear layer's weights, row by row.
    pub fn weights(&self, linear: &Linear) -> Result<Vec<f32>> {
        let mut all = Vec::with_capacity(linear.rows() * linear.columns);
        for part in &linear.parts {
            let (rows, columns) = (part.rows, linear.columns);
            let name = part.tensor();
            if part.transposed {
                let numbers = self.tensors.read(&name, &[columns, rows])?;
                for row in 0..rows {
                    all.extend(numbers.iter().skip(row).step_by(rows));
                }
            } else {
                all.extend(self.tensors.read(&name, &[rows, columns])?);
            }
        }
        Ok(all)
    }

    /// A linear layer's bias.
    pub fn bias(&self, linear: &Linear) -> Result<Vec<f32>> {
        let mut all = vec![];
        for part in &linear.parts {
            all.extend(
                self.tensors
                    .read(&format!("{}.bias", part.module), &[part.rows])?,
            );
        }
        Ok(all)
    }
}

/// Converts the checkpoint in `folder` into a model in `into`, in which only the files of a model are replaced. The
/// manifest is written last, so that a folder with a manifest is whole.
///
/// # Errors
/// [`Error::Io`], [`Error::Unsupported`], [`Error::Checkpoint`], [`Error::Tokenizer`] or [`Error::Manifest`].
pub(super) fn convert(
    folder: &Path,
    into: &Path,
    name: &str,
    origin: (Option<String>, Option<String>),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SplitManifest> {
    let checkpoint = Checkpoint::open(folder)?;
    let tokenizer = read_limited(&folder.join(TOKENIZER_FILE), MAX_JSON_BYTES)?;
    Tokens::from_bytes(&tokenizer, checkpoint.network.vocabulary)?;
    let io = |path: PathBuf| move |source| Error::Io { path, source };
    fs::create_dir_all(into).map_err(io(into.into()))?;
    let manifest_path = into.join(MANIFEST_FILE);
    if manifest_path.exists() {
        fs::remove_file(&manifest_path).map_err(io(manifest_path.clone()))?;
    }
    let (linears, mut files) = write_tensors(&checkpoint, into, progress)?;
    let path = into.join(TOKENIZER_FILE);
    fs::write(&path, &tokenizer).map_err(io(path))?;
    files.insert(
        TOKENIZER_FILE.into(),
        hex::encode(crate::manifest::sha256(&tokenizer)),
    );
    let mut read = BTreeMap::new();
    for file in &checkpoint.files {
        read.insert(file.clone(), hash_file(&folder.join(file))?);
    }
    let manifest = SplitManifest {
        version: MANIFEST_VERSION,
        mode: Mode::Split,
        template: TEMPLATE,
        name: name.into(),
        network: checkpoint.network,
        linears,
        source: Source {
            repository: origin.0,
            revision: origin.1,
            files: read,
        },
        files,
    };
    fs::write(&manifest_path, manifest.to_json()?).map_err(io(manifest_path))?;
    Ok(manifest)
}

type Written = (Vec<LinearSpec>, BTreeMap<String, String>);

fn write_tensors(
    checkpoint: &Checkpoint,
    into: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Written> {
    let Checkpoint {
        blueprint, tensors, ..
    } = checkpoint;
    let planned = |name: String, form, shape: Vec<usize>| Planned { name, form, shape };
    let (mut weights, mut client) = (vec![], vec![]);
    for linear in &blueprint.linears {
        let name = &linear.name;
        let rows = linear.rows();
        weights.push(planned(
            format!("{name}.weight"),
            Form::I8,
            vec![rows, linear.columns],
        ));
        client.push(planned(format!("{name}.scale"), Form::F32, vec![rows]));
        if linear.bias {
            client.push(planned(format!("{name}.bias"), Form::F32, vec![rows]));
        }
    }
    for public in &blueprint.public {
        let form = tensors.describe(&public.tensor, &public.shape)?;
        client.push(planned(public.name.clone(), form, public.shape.clone()));
    }
    let total: u64 = weights
        .iter()
        .map(|t| t.shape.iter().product::<usize>() as u64)
        .sum();
    let mut weights = Writer::create(&into.join(WEIGHTS_FILE), &weights)?;
    let mut client = Writer::create(&into.join(CLIENT_FILE), &client)?;
    let (mut linears, mut done) = (vec![], 0);
    for linear in &blueprint.linears {
        let mut numbers = checkpoint.weights(linear)?;
        turn_rows(&mut numbers, linear.columns);
        let rows = quantise_rows(&numbers, linear.columns)?;
        let steps: Vec<u8> = rows.steps.iter().map(|step| *step as u8).collect();
        let scales: Vec<u8> = rows.scales.iter().flat_map(|x| x.to_le_bytes()).collect();
        weights.push(&steps)?;
        client.push(&scales)?;
        if linear.bias {
            client.push_numbers(&checkpoint.bias(linear)?)?;
        }
        done += steps.len() as u64;
        let (height, columns) = (count(linear.rows())?, count(linear.columns)?);
        let shape = *Matrix::new(columns, height, rows.steps)?.shape();
        linears.push(LinearSpec {
            name: linear.name.clone(),
            rows: height,
            columns,
            bias: linear.bias,
            row_sum: shape.row_sum,
            row_squares: shape.row_squares,
            sha256: layer_hash(&steps, &scales),
        });
        progress(done, total);
    }
    for public in &blueprint.public {
        tensors.stream(&public.tensor, &public.shape, &mut |_, part| client.push(part))?;
    }
    let files = [
        (WEIGHTS_FILE.to_owned(), weights.finish()?),
        (CLIENT_FILE.to_owned(), client.finish()?),
    ];
    Ok((linears, files.into()))
}

/// Hash of a linear layer: its weights' bytes, then its scales'.
pub(super) fn layer_hash(steps: &[u8], scales: &[u8]) -> String {
    let hash = Sha256::new().chain_update(steps).chain_update(scales);
    hex::encode(hash.finalize())
}

fn count(size: usize) -> Result<u32> {
    u32::try_from(size).map_err(|_| Error::Checkpoint(format!("a layer has {size} rows or columns")))
}

/// What a folder or repository without safetensors is told.
pub(super) fn without_weights() -> Error {
    unsupported(
        "a checkpoint without model.safetensors",
        "load it with transformers and save it with save_pretrained(folder, safe_serialization=True)",
    )
}

/// What a sentence embedding without its pooling is told.
pub(super) fn without_pooling() -> Error {
    unsupported(
        &format!("{MODULES_FILE} without {POOLING_FILE}"),
        "use a model of Transformer, Pooling and Normalize, or remove modules.json to import the encoder alone",
    )
}

/// Names of the files in an index, sorted.
pub(super) fn shards(index: &[u8]) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let fail = |what: String| Error::Checkpoint(format!("{INDEX_FILE}: {what}"));
    let index: Index = serde_json::from_slice(index).map_err(|e| fail(e.to_string()))?;
    let mut shards: Vec<String> = index.weight_map.into_values().collect();
    shards.sort_unstable();
    shards.dedup();
    match shards
        .iter()
        .find(|shard| !is_plain(shard) || !shard.ends_with(".safetensors"))
    {
        Some(shard) => Err(fail(format!("{shard:?} is no name of a safetensors file"))),
        None if shards.is_empty() || shards.len() > MAX_SHARDS => {
            Err(fail(format!("{} files, not 1 to {MAX_SHARDS}", shards.len())))
        }
        None => Ok(shards),
    }
}

/// Reads a file of at most `most` bytes.
pub(super) fn read_limited(path: &Path, most: u64) -> Result<Vec<u8>> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let file = fs::File::open(path).map_err(io)?;
    let mut bytes = vec![];
    file.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
    match bytes.len() as u64 > most {
        true => Err(Error::Checkpoint(format!(
            "{} is larger than {most} bytes",
            path.display()
        ))),
        false => Ok(bytes),
    }
}
