//! One step of the model: what is done to a store, or asked of it.

use std::future::Future;

use chat_domain::{
    command::Command,
    ids::{InviteId, RoomId, Seq, SessionId, UserId, WebhookId},
    objects::{Invite, Webhook},
    pages::{Cursor, Page, PageOf, Window},
    ports::{Digest, NewAccount, NewSession, PasswordHash, Reader},
    refusal::Refusal,
    timestamp::Timestamp,
    words::{DisplayName, Emoji, Query, Username},
};

use super::answer::Answer;
use crate::fixture::Stores;

/// Few, so that rooms are full at times.
const MOST_WEBHOOKS: usize = 3;

/// A step.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Commit(Vec<Command>),
    Create(NewAccount),
    Delete(UserId, Timestamp),
    Rename(UserId, DisplayName),
    SetPassword(UserId, PasswordHash, SessionId, Timestamp),
    Rehash(UserId, PasswordHash, PasswordHash),
    Open(NewSession),
    Rotate(Digest, Digest, Timestamp, Timestamp),
    End(UserId, SessionId, Timestamp),
    EndOthers(UserId, SessionId, Timestamp),
    Invite(Invite, Digest),
    Withdraw(UserId, RoomId, InviteId),
    AddWebhook(Webhook, Digest),
    RemoveWebhook(UserId, RoomId, WebhookId),
    Credentials(Username),
    Password(UserId),
    Users(Vec<UserId>),
    Search(String, usize),
    Sessions(UserId, Timestamp, usize),
    EndedSince(Timestamp),
    Room(UserId, RoomId),
    RoomsOf(UserId, usize),
    Directory(UserId, String, usize),
    Members(UserId, RoomId, usize),
    Bans(UserId, RoomId, usize),
    Invites(UserId, RoomId, usize),
    InvitedTo(Digest),
    Webhooks(UserId, RoomId, usize),
    Webhook(WebhookId, Digest),
    Sync(UserId, Timestamp),
    History(UserId, RoomId, Window, usize),
    Message(UserId, RoomId, Seq),
    Find(UserId, String, Option<RoomId>, usize),
    Reactions(UserId, RoomId, Seq, Option<Emoji>, usize),
    Changes(Reader, RoomId, Seq, usize),
    Live(RoomId),
    Heads(Vec<RoomId>),
    Acquaintances(UserId, Vec<UserId>),
}

/// Does it, or asks it; lists are read to their end, in pieces.
pub(super) async fn perform(stores: &Stores, operation: &Operation) -> Answer {
    use Operation as Op;
    let (rooms, log, hooks) = (&stores.rooms, &stores.log, &stores.webhooks);
    match operation.clone() {
        Op::Commit(batch) => Answer::of_batch(rooms.commit(batch).await.unwrap()),
        Op::Invite(invite, code) => Answer::of_result(rooms.invite(invite, code).await),
        Op::Withdraw(by, room, invite) => Answer::of_result(rooms.withdraw(by, room, invite).await),
        Op::Room(reader, room) => Answer::of_result(rooms.room(reader, room).await),
        Op::RoomsOf(user, size) => whole(size, |page| async { Ok(rooms.rooms_of(user, page).await?) }).await,
        Op::Directory(user, query, size) => {
            whole(size, |page| async { Ok(rooms.directory(user, &query, page).await?) }).await
        }
        Op::Members(reader, room, size) => whole(size, |page| rooms.members(reader, room, page)).await,
        Op::Bans(reader, room, size) => whole(size, |page| rooms.bans(reader, room, page)).await,
        Op::Invites(reader, room, size) => whole(size, |page| rooms.invites(reader, room, page)).await,
        Op::InvitedTo(code) => Answer::of(&rooms.invited_to(code).await.unwrap()),
        Op::Sync(user, at) => Answer::of_result(rooms.sync(user, at).await),
        Op::History(reader, room, window, limit) => Answer::of_result(log.history(reader, room, window, limit).await),
        Op::Message(reader, room, seq) => Answer::of_result(log.message(reader, room, seq).await),
        Op::Find(reader, query, room, size) => {
            let query = Query::parse(&query).unwrap();
            whole(size, |page| log.find(reader, &query, room, page)).await
        }
        Op::Reactions(reader, room, seq, emoji, size) => {
            whole(size, |page| log.reactions(reader, room, seq, emoji.clone(), page)).await
        }
        Op::Changes(reader, room, after, limit) => {
            Answer::of_result(log.changes(reader, room, Cursor { epoch: None, after }, limit).await)
        }
        Op::Live(room) => Answer::of(&log.live(room).await.unwrap().map(|mut live| {
            live.members.sort_by_key(|member| member.user);
            live
        })),
        Op::Heads(of) => {
            let mut heads = log.heads(&of).await.unwrap();
            heads.sort_by_key(|(room, _)| *room);
            Answer::of(&heads)
        }
        Op::Acquaintances(user, others) => Answer::of_any_order(log.acquaintances(user, &others).await.unwrap()),
        Op::AddWebhook(webhook, secret) => Answer::of_result(hooks.add(webhook, secret, MOST_WEBHOOKS).await),
        Op::RemoveWebhook(by, room, webhook) => Answer::of_result(hooks.remove(by, room, webhook).await),
        Op::Webhooks(reader, room, size) => whole(size, |page| hooks.list(reader, room, page)).await,
        Op::Webhook(webhook, secret) => Answer::of(&hooks.find(webhook, secret).await.unwrap()),
        of_people => perform_on_accounts(stores, of_people).await,
    }
}

