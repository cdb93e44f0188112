//! A row as bytes that are the same whatever store it was read from, and different for different rows.
//!
//! Every field is fed with its length or its presence before it, so that no two rows run into each other.

use sha2::{Digest as _, Sha256};

use crate::{
    ids::{Seq, UserId},
    objects::{Invite, Message, Role, Room, RoomKind, Webhook},
    ports::{Item, StoredRoom, StoredSession, StoredUser},
    rules::MemberFacts,
    timestamp::Timestamp,
};

/// Feeds one row.
pub(super) fn feed(item: &Item, hash: &mut Sha256) {
    let mut canon = Canon(hash);
    match item {
        Item::User(user) => canon.user(user),
        Item::Session(session) => canon.session(session),
        Item::SpentToken { digest, session } => canon.bytes(&digest.0).bytes(session.as_bytes()).end(),
        Item::Room(room) => canon.stored_room(room),
        Item::Member(facts) => canon.member(facts),
        Item::Message { message, fingerprint } => {
            canon.message(message);
            canon.bytes(&fingerprint.0).end();
        }
        Item::Reaction { room, seq, emoji, user } => {
            canon.bytes(room.as_bytes()).number(*seq).text(emoji.as_str()).bytes(user.as_bytes()).end();
        }
        Item::Invite { invite, code } => {
            canon.invite(invite);
            canon.bytes(&code.0).end();
        }
        Item::Webhook { webhook, secret } => {
            canon.webhook(webhook);
            canon.bytes(&secret.0).end();
        }
    }
}

struct Canon<'a>(&'a mut Sha256);

impl Canon<'_> {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(u64::from(flag))
    }

    fn time(&mut self, time: Timestamp) -> &mut Self {
        self.0.update(time.as_millis().to_be_bytes());
        self
    }

    fn maybe<T>(&mut self, value: Option<T>, feed: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.flag(value.is_some());
        if let Some(value) = value {
            feed(self, value);
        }
        self
    }

    fn end(&mut self) {}

    fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        self.maybe(text, |canon, text| canon.text(text).end())
    }

    fn maybe_time(&mut self, time: Option<Timestamp>) -> &mut Self {
        self.maybe(time, |canon, time| canon.time(time).end())
    }

    fn maybe_bytes(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.maybe(bytes, |canon, bytes| canon.bytes(bytes).end())
    }

    fn numbers(&mut self, numbers: &[Seq]) -> &mut Self {
        self.number(u64::try_from(numbers.len()).unwrap_or(u64::MAX));
        numbers.iter().for_each(|number| self.number(*number).end());
        self
    }

    fn users(&mut self, users: &[UserId]) -> &mut Self {
        self.number(u64::try_from(users.len()).unwrap_or(u64::MAX));
        users.iter().for_each(|user| self.bytes(user.as_bytes()).end());
        self
    }

    fn user(&mut self, StoredUser { user, reserved, password, hints, deleted_at }: &StoredUser) {
        self.bytes(user.id.as_bytes())
            .maybe_text(user.username.as_ref().map(|name| name.as_str()))
            .maybe_text(user.display_name.as_ref().map(|name| name.as_str()))
            .flag(user.bot)
            .flag(user.deleted)
            .time(user.created_at)
            .maybe_text(reserved.as_ref().map(|name| name.as_str()))
            .maybe_text(password.as_ref().map(|hash| hash.0.as_str()))
            .number(*hints)
            .maybe_time(*deleted_at);
    }

    fn session(&mut self, session: &StoredSession) {
        self.bytes(session.id.as_bytes())
            .bytes(session.user.as_bytes())
            .maybe_text(session.device.as_ref().map(|device| device.as_str()))
            .time(session.created_at)
            .time(session.refreshed_at)
            .time(session.expires_at)
            .maybe_time(session.ended_at)
            .bytes(&session.current.0)
            .maybe_bytes(session.previous.as_ref().map(|digest| digest.0.as_slice()));
    }

    fn room(&mut self, room: &Room) -> &mut Self {
        let kind = match room.kind {
            RoomKind::Public => 0,
            RoomKind::Private => 1,
            RoomKind::Direct => 2,
        };
        self.bytes(room.id.as_bytes())
            .number(room.rev)
            .number(kind)
            .maybe_text(room.name.as_ref().map(|name| name.as_str()))
            .maybe_text(room.topic.as_ref().map(|topic| topic.as_str()))
            .number(u64::from(room.slow_mode_s))
            .time(room.created_at)
            .numbers(&room.pins)
            .flag(room.archived)
    }

    fn stored_room(&mut self, stored: &StoredRoom) {
        let StoredRoom { room, head, floor, deleted_at, pair, creator, nonce, fingerprint } = stored;
        self.room(room)
            .number(*head)
            .number(*floor)
            .maybe_time(*deleted_at)
            .users(pair.as_ref().map_or(&[], |pair| pair.as_slice()))
            .maybe_bytes(creator.as_ref().map(|user| user.as_bytes().as_slice()))
            .maybe_text(nonce.as_ref().map(|nonce| nonce.as_str()))
            .maybe_bytes(fingerprint.as_ref().map(|of| of.0.as_slice()));
    }

    fn member(&mut self, MemberFacts { member, read, posted_at }: &MemberFacts) {
        let role = match member.role {
            Role::Member => 0,
            Role::Admin => 1,
            Role::Owner => 2,
        };
        self.bytes(member.room.as_bytes())
            .bytes(member.user.as_bytes())
            .number(member.rev)
            .number(role)
            .flag(member.is_in)
            .maybe_time(member.muted_until)
            .flag(member.banned)
            .maybe_time(member.joined_at)
            .number(*read)
            .maybe_time(*posted_at);
    }

    fn message(&mut self, message: &Message) {
        self.bytes(message.room.as_bytes())
            .number(message.seq)
            .number(message.rev)
            .bytes(message.author.as_bytes())
            .time(message.at)
            .maybe_text(message.text.as_ref().map(|text| text.as_str()))
            .maybe(message.reply_to, |canon, seq| canon.number(seq).end())
            .users(&message.mentions)
            .flag(message.mentions_room)
            .maybe_time(message.edited_at)
            .flag(message.deleted)
            .maybe_text(message.nonce.as_ref().map(|nonce| nonce.as_str()))
            .number(u64::try_from(message.reactions.len()).unwrap_or(u64::MAX));
        for reaction in &message.reactions {
            self.text(reaction.emoji.as_str()).number(u64::from(reaction.count));
        }
    }

    fn invite(&mut self, invite: &Invite) {
        self.bytes(invite.id.as_bytes())
            .bytes(invite.room.as_bytes())
            .bytes(invite.by.as_bytes())
            .time(invite.created_at)
            .maybe_time(invite.expires_at)
            .maybe(invite.max_uses, |canon, uses| canon.number(u64::from(uses)).end())
            .number(u64::from(invite.uses));
    }

    fn webhook(&mut self, webhook: &Webhook) {
        self.bytes(webhook.id.as_bytes())
            .bytes(webhook.room.as_bytes())
            .text(webhook.name.as_str())
            .bytes(webhook.bot.as_bytes())
            .bytes(webhook.by.as_bytes())
            .time(webhook.created_at);
    }
}
