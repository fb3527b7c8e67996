//! Bodies: received, checked and kept; read back piece by piece.
//!
//! Invariant: a body is checked against everything that the client said of it before a record can refer to it.

use crate::error;
use crate::registry::Registry;
use crate::sealing::{CustomerKey, Keystream, Wrapper};
use crate::state::version::body_row;
use crate::state::{Content, Piece, Place, Seal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_checksum::{Algorithm, Hasher};
use yakumo_room::store::{BlobWriter, PendingBlob, SMALL_BODY_BYTES};
use yakumo_room::{Base, ByteStream, Tx};

/// AWS: the largest object of one PUT, and the largest part.
pub const UPLOAD_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What the client said of a body.
#[derive(Default)]
pub struct Expected {
    /// The header `Content-MD5`.
    pub md5: Option<String>,
    /// The checksum's algorithm, and its value when it came in a header.
    pub checksum: Option<(Algorithm, Option<String>)>,
    /// Another checksum that is wanted of it.
    pub also: Option<Algorithm>,
    /// The header `Content-Length`.
    pub length: Option<u64>,
    /// The customer's key; without one the cloud's is used.
    pub customer: Option<Arc<CustomerKey>>,
}

/// A body that was received and checked, and that no record refers to yet.
pub struct Received {
    pub size_bytes: u64,
    /// In hexadecimal: the ETag of what is uploaded at once.
    pub md5: String,
    /// In Base64: the one that the client chose, else CRC-64, which S3 calculates of everything.
    pub checksum: Option<(Algorithm, String)>,
    also: Option<(Algorithm, String)>,
    pending: Pending,
    seal: Seal,
    /// By what the customer's key is known again.
    pub proof: Option<Seal>,
}

enum Pending {
    Nothing,
    Row(String, Bytes),
    Blob(PendingBlob),
}

/// Receives a body.
///
/// # Errors
/// What is wrong with it in S3's words; then nothing of it remains.
pub async fn receive<S>(registry: &Registry, body: S, expected: Expected) -> Result<Received>
where
    S: Stream<Item = Result<Bytes>> + Send,
{
    let md5 = expected.md5.as_deref().map(parse_md5).transpose()?;
    if let Some((algorithm, Some(value))) = &expected.checksum
        && !algorithm.is_well_formed(value)
    {
        return Err(error::invalid_checksum(algorithm.as_str()));
    }
    if let Some(length) = expected.length.filter(|length| *length > UPLOAD_BYTES_MAX) {
        return Err(error::entity_too_large(length, UPLOAD_BYTES_MAX));
    }
    let algorithm = expected.checksum.as_ref().map_or(Algorithm::Crc64Nvme, |(algorithm, _)| *algorithm);
    let wrapper = match &expected.customer {
        Some(customer) => Wrapper::of_customer(customer)?,
        None => Wrapper::of_cloud(registry).await?,
    };
    let base = &registry.base;
    let mut writer = Writer::new(base.clone(), algorithm, expected.also, wrapper.fresh(base)?);
    let mut body = std::pin::pin!(body);
    while let Some(bytes) = body.next().await {
        writer.write(bytes?).await?;
    }
    if expected.length.is_some_and(|length| length != writer.size_bytes) {
        return Err(error::incomplete_body());
    }
    let mut received = writer.finish(md5, expected.checksum.and_then(|(_, value)| value)).await?;
    // Of an empty body there is no piece whose key could be tried.
    received.proof = expected.customer.map(|customer| customer.proof(base)).transpose()?;
    Ok(received)
}

fn parse_md5(text: &str) -> Result<[u8; 16]> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| error::invalid_digest(text))
}

struct Writer {
    base: Arc<Base>,
    small: BytesMut,
    blob: Option<BlobWriter>,
    size_bytes: u64,
    md5: Md5,
    checksum: Hasher,
    also: Option<Hasher>,
    seal: Seal,
    stream: Keystream,
}