async fn perform_on_accounts(stores: &Stores, operation: Operation) -> Answer {
    use Operation as Op;
    let (accounts, sessions) = (&stores.accounts, &stores.sessions);
    match operation {
        Op::Create(account) => Answer::of_result(accounts.create(account).await),
        Op::Delete(user, at) => Answer::of_result(accounts.delete(user, at).await.map(|mut departure| {
            departure.outcomes.sort_by_key(|outcome| outcome.events.first().map(|event| event.room));
            departure.sessions.sort();
            departure
        })),
        Op::Rename(user, name) => Answer::of_result(accounts.rename(user, name).await),
        Op::SetPassword(user, password, keep, at) => {
            Answer::of_result(accounts.set_password(user, password, keep, at).await.map(sorted))
        }
        Op::Rehash(user, old, new) => Answer::of(&accounts.rehash(user, old, new).await.unwrap()),
        Op::Credentials(name) => Answer::of(&shown(accounts.credentials(&name).await.unwrap())),
        Op::Password(user) => Answer::of(&accounts.password(user).await.unwrap().map(|hash| hash.0)),
        Op::Users(ids) => {
            let mut users = accounts.users(&ids).await.unwrap();
            users.sort_by_key(|(user, _)| user.id);
            Answer::of(&users)
        }
        Op::Search(query, size) => whole(size, |page| async { Ok(accounts.search(&query, page).await?) }).await,
        Op::Open(session) => Answer::of_result(sessions.open(session).await),
        Op::Rotate(presented, successor, at, expires_at) => {
            Answer::of(&sessions.rotate(presented, successor, at, expires_at).await.unwrap())
        }
        Op::End(user, session, at) => Answer::of_result(sessions.end(user, session, at).await),
        Op::EndOthers(user, keep, at) => Answer::of_any_order(sessions.end_others(user, keep, at).await.unwrap()),
        Op::Sessions(user, at, size) => {
            whole(size, |page| async move { Ok(sessions.list(user, at, page).await?) }).await
        }
        Op::EndedSince(since) => Answer::of_any_order(sessions.ended_since(since).await.unwrap()),
        other => unreachable!("{other:?} is done above"),
    }
}

/// Hashes hide themselves from `Debug`, and must be compared all the same.
fn shown<U>(found: Option<(U, PasswordHash)>) -> Option<(U, String)> {
    found.map(|(user, hash)| (user, hash.0))
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

/// A whole list in pieces of `size`.
async fn whole<T, K, F>(size: usize, ask: impl Fn(PageOf<K>) -> F) -> Answer
where
    T: std::fmt::Debug,
    F: Future<Output = Result<Page<T, K>, Refusal>>,
{
    let (mut after, mut pieces) = (None, Vec::new());
    loop {
        match ask(PageOf { after, limit: size }).await {
            Ok(page) => {
                pieces.push(page.items);
                after = page.next;
            }
            Err(refusal) => return Answer::of_result::<()>(Err(refusal)),
        }
        if after.is_none() {
            return Answer::of(&pieces);
        }
        assert!(pieces.len() < 10_000, "a list without end");
    }
}
