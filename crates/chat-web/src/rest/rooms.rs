//! Rooms: one's own, the directory, make, look at, change, delete; pins.

use actix_web::{
    HttpRequest,
    http::{Method, header},
    web::Data,
};
use chat_domain::{
    command::{Action, NewRoom, Reply, RoomPatch},
    ids::{RoomId, Seq, UserId},
    objects::{Room, RoomKind},
    usecases::Chat,
    words::{Invalid, Nonce, RoomName, Topic},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed},
    reply,
};
use crate::{
    json::{FieldError, Fields, Wrong, integer, string, word, yes_or_no},
    problem::{Answered, ErrorCode, Problem},
};

/// Most members to begin with.
const MAX_MEMBERS: usize = 100;

const ROOMS: &str = "/api/v1/rooms";
const ROOM: &str = "/api/v1/rooms/{r}";
const PIN: &str = "/api/v1/rooms/{r}/pins/{seq}";

pub(super) fn endpoints() -> [Endpoint; 7] {
    use ErrorCode::{Conflict, Forbidden, Gone, NonceConflict, NotFound, PreconditionFailed};
    [
        Endpoint::new((Method::GET, ROOMS), "rooms", Who::User, "One's own rooms, or the directory", list)
            .pages::<Room>()
            .query("scope", "string", "`public`: the directory; absent or `mine`: one's own rooms")
            .query("q", "string", "With `scope=public`: a part of a name or topic"),
        Endpoint::new((Method::POST, ROOMS), "create_room", Who::User, "Makes a room", create)
            .takes::<RoomWish>()
            .gives::<Room>(201)
            .gives::<Room>(200)
            .refuses(&[NonceConflict, Conflict]),
        Endpoint::new((Method::GET, ROOM), "room", Who::Member, "A room that one is in, or a public one", one)
            .gives::<Room>(200)
            .refuses(&[NotFound, Forbidden]),
        Endpoint::new((Method::PATCH, ROOM), "change_room", Who::Admin, "Changes a room", change)
            .takes::<RoomChange>()
            .gives::<Room>(200)
            .refuses(&[NotFound, Forbidden, Conflict, PreconditionFailed]),
        Endpoint::new((Method::DELETE, ROOM), "delete_room", Who::Owner, "Deletes a room, for ever", delete)
            .empty(204)
            .refuses(&[NotFound, Forbidden, PreconditionFailed]),
        Endpoint::new((Method::PUT, PIN), "pin", Who::Admin, "Pins a message", pin)
            .empty(204)
            .refuses(&[NotFound, Forbidden, Conflict, Gone]),
        Endpoint::new((Method::DELETE, PIN), "unpin", Who::Admin, "Unpins a message", unpin)
            .empty(204)
            .refuses(&[NotFound, Forbidden]),
    ]
}

async fn list(web: Data<Web>, who: Signed, query: Query) -> Answered {
    let is_public = query.value("scope", |scope| ["mine", "public"].contains(&scope).then_some(scope == "public"))?;
    match (is_public.unwrap_or(false), query.text("q")?) {
        (true, part) => {
            let part = part.unwrap_or_default();
            let asked = query.page(format!("directory {part}"))?;
            reply::page(&asked.list, web.chat.directory(who.user, part, asked.page).await?)
        }
        (false, None) => {
            let asked = query.page("rooms")?;
            reply::page(&asked.list, web.chat.rooms_of(who.user, asked.page).await?)
        }
        (false, Some(_)) => Err(Problem::bad_request("q is for scope=public")),
    }
}

/// A room that somebody wants.
#[derive(ToSchema)]
struct RoomWish {
    /// Who can see and enter it; `direct` has exactly one other member, and neither name nor topic.
    kind: RoomKind,
    /// What it is called.
    name: Option<RoomName>,
    /// What it is about.
    topic: Option<Topic>,
    /// Who else is in from the start, at most 100.
    #[schema(required = false, max_items = 100)]
    members: Vec<UserId>,
    /// So that asking again makes no second room.
    nonce: Option<Nonce>,
}