impl Writer {
    fn new(
        base: Arc<Base>,
        algorithm: Algorithm,
        also: Option<Algorithm>,
        (seal, stream): (Seal, Keystream),
    ) -> Writer {
        let (small, md5) = (BytesMut::new(), Md5::new());
        let (checksum, also) = (Hasher::new(algorithm), also.map(Hasher::new));
        Writer { base, small, blob: None, size_bytes: 0, md5, checksum, also, seal, stream }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size_bytes += bytes.len() as u64;
        if self.size_bytes > UPLOAD_BYTES_MAX {
            return Err(error::entity_too_large(self.size_bytes, UPLOAD_BYTES_MAX));
        }
        self.md5.update(&bytes);
        self.checksum.update(&bytes);
        if let Some(also) = &mut self.also {
            also.update(&bytes);
        }
        let stream = &mut self.stream;
        if self.blob.is_none() && self.small.len() + bytes.len() <= SMALL_BODY_BYTES {
            let from = self.small.len();
            self.small.extend_from_slice(&bytes);
            return stream.apply(self.small.get_mut(from..).unwrap_or_default());
        }
        if self.blob.is_none() {
            let mut blob = self.base.store.blobs().create().await?;
            blob.write(std::mem::take(&mut self.small).freeze()).await?;
            self.blob = Some(blob);
        }
        let Some(blob) = &mut self.blob else { return Ok(()) };
        blob.write_changed(&bytes, |bytes| stream.apply(bytes)).await
    }

    async fn finish(self, md5: Option<[u8; 16]>, checksum: Option<String>) -> Result<Received> {
        let calculated: [u8; 16] = self.md5.finalize().into();
        if let Some(md5) = md5.filter(|md5| *md5 != calculated) {
            return Err(error::bad_digest(&STANDARD.encode(md5), &STANDARD.encode(calculated)));
        }
        let (algorithm, sum) = (self.checksum.algorithm(), self.checksum.finish());
        if checksum.is_some_and(|given| given != sum) {
            return Err(error::bad_checksum(algorithm.as_str()));
        }
        let also = self.also.map(|hasher| (hasher.algorithm(), hasher.finish()));
        let pending = match self.blob {
            Some(blob) => Pending::Blob(blob.finish().await?),
            None if self.small.is_empty() => Pending::Nothing,
            None => Pending::Row(row_id(&self.base), self.small.freeze()),
        };
        Ok(Received {
            size_bytes: self.size_bytes,
            md5: hex(&calculated),
            checksum: Some((algorithm, sum)),
            also,
            pending,
            seal: self.seal,
            proof: None,
        })
    }
}

/// A new id of a small body. What is written at one time lies together in the store and is found, and merged, together.
fn row_id(base: &Base) -> String {
    format!("{:012x}{}", base.clock.now().as_millis().max(0), base.ids.hex(20))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

impl Received {
    /// The checksum of an algorithm, if it was calculated.
    pub fn of(&self, algorithm: Algorithm) -> Option<String> {
        let known = self.checksum.iter().chain(&self.also).find(|(known, _)| *known == algorithm);
        known.map(|(_, value)| value.clone())
    }

    /// The piece that a record holds.
    pub fn piece(&self) -> Option<Piece> {
        let place = match &self.pending {
            Pending::Nothing => return None,
            Pending::Row(id, _) => Place::Row(id.clone()),
            Pending::Blob(blob) => Place::Blob(blob.id()),
        };
        Some(Piece { size_bytes: self.size_bytes, place, seal: Some(self.seal.clone()) })
    }

    /// Keeps the body, when the transaction commits.
    pub fn keep(&self, tx: &Tx) {
        match &self.pending {
            Pending::Nothing => {}
            Pending::Row(id, bytes) => tx.raw().put(body_row(id), bytes.clone()),
            Pending::Blob(blob) => tx.raw().keep_blob(blob),
        }
    }

    /// Removes what was received: the request that wanted it failed.
    pub async fn abandon(self, base: &Base) {
        if let Pending::Blob(blob) = self.pending
            && let Err(error) = base.store.blobs().abandon(blob).await
        {
            tracing::warn!(%error, "a body that nobody refers to is removed later");
        }
    }
}

/// Lets go of pieces, when the transaction commits.
pub fn discard(tx: &Tx, pieces: &[Piece]) {
    for piece in pieces {
        match &piece.place {
            Place::Row(id) => tx.raw().delete(body_row(id)),
            Place::Blob(id) => tx.raw().discard_blob(*id),
        }
    }
}

/// A range of a body as a stream. What it is read from stays until it has been read: small bodies are read at once,
/// large ones are held, and opened one after the other.
/// `customer` is the key that the request brings, for an object that is encrypted with one.
///
/// # Errors
/// When the key is not the object's: in S3's words. One that [`was_replaced`] knows, when the body went after its record
/// was read.
pub async fn read(
    registry: &Registry,
    content: &Content,
    range: Range<u64>,
    customer: Option<&CustomerKey>,
) -> Result<ByteStream> {
    crate::sealing::check(content, customer)?;
    let wrapper = match customer {
        Some(customer) => Some(Wrapper::of_customer(customer)?),
        None if content.pieces.iter().any(|piece| piece.seal.is_some()) => {
            Some(Wrapper::of_cloud(registry).await?)
        }
        None => None,
    };
    let mut wanted = Vec::new();
    let mut at = 0;
    for piece in &content.pieces {
        let (start, end) = (at, at + piece.size_bytes);
        at = end;
        if range.start < end && start < range.end {
            let within = range.start.max(start) - start..range.end.min(end) - start;
            let hidden = open(&registry.base, piece, within.clone(), wanted.is_empty()).await?;
            wanted.push(shown(hidden, wrapper.as_deref(), piece, within.start)?);
        }
    }
    Ok(match wanted.len() {
        0 | 1 => wanted.pop().unwrap_or_default(),
        _ => ByteStream::new(stream::iter(wanted).flatten()),
    })
}

/// Whether a read failed because the version that was found had been overwritten or deleted by then: it is to be looked
/// for again.
pub fn was_replaced(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Replaced>())
}

