//! Reactions: react, take it back, see who did.

use actix_web::{http::Method, web::Data};
use chat_domain::{
    command::Action,
    ids::{RoomId, Seq, UserId},
    pages::Page,
    words::Emoji,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Query, Signed},
    reply,
};
use crate::{
    pages::PageView,
    problem::{Answered, ErrorCode},
};

const REACTION: &str = "/api/v1/rooms/{r}/messages/{seq}/reactions/{emoji}";

pub(super) fn endpoints() -> [Endpoint; 3] {
    use ErrorCode::{Conflict, Forbidden, Gone, InvalidField, Muted, NotFound};
    [
        Endpoint::new((Method::PUT, REACTION), "react", Who::Member, "Reacts to a message", react)
            .empty(204)
            .refuses(&[NotFound, Forbidden, Muted, Gone, Conflict, InvalidField]),
        Endpoint::new((Method::DELETE, REACTION), "unreact", Who::Member, "Takes a reaction back", unreact)
            .empty(204)
            .refuses(&[NotFound, Forbidden, Gone, InvalidField]),
        Endpoint::new(
            (Method::GET, "/api/v1/rooms/{r}/messages/{seq}/reactions"),
            "reactions",
            Who::Member,
            "Who reacted with what",
            list,
        )
        .pages::<ReactionView>()
        .query("emoji", "string", "With this one only")
        .refuses(&[NotFound, Forbidden, Gone]),
    ]
}

async fn react(web: Data<Web>, who: Signed, At((room, seq, emoji)): At<(RoomId, Seq, Emoji)>) -> Answered {
    web.chat.command(who.user, room, Action::React { seq, emoji, on: true }).await?;
    reply::nothing()
}

async fn unreact(web: Data<Web>, who: Signed, At((room, seq, emoji)): At<(RoomId, Seq, Emoji)>) -> Answered {
    web.chat.command(who.user, room, Action::React { seq, emoji, on: false }).await?;
    reply::nothing()
}

/// Somebody who reacted.
#[derive(Serialize, ToSchema)]
struct ReactionView {
    /// With what.
    emoji: Emoji,
    /// Who.
    user: UserId,
}

async fn list(web: Data<Web>, who: Signed, At((room, seq)): At<(RoomId, Seq)>, query: Query) -> Answered {
    let emoji = query.value("emoji", |text| Emoji::parse(text).ok())?;
    let asked = query.page(format!("reactions {room} {seq} {}", emoji.as_ref().map_or("", Emoji::as_str)))?;
    let Page { items, next } = web.chat.reactions(who.user, room, seq, emoji, asked.page).await?;
    let PageView { next, .. } = PageView::of(&asked.list, Page { items: Vec::<()>::new(), next });
    let items = items.into_iter().map(|(emoji, user)| ReactionView { emoji, user }).collect();
    reply::ok(&PageView { items, next })
}
