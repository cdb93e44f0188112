//! Webhooks: made, listed and removed by admins; posted to by programs that know the address, whoever they are.
//!
//! The address is the secret. It is in a path because that is all that programs such as GitLab can be given; so no path is
//! ever logged here (see the crate's middleware), and no answer to a post repeats it.

use actix_web::{
    HttpRequest,
    http::{Method, header},
    web::Data,
};
use chat_domain::{
    command::{Draft, Reply},
    ids::{RoomId, WebhookId},
    objects::{Message, Webhook},
    ports::Secret,
    usecases::Chat,
    words::{DisplayName, Nonce, Text},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed},
    messages, reply,
};
use crate::{
    address::address_of,
    json::{FieldError, Fields, word},
    problem::{Answered, ErrorCode},
};

const WEBHOOKS: &str = "/api/v1/rooms/{r}/webhooks";

pub(super) fn endpoints() -> [Endpoint; 4] {
    use ErrorCode::{Conflict, Forbidden, NonceConflict, NotFound, RateLimited, Unavailable};
    let refusals = &[NotFound, Forbidden, Conflict];
    [
        Endpoint::new(
            (Method::POST, WEBHOOKS),
            "add_webhook",
            Who::Admin,
            "Makes a webhook and its bot; the secret is shown this once",
            make,
        )
        .takes::<WebhookWish>()
        .gives::<NewWebhook>(201)
        .refuses(refusals),
        Endpoint::new((Method::GET, WEBHOOKS), "webhooks", Who::Admin, "The room's webhooks, without secrets", list)
            .pages::<Webhook>()
            .refuses(refusals),
        Endpoint::new(
            (Method::DELETE, "/api/v1/rooms/{r}/webhooks/{id}"),
            "remove_webhook",
            Who::Admin,
            "Removes a webhook; its bot and what it posted stay",
            remove,
        )
        .empty(204)
        .refuses(refusals),
        Endpoint::new(
            (Method::POST, "/api/v1/hooks/{id}/{secret}"),
            "post_to_webhook",
            Who::Anyone,
            "Posts a message as the webhook's bot; no token is read",
            post,
        )
        .takes::<HookMessage>()
        .gives::<Message>(201)
        .gives::<Message>(200)
        .refuses(&[NotFound, Forbidden, NonceConflict, RateLimited, Unavailable]),
    ]
}

/// A webhook that an admin wants.
#[derive(ToSchema)]
struct WebhookWish {
    /// What its bot is called.
    name: DisplayName,
}

impl FromJson for WebhookWish {
    fn from_json(mut fields: Fields<'_>, _: &Chat) -> Result<Self, Vec<FieldError>> {
        let name = fields.need("name", word(DisplayName::parse));
        fields.finish(|| Some(Self { name: name? }))
    }
}

/// A webhook and, this once, its secret.
#[derive(Serialize, ToSchema)]
struct NewWebhook<'a> {
    /// The webhook.
    #[serde(flatten)]
    webhook: &'a Webhook,
    /// Whoever knows it may post.
    secret: &'a str,
    /// Where to post: a path on this server, to be put behind the origin that it is reached at, which it does not know.
    url: String,
}

async fn make(web: Data<Web>, who: Signed, At(room): At<RoomId>, Body(wish): Body<WebhookWish>) -> Answered {
    let (webhook, secret) = web.chat.add_webhook(who.user, room, wish.name).await?;
    let secret = secret.expose();
    let url = format!("/api/v1/hooks/{}/{secret}", webhook.id);
    let made = NewWebhook { webhook: &webhook, secret, url };
    Ok(reply::created(true).insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}

async fn list(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let asked = query.page(format!("webhooks {room}"))?;
    reply::page(&asked.list, web.chat.webhooks(who.user, room, asked.page).await?)
}

async fn remove(web: Data<Web>, who: Signed, At((room, webhook)): At<(RoomId, WebhookId)>) -> Answered {
    web.chat.remove_webhook(who.user, room, webhook).await?;
    reply::nothing()
}

/// A message of a program. Other members are ignored: GitLab and its like send much more.
#[derive(ToSchema)]
struct HookMessage {
    /// What it says, at most `limits.text` scalars.
    text: Text,
    /// So that sending it again posts nothing twice. Absent: the header `Idempotency-Key`, when it has the form of a nonce;
    /// with neither, every post is a new message.
    nonce: Option<Nonce>,
}

impl FromJson for HookMessage {
    fn from_json(mut fields: Fields<'_>, chat: &Chat) -> Result<Self, Vec<FieldError>> {
        let text = fields.need("text", word(|text| chat.text(text)));
        let nonce = fields.may("nonce", word(Nonce::parse));
        fields.finish(|| Some(Self { text: text?, nonce }))
    }
}

/// What the sender calls this delivery. GitLab sends a UUID that stays the same when it tries again (from 17.4 on: GitLab
/// documentation, "Webhooks", delivery headers; gitlab-org/gitlab#388692). The header comes from an Internet-Draft
/// (draft-ietf-httpapi-idempotency-key-header), where its value stands in quotes; both are taken. What is no nonce of ours is
/// no nonce, not an error: the sender may mean anything by it.
fn delivery(request: &HttpRequest) -> Option<Nonce> {
    let mut given = request.headers().get_all("idempotency-key");
    let key = given.next()?.to_str().ok().filter(|_| given.next().is_none())?;
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    Nonce::parse(key).ok()
}

async fn post(
    web: Data<Web>,
    At((webhook, secret)): At<(WebhookId, Secret)>,
    request: HttpRequest,
    Body(message): Body<HookMessage>,
) -> Answered {
    let nonce = message.nonce.or_else(|| delivery(&request));
    let draft = Draft { text: message.text, nonce, reply_to: None };
    let address = address_of(&request, &web.settings);
    let outcome = web.chat.post_as_webhook(&address, webhook, secret.expose(), draft).await?;
    let Reply::Posted { message, duplicate } = outcome.reply else { return Err(reply::odd()) };
    let author = message.author;
    Ok(messages::posted(&reply::seen(message, author), duplicate))
}
