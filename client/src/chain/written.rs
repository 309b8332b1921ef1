//! Calls as people write and read them.

use std::fmt;

use subxt::{
    ext::scale_value::{
        scale::{decode_as_type, encode_as_type},
        stringify::{custom_formatters, custom_parsers, from_str_custom, to_writer_custom},
        Composite, Value, ValueDef, Variant,
    },
    tx::Payload,
    Metadata,
};

use super::{ChainError, View};

/// A call of this chain, whatever its pallet; it can be sent, proposed and printed.
#[derive(Debug, Clone)]
pub struct WrittenCall {
    pallet: String,
    name: String,
    arguments: Composite<()>,
    bytes: Vec<u8>,
}

impl WrittenCall {
    /// Reads `Pallet.call`, with arguments in brackets, or hexadecimal bytes.
    ///
    /// # Errors
    /// [`ChainError::Call`] with what is wrong.
    pub(super) fn read(text: &str, metadata: &Metadata) -> Result<Self, ChainError> {
        let text = text.trim();
        let wrong = |words: String| ChainError::Call(words);
        if let Some(digits) = text.strip_prefix("0x") {
            let bytes = hex::decode(digits).map_err(|e| wrong(format!("not hexadecimal: {e}")))?;
            return Self::decode(&bytes, metadata).map_err(|e| wrong(e.to_string()));
        }
        let (pallet, call) = text
            .split_once('.')
            .ok_or_else(|| wrong("it must begin with Pallet.call".into()))?;
        // A call without arguments may leave the brackets out.
        let brackets = if call.contains(['(', '{']) { "" } else { "()" };
        let nested = format!("{pallet}({call}{brackets})");
        let parser = from_str_custom()
            .add_custom_parser(custom_parsers::parse_hex)
            .add_custom_parser(custom_parsers::parse_ss58);
        let (value, rest) = parser.parse(&nested);
        let value = value.map_err(|e| wrong(e.to_string()))?;
        if !rest.trim().is_empty() {
            return Err(wrong(format!("{rest:?} is too much")));
        }
        let mut bytes = Vec::new();
        let call = metadata.outer_enums().call_enum_ty();
        encode_as_type(&value, call, metadata.types(), &mut bytes).map_err(|e| wrong(e.to_string()))?;
        Self::decode(&bytes, metadata)
    }

    /// Reads an encoded call.
    ///
    /// # Errors
    /// [`ChainError::Decode`] if this chain knows no such call.
    pub(super) fn decode(bytes: &[u8], metadata: &Metadata) -> Result<Self, ChainError> {
        let rest = &mut &bytes[..];
        let unreadable = |words: String| ChainError::Decode(format!("no call of this chain: {words}"));
        let call = metadata.outer_enums().call_enum_ty();
        let value = decode_as_type(rest, call, metadata.types()).map_err(|e| unreadable(e.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable(format!("{} bytes too many", rest.len())));
        }
        let strange = || unreadable("it names no pallet and call".into());
        let pallet = variant(value.remove_context()).ok_or_else(strange)?;
        let call = match pallet.values {
            Composite::Unnamed(inner) => inner.into_iter().next().and_then(variant),
            Composite::Named(_) => None,
        };
        let call = call.ok_or_else(strange)?;
        Ok(Self {
            pallet: pallet.name,
            name: call.name,
            arguments: call.values,
            bytes: bytes.to_vec(),
        })
    }

    /// The encoded call.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn variant(value: Value<()>) -> Option<Variant<()>> {
    match value.value {
        ValueDef::Variant(variant) => Some(variant),
        _ => None,
    }
}

impl fmt::Display for WrittenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = Value::variant(self.name.clone(), self.arguments.clone());
        let call = Value::unnamed_variant(self.pallet.clone(), [call]);
        to_writer_custom()
            .add_custom_formatter(|value, writer| custom_formatters::format_hex(value, writer))
            .write(&call, f)
    }
}

impl Payload for WrittenCall {
    type CallData = Composite<()>;

    fn pallet_name(&self) -> &str {
        &self.pallet
    }

    fn call_name(&self) -> &str {
        &self.name
    }

    fn call_data(&self) -> &Self::CallData {
        &self.arguments
    }
}

impl View {
    /// Reads a call that people wrote: `Pallet.call`, with arguments in brackets, or hexadecimal bytes.
    ///
    /// # Errors
    /// [`ChainError::Call`] with what is wrong.
    pub fn read_call(&self, text: &str) -> Result<WrittenCall, ChainError> {
        WrittenCall::read(text, self.at.metadata_ref())
    }

    /// Reads an encoded call.
    ///
    /// # Errors
    /// [`ChainError::Decode`] if this chain knows no such call.
    pub fn decode_call(&self, bytes: &[u8]) -> Result<WrittenCall, ChainError> {
        WrittenCall::decode(bytes, self.at.metadata_ref())
    }
}
