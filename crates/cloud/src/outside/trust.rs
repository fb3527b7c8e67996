//! Which certificates of identity providers are trusted: those of public authorities, and those that the account has
//! named by the thumbprint of the certificate at the top of the presented chain.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html>.
//! A thumbprint replaces the authority only: name, time and every signature below it are still checked.

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use yakumo_aws::Timestamp;
use yakumo_room::{Certificate, thumbprint};

/// The certificate authorities of this host, read once. A host without any trusts by thumbprint only.
static AUTHORITIES: OnceLock<Arc<RootCertStore>> = OnceLock::new();

/// What one connection trusts, and what it saw.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// `None` trusts whatever is presented: to look at it, never to believe what it sends.
    thumbprints: Option<Vec<String>>,
    topmost: Mutex<Option<Vec<u8>>>,
    refused: AtomicBool,
}

impl Trust {
    pub(super) fn new(thumbprints: &[String]) -> Arc<Trust> {
        Trust::of(Some(thumbprints.iter().map(|one| one.to_ascii_lowercase()).collect()))
    }

    /// For looking at a server's certificate only.
    pub(super) fn anything() -> Arc<Trust> {
        Trust::of(None)
    }

    fn of(thumbprints: Option<Vec<String>>) -> Arc<Trust> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (topmost, refused) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Trust { provider, thumbprints, topmost, refused })
    }

    /// The certificate at the top of the chain that was presented.
    pub(super) fn topmost(&self) -> Option<Vec<u8>> {
        self.topmost.lock().clone()
    }

    /// Whether a handshake ended because of the certificate.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    pub(super) fn config(self: Arc<Trust>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions()?;
        Ok(builder.dangerous().with_custom_certificate_verifier(self).with_no_client_auth())
    }

    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(thumbprints) = &self.thumbprints else { return Ok(()) };
        let by_authorities = self.verify(authorities(), leaf, above, name, now);
        let top = above.last().unwrap_or(leaf);
        if by_authorities.is_ok() || !thumbprints.contains(&thumbprint(top)) {
            return by_authorities;
        }
        if above.is_empty() {
            return check_lone(leaf, name, now);
        }
        let mut roots = RootCertStore::empty();
        roots.add(top.clone().into_owned())?;
        self.verify(Arc::new(roots), leaf, above, name, now)
    }

    fn verify(
        &self,
        roots: Arc<RootCertStore>,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone()).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(leaf, above, name, &[], now).map(|_| ())
    }
}

/// A single certificate that is itself the one named by its thumbprint: nothing signs it that could be checked.
fn check_lone(leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    let now = Timestamp::from_secs(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    match Certificate::parse(leaf) {
        Some(certificate) if certificate.is_valid_at(now) => Ok(()),
        Some(certificate) if now < certificate.not_before => Err(CertificateError::NotValidYet.into()),
        Some(_) => Err(CertificateError::Expired.into()),
        None => Err(CertificateError::BadEncoding.into()),
    }
}

fn authorities() -> Arc<RootCertStore> {
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of this host's certificate authorities cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(added, ignored, "certificate authorities of this host");
        Arc::new(roots)
    };
    AUTHORITIES.get_or_init(read).clone()
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.topmost.lock() = Some(intermediates.last().unwrap_or(end_entity).to_vec());
        let outcome = self.judge(end_entity, intermediates, server_name, now);
        self.refused.store(outcome.is_err(), Ordering::SeqCst);
        outcome.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
