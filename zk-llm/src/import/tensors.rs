//! Tensors in safetensors files, read one at a time: a checkpoint may be larger than memory.
//!
//! A file is the length of its header (8 bytes, little-endian), the header (JSON: name -> dtype, shape, offsets) and
//! the tensors, which fill the rest of it without holes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Largest header that is read, in bytes.
const MAX_HEADER_BYTES: u64 = 32 << 20;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Form of a tensor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Form {
    I8,
    F16,
    BF16,
    F32,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        match name {
            "I8" => Some(Self::I8),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            "F32" => Some(Self::F32),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
        }
    }

    fn numbers(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::I8 => bytes.iter().map(|b| f32::from(*b as i8)).collect(),
            Self::F16 => bytes
                .chunks_exact(2)
                .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            Self::BF16 => bytes
                .chunks_exact(2)
                .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            Self::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        }
    }
}

#[derive(Deserialize)]
struct HeaderEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

#[derive(Clone, Debug)]
struct Entry {
    file: usize,
    form: String,
    shape: Vec<usize>,
    at: u64,
    bytes: u64,
}

/// Tensors of one file or of several.
#[derive(Debug)]
pub(super) struct Tensors {
    files: Vec<(PathBuf, File)>,
    entries: BTreeMap<String, Entry>,
}

impl Tensors {
    /// Opens files and checks their headers.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Checkpoint`] if a header does not describe its file exactly.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut tensors = Self {
            files: vec![],
            entries: BTreeMap::new(),
        };
        for path in paths {
            tensors.add(path)?;
        }
        Ok(tensors)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let io = |source| Error::Io {
            path: path.into(),
            source,
        };
        let fail = |what: &str| Error::Checkpoint(format!("{}: {what}", path.display()));
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length)
            .map_err(|_| fail("shorter than a safetensors header"))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES || length > size.saturating_sub(8) {
            return Err(fail(
                "its header is longer than the file or 32 MiB; fetch it again",
            ));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(io)?;
        let header: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&header).map_err(|e| fail(&format!("malformed header: {e}")))?;
        let start = 8 + length;
        let mut spans = vec![];
        for (name, value) in header {
            if name == "__metadata__" {
                continue;
            }
            let read: HeaderEntry = serde_json::from_value(value)
                .map_err(|e| fail(&format!("malformed header of {name}: {e}")))?;
            let (from, to) = read.data_offsets;
            spans.push((from, to));
            let shape: Option<Vec<usize>> = read.shape.iter().map(|n| usize::try_from(*n).ok()).collect();
            let count = read.shape.iter().try_fold(1u64, |n, m| n.checked_mul(*m));
            let width = Form::of(&read.dtype).map(|form| form.bytes() as u64);
            let sound = match (count, width) {
                (Some(count), Some(width)) => count.checked_mul(width) == to.checked_sub(from),
                // Of a form that is not read: its tensors may be there, but not be used.
                (Some(_), None) => from <= to,
                (None, _) => false,
            };
            let (Some(shape), true) = (shape, sound) else {
                return Err(fail(&format!("{name}: shape and length do not go together")));
            };
            let entry = Entry {
                file: self.files.len(),
                form: read.dtype,
                shape,
                at: start.saturating_add(from),
                bytes: to - from,
            };
            if self.entries.insert(name.clone(), entry).is_some() {
                return Err(fail(&format!("{name} is in two files")));
            }
        }
        spans.sort_unstable();
        let mut end = 0;
        for (from, to) in spans {
            if from != end {
                return Err(fail("its tensors overlap or leave holes"));
            }
            end = to;
        }
        if start.checked_add(end) != Some(size) {
            return Err(fail(&format!(
                "{size} bytes, but its header describes {}; fetch it again",
                start.saturating_add(end)
            )));
        }
        self.files.push((path.into(), file));
        Ok(())
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    fn entry(&self, name: &str, shape: &[usize]) -> Result<(Form, &Entry)> {
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| Error::Checkpoint(format!("tensor {name} is missing")))?;
        if entry.shape != shape {
            return Err(Error::Checkpoint(format!(
                "tensor {name} has shape {:?}, and config.json says {shape:?}",
                entry.shape
            )));
        }
        let form = Form::of(&entry.form).ok_or_else(|| Error::Unsupported {
            what: format!("tensor {name} in {}", entry.form),
            advice: "use a checkpoint in F32, F16 or BF16".into(),
        })?;
        Ok((form, entry))
    }

    /// Form and bytes of a tensor of the shape.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is missing or of another shape, [`Error::Unsupported`] if of another form.
    pub fn describe(&self, name: &str, shape: &[usize]) -> Result<Form> {
        self.entry(name, shape).map(|(form, _)| form)
    }

    /// Passes a tensor's bytes on, a part at a time, after checking that its numbers are finite.
    ///
    /// # Errors
    /// As [`Tensors::describe`]; [`Error::Io`], [`Error::Checkpoint`] if a number is not finite.
    pub fn stream(
        &self,
        name: &str,
        shape: &[usize],
        to: &mut dyn FnMut(Form, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let (form, entry) = self.entry(name, shape)?;
        let (path, file) = &self.files[entry.file];
        let io = |source| Error::Io {
            path: path.clone(),
            source,
        };
        let mut file: &File = file;
        file.seek(SeekFrom::Start(entry.at)).map_err(io)?;
        let mut left = entry.bytes;
        let mut buffer = vec![0; CHUNK];
        while left > 0 {
            let part = &mut buffer[..CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            file.read_exact(part).map_err(io)?;
            if !form.numbers(part).iter().all(|x| x.is_finite()) {
                return Err(Error::Checkpoint(format!(
                    "tensor {name} holds a number that is not finite; the checkpoint is damaged"
                )));
            }
            to(form, part)?;
            left -= part.len() as u64;
        }
        Ok(())
    }

    /// A tensor's numbers, row by row.
    ///
    /// # Errors
    /// As [`Tensors::stream`].
    pub fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (_, entry) = self.entry(name, shape)?;
        let mut numbers = Vec::with_capacity(entry.shape.iter().product());
        self.stream(name, shape, &mut |form, part| {
            numbers.extend(form.numbers(part));
            Ok(())
        })?;
        Ok(numbers)
    }

    /// A tensor of 8-bit integers.
    ///
    /// # Errors
    /// As [`Tensors::stream`]; [`Error::Checkpoint`] if it is of another form.
    pub fn read_steps(&self, name: &str, shape: &[usize]) -> Result<Vec<i8>> {
        if self.describe(name, shape)? != Form::I8 {
            return Err(Error::Checkpoint(format!("tensor {name} is not in I8")));
        }
        let mut steps = vec![];
        self.stream(name, shape, &mut |_, part| {
            steps.extend(part.iter().map(|b| *b as i8));
            Ok(())
        })?;
        Ok(steps)
    }
}

