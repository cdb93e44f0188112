//! Searching what was said, by looking at all of it.

use std::ops::Bound;

use chat_domain::{
    ids::{RoomId, UserId},
    objects::Message,
    pages::{Page, PageOf, Place},
    refusal::Refusal,
    words::Query,
};

use crate::state::State;

pub(crate) fn search(
    state: &State,
    reader: UserId,
    query: &Query,
    room: Option<RoomId>,
    page: &PageOf<Place>,
) -> Result<Page<Message, Place>, Refusal> {
    if let Some(room) = room {
        state.read_by(reader, room).map_err(|_| Refusal::NotFound)?;
    }
    let end = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    let older = state.said.range((Bound::Unbounded, end)).rev();
    let wanted = older.filter(|(_, (in_room, _))| room.is_none_or(|room| room == *in_room));
    let found = wanted.filter_map(|(place, (room, seq))| {
        let log = state.read_by(reader, *room).ok()?;
        let message = log.messages.get(seq)?;
        let text = message.text.as_ref()?;
        query.matches(text.as_str()).then(|| (log.shown_to(reader, message), *place))
    });
    let found = Page::cut(found.take(page.limit.saturating_add(1)).collect(), page.limit, |(_, place)| *place);
    Ok(Page { items: found.items.into_iter().map(|(message, _)| message).collect(), next: found.next })
}
