//! Loading what the rules want to know of one room, for a whole batch at once.

use std::sync::Arc;

use chat_domain::{
    command::{Command, Fingerprint},
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, Invite, LogHead, Room},
    rules::{Existing, Needs, Posted, RoomFacts},
    words::Nonce,
};
use diesel::{QueryResult, SqliteConnection, dsl::exists, prelude::*, select};

use crate::{
    columns::{Bytes, Key, count, int},
    rooms::InviteRow,
    rows::{MemberRow, MessageRow, RoomRow, living_room},
    schema::{invites, members, messages, reactions, rooms, users, webhooks},
};

/// Everything that `needs` names but an existing room. Each lookup is by key, with a statement that stays prepared.
pub(super) fn load(conn: &mut SqliteConnection, epoch: &Epoch, room: RoomId, needs: &Needs) -> QueryResult<RoomFacts> {
    let row = living_room(conn, room)?;
    let log = match &row {
        Some(row) => row.log(epoch.clone())?,
        None => LogHead { epoch: epoch.clone(), head: 0, floor: 0 },
    };
    let mut facts = RoomFacts::bare(log);
    for user in &needs.users {
        if is_person(conn, *user)? {
            facts.users.insert(*user);
        }
    }
    load_names(conn, needs, &mut facts)?;
    if let Some(row) = row {
        facts.room = Some(row.room()?);
        load_members(conn, room, needs, &mut facts)?;
        load_messages(conn, room, needs, &mut facts)?;
        load_reactions(conn, room, needs, &mut facts)?;
        load_invites(conn, room, needs, &mut facts)?;
        load_webhooks(conn, room, needs, &mut facts)?;
    }
    Ok(facts)
}

fn is_person(conn: &mut SqliteConnection, user: UserId) -> QueryResult<bool> {
    let living = users::table.filter(users::id.eq(Key::from(user))).filter(users::deleted_at.is_null());
    select(exists(living.filter(users::bot.eq(false)))).get_result(conn)
}

fn load_names(conn: &mut SqliteConnection, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    for name in &needs.names {
        let named = users::table.filter(users::username.eq(name.as_str()));
        if let Some(user) = named.select(users::id).get_result::<Key>(conn).optional()? {
            facts.names.insert(name.clone(), user.into());
        }
    }
    Ok(())
}

fn load_members(conn: &mut SqliteConnection, room: RoomId, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    if needs.all_members {
        let present = members::table.filter(members::room.eq(Key::from(room))).filter(members::is_in.eq(true));
        for row in present.select(MemberRow::as_select()).load(conn)? {
            let member = row.facts()?;
            facts.members.insert(member.member.user, member);
        }
    }
    let named = facts.names.values().copied();
    let wanted: Vec<UserId> = needs.members.iter().copied().chain(named).collect();
    for user in wanted {
        if facts.members.contains_key(&user) {
            continue;
        }
        let row = members::table.find((Key::from(room), Key::from(user))).select(MemberRow::as_select());
        if let Some(row) = row.get_result(conn).optional()? {
            facts.members.insert(user, row.facts()?);
        }
    }
    Ok(())
}

fn load_messages(conn: &mut SqliteConnection, room: RoomId, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    for (author, nonce) in &needs.nonces {
        if let Some(posted) = posted(conn, room, *author, nonce)? {
            facts.nonces.insert((*author, nonce.clone()), posted);
        }
    }
    let replayed = facts.nonces.values().map(|posted| posted.seq);
    let wanted: Vec<Seq> = needs.messages.iter().copied().chain(replayed).collect();
    for seq in wanted {
        let row = messages::table.find((Key::from(room), int(seq))).select(MessageRow::as_select());
        if let Some(row) = row.get_result(conn).optional()? {
            facts.messages.insert(seq, Arc::new(row.message()?));
        }
    }
    Ok(())
}

fn posted(conn: &mut SqliteConnection, room: RoomId, author: UserId, nonce: &Nonce) -> QueryResult<Option<Posted>> {
    let found = messages::table
        .filter(messages::room.eq(Key::from(room)))
        .filter(messages::author.eq(Key::from(author)))
        .filter(messages::nonce.eq(nonce.as_str()))
        .select((messages::seq, messages::fingerprint))
        .get_result::<(i64, Bytes<16>)>(conn)
        .optional()?;
    found.map(|(seq, of)| Ok(Posted { seq: count(seq)?, fingerprint: Fingerprint(of.0) })).transpose()
}

fn load_reactions(conn: &mut SqliteConnection, room: RoomId, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    for key @ (seq, emoji, user) in &needs.reactions {
        let on = reactions::table.find((Key::from(room), int(*seq), emoji.as_str(), Key::from(*user)));
        if select(exists(on)).get_result(conn)? {
            facts.reactions.insert(key.clone());
        }
    }
    Ok(())
}

fn load_invites(conn: &mut SqliteConnection, room: RoomId, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    for code in &needs.invites {
        let found =
            invites::table.filter(invites::code.eq(Bytes::from(*code))).filter(invites::room.eq(Key::from(room)));
        if let Some(row) = found.select(InviteRow::as_select()).get_result(conn).optional()? {
            facts.invites.insert(*code, Invite::try_from(row)?);
        }
    }
    Ok(())
}

fn load_webhooks(conn: &mut SqliteConnection, room: RoomId, needs: &Needs, facts: &mut RoomFacts) -> QueryResult<()> {
    for webhook in &needs.webhooks {
        let found = webhooks::table.find(Key::from(*webhook)).filter(webhooks::room.eq(Key::from(room)));
        if let Some(bot) = found.select(webhooks::bot).get_result::<Key>(conn).optional()? {
            facts.webhooks.insert(*webhook, bot.into());
        }
    }
    Ok(())
}

/// The living room that this creation would only repeat, and what it was made of when its nonce tells.
pub(super) fn existing(
    conn: &mut SqliteConnection,
    command: &Command,
) -> QueryResult<Option<(Room, Option<Fingerprint>)>> {
    let mut needs = Needs::default();
    needs.add(command);
    match needs.existing {
        None => Ok(None),
        Some(Existing::Nonce(user, nonce)) => by_nonce(conn, user, &nonce),
        Some(Existing::Pair(pair, nonce)) => {
            if let Some((user, nonce)) = nonce
                && let Some(found) = by_nonce(conn, user, &nonce)?
            {
                return Ok(Some(found));
            }
            by_pair(conn, pair)
        }
    }
}

fn by_nonce(
    conn: &mut SqliteConnection,
    user: UserId,
    nonce: &Nonce,
) -> QueryResult<Option<(Room, Option<Fingerprint>)>> {
    let found = rooms::table
        .filter(rooms::creator.eq(Key::from(user)))
        .filter(rooms::nonce.eq(nonce.as_str()))
        .select((RoomRow::as_select(), rooms::fingerprint))
        .get_result::<(RoomRow, Option<Bytes<16>>)>(conn)
        .optional()?;
    found.map(|(row, of)| Ok((row.room()?, of.map(|of| Fingerprint(of.0))))).transpose()
}

fn by_pair(conn: &mut SqliteConnection, [a, b]: [UserId; 2]) -> QueryResult<Option<(Room, Option<Fingerprint>)>> {
    let found = rooms::table
        .filter(rooms::pair_a.eq(Key::from(a)))
        .filter(rooms::pair_b.eq(Key::from(b)))
        .select(RoomRow::as_select())
        .get_result(conn)
        .optional()?;
    found.map(|row| Ok((row.room()?, None))).transpose()
}
