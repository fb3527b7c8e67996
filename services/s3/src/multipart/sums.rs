//! Checksums of multipart objects: of the whole, or of the checksums of the parts.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use crate::error;
use crate::state::{Checksum, Part, Upload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use yakumo_aws::Result;
use yakumo_checksum::{Algorithm, Hasher, combine};

/// The checksum of the parts' checksums.
pub const COMPOSITE: &str = "COMPOSITE";
/// The checksum of the object's bytes.
pub const FULL_OBJECT: &str = "FULL_OBJECT";

/// What a new upload chose, in any case; `None` when it chose nothing.
pub fn chosen(algorithm: Option<&str>, kind: Option<&str>) -> Result<Option<(Algorithm, &'static str)>> {
    let known =
        |kind: &str| [COMPOSITE, FULL_OBJECT].into_iter().find(|known| known.eq_ignore_ascii_case(kind));
    let wrong = || error::invalid_request("Value for x-amz-checksum-type header is invalid.");
    let kind = kind.map(|kind| known(kind).ok_or_else(wrong)).transpose()?;
    let Some(name) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = Algorithm::from_name(name).ok_or_else(error::unknown_checksum)?;
    let wrong = |kind: &str| {
        error::invalid_request(&format!(
            "The {kind} checksum type cannot be used with the {} checksum algorithm.",
            name.to_ascii_lowercase()
        ))
    };
    let kind = match (algorithm, kind) {
        (Algorithm::Crc64Nvme, None | Some(FULL_OBJECT)) => FULL_OBJECT,
        (Algorithm::Crc64Nvme, Some(other)) => return Err(wrong(other)),
        (_, None | Some(COMPOSITE)) => COMPOSITE,
        (algorithm, Some(FULL_OBJECT)) if algorithm.is_linear() => FULL_OBJECT,
        (_, Some(other)) => return Err(wrong(other)),
    };
    Ok(Some((algorithm, kind)))
}

/// Holds the checksum that a part brings against what its upload chose.
///
/// AWS: the algorithms of 2026 are chosen when the upload begins; of the older ones a part may bring any where none was
/// chosen: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>. DIFFERS: AWS names
/// the code InvalidRequest alone; the text is that of other mismatches.
pub fn check_part(upload: &Upload, given: Option<Algorithm>) -> Result<()> {
    let given_name = given.map(Algorithm::as_str);
    match (&upload.checksum, given) {
        (Some((wanted, _)), Some(given)) if wanted != given.as_str() => {
            Err(error::checksum_mismatch(Some(wanted), given_name))
        }
        (Some((wanted, kind)), None) if kind == COMPOSITE => {
            Err(error::checksum_mismatch(Some(wanted), given_name))
        }
        (None, Some(given)) if must_be_chosen(given) => Err(error::checksum_mismatch(None, given_name)),
        _ => Ok(()),
    }
}

/// Holds the checksum that a completion brings of the whole against what its upload chose.
/// AWS: as for [`check_part`]; an older algorithm is passed over where none was chosen.
pub fn check_whole(upload: &Upload, given: Option<Algorithm>) -> Result<()> {
    match (&upload.checksum, given) {
        (Some((wanted, _)), Some(given)) if wanted != given.as_str() => {
            Err(error::checksum_mismatch(Some(wanted), Some(given.as_str())))
        }
        (None, Some(given)) if must_be_chosen(given) => {
            Err(error::checksum_mismatch(None, Some(given.as_str())))
        }
        _ => Ok(()),
    }
}

fn must_be_chosen(algorithm: Algorithm) -> bool {
    use Algorithm::{Md5, Sha512, XxHash3, XxHash64, XxHash128};
    matches!(algorithm, Sha512 | Md5 | XxHash64 | XxHash3 | XxHash128)
}

/// The checksum of an object made of these parts.
pub fn whole(algorithm: Algorithm, kind: &str, parts: &[Part]) -> Option<Checksum> {
    let value = match kind {
        FULL_OBJECT => full(algorithm, parts)?,
        _ => composite(algorithm, parts)?,
    };
    Some(Checksum { algorithm: algorithm.as_str().to_owned(), value, kind: kind.to_owned() })
}

fn full(algorithm: Algorithm, parts: &[Part]) -> Option<String> {
    let mut sums = parts.iter().map(|part| Some((part.checksum.as_deref()?, part.size_bytes)));
    let mut sum = sums.next()??.0.to_owned();
    for part in sums {
        let (next, bytes) = part?;
        sum = combine(algorithm, &sum, next, bytes)?;
    }
    Some(sum)
}

fn composite(algorithm: Algorithm, parts: &[Part]) -> Option<String> {
    let mut hasher = Hasher::new(algorithm);
    for part in parts {
        hasher.update(&STANDARD.decode(part.checksum.as_deref()?).ok()?);
    }
    Some(format!("{}-{}", hasher.finish(), parts.len()))
}

/// The ETag of an object made of parts with these: the MD5 of their MD5s, and their number.
pub fn etag<'a>(parts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let mut md5 = Md5::new();
    let count = parts.len();
    for part in parts {
        let digits = part.as_bytes().chunks(2);
        let bytes: Vec<u8> =
            digits.filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect();
        md5.update(bytes);
    }
    format!("{}-{count}", crate::bodies::hex(&md5.finalize()))
}
