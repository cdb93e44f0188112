//! Typed members of a JSON object.
//!
//! All wrong members are collected, so that a person sees every mistake at once. Absent is unchanged and `null` is cleared
//! (protocol.md §1); unknown members are ignored.

use std::borrow::Cow;

use chat_domain::{
    ids::{MAX_SEQ, Seq},
    words::Invalid,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It must be there and is not.
    Required,
    /// It is of another type.
    Type,
    /// Its value is not allowed.
    Value(Invalid),
}

impl From<Invalid> for Wrong {
    fn from(invalid: Invalid) -> Self {
        Self::Value(invalid)
    }
}

/// A wrong member, as clients see it: `{"pointer":"/text","code":"too_long","max":4000}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where (RFC 6901).
    #[schema(value_type = String)]
    pub pointer: Cow<'static, str>,
    /// Why: `required`, `wrong_type`, `too_short`, `too_long`, `blank`, `not_allowed`, `malformed`, `reserved`,
    /// `too_common`, `out_of_range`.
    pub code: &'static str,
    /// The least that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    /// The most that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// A wrong shape (missing, mistyped), which a socket calls `bad_request`.
    #[serde(skip)]
    pub shape: bool,
}

impl FieldError {
    /// A value that is not allowed.
    #[must_use]
    pub fn invalid(pointer: impl Into<Cow<'static, str>>, invalid: Invalid) -> Self {
        Self::new(pointer, Wrong::Value(invalid))
    }

    /// Whatever is wrong.
    #[must_use]
    pub fn new(pointer: impl Into<Cow<'static, str>>, wrong: Wrong) -> Self {
        let (code, min, max) = match wrong {
            Wrong::Required => ("required", None, None),
            Wrong::Type => ("wrong_type", None, None),
            Wrong::Value(invalid @ Invalid::TooShort { min }) => (invalid.code(), Some(min), None),
            Wrong::Value(invalid @ Invalid::TooLong { max }) => (invalid.code(), None, Some(max)),
            Wrong::Value(invalid) => (invalid.code(), None, None),
        };
        Self { pointer: pointer.into(), code, min, max, shape: matches!(wrong, Wrong::Required | Wrong::Type) }
    }
}

/// The members of an object, being read.
#[derive(Debug)]
pub struct Fields<'a> {
    members: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Of an object.
    ///
    /// # Errors
    /// The whole value has the wrong type.
    pub fn of(value: &'a Value) -> Result<Self, Vec<FieldError>> {
        let members = value.as_object().ok_or_else(|| vec![FieldError::new("", Wrong::Type)])?;
        Ok(Self { members, errors: Vec::new() })
    }

    /// No member was given at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A member that must be there; `None` when it is wrong, which [`Fields::finish`] reports.
    pub fn need<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Value) -> Result<T, Wrong>) -> Option<T> {
        let read = self.members.get(name).ok_or(Wrong::Required).and_then(read);
        self.keep(name, read)
    }

    /// A member that may be absent or `null`.
    pub fn may<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Value) -> Result<T, Wrong>) -> Option<T> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        self.keep(name, read(value))
    }

    /// A member that may be absent, but not `null`: it can be changed and not cleared.
    pub fn change<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Value) -> Result<T, Wrong>) -> Option<T> {
        let read = read(self.members.get(name)?);
        self.keep(name, read)
    }

    /// A member that can be changed and cleared: `None` is unchanged, `Some(None)` cleared.
    pub fn patch<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        let value = self.members.get(name)?;
        if value.is_null() { Some(None) } else { self.keep(name, read(value)).map(Some) }
    }

    /// A list that may be absent, of at most `max` items.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut read: impl FnMut(&'a Value) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let items = self.may(name, |value| {
            let items = value.as_array().ok_or(Wrong::Type)?;
            if items.len() > max { Err(Invalid::too_long(max).into()) } else { Ok(items) }
        });
        let mut list = Vec::new();
        for (at, item) in items.into_iter().flatten().enumerate() {
            match read(item) {
                Ok(item) => list.push(item),
                Err(wrong) => self.errors.push(FieldError::new(format!("/{name}/{at}"), wrong)),
            }
        }
        list
    }

    /// What was read, if nothing was wrong.
    ///
    /// # Errors
    /// Every wrong member.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { build().ok_or(self.errors) } else { Err(self.errors) }
    }

    fn keep<T>(&mut self, name: &'static str, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.errors.push(FieldError::new(format!("/{name}"), wrong))).ok()
    }
}

