//! Members of a room, and those who are banned from it.

use actix_web::{http::Method, web::Data};
use chat_domain::{
    command::{Action, MemberPatch, Reply},
    ids::{RoomId, UserId},
    objects::{Member, Role},
    timestamp::Timestamp,
    usecases::Chat,
    words::Invalid,
};
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed, Whom},
    reply,
};
use crate::{
    json::{FieldError, Fields, word},
    problem::{Answered, ErrorCode},
};

const MEMBER: &str = "/api/v1/rooms/{r}/members/{u}";
const BAN: &str = "/api/v1/rooms/{r}/bans/{u}";

pub(super) fn endpoints() -> [Endpoint; 6] {
    use ErrorCode::{Conflict, Forbidden, NotFound};
    let refusals = &[NotFound, Forbidden, Conflict];
    [
        Endpoint::new((Method::GET, "/api/v1/rooms/{r}/members"), "members", Who::Member, "Those who are in", list)
            .pages::<Member>()
            .refuses(&[NotFound, Forbidden]),
        Endpoint::new(
            (Method::PUT, MEMBER),
            "set_member",
            Who::Admin,
            "`me`: comes into a public room, for anyone not banned; a user: adds, promotes, mutes",
            set,
        )
        .takes::<MemberChange>()
        .gives::<Member>(201)
        .gives::<Member>(200)
        .refuses(refusals),
        Endpoint::new((Method::DELETE, MEMBER), "remove_member", Who::Member, "`me`: leaves; a user: kicks", remove)
            .empty(204)
            .refuses(refusals),
        Endpoint::new((Method::GET, "/api/v1/rooms/{r}/bans"), "bans", Who::Admin, "Those who are banned", bans)
            .pages::<Member>()
            .refuses(refusals),
        Endpoint::new((Method::PUT, BAN), "ban", Who::Admin, "Puts out and keeps out", ban)
            .empty(204)
            .refuses(refusals),
        Endpoint::new((Method::DELETE, BAN), "unban", Who::Admin, "Lets in again", unban).empty(204).refuses(refusals),
    ]
}

async fn list(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let asked = query.page(format!("members {room}"))?;
    reply::page(&asked.list, web.chat.members(who.user, room, asked.page).await?)
}

/// What changes of a member: absent is unchanged, `null` is cleared.
#[derive(ToSchema)]
struct MemberChange {
    /// Another role.
    role: Option<Role>,
    /// Muted until then.
    #[schema(value_type = Option<Timestamp>)]
    muted_until: Option<Option<Timestamp>>,
}

fn role(text: &str) -> Result<Role, Invalid> {
    match text {
        "member" => Ok(Role::Member),
        "admin" => Ok(Role::Admin),
        "owner" => Ok(Role::Owner),
        _ => Err(Invalid::Malformed),
    }
}

impl FromJson for MemberChange {
    const MAY_BE_ABSENT: bool = true;

    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let role = fields.change("role", word(role));
        let muted_until = fields.patch("muted_until", word(|text| Timestamp::parse(text).ok_or(Invalid::Malformed)));
        fields.finish(|| Some(Self { role, muted_until }))
    }
}

async fn set(
    web: Data<Web>,
    who: Signed,
    At((room, whom)): At<(RoomId, Whom)>,
    Body(change): Body<MemberChange>,
) -> Answered {
    let MemberChange { role, muted_until } = change;
    let user = whom.for_user(who.user);
    let joins = user == who.user && role.is_none() && muted_until.is_none();
    let action = if joins { Action::Join } else { Action::SetMember(MemberPatch { user, role, muted_until }) };
    let Reply::Member { member, came_in } = web.chat.command(who.user, room, action).await?.reply else {
        return Err(reply::odd());
    };
    Ok(reply::created(came_in).json(member))
}

async fn remove(web: Data<Web>, who: Signed, At((room, whom)): At<(RoomId, Whom)>) -> Answered {
    web.chat.command(who.user, room, Action::Remove(whom.for_user(who.user))).await?;
    reply::nothing()
}

async fn bans(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let asked = query.page(format!("bans {room}"))?;
    reply::page(&asked.list, web.chat.bans(who.user, room, asked.page).await?)
}

async fn ban(web: Data<Web>, who: Signed, At((room, user)): At<(RoomId, UserId)>) -> Answered {
    web.chat.command(who.user, room, Action::Ban(user)).await?;
    reply::nothing()
}

async fn unban(web: Data<Web>, who: Signed, At((room, user)): At<(RoomId, UserId)>) -> Answered {
    web.chat.command(who.user, room, Action::Unban(user)).await?;
    reply::nothing()
}
