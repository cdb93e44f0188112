//! The dice: one of what there is, or something fresh.

use chat_domain::{
    ids::{InviteId, RoomId, Seq, SessionId, UserId},
    objects::Webhook,
    ports::{Digest, NewAccount, PasswordHash},
    timestamp::Timestamp,
    words::{DisplayName, Emoji, RoomName, Text, Username},
};
use rand::RngExt as _;
use uuid::Uuid;

use super::{Chooser, PICTURES, ROOM_NAMES, ROOMS, WORDS};
use crate::{digest, emoji, text};

impl Chooser {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// One time in so many.
    pub(super) fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Up to three seconds later than before, sometimes minutes, sometimes a moment earlier: clocks do that.
    pub(super) fn now(&mut self) -> Timestamp {
        let step = match self.below(40) {
            0 => 120_000,
            1 => 0,
            _ => i64::try_from(self.below(3_000)).unwrap(),
        };
        self.millis += step;
        let back = if self.chance(20) { 500 } else { 0 };
        Timestamp::from_millis(self.millis - back)
    }

    /// Greater than all before, and apart from those of the room that tells the epoch.
    pub(super) fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0000 | self.ids)
    }

    pub(super) fn user(&mut self) -> UserId {
        // The first two act as often as all others together: somebody must have a say for long enough.
        let among = if self.chance(2) { 2 } else { self.users.len() };
        let place = self.below(among);
        self.users[place]
    }

    /// A person, or now and then a bot.
    pub(super) fn anybody(&mut self) -> UserId {
        let bot = if self.chance(20) { self.any_webhook().map(|(webhook, _)| webhook.bot) } else { None };
        bot.unwrap_or_else(|| self.user())
    }

    pub(super) fn room(&mut self) -> RoomId {
        let among = self.rooms.len().min(ROOMS);
        let back = self.below(among) + 1;
        // The founding rooms are talked about as often as the newest.
        if self.chance(2) { self.rooms[back - 1] } else { self.rooms[self.rooms.len() - back] }
    }

    /// A number that may be one, or just beyond.
    pub(super) fn seq(&mut self) -> Seq {
        let among = if self.chance(2) { 12 } else { self.highest + 3 };
        self.random.random_range(0..among)
    }

    pub(super) fn revision(&mut self) -> Option<Seq> {
        self.chance(8).then(|| self.seq())
    }

    pub(super) fn session(&mut self) -> SessionId {
        match self.sessions.len() {
            0 => SessionId(self.id()),
            some => {
                let place = self.below(some);
                self.sessions[place]
            }
        }
    }

    pub(super) fn any_invite(&mut self) -> Option<(InviteId, Digest)> {
        match self.invites.len() {
            0 => None,
            some => {
                let place = self.below(some);
                self.invites.get(place).copied()
            }
        }
    }

    /// A young one, as a rule: those in rooms that are gone are of little use.
    pub(super) fn any_webhook(&mut self) -> Option<(Webhook, Digest)> {
        match self.webhooks.len() {
            0 => None,
            some => {
                let place = some - 1 - self.below(some.min(6));
                self.webhooks.get(place).cloned()
            }
        }
    }

    pub(super) fn fresh_token(&mut self) -> Digest {
        self.tokens += 1;
        digest(self.tokens)
    }

    pub(super) fn account(&mut self, name: &str) -> NewAccount {
        NewAccount {
            id: UserId(self.id()),
            username: Username::parse(name).unwrap(),
            display_name: DisplayName::parse(name).unwrap(),
            password: self.password(),
            at: self.now(),
        }
    }

    pub(super) fn password(&mut self) -> PasswordHash {
        PasswordHash(["hash one", "hash two"][self.below(2)].into())
    }

    pub(super) fn text(&mut self) -> Text {
        text(WORDS[self.below(WORDS.len())])
    }

    pub(super) fn emoji(&mut self) -> Emoji {
        emoji(PICTURES[self.below(PICTURES.len())])
    }

    pub(super) fn room_name(&mut self) -> RoomName {
        RoomName::parse(ROOM_NAMES[self.below(ROOM_NAMES.len())]).unwrap()
    }
}
