//! A text as a QR code in a PNG image: black and white, without compression, so that it needs no image library.
//! Source: PNG (Third Edition), W3C; RFC 1950 and RFC 1951 for its data.

use qrcodegen::{QrCode, QrCodeEcc};

/// The side of one module.
const MODULE_PX: usize = 4;
/// The empty border that readers need, in modules.
const QUIET: usize = 4;
/// The longest stored block of RFC 1951.
const BLOCK_BYTES_MAX: usize = 65_535;

/// The image, or `None` when the text is too long for a QR code (more than about 2,300 bytes).
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let modules = usize::try_from(code.size()).ok()? + 2 * QUIET;
    let side_px = modules * MODULE_PX;
    let dark = |x: usize, y: usize| {
        let place = |at: usize| (at / MODULE_PX).checked_sub(QUIET).and_then(|at| i32::try_from(at).ok());
        matches!((place(x), place(y)), (Some(x), Some(y)) if code.get_module(x, y))
    };
    let mut rows = Vec::new();
    for y in 0..side_px {
        rows.push(0); // No filter.
        for byte in 0..side_px.div_ceil(8) {
            // In one-bit grey, 1 is white.
            let bits = (0..8).map(|bit| byte * 8 + bit).map(|x| u8::from(!dark(x, y)));
            rows.push(bits.fold(0, |byte, bit| byte << 1 | bit));
        }
    }
    let side = u32::try_from(side_px).ok()?.to_be_bytes();
    let header = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &stored(&rows));
    chunk(&mut png, b"IEND", &[]);
    Some(png)
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let body = [&name[..], data].concat();
    png.extend(u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    png.extend(&body);
    png.extend(crc32fast::hash(&body).to_be_bytes());
}

/// Data as a zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let mut blocks = data.chunks(BLOCK_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend(length.to_le_bytes());
        zlib.extend((!length).to_le_bytes());
        zlib.extend(block);
    }
    zlib.extend(adler32(data).to_be_bytes());
    zlib
}

fn adler32(data: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = data.iter().fold((1, 0), step);
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::{adler32, png};

    #[test]
    fn the_checksum_of_rfc_1950() {
        // from: the worked example of "Wikipedia".
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn an_image_is_square_and_what_is_too_long_has_none() {
        let image = png("otpauth://totp/alice@111122223333?secret=ABCDEFGH").unwrap();
        assert_eq!(&image[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(image[16..20], image[20..24]);
        assert!(image.ends_with(b"IEND\xae\x42\x60\x82"));
        assert!(png(&"x".repeat(5_000)).is_none());
    }
}