/// A tensor that will be written.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub name: String,
    pub form: Form,
    pub shape: Vec<usize>,
}

/// Writes a safetensors file whose tensors are known beforehand, in order, and hashes it on the way.
pub(super) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    left: u64,
}

impl Writer {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path, tensors: &[Planned]) -> Result<Self> {
        let mut header = serde_json::Map::new();
        let mut end = 0u64;
        for tensor in tensors {
            let from = end;
            end += tensor.shape.iter().product::<usize>() as u64 * tensor.form.bytes() as u64;
            header.insert(
                tensor.name.clone(),
                serde_json::json!({ "dtype": tensor.form, "shape": tensor.shape, "data_offsets": [from, end] }),
            );
        }
        let mut text = serde_json::Value::Object(header).to_string().into_bytes();
        // Readers want the tensors aligned.
        text.resize(text.len().next_multiple_of(8), b' ');
        let file = File::create(path).map_err(|source| Error::Io {
            path: path.into(),
            source,
        })?;
        let mut writer = Self {
            path: path.into(),
            file: BufWriter::new(file),
            hash: Sha256::new(),
            left: end + 8 + text.len() as u64,
        };
        writer.push(&(text.len() as u64).to_le_bytes())?;
        writer.push(&text)?;
        Ok(writer)
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.file.write_all(bytes).map_err(|source| Error::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Appends numbers in F32.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn push_numbers(&mut self, numbers: &[f32]) -> Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.push(&bytes)
    }

    /// Completes the file; its SHA-256 in hex.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] if bytes are missing.
    pub fn finish(mut self) -> Result<String> {
        if self.left != 0 {
            return Err(Error::Checkpoint(format!(
                "{}: {} bytes were not written",
                self.path.display(),
                self.left
            )));
        }
        self.file.flush().map_err(|source| Error::Io {
            path: self.path.clone(),
            source,
        })?;
        Ok(hex::encode(self.hash.finalize()))
    }
}

/// SHA-256 of a file, in hex, read a part at a time.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn hash_file(path: &Path) -> Result<String> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let mut file = File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(io)?;
    Ok(hex::encode(hash.finalize()))
}
