//! Rows that more than one port reads, each with its way back to the domain's object.

mod access;
mod member;
mod message;
mod room;
mod user;

pub(crate) use access::{lock_room, place};
pub(crate) use member::{MemberRow, MemberSql, member_columns};
pub(crate) use message::{MessageRow, MessageSql, SeenRow, SeenSql, message_columns, mine};
pub(crate) use room::{RoomRow, RoomSql, epoch, room_columns};
pub(crate) use user::{UserRow, living_user, lock_user};