/// The body went after its record was read.
#[derive(Debug)]
struct Replaced;

impl std::error::Error for Replaced {}

impl std::fmt::Display for Replaced {
    fn fmt(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text.write_str("the body was replaced while it was looked for")
    }
}

/// A stretch of a body as it was kept: at hand, or to be read.
enum Hidden {
    Row(Bytes),
    Blob(Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>),
}

/// A stretch of a body without its encryption.
fn shown(hidden: Hidden, wrapper: Option<&Wrapper>, piece: &Piece, at: u64) -> Result<ByteStream> {
    let (Some(seal), Some(wrapper)) = (&piece.seal, wrapper) else {
        return Ok(match hidden {
            Hidden::Row(bytes) => ByteStream::from_bytes(bytes),
            Hidden::Blob(stream) => ByteStream::new(stream),
        });
    };
    let mut keystream = wrapper.open(seal, at)?;
    let mut show = move |bytes: Bytes| -> Result<Bytes> {
        // What is read from a file is this stream's alone and is not copied; a row may be in the store's cache, too.
        let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
        keystream.apply(&mut bytes)?;
        Ok(bytes.freeze())
    };
    Ok(match hidden {
        Hidden::Row(bytes) => ByteStream::from_bytes(show(bytes)?),
        Hidden::Blob(stream) => ByteStream::new(stream.map(move |bytes| show(bytes?))),
    })
}

/// A piece. The first is opened at once, so that its loss is an error and not an answer cut short.
async fn open(base: &Arc<Base>, piece: &Piece, within: Range<u64>, first: bool) -> Result<Hidden> {
    match &piece.place {
        Place::Row(id) => {
            let bytes = base.store.get(&body_row(id)).await?;
            let gone = || Error::unavailable("Please reduce your request rate.").with_source(Replaced);
            let bytes = bytes.ok_or_else(gone)?;
            let end = usize::try_from(within.end).unwrap_or(usize::MAX).min(bytes.len());
            let start = usize::try_from(within.start).unwrap_or(usize::MAX).min(end);
            Ok(Hidden::Row(bytes.slice(start..end)))
        }
        Place::Blob(id) => {
            let hold = base.store.blobs().hold(*id);
            if first {
                let opened = Box::pin(hold.read(within)).await?;
                return Ok(Hidden::Blob(Box::pin(opened.map_err(Error::from))));
            }
            let opened =
                stream::once(async move { Ok::<_, Error>(hold.read(within).await?.map_err(Error::from)) });
            Ok(Hidden::Blob(Box::pin(opened.try_flatten())))
        }
    }
}
