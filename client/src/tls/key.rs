//! The computekey: file, signatures and certificate.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use based_primitives::{payments::Receipt, ComputeKey};
use ed25519_dalek::{
    pkcs8::{spki::der::pem::LineEnding, DecodePrivateKey, EncodePrivateKey},
    Signer, SigningKey,
};
use rustls::{
    pki_types::PrivatePkcs8KeyDer,
    sign::{CertifiedKey, SingleCertAndKey},
    ServerConfig,
};

use super::{provider, ALPN_H2};
use crate::files;

/// Why a computekey cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("computekey {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file holds no Ed25519 key.
    #[error("computekey {}: not an Ed25519 key in PKCS#8 PEM; restore it from a backup, or remove it and update the endpoint with a new one", .0.display())]
    Malformed(PathBuf),
    /// The certificate could not be made.
    #[error("certificate of the computekey: {0}")]
    Certificate(String),
}

/// Secret half of a computekey.
#[derive(Clone)]
pub struct ComputeKeyPair(SigningKey);

impl std::fmt::Debug for ComputeKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ComputeKeyPair({})", hex::encode(self.public()))
    }
}

impl ComputeKeyPair {
    /// Draws a new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self(SigningKey::generate(&mut rand::rngs::OsRng))
    }

    /// Reads the key file, or makes it (readable by its owner only) if there is none.
    ///
    /// # Errors
    /// [`KeyError::File`] or [`KeyError::Malformed`]; an existing file is never overwritten.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let file = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        match fs::read_to_string(path) {
            Ok(pem) => SigningKey::from_pkcs8_pem(&pem)
                .map(Self)
                .map_err(|_| KeyError::Malformed(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate();
                let pem = key
                    .0
                    .to_pkcs8_pem(LineEnding::LF)
                    .map_err(|_| KeyError::Malformed(path.to_owned()))?;
                let mut new = files::create_private(path).map_err(file)?;
                new.write_all(pem.as_bytes())
                    .and_then(|()| new.sync_all())
                    .map_err(file)?;
                Ok(key)
            }
            Err(error) => Err(file(error)),
        }
    }

    /// The public half, as the registry holds it.
    pub fn public(&self) -> ComputeKey {
        self.0.verifying_key().to_bytes()
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    /// Signs a receipt as clients verify it.
    pub fn sign_receipt(&self, receipt: &Receipt) -> [u8; 64] {
        self.sign(&receipt.signing_bytes())
    }

    /// Configuration of a server that proves this key: TLS 1.3 alone, HTTP/2 alone.
    ///
    /// # Errors
    /// [`KeyError::Certificate`] if the certificate cannot be made.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, KeyError> {
        self.server_config_signed_by(self)
    }

    /// As [`Self::server_config`], but handshakes are signed by `signer`: only with the same key do clients
    /// accept it.
    pub(super) fn server_config_signed_by(&self, signer: &Self) -> Result<Arc<ServerConfig>, KeyError> {
        let fail = |error: &dyn std::fmt::Display| KeyError::Certificate(error.to_string());
        let pkcs8 = |key: &Self| {
            let document = key.0.to_pkcs8_der().map_err(|e| fail(&e))?;
            Ok(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec()))
        };
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8(self)?, &rcgen::PKCS_ED25519)
            .map_err(|e| fail(&e))?;
        let certificate = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()])
            .and_then(|parameters| parameters.self_signed(&pair))
            .map_err(|e| fail(&e))?;
        let signer = rustls::crypto::ring::sign::any_eddsa_type(&pkcs8(signer)?).map_err(|e| fail(&e))?;
        let certified = CertifiedKey::new(vec![certificate.der().clone()], signer);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| fail(&e))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Name in every peer's certificate and in every client's greeting: peers are known by key, not by name.
pub(super) const SERVER_NAME: &str = "peer.based.invalid";
