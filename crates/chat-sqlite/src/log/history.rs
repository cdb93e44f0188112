//! Pieces of history, single messages, who reacted to them.

use chat_domain::{
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{History, Page, PageOf, Window},
    ports::Reacted,
    refusal::Refusal,
    words::Emoji,
};
use diesel::{QueryResult, SqliteConnection, dsl::exists, prelude::*, select};

use crate::{
    columns::{Key, int, rows},
    rows::{MessageRow, read_by, shown_to},
    schema::{messages, reactions},
    slot::Fault,
};

pub(super) fn history(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    window: Window,
    limit: usize,
) -> Result<History, Fault> {
    let (_, log) = read_by(conn, reader, room)?;
    let items = match window {
        Window::Latest => before(conn, room, Seq::MAX, limit)?,
        Window::Before(seq) => before(conn, room, seq, limit)?,
        Window::After(seq) => from(conn, room, seq.saturating_add(1), limit)?,
        Window::Around(seq) if seq > log.head => Vec::new(),
        Window::Around(seq) => {
            let mut items = before(conn, room, seq, limit / 2)?;
            items.extend(from(conn, room, seq, limit - limit / 2)?);
            items
        }
    };
    // Of an empty piece, the window itself tells the sides apart.
    let (first, last) = match (items.first(), items.last()) {
        (Some(first), Some(last)) => (first.seq, last.seq),
        (Some(_) | None, _) => edges(window),
    };
    let own = messages::table.filter(messages::room.eq(Key::from(room)));
    let more_before = select(exists(own.filter(messages::seq.lt(int(first))))).get_result(conn)?;
    let more_after = select(exists(own.filter(messages::seq.gt(int(last))))).get_result(conn)?;
    Ok(History { items: shown_to(conn, reader, room, items)?, log, more_before, more_after })
}

/// The numbers just inside which an empty window lies.
fn edges(window: Window) -> (Seq, Seq) {
    match window {
        Window::Latest => (0, Seq::MAX),
        Window::Before(seq) | Window::Around(seq) => (seq, seq.saturating_sub(1)),
        Window::After(seq) => (seq.saturating_add(1), Seq::MAX),
    }
}

fn before(conn: &mut SqliteConnection, room: RoomId, seq: Seq, limit: usize) -> QueryResult<Vec<Message>> {
    let older = messages::table.filter(messages::room.eq(Key::from(room))).filter(messages::seq.lt(int(seq)));
    let older = older.order(messages::seq.desc()).limit(rows(limit)).select(MessageRow::as_select()).load(conn)?;
    older.into_iter().rev().map(MessageRow::message).collect()
}

fn from(conn: &mut SqliteConnection, room: RoomId, seq: Seq, limit: usize) -> QueryResult<Vec<Message>> {
    let newer = messages::table.filter(messages::room.eq(Key::from(room))).filter(messages::seq.ge(int(seq)));
    let newer = newer.order(messages::seq).limit(rows(limit)).select(MessageRow::as_select()).load(conn)?;
    newer.into_iter().map(MessageRow::message).collect()
}

fn find(conn: &mut SqliteConnection, room: RoomId, seq: Seq) -> Result<Message, Fault> {
    let row = messages::table.find((Key::from(room), int(seq))).select(MessageRow::as_select());
    Ok(row.get_result(conn).optional()?.ok_or(Refusal::NotFound)?.message()?)
}

pub(super) fn message(conn: &mut SqliteConnection, reader: UserId, room: RoomId, seq: Seq) -> Result<Message, Fault> {
    read_by(conn, reader, room)?;
    let found = find(conn, room, seq)?;
    Ok(shown_to(conn, reader, room, vec![found])?.pop().ok_or(Refusal::NotFound)?)
}

pub(super) fn reactions(
    conn: &mut SqliteConnection,
    reader: UserId,
    room: RoomId,
    seq: Seq,
    emoji: Option<&Emoji>,
    page: &PageOf<Reacted>,
) -> Result<Page<Reacted, Reacted>, Fault> {
    read_by(conn, reader, room)?;
    if find(conn, room, seq)?.deleted {
        return Err(Refusal::Gone("this message was deleted").into());
    }
    let mut wanted =
        reactions::table.filter(reactions::room.eq(Key::from(room))).filter(reactions::seq.eq(int(seq))).into_boxed();
    if let Some(emoji) = emoji {
        wanted = wanted.filter(reactions::emoji.eq(emoji.as_str()));
    }
    if let Some((emoji, user)) = &page.after {
        let same = reactions::emoji.eq(emoji.as_str()).and(reactions::user.gt(Key::from(*user)));
        wanted = wanted.filter(reactions::emoji.gt(emoji.as_str()).or(same));
    }
    let found: Vec<(String, Key)> = wanted
        .order((reactions::emoji, reactions::user))
        .limit(rows(page.limit.saturating_add(1)))
        .select((reactions::emoji, reactions::user))
        .load(conn)?;
    let found = found.into_iter().map(|(emoji, user)| (Emoji::from_stored(emoji), user.into())).collect();
    Ok(Page::cut(found, page.limit, Reacted::clone))
}