fn kind(text: &str) -> Result<RoomKind, Invalid> {
    match text {
        "public" => Ok(RoomKind::Public),
        "private" => Ok(RoomKind::Private),
        "direct" => Ok(RoomKind::Direct),
        _ => Err(Invalid::Malformed),
    }
}

fn user(value: &Value) -> Result<UserId, Wrong> {
    UserId::parse(string(value)?).ok_or(Wrong::Value(Invalid::Malformed))
}

impl FromJson for RoomWish {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let kind = fields.need("kind", word(kind));
        let name = fields.may("name", word(RoomName::parse));
        let topic = fields.may("topic", word(Topic::parse));
        let members = fields.list("members", MAX_MEMBERS, user);
        let nonce = fields.may("nonce", word(Nonce::parse));
        fields.finish(|| Some(Self { kind: kind?, name, topic, members, nonce }))
    }
}

async fn create(web: Data<Web>, who: Signed, Body(wish): Body<RoomWish>) -> Answered {
    let RoomWish { kind, name, topic, members, nonce } = wish;
    let is_named = nonce.is_some();
    let new = NewRoom { kind, name, topic, members, nonce };
    let Reply::Room { room, changed } = web.chat.create_room(who.user, new).await?.reply else {
        return Err(reply::odd());
    };
    let mut answer = reply::created(changed);
    if is_named && !changed && !room.is_direct() {
        answer.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(answer.insert_header((header::LOCATION, format!("{ROOMS}/{}", room.id))).json(room))
}

async fn one(web: Data<Web>, who: Signed, At(room): At<RoomId>, request: HttpRequest) -> Answered {
    let view = web.chat.room(who.user, room).await?;
    reply::tagged(&request, &view.room.rev.to_string(), &view.room)
}

/// What changes of a room: absent is unchanged, `null` is cleared.
#[derive(ToSchema)]
struct RoomChange {
    /// Another name.
    #[schema(value_type = Option<RoomName>)]
    name: Option<Option<RoomName>>,
    /// Another topic.
    #[schema(value_type = Option<Topic>)]
    topic: Option<Option<Topic>>,
    /// Seconds a plain member waits between posts; 0 = off.
    #[schema(maximum = 21600)]
    slow_mode_s: Option<u32>,
    /// Read-only or not.
    archived: Option<bool>,
}

impl FromJson for RoomChange {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let name = fields.patch("name", word(RoomName::parse));
        let topic = fields.patch("topic", word(Topic::parse));
        let slow_mode_s = fields.change("slow_mode_s", integer(0, Room::MAX_SLOW_MODE_S));
        let archived = fields.change("archived", yes_or_no);
        fields.finish(|| Some(Self { name, topic, slow_mode_s, archived }))
    }
}

async fn change(
    web: Data<Web>,
    who: Signed,
    At(room): At<RoomId>,
    Body(change): Body<RoomChange>,
    request: HttpRequest,
) -> Answered {
    let RoomChange { name, topic, slow_mode_s, archived } = change;
    let patch = RoomPatch { name, topic, slow_mode_s, archived, if_match: reply::if_match(&request)? };
    let Reply::Room { room, .. } = web.chat.command(who.user, room, Action::Update(patch)).await?.reply else {
        return Err(reply::odd());
    };
    Ok(reply::created(false).insert_header((header::ETAG, format!("\"{}\"", room.rev))).json(room))
}

async fn delete(web: Data<Web>, who: Signed, At(room): At<RoomId>, request: HttpRequest) -> Answered {
    let if_match = reply::if_match(&request)?;
    web.chat.command(who.user, room, Action::Close { if_match }).await?;
    reply::nothing()
}

async fn pin(web: Data<Web>, who: Signed, At((room, seq)): At<(RoomId, Seq)>) -> Answered {
    web.chat.command(who.user, room, Action::Pin { seq, on: true }).await?;
    reply::nothing()
}

async fn unpin(web: Data<Web>, who: Signed, At((room, seq)): At<(RoomId, Seq)>) -> Answered {
    web.chat.command(who.user, room, Action::Pin { seq, on: false }).await?;
    reply::nothing()
}
