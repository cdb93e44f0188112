//! A strict reader: I-JSON (RFC 7493), no deeper than sixteen.
//!
//! serde_json does the reading and refuses by itself what is no JSON: bad UTF-8, lone surrogates, `1e400`, trailing text.
//! The visitor here adds what it lets pass: duplicate names, depth, and integers that a double cannot hold.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most arrays and objects inside each other (protocol.md §1).
pub const MAX_DEPTH: usize = 16;

/// The largest magnitude of a number: every integer up to it is exact in a double (RFC 7493 §2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why a text is not JSON that the house takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON (RFC 8259), not UTF-8, a lone surrogate, or more text after the value.
    #[error("the text is not JSON")]
    NotJson,
    /// Deeper than [`MAX_DEPTH`].
    #[error("the JSON is nested deeper than 16")]
    TooDeep,
    /// An object has two members of one name.
    #[error("an object has two members of one name")]
    Duplicate,
    /// A number that a double cannot hold exactly as an integer, or at all.
    #[error("a number is out of range")]
    OutOfRange,
}

/// Reads one value that takes up the whole text.
///
/// # Errors
/// [`Malformed`]. The stack needed is bounded by [`MAX_DEPTH`], the time by the length.
pub fn parse(text: &[u8]) -> Result<Value, Malformed> {
    let why = Cell::new(Malformed::NotJson);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { room: MAX_DEPTH, why: &why }.deserialize(&mut reader).map_err(|_| why.get())?;
    reader.end().map_err(|_| Malformed::NotJson)?;
    Ok(value)
}

/// Reads an object that takes up the whole text; any other value is malformed too.
///
/// # Errors
/// [`Malformed`].
pub fn parse_object(text: &[u8]) -> Result<Value, Malformed> {
    parse(text).and_then(|value| if value.is_object() { Ok(value) } else { Err(Malformed::NotJson) })
}

/// Reads a value with `room` for so many more levels; leaves in `why` what it refused.
#[derive(Clone, Copy)]
struct Strict<'a> {
    room: usize,
    why: &'a Cell<Malformed>,
}

impl Strict<'_> {
    fn refuse<E: Error>(self, why: Malformed) -> E {
        self.why.set(why);
        E::custom(why)
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        let room = self.room.checked_sub(1).ok_or_else(|| self.refuse(Malformed::TooDeep))?;
        Ok(Self { room, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER { Err(self.refuse(Malformed::OutOfRange)) } else { Ok(value.into()) }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER { Err(self.refuse(Malformed::OutOfRange)) } else { Ok(value.into()) }
    }

    /// Beyond 64 bits integers come here too, so a magnitude that only integers have is refused however it was written.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        const LARGEST: f64 = 9_007_199_254_740_991.0;
        let number = Number::from_f64(value).filter(|_| value.abs() <= LARGEST);
        number.map(Value::Number).ok_or_else(|| self.refuse(Malformed::OutOfRange))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(self.refuse(Malformed::Duplicate));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn t14_what_is_no_i_json_is_refused() {
        for (text, why) in [
            (nested(10_000), Malformed::TooDeep),
            (nested(17), Malformed::TooDeep),
            (r#"{"a":"#.repeat(17), Malformed::TooDeep),
            ("[".repeat(1_000_000), Malformed::TooDeep),
            (r#"{"a":1,"a":2}"#.into(), Malformed::Duplicate),
            (r#"{"a":1,"\u0061":1}"#.into(), Malformed::Duplicate),
            (r#"{"x":{"a":1,"b":1,"a":1}}"#.into(), Malformed::Duplicate),
            ("1e400".into(), Malformed::NotJson),
            ("-1e400".into(), Malformed::NotJson),
            ("9007199254740992".into(), Malformed::OutOfRange),
            ("-9007199254740992".into(), Malformed::OutOfRange),
            ("18446744073709551617".into(), Malformed::OutOfRange),
            (r#""\ud800""#.into(), Malformed::NotJson),
            (r#""\udc00\ud800""#.into(), Malformed::NotJson),
            (r#"{"\ud800":1}"#.into(), Malformed::NotJson),
            ("{} {}".into(), Malformed::NotJson),
            ("".into(), Malformed::NotJson),
            ("nul".into(), Malformed::NotJson),
            ("{'a':1}".into(), Malformed::NotJson),
            ("[1,]".into(), Malformed::NotJson),
            ("NaN".into(), Malformed::NotJson),
            ("\u{feff}{}".into(), Malformed::NotJson),
            ("\"a\nb\"".into(), Malformed::NotJson),
        ] {
            let start: String = text.chars().take(40).collect();
            assert_eq!(parse(text.as_bytes()), Err(why), "{start}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(Malformed::NotJson));
        assert_eq!(parse(b"\"\xed\xa0\x80\""), Err(Malformed::NotJson), "a surrogate in UTF-8");
    }

    #[test]
    fn what_is_i_json_is_taken() {
        for text in [
            &nested(16),
            "9007199254740991",
            "-9007199254740991",
            "1.5e3",
            "1e-400",
            r#""\ud83d\ude00""#,
            " {\"a\" : [true , null] }\n",
            r#"{"a":{"b":1},"c":{"b":1}}"#,
            "\"\u{ffff}\"",
        ] {
            assert_eq!(parse(text.as_bytes()).ok(), serde_json::from_str(text).ok(), "{text}");
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<i32>().prop_map(|x| Value::from(f64::from(x) / 8.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..8)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn d1_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let strict = parse(&bytes);
            let lax: Option<Value> = serde_json::from_slice(&bytes).ok();
            prop_assert!(strict.is_err() || strict.ok() == lax);
        }

        #[test]
        fn d1_json_like_text_is_read_or_refused(text in r#"[\[\]{}:,"\\ud8019eE.+\- tfn]{0,64}"#) {
            let strict = parse(text.as_bytes());
            let lax: Option<Value> = serde_json::from_str(&text).ok();
            prop_assert!(strict.is_err() || strict.ok() == lax);
        }

        #[test]
        fn whatever_is_written_is_read_back(value in any_json()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
        }
    }
}
