//! Messages between clients and miners, in both directions: parsing never panics, what it accepts is what was signed,
//! and a transfer holds no more memory than has arrived.
#![no_main]

use arbitrary::Arbitrary;
use based_client::wire::{fixed, proto, sha256, JobTerms, KeyTerms, Reassembly, MAX_CHUNK};
use based_fuzz::scale;
use based_primitives::payments::{Receipt, SignedVoucher};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use sp_core::H256;
use sp_runtime::AccountId32;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    genesis: [u8; 32],
    miner: [u8; 32],
    announced: u64,
    limit: u64,
    chunks: Vec<Vec<u8>>,
    key: (u64, u32, Vec<u8>, u64, u32),
    job: (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>),
    signature: Vec<u8>,
    message: &'a [u8],
}

fn check_key(header: &proto::KeyHeader, input: &Input) {
    let Ok((terms, signature)) = KeyTerms::parse(header) else {
        return;
    };
    assert_eq!(&terms.header(&signature), header, "accepted as something else");
    let (genesis, account) = (H256(input.genesis), AccountId32::new(input.miner));
    assert!(
        terms.verify(&signature, &genesis, &account, &account).is_err(),
        "nobody signed this"
    );
}

fn check_job(header: &proto::JobHeader, input: &Input) {
    let Ok((terms, signature)) = JobTerms::parse(header) else {
        return;
    };
    assert_eq!(&terms.header(&signature), header, "accepted as something else");
    let (genesis, account) = (H256(input.genesis), AccountId32::new(input.miner));
    assert!(
        terms.verify(&signature, &genesis, &account, &account).is_err(),
        "nobody signed this"
    );
}

fuzz_target!(|input: Input| {
    if let Ok(proto::KeyUpload {
        part: Some(proto::key_upload::Part::Header(header)),
    }) = proto::KeyUpload::decode(input.message)
    {
        check_key(&header, &input);
    }
    if let Ok(proto::JobUpload {
        part: Some(proto::job_upload::Part::Header(header)),
    }) = proto::JobUpload::decode(input.message)
    {
        check_job(&header, &input);
    }
    if let Ok(reply) = proto::DescribeReply::decode(input.message) {
        let _ = (
            fixed::<32>("genesis", &reply.genesis),
            fixed::<16>("price", &reply.price),
        );
    }
    if let Ok(proto::JobEvent {
        event: Some(proto::job_event::Event::Receipt(signed)),
    }) = proto::JobEvent::decode(input.message)
    {
        scale::<Receipt>(&signed.receipt);
    }
    if let Ok(request) = proto::CollectRequest::decode(input.message) {
        scale::<SignedVoucher>(&request.voucher);
    }
    let _ = (
        proto::Chunk::decode(input.message),
        proto::ModelFileRequest::decode(input.message),
    );
    let (_, _) = (
        proto::KeyReply::decode(input.message),
        proto::DescribeRequest::decode(input.message),
    );

    let (spending_account, brain, hash, size, expiry) = input.key.clone();
    check_key(
        &proto::KeyHeader {
            spending_account,
            brain,
            sha256: hash,
            size,
            expiry,
            signature: input.signature.clone(),
        },
        &input,
    );
    let (job, task, key, price) = input.job.clone();
    check_job(
        &proto::JobHeader {
            job,
            spending_account,
            brain,
            task,
            evaluation_key: key,
            input: input.miner.to_vec(),
            size,
            max_price: price,
            signature: input.signature.clone(),
        },
        &input,
    );

    let all = input.chunks.concat();
    // Half of the announcements are true, as random ones hardly ever are.
    let announced = if input.announced % 2 == 0 {
        all.len() as u64
    } else {
        input.announced
    };
    let Ok(mut transfer) = Reassembly::new(announced, input.limit) else {
        assert!(announced > input.limit);
        return;
    };
    assert!(announced <= input.limit);
    let taken = input.chunks.iter().try_for_each(|chunk| transfer.push(chunk));
    assert!(transfer.received() <= announced);
    let whole = taken.is_ok() && announced == all.len() as u64;
    if taken.is_err() {
        let overrun = all.len() as u64 > announced;
        assert!(
            overrun
                || input
                    .chunks
                    .iter()
                    .any(|chunk| chunk.is_empty() || chunk.len() > MAX_CHUNK)
        );
    }
    match transfer.finish(&sha256(&all)) {
        Ok(bytes) => assert_eq!(bytes, all),
        Err(_) => assert!(!whole),
    }
});
