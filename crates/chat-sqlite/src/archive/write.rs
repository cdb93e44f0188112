//! Rows as they were read elsewhere.

use chat_domain::{
    command::Fingerprint,
    objects::{Invite, Message, Webhook},
    ports::{Digest, Item, StoredRoom, StoredSession, StoredUser},
    rules::MemberFacts,
    words::{Device, DisplayName, Nonce, Username},
};
use diesel::{QueryResult, SqliteConnection, dsl::replace_into, prelude::*};

use crate::{
    accounts::words,
    columns::{Bytes, Key, int, kind_column, list_column, role_column},
    commit::{put_mentions, words_of},
    schema::{invites, members, mentions, messages, reactions, rooms, sessions, spent_tokens, users, webhooks},
    webhooks::row_of,
};

pub(super) fn item(conn: &mut SqliteConnection, item: &Item) -> QueryResult<()> {
    match item {
        Item::User(user) => put_user(conn, user),
        Item::Session(session) => put_session(conn, session),
        Item::SpentToken { digest, session } => {
            let row = (spent_tokens::digest.eq(Bytes::from(*digest)), spent_tokens::session.eq(Key::from(*session)));
            replace_into(spent_tokens::table).values(row).execute(conn).map(drop)
        }
        Item::Room(room) => put_room(conn, room),
        Item::Member(facts) => put_member(conn, facts),
        Item::Message { message, fingerprint } => put_message(conn, message, *fingerprint),
        Item::Reaction { room, seq, emoji, user } => {
            let row = (
                reactions::room.eq(Key::from(*room)),
                reactions::seq.eq(int(*seq)),
                reactions::emoji.eq(emoji.as_str()),
                reactions::user.eq(Key::from(*user)),
            );
            replace_into(reactions::table).values(row).execute(conn).map(drop)
        }
        Item::Invite { invite, code } => put_invite(conn, invite, *code),
        Item::Webhook { webhook, secret } => put_webhook(conn, webhook, *secret),
    }
}

fn put_user(conn: &mut SqliteConnection, stored: &StoredUser) -> QueryResult<()> {
    let StoredUser { user, reserved, password, hints, deleted_at } = stored;
    let row = (
        users::id.eq(Key::from(user.id)),
        users::username.eq(user.username.as_ref().map(Username::as_str)),
        users::reserved.eq(reserved.as_ref().map(Username::as_str)),
        users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
        users::words.eq(user.display_name.as_ref().map(words)),
        users::password_hash.eq(password.as_ref().map(|hash| hash.0.as_str())),
        users::bot.eq(user.bot),
        users::deleted_at.eq(deleted_at.map(|at| at.as_millis())),
        users::created_at.eq(user.created_at.as_millis()),
        users::me_seq.eq(int(*hints)),
    );
    replace_into(users::table).values(row).execute(conn).map(drop)
}

fn put_session(conn: &mut SqliteConnection, session: &StoredSession) -> QueryResult<()> {
    let row = (
        sessions::id.eq(Key::from(session.id)),
        sessions::user.eq(Key::from(session.user)),
        sessions::device.eq(session.device.as_ref().map(Device::as_str)),
        sessions::created_at.eq(session.created_at.as_millis()),
        sessions::refreshed_at.eq(session.refreshed_at.as_millis()),
        sessions::expires_at.eq(session.expires_at.as_millis()),
        sessions::ended_at.eq(session.ended_at.map(|at| at.as_millis())),
        sessions::current.eq(Bytes::from(session.current)),
        sessions::previous.eq(session.previous.map(Bytes::from)),
    );
    replace_into(sessions::table).values(row).execute(conn).map(drop)
}

