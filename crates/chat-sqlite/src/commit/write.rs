//! Carrying out what was decided: each write is one sentence of [`Write`]. Heads and hints are the batch's.

use chat_domain::{
    command::Fingerprint,
    ids::{RoomId, Seq, UserId},
    objects::{Member, Message, Room},
    rules::Write,
    timestamp::Timestamp,
    words::{Emoji, Nonce, RoomName, Topic},
};
use diesel::{QueryResult, SqliteConnection, dsl::insert_into, prelude::*, upsert::excluded};

use crate::{
    columns::{Bytes, Key, int, kind_column, list_column, role_column},
    schema::{invites, members, mentions, messages, reactions, rooms, webhooks},
    search::{Places, reword},
};

pub(super) fn carry_out(
    conn: &mut SqliteConnection,
    room: RoomId,
    at: Timestamp,
    write: Write,
    places: &mut Places,
) -> QueryResult<()> {
    match write {
        Write::Post { message, fingerprint } => {
            let place = places.next(conn)?;
            post(conn, &message, fingerprint, place)
        }
        Write::Message(message) => change_message(conn, &message),
        Write::Reaction { seq, emoji, user, on } => react(conn, room, seq, &emoji, user, on),
        Write::Member(member) => put_member(conn, &member),
        Write::Marker { user, seq } => {
            let member = members::table.find((Key::from(room), Key::from(user)));
            diesel::update(member).set(members::read_seq.eq(int(seq))).execute(conn).map(drop)
        }
        Write::PostedAt { user, at } => {
            let member = members::table.find((Key::from(room), Key::from(user)));
            diesel::update(member).set(members::posted_at.eq(at.as_millis())).execute(conn).map(drop)
        }
        Write::OpenRoom { room, pair, nonce } => open_room(conn, &room, pair, nonce),
        Write::Room(room) => change_room(conn, &room),
        Write::CloseRoom => close_room(conn, room, at),
        Write::InviteUsed(invite) => {
            let invite = invites::table.find(Key::from(invite));
            diesel::update(invite).set(invites::uses.eq(invites::uses + 1)).execute(conn).map(drop)
        }
        Write::Hint(_) => Ok(()), // numbered by the batch, never stored
    }
}

fn post(conn: &mut SqliteConnection, message: &Message, fingerprint: Fingerprint, place: i64) -> QueryResult<()> {
    let row = (
        messages::room.eq(Key::from(message.room)),
        messages::seq.eq(int(message.seq)),
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
        messages::place.eq(place),
    );
    insert_into(messages::table).values(row).execute(conn)?;
    put_mentions(conn, message)
}

fn change_message(conn: &mut SqliteConnection, message: &Message) -> QueryResult<()> {
    reword(conn, message)?;
    let row = (
        messages::rev.eq(int(message.rev)),
        messages::text.eq(message.text.as_ref().map(|text| text.as_str())),
        messages::mentions.eq(list_column(&message.mentions)?),
        messages::mentions_room.eq(message.mentions_room),
        messages::reactions.eq(list_column(&message.reactions)?),
        messages::edited_at.eq(message.edited_at.map(|at| at.as_millis())),
        messages::deleted.eq(message.deleted),
    );
    let (room, seq) = (Key::from(message.room), int(message.seq));
    diesel::update(messages::table.find((room, seq))).set(row).execute(conn)?;
    let before = mentions::table.filter(mentions::room.eq(room)).filter(mentions::seq.eq(seq));
    diesel::delete(before).execute(conn)?;
    if message.deleted {
        let reacted = reactions::table.filter(reactions::room.eq(room)).filter(reactions::seq.eq(seq));
        diesel::delete(reacted).execute(conn)?;
    }
    put_mentions(conn, message)
}

/// What is counted as unread; nobody's own words are news to them.
pub(crate) fn put_mentions(conn: &mut SqliteConnection, message: &Message) -> QueryResult<()> {
    for user in message.mentions.iter().filter(|user| **user != message.author) {
        let row = (
            mentions::user.eq(Key::from(*user)),
            mentions::room.eq(Key::from(message.room)),
            mentions::seq.eq(int(message.seq)),
        );
        insert_into(mentions::table).values(row).execute(conn)?;
    }
    Ok(())
}

fn react(
    conn: &mut SqliteConnection,
    room: RoomId,
    seq: Seq,
    emoji: &Emoji,
    user: UserId,
    on: bool,
) -> QueryResult<()> {
    let (room, user) = (Key::from(room), Key::from(user));
    if !on {
        return diesel::delete(reactions::table.find((room, int(seq), emoji.as_str(), user))).execute(conn).map(drop);
    }
    let row = (
        reactions::room.eq(room),
        reactions::seq.eq(int(seq)),
        reactions::emoji.eq(emoji.as_str()),
        reactions::user.eq(user),
    );
    insert_into(reactions::table).values(row).execute(conn).map(drop)
}

