//! TLS with a certificate authority of our own: made on first need, one leaf certificate per name that is asked for.
//!
//! Invariant: nothing is generated or loaded before the first TLS connection (or the first export of the CA),
//! and the authority may only vouch for names of this host and of AWS.

use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use time::{OffsetDateTime, macros::datetime};

/// Domains for which certificates are made; their subdomains are included.
const DOMAINS: [&str; 8] = [
    "localhost",
    "localhost.localstack.cloud",
    "amazonaws.com",
    "amazonaws.com.cn",
    "api.aws",
    "on.aws",
    "cloudfront.net",
    "amazoncognito.com",
];

/// Leaf certificates kept at once.
const MAX_LEAVES: usize = 1024;

/// A leaf is good for longer than this, but is made anew after it.
const LEAF_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Where the authority's key lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Home {
    /// In memory: gone when the process ends.
    Memory,
    /// `ca.pem` and `ca.key` (mode 0600) in this directory, made when they are not there.
    Directory(PathBuf),
}

/// Why TLS is not available.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of the authority cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The key or certificate in the directory is not usable, or generation failed.
    #[error("the certificate authority is not usable")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused a key or a setting.
    #[error("TLS refused the configuration")]
    Tls(#[from] rustls::Error),
    /// A PEM file holds something else.
    #[error("{0} holds no certificate in PEM form")]
    Pem(PathBuf),
}

/// TLS for a listener. Cheap to make and to keep: the authority appears with the first use.
#[derive(Debug)]
pub struct Tls {
    home: Home,
    address: Option<IpAddr>,
    ready: OnceLock<Ready>,
    making: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Ready {
    certificate_pem: String,
    config: Arc<rustls::ServerConfig>,
}

impl Tls {
    /// TLS whose authority lives at `home`. `address` is one more IP address that certificates shall name,
    /// usually the one that the listener is bound to.
    pub fn new(home: Home, address: Option<IpAddr>) -> Tls {
        Tls { home, address, ready: OnceLock::new(), making: Mutex::new(()) }
    }

    /// The authority's certificate in PEM form, for clients to trust. Makes the authority when there is none.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn ca_pem(&self) -> Result<String, TlsError> {
        Ok(self.ready()?.certificate_pem.clone())
    }

    /// The TLS library's configuration, made on the first call.
    pub(crate) fn config(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        Ok(Arc::clone(&self.ready()?.config))
    }

    fn ready(&self) -> Result<&Ready, TlsError> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let _one_at_a_time = self.making.lock();
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let authority = Authority::open(&self.home)?;
        let certificate_pem = authority.pem.clone();
        let leaves = Leaves { authority, address: self.address, cache: Mutex::default() };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(leaves));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(self.ready.get_or_init(|| Ready { certificate_pem, config: Arc::new(config) }))
    }
}

#[derive(Debug)]
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn open(home: &Home) -> Result<Authority, TlsError> {
        let Home::Directory(directory) = home else {
            let key = KeyPair::generate()?;
            return Authority::from_pem(
                authority_params().self_signed(&key)?.pem(),
                key,
                Path::new("ca.pem"),
            );
        };
        let (pem_path, key_path) = (directory.join("ca.pem"), directory.join("ca.key"));
        match (read(&pem_path)?, read(&key_path)?) {
            (Some(pem), Some(key)) => Authority::from_pem(pem, KeyPair::from_pem(&key)?, &pem_path),
            _ => {
                let key = KeyPair::generate()?;
                let pem = authority_params().self_signed(&key)?.pem();
                make(directory)?;
                write(&key_path, &key.serialize_pem(), 0o600)?;
                write(&pem_path, &pem, 0o644)?;
                Authority::from_pem(pem, key, &pem_path)
            }
        }
    }

    fn from_pem(pem: String, key: KeyPair, path: &Path) -> Result<Authority, TlsError> {
        let der =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| TlsError::Pem(path.to_owned()))?;
        Ok(Authority { pem, der, issuer: Issuer::new(authority_params(), key) })
    }
}

/// The authority's own certificate. It is the same in every run but for the key, so that it need not be parsed.
fn authority_params() -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "yakumo local authority");
    name.push(DnType::OrganizationName, "yakumo");
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = datetime!(2025-01-01 0:00 UTC);
    params.not_after = datetime!(2045-01-01 0:00 UTC);
    // A stolen key of this authority cannot vouch for anybody's bank.
    let permitted = DOMAINS.iter().map(|domain| GeneralSubtree::DnsName((*domain).to_owned())).collect();
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: vec![] });
    params
}

#[derive(Debug)]
struct Leaves {
    authority: Authority,
    address: Option<IpAddr>,
    /// By name; the empty name is the certificate for clients that name nobody.
    cache: Mutex<HashMap<String, (Instant, Arc<CertifiedKey>)>>,
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().filter(|name| is_ours(name)).unwrap_or_default();
        match self.leaf(name) {
            Ok(leaf) => Some(leaf),
            Err(error) => {
                tracing::error!(%error, name, "no certificate");
                None
            }
        }
    }
}

/// Whether a name stands in one of [`DOMAINS`].
fn is_ours(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    DOMAINS
        .iter()
        .any(|domain| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

impl Leaves {
    fn leaf(&self, name: &str) -> Result<Arc<CertifiedKey>, TlsError> {
        let name = name.to_ascii_lowercase();
        if let Some((made, leaf)) = self.cache.lock().get(&name)
            && made.elapsed() < LEAF_AGE
        {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.issue(&name)?);
        let mut cache = self.cache.lock();
        if cache.len() >= MAX_LEAVES {
            cache.clear();
        }
        cache.insert(name, (Instant::now(), Arc::clone(&leaf)));
        Ok(leaf)
    }

    fn issue(&self, name: &str) -> Result<CertifiedKey, TlsError> {
        let mut params = CertificateParams::new(names(name))?;
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let others = self.address.filter(|address| !loopback.contains(address) && !address.is_unspecified());
        params.subject_alt_names.extend(loopback.into_iter().chain(others).map(SanType::IpAddress));
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::from_secs(24 * 3600);
        params.not_after = now + Duration::from_secs(397 * 24 * 3600);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone(), self.authority.der.clone()], key))
    }
}

/// The names of a leaf. No wildcards: each name gets its own leaf, and some clients refuse `*.localhost`.
fn names(asked: &str) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    if !asked.is_empty() && asked != "localhost" {
        names.push(asked.to_owned());
    }
    names
}

fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File { path: path.to_owned(), source }),
    }
}

/// Makes the directory when it is not there; the one above it must be.
fn make(directory: &Path) -> Result<(), TlsError> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(TlsError::File { path: directory.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Writes a file with these permissions, whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| TlsError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::{Home, Tls, is_ours};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_authority_survives_and_its_key_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::Directory(directory.path().join("tls"));
        let first = Tls::new(home.clone(), None).ca_pem().unwrap();
        assert_eq!(Tls::new(home, None).ca_pem().unwrap(), first);
        assert_ne!(Tls::new(Home::Memory, None).ca_pem().unwrap(), first);
        let mode = std::fs::metadata(directory.path().join("tls/ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        assert!(Tls::new(Home::Directory("/nonexistent/yakumo".into()), None).ca_pem().is_err());
    }

    #[test]
    fn certificates_are_made_for_our_names_only() {
        for ours in
            ["localhost", "bucket.localhost", "SQS.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud"]
        {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["example.com", "evilamazonaws.com", "localhost.example.com", ""] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
