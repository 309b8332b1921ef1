//! Client side: a channel to the holder of one computekey.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use based_primitives::{ComputeKey, Endpoint, IpAddress};
use hyper_util::rt::TokioIo;
use rustls::{
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{verify_tls13_signature, CryptoProvider},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, PeerIncompatible,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::{codegen::http::Uri, transport::Channel};

use super::{key::SERVER_NAME, provider, ALPN_H2};

/// DER of a SubjectPublicKeyInfo of an Ed25519 key, up to the key itself (RFC 8410).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Why no channel to a peer could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing answers there, or it does not speak TLS 1.3.
    #[error("cannot reach {address}: {cause}")]
    Unreachable {
        /// Address tried.
        address: SocketAddr,
        /// What the system said.
        cause: String,
    },
    /// The peer holds another key than the registry names.
    #[error("{address} does not hold the computekey that the registry names; it may have changed: read the registry again, or choose another miner")]
    WrongKey {
        /// Address tried.
        address: SocketAddr,
    },
}

/// Socket address of a registered endpoint.
pub fn endpoint_address(endpoint: &Endpoint) -> SocketAddr {
    let ip = match endpoint.ip {
        IpAddress::V4(bytes) => IpAddr::from(bytes),
        IpAddress::V6(bytes) => IpAddr::from(bytes),
    };
    SocketAddr::new(ip, endpoint.port)
}

/// Opens an HTTP/2 channel to `address` and proves that its server holds `computekey`.
///
/// Later reconnections of the channel prove it again. Connecting is given up after `timeout`.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(
    address: SocketAddr,
    computekey: ComputeKey,
    timeout: Duration,
) -> Result<Channel, ConnectError> {
    let unreachable = |cause: String| ConnectError::Unreachable { address, cause };
    let connector = TlsConnector::from(client_config(computekey).map_err(|e| unreachable(e.to_string()))?);
    let name = ServerName::try_from(SERVER_NAME).map_err(|e| unreachable(e.to_string()))?;
    let connect = tower::service_fn(move |_: Uri| {
        let (connector, name) = (connector.clone(), name.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            connector.connect(name, stream).await.map(TokioIo::new)
        }
    });
    let uri = Uri::builder()
        .scheme("http")
        .authority(SERVER_NAME)
        .path_and_query("/")
        .build()
        .map_err(|e| unreachable(e.to_string()))?;
    tonic::transport::Endpoint::from(uri)
        .connect_timeout(timeout)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true)
        .connect_with_connector(connect)
        .await
        .map_err(|error| explain(address, &error))
}

fn explain(address: SocketAddr, error: &(dyn std::error::Error + 'static)) -> ConnectError {
    let mut cause = error;
    loop {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let tls = io.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            return match tls {
                Some(TlsError::InvalidCertificate(_)) => ConnectError::WrongKey { address },
                _ => ConnectError::Unreachable {
                    address,
                    cause: io.to_string(),
                },
            };
        }
        match cause.source() {
            Some(source) => cause = source,
            None => {
                return ConnectError::Unreachable {
                    address,
                    cause: cause.to_string(),
                }
            }
        }
    }
}

fn client_config(computekey: ComputeKey) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let mut spki = ED25519_SPKI.to_vec();
    spki.extend_from_slice(&computekey);
    let verifier = KeyVerifier {
        spki,
        provider: provider.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    Ok(Arc::new(config))
}

/// Accepts a certificate of one key; the handshake's signature then proves that the peer holds it.
#[derive(Debug)]
struct KeyVerifier {
    spki: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if certificate.subject_public_key_info().as_ref() != self.spki.as_slice() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
