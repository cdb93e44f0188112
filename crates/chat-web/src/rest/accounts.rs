//! Accounts: register; oneself.

use actix_web::{
    HttpRequest,
    http::{Method, header},
    web::Data,
};
use chat_domain::{
    objects::User,
    usecases::{Chat, Registration},
    words::{DisplayName, Invalid, Password, Username},
};
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{Body, FromJson, Signed},
    reply,
};
use crate::{
    address::address_of,
    json::{FieldError, Fields, string, word},
    problem::{Answered, ErrorCode},
};

const ME: &str = "/api/v1/me";

pub(super) fn endpoints() -> [Endpoint; 5] {
    use ErrorCode::{BadCredentials, RateLimited, RegistrationClosed, Unavailable, UsernameTaken};
    [
        Endpoint::new((Method::POST, "/api/v1/accounts"), "register", Who::Anyone, "Makes an account", register)
            .takes::<NewAccount>()
            .gives::<User>(201)
            .refuses(&[UsernameTaken, RegistrationClosed, RateLimited, Unavailable]),
        Endpoint::new((Method::GET, ME), "me", Who::User, "Oneself", me).gives::<User>(200),
        Endpoint::new((Method::PATCH, ME), "change_me", Who::User, "Changes one's display name", change)
            .takes::<MeChange>()
            .gives::<User>(200),
        Endpoint::new((Method::DELETE, ME), "delete_me", Who::User, "Deletes one's account, for ever", delete)
            .takes::<Confirmation>()
            .empty(204)
            .refuses(&[BadCredentials]),
        Endpoint::new(
            (Method::PUT, "/api/v1/me/password"),
            "change_password",
            Who::User,
            "Changes one's password; the other sessions end",
            change_password,
        )
        .takes::<PasswordChange>()
        .empty(204)
        .refuses(&[BadCredentials]),
    ]
}

/// Somebody who wants an account.
#[derive(ToSchema)]
struct NewAccount {
    /// Lower-cased; given out once, for ever.
    username: Username,
    /// 8 … 71 bytes, not a commonest one, not the username.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 71)]
    password: Password,
    /// The username, when absent.
    display_name: Option<DisplayName>,
}

impl FromJson for NewAccount {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let username = fields.need("username", word(Username::parse));
        let name = username.as_ref().map_or("", Username::as_str).to_owned();
        let password = fields.need("password", word(|text| Password::choose(text, &name)));
        let display_name = fields.may("display_name", word(DisplayName::parse));
        fields.finish(|| Some(Self { username: username?, password: password?, display_name }))
    }
}

async fn register(web: Data<Web>, request: HttpRequest, Body(account): Body<NewAccount>) -> Answered {
    let NewAccount { username, password, display_name } = account;
    let registration = Registration { username, password, display_name };
    let user = web.chat.register(&address_of(&request, &web.settings), registration).await?;
    Ok(reply::created(true).insert_header((header::LOCATION, format!("/api/v1/users/{}", user.id))).json(user))
}

async fn me(web: Data<Web>, who: Signed, request: HttpRequest) -> Answered {
    let user = web.chat.user(who.user).await?;
    reply::tagged(&request, &reply::user_tag(&user), &user)
}

/// What changes of oneself.
#[derive(ToSchema)]
struct MeChange {
    /// Another display name.
    display_name: Option<DisplayName>,
}

impl FromJson for MeChange {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let display_name = fields.change("display_name", word(DisplayName::parse));
        fields.finish(|| Some(Self { display_name }))
    }
}

async fn change(web: Data<Web>, who: Signed, Body(change): Body<MeChange>) -> Answered {
    let user = match change.display_name {
        Some(name) => web.chat.rename(who.user, name).await?,
        None => web.chat.user(who.user).await?,
    };
    reply::ok(&user)
}

/// One's own password, asked for again.
#[derive(ToSchema)]
struct Confirmation {
    /// The present one.
    #[schema(format = Password)]
    password: String,
}

impl FromJson for Confirmation {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let password = fields.need("password", string);
        fields.finish(|| Some(Self { password: password?.to_owned() }))
    }
}

async fn delete(web: Data<Web>, who: Signed, Body(confirmation): Body<Confirmation>) -> Answered {
    web.chat.delete_account(who.user, &confirmation.password).await?;
    reply::nothing()
}

/// Another password.
#[derive(ToSchema)]
struct PasswordChange {
    /// The present one.
    #[schema(format = Password)]
    current: String,
    /// The one from now on.
    #[schema(format = Password, min_length = 8, max_length = 71)]
    new: String,
}

impl FromJson for PasswordChange {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let current = fields.need("current", string);
        let new = fields.need("new", string);
        fields.finish(|| Some(Self { current: current?.to_owned(), new: new?.to_owned() }))
    }
}

async fn change_password(web: Data<Web>, who: Signed, Body(change): Body<PasswordChange>) -> Answered {
    let user = web.chat.user(who.user).await?;
    let new = chosen(&change.new, &user).map_err(|invalid| vec![FieldError::invalid("/new", invalid)])?;
    web.chat.change_password(who.user, who.claims.session, &change.current, new).await?;
    reply::nothing()
}

/// A password may not be the name of the one who chooses it.
fn chosen(new: &str, user: &User) -> Result<Password, Invalid> {
    Password::choose(new, user.username.as_ref().map_or("", Username::as_str))
}