/// A text, as it is.
///
/// # Errors
/// `wrong_type`.
pub fn string(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or(Wrong::Type)
}

/// `true` or `false`.
///
/// # Errors
/// `wrong_type`.
pub fn yes_or_no(value: &Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or(Wrong::Type)
}

/// Reads a text into a word of the house.
pub fn word<T>(parse: impl Fn(&str) -> Result<T, Invalid>) -> impl Fn(&Value) -> Result<T, Wrong> {
    move |value| Ok(parse(string(value)?)?)
}

/// Reads an integer within bounds.
pub fn integer(min: u32, max: u32) -> impl Fn(&Value) -> Result<u32, Wrong> {
    move |value| {
        let whole = value.is_i64() || value.is_u64();
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(number),
            None if whole => Err(Invalid::OutOfRange.into()),
            None => Err(Wrong::Type),
        }
    }
}

/// Reads a place in a log: 1 … 2^53−1.
///
/// # Errors
/// `wrong_type`, `out_of_range`.
pub fn seq(value: &Value) -> Result<Seq, Wrong> {
    match value.as_u64() {
        Some(seq @ 1..=MAX_SEQ) => Ok(seq),
        Some(_) => Err(Invalid::OutOfRange.into()),
        None if value.is_i64() => Err(Invalid::OutOfRange.into()),
        None => Err(Wrong::Type),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wrong_member_is_listed_with_its_pointer() {
        let value = json!({"text": "x".repeat(5), "seq": "1", "members": [1, "a"], "s": -1, "unknown": 1});
        let mut fields = Fields::of(&value).unwrap();
        let text = fields.need("text", word(|t| if t.len() > 4 { Err(Invalid::too_long(4)) } else { Ok(()) }));
        let seq = fields.need("seq", seq);
        let members = fields.list("members", 2, string);
        let missing = fields.need("nonce", string);
        let small = fields.change("s", integer(0, 9));
        let errors = fields.finish(|| Some((text?, seq?, missing?))).unwrap_err();
        let codes: Vec<_> = errors.iter().map(|e| (e.pointer.as_ref(), e.code, e.max, e.shape)).collect();
        let expected = [
            ("/text", "too_long", Some(4), false),
            ("/seq", "wrong_type", None, true),
            ("/members/0", "wrong_type", None, true),
            ("/nonce", "required", None, true),
            ("/s", "out_of_range", None, false),
        ];
        assert_eq!(codes, expected);
        assert_eq!((members, small), (vec!["a"], None));
    }

    #[test]
    fn absent_is_unchanged_and_null_is_cleared() {
        let value = json!({"cleared": null, "set": "x"});
        let mut fields = Fields::of(&value).unwrap();
        assert_eq!(fields.patch("absent", string), None);
        assert_eq!(fields.patch("cleared", string), Some(None));
        assert_eq!(fields.patch("set", string), Some(Some("x")));
        assert_eq!(fields.may("cleared", string), None);
        assert!(fields.finish(|| Some(())).is_ok());
        assert!(Fields::of(&json!([])).is_err());
    }

    #[test]
    fn places_are_integers_from_one() {
        assert_eq!(seq(&json!(1)), Ok(1));
        assert_eq!(seq(&json!(0)), Err(Invalid::OutOfRange.into()));
        assert_eq!(seq(&json!(-1)), Err(Invalid::OutOfRange.into()));
        assert_eq!(seq(&json!(1.5)), Err(Wrong::Type));
        assert_eq!(seq(&json!("1")), Err(Wrong::Type));
    }
}
