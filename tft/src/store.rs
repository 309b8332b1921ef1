//! Models on disk. Every version lies beside the others under the hash of its weights, and one small file
//! names the current one: storing and rolling back are each a single rename.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Versions kept in a directory: the oldest go first.
pub const VERSIONS: usize = 32;
const CURRENT: &str = "current";

/// Writes a file so that after a crash either the old or the new content is there.
///
/// # Errors
/// [`Error::Io`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(Error::io(directory))?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(Error::io(directory))?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|error| Error::io(path)(error.error))?;
    Ok(())
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Tensors as a safetensors file; equal tensors give equal bytes unless there is metadata.
///
/// # Errors
/// If a tensor is not of 32-bit floats.
pub fn encode(tensors: &[(String, Tensor)], metadata: Option<String>) -> Result<Vec<u8>> {
    let data = tensors.iter().map(|(name, tensor)| {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Ok((name.as_str(), tensor.dims().to_vec(), bytes))
    });
    let data: Vec<_> = data.collect::<Result<_>>()?;
    let malformed = |error| Error::Model(format!("cannot encode: {error}"));
    let views = data.iter().map(|(name, shape, bytes)| {
        Ok((
            *name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(malformed)?,
        ))
    });
    let views: Vec<_> = views.collect::<Result<_>>()?;
    let metadata = metadata.map(|metadata| HashMap::from([(String::from("state"), metadata)]));
    safetensors::serialize(views, metadata).map_err(malformed)
}

/// Tensors and metadata of [`encode`].
///
/// # Errors
/// [`Error::Model`] if the file is malformed.
pub fn decode(bytes: &[u8]) -> Result<(Vec<(String, Tensor)>, Option<String>)> {
    let malformed = |error| Error::Model(format!("not a file of tensors: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let metadata = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get("state").cloned());
    let mut tensors = Vec::new();
    for (name, view) in SafeTensors::deserialize(bytes).map_err(malformed)?.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::Model(format!("{name} is not of 32-bit floats")));
        }
        let four = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let values: Vec<f32> = view.data().chunks_exact(4).map(four).collect();
        tensors.push((name, Tensor::from_vec(values, view.shape(), &Device::Cpu)?));
    }
    Ok((tensors, metadata))
}

fn weights_file(directory: &Path, hash: &str) -> PathBuf {
    directory.join(format!("{hash}.safetensors"))
}

fn settings_file(directory: &Path, hash: &str) -> PathBuf {
    directory.join(format!("{hash}.json"))
}

/// Stores a version and makes it the current one; returns its hash.
///
/// # Errors
/// [`Error::Io`].
pub fn save(directory: &Path, weights: &[u8], settings: &[u8]) -> Result<String> {
    let hash = hash(weights);
    write_atomically(&weights_file(directory, &hash), weights)?;
    write_atomically(&settings_file(directory, &hash), settings)?;
    write_atomically(&directory.join(CURRENT), hash.as_bytes())?;
    forget_oldest(directory, &hash)?;
    Ok(hash)
}

/// Weights and settings of a version: of the current one if no hash is given.
///
/// # Errors
/// [`Error::Model`] if the version is not there or its weights do not have its hash.
pub fn load(directory: &Path, version: Option<&str>) -> Result<(Vec<u8>, Vec<u8>)> {
    let version = match version {
        Some(version) => version.to_owned(),
        None => current(directory)?,
    };
    let path = weights_file(directory, known(directory, &version)?);
    let weights = std::fs::read(&path).map_err(Error::io(&path))?;
    if hash(&weights) != version {
        return Err(Error::Model(format!(
            "{} does not have the hash in its name; roll back to another version or train again",
            path.display()
        )));
    }
    let path = settings_file(directory, &version);
    Ok((weights, std::fs::read(&path).map_err(Error::io(&path))?))
}

/// Hash of the current version.
///
/// # Errors
/// [`Error::Model`] if the directory holds no model.
pub fn current(directory: &Path) -> Result<String> {
    let path = directory.join(CURRENT);
    let hash = std::fs::read_to_string(&path);
    let hash = hash.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Model(format!(
            "{} holds no model; train one there first",
            directory.display()
        )),
        _ => Error::io(&path)(error),
    })?;
    Ok(hash.trim().to_owned())
}

/// Makes a stored version the current one.
///
/// # Errors
/// [`Error::Model`] if it is not there or damaged.
pub fn roll_back(directory: &Path, version: &str) -> Result<()> {
    load(directory, Some(version))?;
    write_atomically(&directory.join(CURRENT), version.as_bytes())
}

/// Hashes of all versions, newest first.
///
/// # Errors
/// [`Error::Io`].
pub fn versions(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(Error::io(directory))? {
        let entry = entry.map_err(Error::io(directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(version) = name.strip_suffix(".safetensors").filter(|stem| is_hash(stem)) else {
            continue;
        };
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        found.push((changed.map_err(Error::io(entry.path()))?, version.to_owned()));
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, version)| version).collect())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

/// The hash, if such a version is there.
fn known<'a>(directory: &Path, version: &'a str) -> Result<&'a str> {
    if is_hash(version) && weights_file(directory, version).exists() {
        return Ok(version);
    }
    Err(Error::Model(format!(
        "{} has no version {version:?}; it has {}",
        directory.display(),
        versions(directory)?.join(", ")
    )))
}

fn forget_oldest(directory: &Path, keep: &str) -> Result<()> {
    for version in versions(directory)?
        .iter()
        .skip(VERSIONS)
        .filter(|version| *version != keep)
    {
        for path in [
            settings_file(directory, version),
            weights_file(directory, version),
        ] {
            std::fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}
