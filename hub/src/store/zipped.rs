//! Text of the journal as zlib packs it: pure. Its checksum tells a damaged one.

use std::io::{Read, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

/// Packs a text.
pub(super) fn pack(text: &str) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let _ = packer.write_all(text.as_bytes());
    packer.finish().unwrap_or_default()
}

/// The text that was packed; an error if this is not what was.
pub(super) fn unpack(data: &[u8]) -> std::io::Result<String> {
    let mut text = String::new();
    ZlibDecoder::new(data).read_to_string(&mut text)?;
    Ok(text)
}
