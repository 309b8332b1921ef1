//! Writes the dataset that the model is trained on as files: `schema.json` and `series.csv`, as based-tft reads them
//! (R105). Equal archives give equal bytes.

use std::{fs, path::Path, sync::Mutex};

use anyhow::Context;
use based_client::{chain::Chain, files};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    archive::{locked, Archive},
    collect::sync,
    features::{build, schema, FEATURE_SET},
    series::Records,
};
use crate::args::{Common, Dataset};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Version of the features.
    pub feature_set: u32,
    /// Rows, each a bucket.
    pub rows: usize,
    /// Number of the first row's bucket.
    pub first: u32,
    /// Number of the last row's bucket.
    pub last: u32,
    /// Missing buckets in the archive: first and last of each gap.
    pub gaps: Vec<(u32, u32)>,
    /// Rows that repeat the one before, because their bucket is missing.
    pub filled: usize,
    /// SHA-256 of `schema.json` followed by `series.csv`.
    pub hash: String,
}

/// Reads what the chain has that the archive has not, as of the last finalized block, and writes the dataset.
///
/// # Errors
/// If the node is away, the directory cannot be written or no cycle has passed yet.
pub async fn dataset(common: &Common, args: &Dataset) -> anyhow::Result<()> {
    files::create_private_dir(&common.data_dir)
        .with_context(|| format!("cannot make {}", common.data_dir.display()))?;
    let account = common.key.account()?;
    let archive = Mutex::new(Archive::open(&common.data_dir)?);
    let chain = Chain::connect(&common.node).await?;
    sync(&chain, &chain.finalized().await?, &archive).await?;
    let archive = locked(&archive);
    let exported = write(&archive, &Records::read(&archive, &account, None)?, &args.out)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&exported)?);
        return Ok(());
    }
    println!(
        "rows      {} (buckets {} to {})",
        exported.rows, exported.first, exported.last
    );
    for (first, last) in &exported.gaps {
        println!("gap       buckets {first} to {last}");
    }
    println!("filled    {}", exported.filled);
    println!("sha-256   {}", exported.hash);
    println!(
        "written to {}; try based-tft train --data {0}",
        args.out.display()
    );
    Ok(())
}

fn write(archive: &Archive, records: &Records, out: &Path) -> anyhow::Result<Exported> {
    let built = build(records)
        .context("the archive has no whole cycle of buckets yet; try again when one has passed")?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let (schema_file, series_file) = (out.join("schema.json"), out.join("series.csv"));
    let schema = schema();
    let text = serde_json::to_string_pretty(&schema)? + "\n";
    fs::write(&schema_file, &text).with_context(|| format!("cannot write {}", schema_file.display()))?;
    built.table.write_csv(&series_file, &schema)?;
    let mut hash = Sha256::new();
    hash.update(&text);
    hash.update(fs::read(&series_file)?);
    Ok(Exported {
        feature_set: FEATURE_SET,
        rows: built.rows(),
        first: built.first,
        last: built.last,
        gaps: archive.gaps()?,
        filled: built.filled,
        hash: hex::encode(hash.finalize()),
    })
}

#[cfg(test)]
mod tests {
    use based_client::chain::AccountId;
    use based_tft::Table;
    use sp_core::H256;

    use super::*;
    use crate::forecast::{archive::Tempo, series::sample};

    #[test]
    fn equal_archives_give_equal_bytes_that_the_model_reads() {
        let dir = tempfile::tempdir().unwrap();
        let mut written = Vec::new();
        // Read at once and with interruptions, over a gap.
        for parts in [vec![0..50, 53..60], vec![0..7, 5..50, 53..54, 53..60]] {
            let home = tempfile::tempdir().unwrap();
            let mut archive = Archive::open(home.path()).unwrap();
            archive
                .bind(H256([1; 32]), Tempo { cycle: 20, reveal: 5 })
                .unwrap();
            for part in parts {
                let buckets: Vec<_> = part.map(sample).collect();
                archive.add_buckets(&buckets).unwrap();
            }
            archive
                .add_realised(10, &vec![vec![3_000_000, 4_000_000]; 6])
                .unwrap();
            let records = Records::read(&archive, &AccountId::new([1; 32]), None).unwrap();
            let out = dir.path().join(written.len().to_string());
            let exported = write(&archive, &records, &out).unwrap();
            assert_eq!((exported.rows, exported.filled), (57, 3));
            assert_eq!(exported.gaps, [(50, 52)]);
            let read = Table::read_csv(&out.join("series.csv"), &schema()).unwrap();
            assert_eq!(read, build(&records).unwrap().table);
            written.push((fs::read(out.join("series.csv")).unwrap(), exported.hash));
        }
        assert_eq!(written[0], written[1]);
    }

    #[test]
    fn an_empty_archive_says_what_to_wait_for() {
        let home = tempfile::tempdir().unwrap();
        let archive = Archive::open(home.path()).unwrap();
        archive
            .bind(H256([1; 32]), Tempo { cycle: 20, reveal: 5 })
            .unwrap();
        let records = Records::read(&archive, &AccountId::new([1; 32]), None).unwrap();
        let error = write(&archive, &records, home.path()).unwrap_err().to_string();
        assert!(error.contains("no whole cycle"), "{error}");
    }
}
