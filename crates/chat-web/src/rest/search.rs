//! Searching what was said.

use actix_web::{http::Method, web::Data};
use chat_domain::{ids::RoomId, objects::Message, words};

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{Query, Signed},
    reply,
};
use crate::{
    json::FieldError,
    problem::{Answered, ErrorCode, Problem},
};

pub(super) fn endpoints() -> [Endpoint; 1] {
    let about = "Messages of one's own rooms that hold every term, newest first; a page may be shorter than `limit` before the end";
    [Endpoint::new((Method::GET, "/api/v1/search"), "search", Who::User, about, search)
        .pages::<Message>()
        .query(
            "q",
            "string",
            "Terms with blanks between, \"several words\" in quotation marks; at most 256 scalars. A term of three or more \
             characters is found anywhere in a text, a shorter one as a word, all without case",
        )
        .query("room", "string", "Only in this room")
        .refuses(&[ErrorCode::NotFound])]
}

async fn search(web: Data<Web>, who: Signed, query: Query) -> Answered {
    let terms = query.text("q")?.ok_or_else(|| Problem::bad_request("q says what to look for, and is missing"))?;
    let wanted = words::Query::parse(terms).map_err(|invalid| {
        Problem::bad_request(format!("q {invalid}")).errors(vec![FieldError::invalid("/q", invalid)])
    })?;
    let room = query.value("room", RoomId::parse)?;
    let within = room.map(|room| room.to_string()).unwrap_or_default();
    let asked = query.page(format!("search {within} {terms}"))?;
    let mut page = web.chat.search(who.user, &wanted, room, asked.page).await?;
    page.items = page.items.into_iter().map(|message| message.seen_by(who.user)).collect();
    reply::page(&asked.list, page)
}
