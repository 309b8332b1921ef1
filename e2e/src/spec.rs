//! Chain specifications for tests, raw and kept: making one, like starting a node from one that is not raw, compiles
//! the runtime.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::Context;
use serde_json::Value;

use crate::{
    network::BRAIN,
    process::{finished, program},
};

/// Raw specification of a network that the node knows by name.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn raw(chain: &str) -> anyhow::Result<PathBuf> {
    kept(&format!("{chain}.raw"), |path| {
        export(&["--raw", "--chain", chain], path)
    })
}

/// Raw specification of the fast development chain whose Brain runs another model from genesis on.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn with_task(manifest: [u8; 32]) -> anyhow::Result<PathBuf> {
    let name = format!("task-{}", hex::encode(&manifest[..8]));
    kept(&name, |path| {
        let plain = kept("dev-fast", |path| export(&["--chain", "dev-fast"], path))?;
        let mut edited = path.as_os_str().to_owned();
        edited.push(".plain");
        fs::write(&edited, edit(&fs::read_to_string(plain)?, manifest)?)?;
        let done = export(&["--raw", "--chain", &edited.to_string_lossy()], path);
        fs::remove_file(edited)?;
        done
    })
}

/// A file made once for each build of the node; tests that make it at the same time do not disturb each other.
fn kept(name: &str, make: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
    let node = fs::metadata(program("based-node")?)?;
    let built = node.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    let dir = std::env::temp_dir().join(format!("based-specs-{built:x}-{:x}", node.len()));
    let path = dir.join(format!("{name}.json"));
    if !path.is_file() {
        fs::create_dir_all(&dir)?;
        let staging = tempfile::NamedTempFile::new_in(&dir)?.into_temp_path();
        make(&staging)?;
        staging.persist(&path)?;
    }
    Ok(path)
}

fn export(args: &[&str], to: &Path) -> anyhow::Result<()> {
    let output = std::process::Command::new(program("based-node")?)
        .arg("export-chain-spec")
        .args(args)
        .output()?;
    fs::write(to, finished("based-node", args.iter().copied(), output)?)?;
    Ok(())
}

/// A specification in which the demonstration Brain runs another model.
fn edit(spec: &str, manifest: [u8; 32]) -> anyhow::Result<String> {
    let mut spec: Value = serde_json::from_str(spec)?;
    let genesis = &mut spec["genesis"]["runtimeGenesis"];
    let part = if genesis["patch"].is_object() {
        "patch"
    } else {
        "config"
    };
    let brains = genesis[part]["brains"]["brains"]
        .as_array_mut()
        .context("the genesis has no Brains")?;
    let brain = brains
        .iter_mut()
        .find(|brain| brain[0] == BRAIN || brain["id"] == BRAIN)
        .context("the genesis has no demonstration Brain")?;
    let task = brain
        .as_array_mut()
        .and_then(|fields| fields.iter_mut().find(|field| field["manifest"].is_string()))
        .context("the demonstration Brain has no task")?;
    task["manifest"] = format!("0x{}", hex::encode(manifest)).into();
    Ok(spec.to_string())
}
