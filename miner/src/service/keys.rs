//! Upload of evaluation keys: reservation, signature, quota, size, conformance, in this order (F.4-2).

use std::sync::Arc;

use based_client::wire::{
    proto::{key_upload::Part, KeyReply, KeyUpload},
    KeyTerms,
};
use based_primitives::SpendingAccountId;
use tonic::{Status, Streaming};

use super::{db_status, key_status, stopping, upload, Shared};
use crate::{db::KeyRow, evalkeys::KeyStoreError, limits};

pub(super) async fn upload(
    shared: &Arc<Shared>,
    mut stream: Streaming<KeyUpload>,
) -> Result<KeyReply, Status> {
    let first = upload::next(&mut stream).await?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else {
        return Err(Status::invalid_argument("send the key's header first"));
    };
    let (terms, signature) = KeyTerms::parse(&header)?;
    shared.check_brain(terms.brain)?;
    let (served, price) = shared.offer()?;
    let set = served.full()?.set;
    let size = set.evaluation_key_bytes;
    if terms.size != size {
        return Err(Status::invalid_argument(format!(
            "an evaluation key of this model has {size} bytes, not {}; make one of its parameter set",
            terms.size
        )));
    }
    if terms.expiry < shared.head() {
        return Err(Status::invalid_argument(
            "the key's header has expired; sign a new one",
        ));
    }
    let (spender, _) = shared.customer(terms.account, price).await?;
    terms.verify(&signature, &shared.genesis, &shared.miner, &spender)?;
    let (hash, account) = (terms.sha256, terms.account);
    if shared
        .parts
        .db
        .run(move |db| db.touch_key(&hash, account))
        .await
        .map_err(db_status)?
    {
        return Ok(KeyReply { stored: true });
    }
    let Some(first) = upload::next(&mut stream).await? else {
        return Ok(KeyReply { stored: false });
    };

    let Ok(_turn) = shared.key_uploads.try_acquire() else {
        return Err(Status::resource_exhausted(
            "other keys are being uploaded; try again in a minute",
        ));
    };
    let _one_at_a_time = Uploading::start(shared, account)?;
    let allowed = shared
        .parts
        .db
        .run(move |db| db.take_upload(account, limits::UPLOAD_QUOTA))
        .await;
    if !allowed.map_err(db_status)? {
        return Err(Status::resource_exhausted(
            "this spending account uploaded its quota of keys for today; use a key that is stored, or try again \
             tomorrow (each paid job earns one more)",
        ));
    }
    let data = |message: KeyUpload| match message.part {
        Some(Part::Data(data)) => Some(data),
        _ => None,
    };
    let bytes = upload::body(&mut stream, first, size, &hash, data).await?;
    let _check = shared.key_checks.acquire().await.map_err(|_| stopping())?;
    let keys = shared.parts.keys.clone();
    let stored = tokio::task::spawn_blocking(move || {
        let room = keys.make_room(account, size)?;
        keys.store(room, &KeyRow { hash, account, size }, &bytes, &set)
    });
    match stored.await.unwrap_or(Err(KeyStoreError::Interrupted)) {
        Ok(()) => {}
        Err(_)
            if shared
                .parts
                .stop
                .flag()
                .load(std::sync::atomic::Ordering::Acquire) =>
        {
            return Err(stopping())
        }
        Err(error) => return Err(key_status(error)),
    }
    tracing::info!(account, key = %hex::encode(hash.0), "stored an evaluation key");
    Ok(KeyReply { stored: true })
}

/// Marks an account as uploading, until dropped.
struct Uploading<'a> {
    shared: &'a Shared,
    account: SpendingAccountId,
}

impl<'a> Uploading<'a> {
    fn start(shared: &'a Shared, account: SpendingAccountId) -> Result<Self, Status> {
        if shared.uploading().insert(account) {
            Ok(Self { shared, account })
        } else {
            Err(Status::resource_exhausted(
                "this spending account uploads a key already; wait for it to end",
            ))
        }
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        self.shared.uploading().remove(&self.account);
    }
}