fn put_room(conn: &mut SqliteConnection, stored: &StoredRoom) -> QueryResult<()> {
    let StoredRoom { room, head, floor, deleted_at, pair, creator, nonce, fingerprint } = stored;
    let [a, b] = pair.map_or([None, None], |pair| pair.map(|user| Some(Key::from(user))));
    let row = (
        rooms::id.eq(Key::from(room.id)),
        rooms::rev.eq(int(room.rev)),
        rooms::kind.eq(kind_column(room.kind)),
        words_of(room),
        rooms::slow_mode_s.eq(i64::from(room.slow_mode_s)),
        rooms::created_at.eq(room.created_at.as_millis()),
        rooms::pins.eq(list_column(&room.pins)?),
        rooms::archived.eq(room.archived),
        rooms::head.eq(int(*head)),
        rooms::floor.eq(int(*floor)),
        rooms::deleted_at.eq(deleted_at.map(|at| at.as_millis())),
        rooms::pair_a.eq(a),
        rooms::pair_b.eq(b),
        rooms::creator.eq(creator.map(Key::from)),
        rooms::nonce.eq(nonce.as_ref().map(Nonce::as_str)),
        rooms::fingerprint.eq(fingerprint.map(|of| Bytes(of.0))),
    );
    replace_into(rooms::table).values(row).execute(conn).map(drop)
}

fn put_member(conn: &mut SqliteConnection, MemberFacts { member, read, posted_at }: &MemberFacts) -> QueryResult<()> {
    let row = (
        members::room.eq(Key::from(member.room)),
        members::user.eq(Key::from(member.user)),
        members::rev.eq(int(member.rev)),
        members::role.eq(role_column(member.role)),
        members::is_in.eq(member.is_in),
        members::muted_until.eq(member.muted_until.map(|until| until.as_millis())),
        members::banned.eq(member.banned),
        members::joined_at.eq(member.joined_at.map(|at| at.as_millis())),
        members::read_seq.eq(int(*read)),
        members::posted_at.eq(posted_at.map(|at| at.as_millis())),
    );
    replace_into(members::table).values(row).execute(conn).map(drop)
}

fn put_message(conn: &mut SqliteConnection, message: &Message, fingerprint: Fingerprint) -> QueryResult<()> {
    let (room, seq) = (Key::from(message.room), int(message.seq));
    let row = (
        messages::room.eq(room),
        messages::seq.eq(seq),
        messages::rev.eq(int(message.rev)),
        messages::author.eq(Key::from(message.author)),
        messages::at.eq(message.at.as_millis()),
        messages::text.eq(message.text.as_ref().map(|text| text.as_str())),
        messages::reply_to.eq(message.reply_to.map(int)),
        messages::mentions.eq(list_column(&message.mentions)?),
        messages::mentions_room.eq(message.mentions_room),
        messages::reactions.eq(list_column(&message.reactions)?),
        messages::edited_at.eq(message.edited_at.map(|at| at.as_millis())),
        messages::deleted.eq(message.deleted),
        messages::nonce.eq(message.nonce.as_ref().map(Nonce::as_str)),
        messages::fingerprint.eq(Bytes(fingerprint.0)),
    );
    replace_into(messages::table).values(row).execute(conn)?;
    let before = mentions::table.filter(mentions::room.eq(room)).filter(mentions::seq.eq(seq));
    diesel::delete(before).execute(conn)?;
    put_mentions(conn, message)
}

fn put_invite(conn: &mut SqliteConnection, invite: &Invite, code: Digest) -> QueryResult<()> {
    let row = (
        invites::id.eq(Key::from(invite.id)),
        invites::room.eq(Key::from(invite.room)),
        invites::by.eq(Key::from(invite.by)),
        invites::code.eq(Bytes::from(code)),
        invites::created_at.eq(invite.created_at.as_millis()),
        invites::expires_at.eq(invite.expires_at.map(|end| end.as_millis())),
        invites::max_uses.eq(invite.max_uses.map(i64::from)),
        invites::uses.eq(i64::from(invite.uses)),
    );
    replace_into(invites::table).values(row).execute(conn).map(drop)
}

fn put_webhook(conn: &mut SqliteConnection, webhook: &Webhook, secret: Digest) -> QueryResult<()> {
    replace_into(webhooks::table).values(row_of(webhook, secret)).execute(conn).map(drop)
}
