//! Users: one, several, by a name.

use actix_web::{HttpRequest, http::Method, web::Data};
use chat_domain::{ids::UserId, objects::User, pages::Page};

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Query, Signed},
    reply,
};
use crate::problem::{Answered, ErrorCode, Problem};

/// Most ids of one question.
const MAX_IDS: usize = 100;

pub(super) fn endpoints() -> [Endpoint; 2] {
    [
        Endpoint::new((Method::GET, "/api/v1/users/{u}"), "user", Who::User, "A user", one)
            .gives::<User>(200)
            .refuses(&[ErrorCode::NotFound]),
        Endpoint::new(
            (Method::GET, "/api/v1/users"),
            "users",
            Who::User,
            "Several users: those with these ids, or those whose name starts like this",
            some,
        )
        .pages::<User>()
        .query("ids", "string", "At most 100 ids, with commas between; instead of `q`")
        .query("q", "string", "The start of a username, or of a word of a display name"),
    ]
}

async fn one(web: Data<Web>, who: Signed, At(user): At<UserId>, request: HttpRequest) -> Answered {
    let _anyone_signed_in = who;
    let user = web.chat.user(user).await?;
    reply::tagged(&request, &reply::user_tag(&user), &user)
}

async fn some(web: Data<Web>, who: Signed, query: Query) -> Answered {
    let _anyone_signed_in = who;
    match (query.value("ids", ids)?, query.text("q")?) {
        (Some(ids), None) => {
            let items = web.chat.users(&ids).await?;
            reply::page::<User, UserId>("users", Page { items, next: None })
        }
        (None, Some(start)) => {
            let asked = query.page(format!("users {start}"))?;
            reply::page(&asked.list, web.chat.find_users(start, asked.page).await?)
        }
        (Some(_), Some(_)) | (None, None) => Err(Problem::bad_request("ask by ids or by q")),
    }
}

fn ids(text: &str) -> Option<Vec<UserId>> {
    let ids: Option<Vec<_>> = text.split(',').filter(|id| !id.is_empty()).map(UserId::parse).collect();
    ids.filter(|ids| ids.len() <= MAX_IDS)
}
