//! Peers are who the registry says, or there is no connection.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_stream::StreamExt;
use tonic::{Request, Response, Status, Streaming};

use super::*;
use crate::wire::{self, miner_server, proto, MinerClient};

/// Answers `Describe` with the caller's port; refuses everything else.
struct Stub;

type Events<T> = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl miner_server::Miner for Stub {
    type ModelFileStream = Events<proto::Chunk>;
    type SubmitStream = Events<proto::JobEvent>;
    type CollectStream = Events<proto::Chunk>;
    type OpenStream = Events<proto::Chunk>;
    type SplitStream = Events<proto::SplitDown>;
    type PrepareStream = Events<proto::Chunk>;

    async fn describe(
        &self,
        request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeReply>, Status> {
        let remote = request
            .extensions()
            .get::<RemoteAddress>()
            .ok_or_else(|| Status::internal("unknown"))?;
        Ok(Response::new(proto::DescribeReply {
            software: remote.0.ip().to_string(),
            ..Default::default()
        }))
    }

    async fn model_file(
        &self,
        _: Request<proto::ModelFileRequest>,
    ) -> Result<Response<Self::ModelFileStream>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn upload_key(
        &self,
        _: Request<Streaming<proto::KeyUpload>>,
    ) -> Result<Response<proto::KeyReply>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn submit(
        &self,
        _: Request<Streaming<proto::JobUpload>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn collect(
        &self,
        _: Request<proto::CollectRequest>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn open(&self, _: Request<proto::OpenRequest>) -> Result<Response<Self::OpenStream>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn split(
        &self,
        _: Request<Streaming<proto::SplitUp>>,
    ) -> Result<Response<Self::SplitStream>, Status> {
        Err(Status::unimplemented("stub"))
    }

    async fn prepare(
        &self,
        _: Request<proto::PrepareRequest>,
    ) -> Result<Response<Self::PrepareStream>, Status> {
        Err(Status::unimplemented("stub"))
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);

async fn serve(key: &ComputeKeyPair, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = incoming(listener, key.server_config().unwrap(), limits);
    let service = miner_server::MinerServer::new(Stub);
    tokio::spawn(
        wire::server()
            .add_service(service)
            .serve_with_incoming(connections),
    );
    address
}

#[tokio::test]
async fn the_registered_key_is_accepted_and_calls_go_through() {
    let key = ComputeKeyPair::generate();
    let address = serve(&key, Limits::default()).await;
    let channel = connect(address, key.public(), TIMEOUT).await.unwrap();
    let reply = MinerClient::new(channel)
        .describe(proto::DescribeRequest {})
        .await
        .unwrap();
    assert_eq!(reply.into_inner().software, "127.0.0.1");
}

#[tokio::test]
async fn another_key_is_refused_as_such() {
    let address = serve(&ComputeKeyPair::generate(), Limits::default()).await;
    let error = connect(address, ComputeKeyPair::generate().public(), TIMEOUT)
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::WrongKey { .. }), "{error}");
}

#[tokio::test]
async fn an_impostor_with_the_right_certificate_but_another_secret_is_refused() {
    let (victim, impostor) = (ComputeKeyPair::generate(), ComputeKeyPair::generate());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The victim's public certificate, signed with by whoever holds another key.
    let config = victim.server_config_signed_by(&impostor).unwrap();
    let mut connections = incoming(listener, config, Limits::default());
    tokio::spawn(async move { while connections.next().await.is_some() {} });
    assert!(connect(address, victim.public(), TIMEOUT).await.is_err());
}

#[tokio::test]
async fn nobody_there_or_no_tls_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let key = ComputeKeyPair::generate().public();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    });
    for _ in 0..2 {
        // The listener is gone the second time.
        let error = connect(address, key, TIMEOUT).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    }
}

#[tokio::test]
async fn silent_and_surplus_connections_are_closed() {
    let key = ComputeKeyPair::generate();
    let limits = Limits {
        connections: 8,
        per_address: 2,
        handshake: Duration::from_millis(300),
    };
    let address = serve(&key, limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    for stream in &mut silent {
        let mut byte = [0];
        let closed = tokio::time::timeout(TIMEOUT, stream.read(&mut byte))
            .await
            .expect("closed in time");
        assert!(matches!(closed, Ok(0) | Err(_)));
    }
    // Their places are free again.
    let channel = connect(address, key.public(), TIMEOUT).await.unwrap();
    MinerClient::new(channel)
        .describe(proto::DescribeRequest {})
        .await
        .unwrap();
}

#[test]
fn a_key_file_is_made_once_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new").join("computekey.pem");
    let key = ComputeKeyPair::load_or_create(&path).unwrap();
    assert_eq!(
        ComputeKeyPair::load_or_create(&path).unwrap().public(),
        key.public()
    );
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::write(
        &path,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    assert!(matches!(
        ComputeKeyPair::load_or_create(&path),
        Err(KeyError::Malformed(_))
    ));
    assert!(std::fs::read_to_string(&path).unwrap().contains("AAAA"));
}
