//! What handlers ask a request for: who, where, which piece, what.
//!
//! Each is refused with its own code, in the order of a handler's arguments: who before where before what, so that a
//! stranger learns nothing about paths and a nonsense path nothing about bodies.

mod at;
mod body;
mod query;
mod signed;

pub(crate) use self::{
    at::{At, OneSession, Whom},
    body::{Body, FromJson},
    query::Query,
    signed::Signed,
};
