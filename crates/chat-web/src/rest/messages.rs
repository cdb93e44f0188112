//! Messages: history, post, look at, edit, delete.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::Data,
};
use chat_domain::{
    command::{Action, Draft, Reply},
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{History, Window},
    usecases::Chat,
    words::{Nonce, Text},
};
use utoipa::ToSchema;

use super::{
    Web,
    endpoint::{Endpoint, Who},
    extract::{At, Body, FromJson, Query, Signed},
    reply,
};
use crate::{
    json::{FieldError, Fields, seq, word},
    pages::{DEFAULT_LIMIT, MAX_LIMIT},
    problem::{Answered, ErrorCode, Problem},
};

const MESSAGES: &str = "/api/v1/rooms/{r}/messages";
const MESSAGE: &str = "/api/v1/rooms/{r}/messages/{seq}";

pub(super) fn endpoints() -> [Endpoint; 5] {
    use ErrorCode::{Forbidden, Gone, Muted, NonceConflict, NotFound, PreconditionFailed, SlowMode};
    [
        Endpoint::new((Method::GET, MESSAGES), "history", Who::Member, "A piece of history, oldest first", history)
            .gives::<History>(200)
            .query("before", "integer", "The nearest before this number")
            .query("after", "integer", "The nearest after this number")
            .query("around", "integer", "Half before this number, half from it on")
            .query("limit", "integer", "1 … 100, else 50")
            .refuses(&[NotFound, Forbidden]),
        Endpoint::new((Method::POST, MESSAGES), "post_message", Who::Member, "Posts a message", post)
            .takes::<NewMessage>()
            .gives::<Message>(201)
            .gives::<Message>(200)
            .refuses(&[NotFound, Forbidden, Muted, NonceConflict, SlowMode]),
        Endpoint::new((Method::GET, MESSAGE), "message", Who::Member, "A message", one)
            .gives::<Message>(200)
            .refuses(&[NotFound, Forbidden, Gone]),
        Endpoint::new(
            (Method::PATCH, MESSAGE),
            "edit_message",
            Who::Member,
            "Gives one's own message another text",
            edit,
        )
        .takes::<MessageChange>()
        .gives::<Message>(200)
        .refuses(&[NotFound, Forbidden, Muted, Gone, PreconditionFailed]),
        Endpoint::new(
            (Method::DELETE, MESSAGE),
            "delete_message",
            Who::Member,
            "Leaves a tombstone; for its author, admins and owners",
            delete,
        )
        .empty(204)
        .refuses(&[NotFound, Forbidden, PreconditionFailed]),
    ]
}

async fn history(web: Data<Web>, who: Signed, At(room): At<RoomId>, query: Query) -> Answered {
    let window = window(&query)?;
    let limit = query.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let mut history = web.chat.history(who.user, room, window, limit).await?;
    history.items = history.items.into_iter().map(|message| message.seen_by(who.user)).collect();
    reply::ok(&history)
}

fn window(query: &Query) -> Result<Window, Problem> {
    match (query.place("before")?, query.place("after")?, query.place("around")?) {
        (None, None, None) => Ok(Window::Latest),
        (Some(seq), None, None) => Ok(Window::Before(seq)),
        (None, Some(seq), None) => Ok(Window::After(seq)),
        (None, None, Some(seq)) => Ok(Window::Around(seq)),
        (..) => Err(Problem::bad_request("before, after and around exclude each other")),
    }
}

/// A message to be posted.
#[derive(ToSchema)]
struct NewMessage {
    /// What it says, at most `limits.text` scalars.
    text: Text,
    /// So that sending it again posts nothing twice.
    nonce: Nonce,
    /// Which message of the same room it answers.
    #[schema(minimum = 1)]
    reply_to: Option<Seq>,
}

impl FromJson for NewMessage {
    fn from_json(mut fields: Fields<'_>, chat: &Chat) -> Result<Self, Vec<FieldError>> {
        let text = fields.need("text", word(|text| chat.text(text)));
        let nonce = fields.need("nonce", word(Nonce::parse));
        let reply_to = fields.may("reply_to", seq);
        fields.finish(|| Some(Self { text: text?, nonce: nonce?, reply_to }))
    }
}

async fn post(web: Data<Web>, who: Signed, At(room): At<RoomId>, Body(message): Body<NewMessage>) -> Answered {
    let draft = Draft { text: message.text, nonce: Some(message.nonce), reply_to: message.reply_to };
    let Reply::Posted { message, duplicate } = web.chat.post(who.user, room, draft)?.await?.reply else {
        return Err(reply::odd());
    };
    let message = with_own_reactions(&web.chat, who.user, reply::seen(message, who.user)).await;
    Ok(posted(&message, duplicate))
}

/// 201 with a new message, 200 with one that was there.
pub(super) fn posted(message: &Message, duplicate: bool) -> HttpResponse {
    let mut answer = reply::created(!duplicate);
    if duplicate {
        answer.insert_header(("Idempotent-Replayed", "true"));
    }
    let location = format!("/api/v1/rooms/{}/messages/{}", message.room, message.seq);
    answer.insert_header((header::LOCATION, location)).insert_header(tag(message)).json(message)
}

fn tag(message: &Message) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{}\"", message.rev))
}

/// What a command answers is the same for everybody, so it lacks `me`. Who may not read any more gets it as it is: a retry
/// is answered whatever became of author and message.
async fn with_own_reactions(chat: &Chat, reader: UserId, message: Message) -> Message {
    if message.reactions.is_empty() {
        return message;
    }
    match chat.message(reader, message.room, message.seq).await {
        Ok(read) => read.seen_by(reader),
        Err(_) => message,
    }
}

async fn one(web: Data<Web>, who: Signed, At((room, seq)): At<(RoomId, Seq)>, request: HttpRequest) -> Answered {
    let message = web.chat.message(who.user, room, seq).await?.seen_by(who.user);
    reply::tagged(&request, &message.rev.to_string(), &message)
}

/// Another text.
#[derive(ToSchema)]
struct MessageChange {
    /// What it says from now on.
    text: Text,
}

impl FromJson for MessageChange {
    fn from_json(mut fields: Fields<'_>, chat: &Chat) -> Result<Self, Vec<FieldError>> {
        let text = fields.need("text", word(|text| chat.text(text)));
        fields.finish(|| Some(Self { text: text? }))
    }
}

async fn edit(
    web: Data<Web>,
    who: Signed,
    At((room, seq)): At<(RoomId, Seq)>,
    Body(change): Body<MessageChange>,
    request: HttpRequest,
) -> Answered {
    let action = Action::Edit { seq, text: change.text, if_match: reply::if_match(&request)? };
    let Reply::Message { message, .. } = web.chat.command(who.user, room, action).await?.reply else {
        return Err(reply::odd());
    };
    let message = with_own_reactions(&web.chat, who.user, reply::seen(message, who.user)).await;
    Ok(reply::created(false).insert_header(tag(&message)).json(message))
}

async fn delete(web: Data<Web>, who: Signed, At((room, seq)): At<(RoomId, Seq)>, request: HttpRequest) -> Answered {
    let if_match = reply::if_match(&request)?;
    web.chat.command(who.user, room, Action::Delete { seq, if_match }).await?;
    reply::nothing()
}
