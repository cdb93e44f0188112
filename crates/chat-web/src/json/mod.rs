//! JSON as clients send it, by the same rules for REST bodies and socket frames.
//!
//! [`parse`] takes I-JSON (RFC 7493) of bounded depth and nothing else; [`Fields`] reads typed members and says of every
//! wrong one where it is and why. Neither knows what the members mean.

mod fields;
mod strict;

pub use self::{
    fields::{FieldError, Fields, Wrong, integer, seq, string, word, yes_or_no},
    strict::{MAX_DEPTH, MAX_INTEGER, Malformed, parse, parse_object},
};
