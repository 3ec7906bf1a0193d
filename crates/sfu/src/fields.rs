//! Protobuf messages in wire form, field by field: for what is passed on without being decoded.

use prost::bytes::Buf;
use prost::encoding::{self, DecodeContext, WireType};

/// The bytes are not a message, or not one of the kind that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends a string field, unless it is empty.
pub(crate) fn put_text(tag: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        encoding::encode_key(tag, WireType::LengthDelimited, out);
        encoding::encode_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

/// One field of a message.
pub(crate) struct Field<'a> {
    pub tag: u32,
    wire_type: WireType,
    /// Key and value.
    pub raw: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(&self) -> Result<&'a [u8], Malformed> {
        if self.wire_type != WireType::LengthDelimited {
            return Err(Malformed);
        }
        let mut rest = self.value;
        encoding::decode_varint(&mut rest).map_err(|_| Malformed)?;
        Ok(rest)
    }

    pub(crate) fn text(&self) -> Result<String, Malformed> {
        std::str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|_| Malformed)
    }

    pub(crate) fn number(&self) -> Result<u32, Malformed> {
        if self.wire_type != WireType::Varint {
            return Err(Malformed);
        }
        let mut rest = self.value;
        Ok(encoding::decode_varint(&mut rest).map_err(|_| Malformed)? as u32)
    }
}

/// The fields of a message in wire form, in order. Ends after the first error.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let start = self.0;
        let mut rest = start;
        let parsed = encoding::decode_key(&mut rest).and_then(|(tag, wire_type)| {
            let value = rest;
            encoding::skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            Ok((tag, wire_type, value))
        });
        let Ok((tag, wire_type, value)) = parsed else {
            self.0 = &[];
            return Some(Err(Malformed));
        };
        let left = rest.remaining();
        self.0 = rest;
        Some(Ok(Field { tag, wire_type, raw: &start[..start.len() - left], value: &value[..value.len() - left] }))
    }
}
