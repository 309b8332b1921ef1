//! Tables of the client's state.

/// One entry for each version of the tables; the file's `user_version` counts those applied.
pub(super) const MIGRATIONS: [&str; 2] = [
    "
CREATE TABLE promises (
    genesis BLOB NOT NULL, account INTEGER NOT NULL, miner BLOB NOT NULL, cumulative BLOB NOT NULL,
    PRIMARY KEY (genesis, account, miner)
) WITHOUT ROWID;
CREATE TABLE jobs (
    id BLOB PRIMARY KEY, genesis BLOB NOT NULL, brain INTEGER NOT NULL, account INTEGER NOT NULL,
    miner BLOB NOT NULL, task BLOB NOT NULL, max_price BLOB NOT NULL, secret_key BLOB NOT NULL,
    evaluation_key BLOB NOT NULL, input BLOB NOT NULL, signature BLOB NOT NULL, salt BLOB NOT NULL,
    text BLOB NOT NULL, voucher BLOB, created INTEGER NOT NULL
);
",
    "
ALTER TABLE jobs ADD COLUMN traced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN draw BLOB;
",
];
