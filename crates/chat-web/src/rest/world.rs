//! The first paint, and what changed since: what a client asks for to be up to date.

use std::sync::Arc;

use actix_web::{http::Method, web::Data};
use chat_domain::{
    command::Action,
    ids::{RoomId, Seq},
    objects::Epoch,
    pages::{Changes, Cursor, FirstPaint},
    usecases::Chat,
};
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed},
    reply,
};
use crate::{
    json::{FieldError, Fields, seq},
    pages::MAX_CHANGES,
    problem::{Answered, ErrorCode, Problem},
};

pub(super) fn endpoints() -> [Endpoint; 3] {
    use ErrorCode::{Forbidden, NotFound, ResetRequired};
    [
        Endpoint::new((Method::GET, "/api/v1/sync"), "sync", Who::User, "The first paint, of one snapshot", sync)
            .gives::<FirstPaint>(200),
        Endpoint::new(
            (Method::GET, "/api/v1/rooms/{r}/changes"),
            "changes",
            Who::Member,
            "What changed after a cursor: the body of a `batch` frame, for clients that poll",
            changes,
        )
        .gives::<Changes>(200)
        .query("epoch", "string", "Of the cursor; the present one, when absent")
        .query("after", "integer", "Of the cursor; must be there")
        .query("limit", "integer", "1 … 500, else 500")
        .refuses(&[NotFound, Forbidden, ResetRequired]),
        Endpoint::new(
            (Method::PUT, "/api/v1/rooms/{r}/read"),
            "read",
            Who::Member,
            "Moves one's read marker forward; beyond the head is cut to it",
            read,
        )
        .takes::<Marker>()
        .empty(204)
        .refuses(&[NotFound, Forbidden]),
    ]
}

async fn sync(web: Data<Web>, who: Signed) -> Answered {
    let mut paint = web.chat.first_paint(who.user).await?;
    for room in &mut paint.rooms {
        room.last = room.last.take().map(|message| message.seen_by(who.user));
    }
    reply::ok(&paint)
}

async fn changes(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let after = query.place("after")?.ok_or_else(|| Problem::bad_request("after is missing"))?;
    let epoch = query.text("epoch")?.map(|text| Epoch(text.into()));
    let limit = query.limit(MAX_CHANGES, MAX_CHANGES)?;
    let mut changes = web.chat.changes(who.user, room, Cursor { epoch, after }, limit).await?;
    changes.messages = changes.messages.into_iter().map(|m| Arc::new(reply::seen(m, who.user))).collect();
    reply::ok(&changes)
}

/// Where a read marker is to stand.
#[derive(ToSchema)]
struct Marker {
    /// Read up to here.
    #[schema(minimum = 1)]
    seq: Seq,
}

impl FromJson for Marker {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let seq = fields.need("seq", seq);
        fields.finish(|| Some(Self { seq: seq? }))
    }
}

async fn read(web: Data<Web>, who: Signed, At(room): At<RoomId>, Body(marker): Body<Marker>) -> Answered {
    web.chat.command(who.user, room, Action::Read(marker.seq)).await?;
    reply::nothing()
}
