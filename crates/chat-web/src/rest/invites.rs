//! Invites: make, look at, take back, come in by one.

use std::sync::Arc;

use actix_web::{http::Method, web::Data};
use chat_domain::{
    command::Reply,
    ids::{InviteId, RoomId},
    objects::{Invite, Member, Room},
    usecases::Chat,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed},
    reply,
};
use crate::{
    json::{FieldError, Fields, integer},
    problem::{Answered, ErrorCode},
};

/// The shortest and longest life of an invite, in seconds: one, a year.
const LIFE_S: (u32, u32) = (1, 31_536_000);
/// Most uses that can be asked for.
const MAX_USES: u32 = 100_000;

const INVITES: &str = "/api/v1/rooms/{r}/invites";

pub(super) fn endpoints() -> [Endpoint; 4] {
    use ErrorCode::{Conflict, Forbidden, Gone, NotFound};
    let refusals = &[NotFound, Forbidden, Conflict];
    [
        Endpoint::new(
            (Method::POST, INVITES),
            "invite",
            Who::Admin,
            "Makes an invite; its code is shown this once",
            make,
        )
        .takes::<InviteWish>()
        .gives::<NewInvite>(201)
        .refuses(refusals),
        Endpoint::new((Method::GET, INVITES), "invites", Who::Admin, "The room's invites, without codes", list)
            .pages::<Invite>()
            .refuses(refusals),
        Endpoint::new(
            (Method::DELETE, "/api/v1/rooms/{r}/invites/{id}"),
            "withdraw_invite",
            Who::Admin,
            "Takes an invite back",
            withdraw,
        )
        .empty(204)
        .refuses(refusals),
        Endpoint::new((Method::POST, "/api/v1/invites/{code}"), "redeem", Who::User, "Comes in by an invite", redeem)
            .gives::<Redeemed>(200)
            .refuses(&[NotFound, Forbidden, Gone]),
    ]
}

/// An invite that an admin wants.
#[derive(ToSchema)]
struct InviteWish {
    /// Seconds, at most a year; absent: it does not expire.
    #[schema(minimum = 1, maximum = 31536000)]
    expires_in: Option<u32>,
    /// How many may come in by it; absent: any number.
    #[schema(minimum = 1, maximum = 100000)]
    max_uses: Option<u32>,
}

impl FromJson for InviteWish {
    const MAY_BE_ABSENT: bool = true;

    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let expires_in = fields.may("expires_in", integer(LIFE_S.0, LIFE_S.1));
        let max_uses = fields.may("max_uses", integer(1, MAX_USES));
        fields.finish(|| Some(Self { expires_in, max_uses }))
    }
}

/// An invite and, this once, its code.
#[derive(Serialize, ToSchema)]
struct NewInvite {
    /// The invite.
    #[serde(flatten)]
    invite: Invite,
    /// For `POST /api/v1/invites/{code}`.
    code: String,
}

async fn make(web: Data<Web>, who: Signed, At(room): At<RoomId>, Body(wish): Body<InviteWish>) -> Answered {
    let (invite, code) = web.chat.invite(who.user, room, wish.expires_in, wish.max_uses).await?;
    let code = code.expose().to_owned();
    Ok(reply::created(true).insert_header(("Cache-Control", "no-store")).json(NewInvite { invite, code }))
}

async fn list(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let asked = query.page(format!("invites {room}"))?;
    reply::page(&asked.list, web.chat.invites(who.user, room, asked.page).await?)
}

async fn withdraw(web: Data<Web>, who: Signed, At((room, invite)): At<(RoomId, InviteId)>) -> Answered {
    web.chat.withdraw(who.user, room, invite).await?;
    reply::nothing()
}

/// Where an invite led.
#[derive(Serialize, ToSchema)]
struct Redeemed {
    /// The room.
    room: Arc<Room>,
    /// One's place in it.
    member: Arc<Member>,
}

async fn redeem(web: Data<Web>, who: Signed, At(code): At<String>) -> Answered {
    let Reply::Redeemed { room, member } = web.chat.redeem(who.user, &code).await?.reply else {
        return Err(reply::odd());
    };
    reply::ok(&Redeemed { room, member })
}
