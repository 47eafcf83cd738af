//! JSON as islands read it: whole numbers only, like all of the domain, and not a word about what
//! is wrong with a text, for a rider could do nothing about it. `serde_json` says more, and with
//! its words and its floats it is half as heavy as everything else in the bundle together.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// The text is not JSON of whole numbers, or not what it should describe.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable")
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }
    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }
    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self
    }
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
    fn missing_field(_: &'static str) -> Self {
        Self
    }
    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

/// Reads a whole text.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let mut reader = Reader { text, at: 0 };
    let value = T::deserialize(&mut reader)?;
    if reader.peek().is_none() { Ok(value) } else { Err(Unreadable) }
}

/// A text and how far it is read, in bytes.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is not space; none at the end.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes `mark`, and any space before it.
    fn take(&mut self, mark: u8) -> Result<(), Unreadable> {
        if self.peek() != Some(mark) {
            return Err(Unreadable);
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a word or number: all that is neither space nor a mark.
    fn word(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        self.take(b'"')?;
        let mut value = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.find(['"', '\\']).ok_or(Unreadable)?;
            value.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest.as_bytes()[plain] == b'"' {
                return Ok(value);
            }
            value.push(self.escaped()?);
        }
    }

    /// The character after a backslash.
    fn escaped(&mut self) -> Result<char, Unreadable> {
        let mark = self.byte().ok_or(Unreadable)?;
        self.at += 1;
        match mark {
            b'"' | b'\\' | b'/' => Ok(char::from(mark)),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => {
                let first = self.unit()?;
                if !(0xD800..0xDC00).contains(&first) {
                    return char::from_u32(first).ok_or(Unreadable);
                }
                if self.text.get(self.at..self.at + 2) != Some("\\u") {
                    return Err(Unreadable);
                }
                self.at += 2;
                let second = self.unit()?.checked_sub(0xDC00).ok_or(Unreadable)?;
                char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second).ok_or(Unreadable)
            }
            _ => Err(Unreadable),
        }
    }

    /// Four hexadecimal digits: a unit of UTF-16.
    fn unit(&mut self) -> Result<u32, Unreadable> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Unreadable)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Unreadable)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek() {
            Some(b'"') => visitor.visit_string(self.string()?),
            Some(b'[') => {
                let mut items = Items::after(self, b'[')?;
                let value = visitor.visit_seq(&mut items)?;
                items.end(b']').map(|()| value)
            }
            Some(b'{') => {
                let mut items = Items::after(self, b'{')?;
                let value = visitor.visit_map(&mut items)?;
                items.end(b'}').map(|()| value)
            }
            _ => match self.word() {
                "null" => visitor.visit_unit(),
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                number => visitor.visit_i64(number.parse().map_err(|_| Unreadable)?),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.peek() == Some(b'n') {
            return self.deserialize_any(visitor);
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is its name, or an object of one member: name and content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if self.peek() == Some(b'"') {
            return visitor.visit_enum(self.string()?.into_deserializer());
        }
        self.take(b'{')?;
        let value = visitor.visit_enum(Variant(&mut *self))?;
        self.take(b'}').map(|()| value)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What stands between brackets, item by item.
struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_first: bool,
}

impl<'r, 'a> Items<'r, 'a> {
    fn after(reader: &'r mut Reader<'a>, bracket: u8) -> Result<Self, Unreadable> {
        reader.take(bracket)?;
        Ok(Self { reader, is_first: true })
    }

    /// Whether there is one more; if so, all before it is read.
    fn more(&mut self) -> Result<bool, Unreadable> {
        if matches!(self.reader.peek(), Some(b']' | b'}')) {
            return Ok(false);
        }
        if !self.is_first {
            self.reader.take(b',')?;
        }
        self.is_first = false;
        Ok(true)
    }

    fn end(self, bracket: u8) -> Result<(), Unreadable> {
        self.reader.take(bracket)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, '_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        if self.more()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, '_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        if !self.more()? {
            return Ok(None);
        }
        let key: StringDeserializer<Unreadable> = self.reader.string()?.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Unreadable> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The one member of a variant with content.
struct Variant<'r, 'a>(&'r mut Reader<'a>);

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), Unreadable> {
        let name: StringDeserializer<Unreadable> = self.0.string()?.into_deserializer();
        let name = seed.deserialize(name)?;
        self.0.take(b':').map(|()| (name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Unreadable> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.0.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.0.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wasm_core::tariff::{Tariff, Usage};

    use super::*;

    /// The domain's own cases: every shape of tariff and usage that it knows.
    const CASES: [&str; 5] = [
        include_str!("../../wasm-core/tests/cases/bounds.json"),
        include_str!("../../wasm-core/tests/cases/electricity.json"),
        include_str!("../../wasm-core/tests/cases/errors.json"),
        include_str!("../../wasm-core/tests/cases/packages.json"),
        include_str!("../../wasm-core/tests/cases/service.json"),
    ];

    /// All objects below `value`, each as a text, compact and spread out.
    fn objects(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.push(value.to_string());
                found.push(format!("{value:#}"));
                members.values().for_each(|member| objects(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
            _ => {}
        }
    }

    fn alike<T: DeserializeOwned + PartialEq + fmt::Debug>(text: &str) -> bool {
        let expected = serde_json::from_str::<T>(text).ok();
        assert_eq!(read::<T>(text).ok(), expected, "{text}");
        expected.is_some()
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        let mut texts = Vec::new();
        for cases in CASES {
            objects(&serde_json::from_str(cases).unwrap(), &mut texts);
        }
        assert!(texts.iter().filter(|text| alike::<Tariff>(text)).count() > 10);
        assert!(texts.iter().filter(|text| alike::<Usage>(text)).count() > 10);
    }

    #[test]
    fn texts_and_trouble_are_as_in_any_json() {
        for text in [
            r#""""#,
            r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\udd0c 充""#,
            r#""\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\x""#,
            r#""open"#,
            r#""\u12"#,
            "\"a\" b",
        ] {
            alike::<String>(text);
        }
        for text in ["[]", "[1, -2 ]", "[1,]", "[,1]", "[1 2]", "[1", "[1}", "1", "[01x]", ""] {
            alike::<Vec<i64>>(text);
        }
        for text in ["null", "7", "nul", "1.5", "99999999999999999999"] {
            alike::<Option<i64>>(text);
        }
    }
}