fn put_member(conn: &mut SqliteConnection, member: &Member) -> QueryResult<()> {
    let row = (
        members::room.eq(Key::from(member.room)),
        members::user.eq(Key::from(member.user)),
        members::rev.eq(int(member.rev)),
        members::role.eq(role_column(member.role)),
        members::is_in.eq(member.is_in),
        members::muted_until.eq(member.muted_until.map(|until| until.as_millis())),
        members::banned.eq(member.banned),
        members::joined_at.eq(member.joined_at.map(|at| at.as_millis())),
        members::read_seq.eq(0),
    );
    let change = (
        members::rev.eq(excluded(members::rev)),
        members::role.eq(excluded(members::role)),
        members::is_in.eq(excluded(members::is_in)),
        members::muted_until.eq(excluded(members::muted_until)),
        members::banned.eq(excluded(members::banned)),
        members::joined_at.eq(excluded(members::joined_at)),
    );
    let insert = insert_into(members::table).values(row);
    insert.on_conflict((members::room, members::user)).do_update().set(change).execute(conn).map(drop)
}

fn open_room(
    conn: &mut SqliteConnection,
    room: &Room,
    pair: Option<[UserId; 2]>,
    nonce: Option<(UserId, Nonce, Fingerprint)>,
) -> QueryResult<()> {
    let [a, b] = pair.map_or([None, None], |pair| pair.map(|user| Some(Key::from(user))));
    let made = nonce.as_ref();
    let row = (
        rooms::id.eq(Key::from(room.id)),
        rooms::rev.eq(int(room.rev)),
        rooms::kind.eq(kind_column(room.kind)),
        words_of(room),
        rooms::slow_mode_s.eq(i64::from(room.slow_mode_s)),
        rooms::created_at.eq(room.created_at.as_millis()),
        rooms::pins.eq(list_column(&room.pins)?),
        rooms::archived.eq(room.archived),
        rooms::head.eq(0), // set when the batch is finished
        rooms::pair_a.eq(a),
        rooms::pair_b.eq(b),
        rooms::creator.eq(made.map(|(user, _, _)| Key::from(*user))),
        rooms::nonce.eq(made.map(|(_, nonce, _)| nonce.as_str())),
        rooms::fingerprint.eq(made.map(|(_, _, of)| Bytes(of.0))),
    );
    insert_into(rooms::table).values(row).execute(conn).map(drop)
}

fn change_room(conn: &mut SqliteConnection, room: &Room) -> QueryResult<()> {
    let row = (
        rooms::rev.eq(int(room.rev)),
        words_of(room),
        rooms::slow_mode_s.eq(i64::from(room.slow_mode_s)),
        rooms::pins.eq(list_column(&room.pins)?),
        rooms::archived.eq(room.archived),
    );
    diesel::update(rooms::table.find(Key::from(room.id))).set(row).execute(conn).map(drop)
}

/// The words of a room and, in lower case, what they are found by.
pub(crate) type Words<'a> = (
    diesel::dsl::Eq<rooms::name, Option<&'a str>>,
    diesel::dsl::Eq<rooms::name_folded, Option<String>>,
    diesel::dsl::Eq<rooms::topic, Option<&'a str>>,
    diesel::dsl::Eq<rooms::topic_folded, Option<String>>,
);

pub(crate) fn words_of(room: &Room) -> Words<'_> {
    let (name, topic) = (room.name.as_ref().map(RoomName::as_str), room.topic.as_ref().map(Topic::as_str));
    (
        rooms::name.eq(name),
        rooms::name_folded.eq(name.map(str::to_lowercase)),
        rooms::topic.eq(topic),
        rooms::topic_folded.eq(topic.map(str::to_lowercase)),
    )
}

/// Its rows stay, but nothing leads to them any more.
fn close_room(conn: &mut SqliteConnection, room: RoomId, at: Timestamp) -> QueryResult<()> {
    let room = Key::from(room);
    let nothing = (
        rooms::deleted_at.eq(at.as_millis()),
        rooms::pair_a.eq(None::<Key>),
        rooms::pair_b.eq(None::<Key>),
        rooms::nonce.eq(None::<&str>),
    );
    diesel::update(rooms::table.find(room)).set(nothing).execute(conn)?;
    diesel::delete(invites::table.filter(invites::room.eq(room))).execute(conn)?;
    diesel::delete(webhooks::table.filter(webhooks::room.eq(room))).execute(conn)?;
    let present = members::table.filter(members::room.eq(room)).filter(members::is_in.eq(true));
    diesel::update(present).set(members::is_in.eq(false)).execute(conn).map(drop)
}
