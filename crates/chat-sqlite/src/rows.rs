//! Rows that more than one port reads, each with its way back to the domain's object.

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
