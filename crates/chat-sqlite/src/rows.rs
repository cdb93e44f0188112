//! Rows that more than one port reads, each with its way back to the domain's object.
//!
//! A lookup by key ends in `get_result`, never in `first`: that adds `LIMIT ?`, and SQLite plans a statement anew at every
//! execution when its plan depends on a bound value, which costs more than the lookup.

mod access;
mod member;
mod message;
mod room;
mod user;

pub(crate) use access::{managed_by, place, read_by};
pub(crate) use member::MemberRow;
pub(crate) use message::{MessageRow, shown_to};
pub(crate) use room::{RoomRow, epoch, living_room};
pub(crate) use user::{UserRow, living_user};
