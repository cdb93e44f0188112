//! Carrying out what was decided: each write is one sentence of [`Write`].

use std::sync::Arc;

use chat_domain::{
    command::{Command, Fingerprint, Outcome},
    event::Hint,
    ids::{InviteId, RoomId, Seq, UserId},
    objects::{Member, Message, Room},
    pages::Place,
    refusal::Refusal,
    rules::{self, MemberFacts, Posted, Write},
};

use crate::state::{Changed, RoomLog, State};

impl State {
    /// Decides one command and carries it out. Refused, nothing has changed.
    pub(crate) fn commit(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        let mut facts = self.facts(command);
        let decision = rules::decide(&mut facts, command)?;
        let mut outcome = decision.outcome;
        let mut numbers = Vec::with_capacity(outcome.hints.len());
        for write in decision.writes {
            self.carry_out(command.room, write, &mut numbers);
        }
        if let Some(log) = self.rooms.get_mut(&command.room) {
            log.head = facts.log.head;
        }
        for (hint, seq) in outcome.hints.iter_mut().zip(numbers) {
            hint.seq = seq;
        }
        Ok(outcome)
    }

    /// Gives a user's next hint its number.
    pub(crate) fn number(&mut self, user: UserId) -> Seq {
        self.users.get_mut(&user).map_or(0, |account| {
            account.hint += 1;
            account.hint
        })
    }

    fn carry_out(&mut self, room: RoomId, write: Write, numbers: &mut Vec<Seq>) {
        match write {
            Write::OpenRoom { room, pair, nonce } => {
                if let Some(pair) = pair {
                    self.pairs.insert(pair, room.id);
                }
                if let Some((user, nonce, made_of)) = nonce {
                    self.made.insert((user, nonce), (room.id, made_of));
                }
                let mut log = RoomLog::new(room);
                log.changed.insert(log.room.rev, Changed::Room);
                self.rooms.insert(log.room.id, log);
            }
            Write::CloseRoom => self.close(room),
            Write::Hint(Hint { user, .. }) => numbers.push(self.number(user)),
            Write::Member(member) => {
                let places = self.places.entry(member.user).or_default();
                if member.is_in {
                    places.insert(room)
                } else {
                    places.remove(&room)
                };
                self.in_room(room, |log| log.put_member(member));
            }
            Write::Room(changed) => self.in_room(room, |log| log.put_room(changed)),
            Write::Marker { user, seq } => self.of_member(room, user, |member| member.read = seq),
            Write::PostedAt { user, at } => self.of_member(room, user, |member| member.posted_at = Some(at)),
            Write::Post { message, fingerprint } => {
                let place = self.said.last_key_value().map_or(1, |(place, _)| place.0 + 1);
                self.said.insert(Place(place), (room, message.seq));
                self.in_room(room, |log| log.post(message, fingerprint));
            }
            Write::Message(message) => self.in_room(room, |log| {
                if message.deleted {
                    log.reactions.retain(|(seq, _, _)| *seq != message.seq);
                }
                log.put_message(message);
            }),
            Write::Reaction { seq, emoji, user, on } => self.in_room(room, |log| {
                let key = (seq, emoji, user);
                if on {
                    log.reactions.insert(key)
                } else {
                    log.reactions.remove(&key)
                };
            }),
            Write::InviteUsed(invite) => self.in_room(room, |log| log.use_invite(invite)),
        }
    }

    /// Takes the room out of every way to it.
    fn close(&mut self, room: RoomId) {
        self.rooms.remove(&room);
        self.pairs.retain(|_, paired| *paired != room);
        self.made.retain(|_, (made, _)| *made != room);
        self.codes.retain(|_, (leads_to, _)| *leads_to != room);
        self.hooks.retain(|_, posts_into| *posts_into != room);
        for places in self.places.values_mut() {
            places.remove(&room);
        }
    }

    fn in_room(&mut self, room: RoomId, change: impl FnOnce(&mut RoomLog)) {
        if let Some(log) = self.rooms.get_mut(&room) {
            change(log);
        }
    }

    fn of_member(&mut self, room: RoomId, user: UserId, change: impl FnOnce(&mut MemberFacts)) {
        self.in_room(room, |log| {
            if let Some(member) = log.members.get_mut(&user) {
                change(member);
            }
        });
    }
}

impl RoomLog {
    fn put_room(&mut self, room: Room) {
        self.changed.remove(&self.room.rev);
        self.changed.insert(room.rev, Changed::Room);
        self.room = room;
    }

    fn put_member(&mut self, member: Member) {
        self.changed.insert(member.rev, Changed::Member(member.user));
        if let Some(facts) = self.members.get_mut(&member.user) {
            self.changed.remove(&facts.member.rev);
            facts.member = member;
        } else {
            self.members.insert(member.user, MemberFacts { member, read: 0, posted_at: None });
        }
    }

    fn post(&mut self, message: Arc<Message>, fingerprint: Fingerprint) {
        if let Some(nonce) = message.nonce.clone() {
            self.nonces.insert((message.author, nonce), Posted { seq: message.seq, fingerprint });
        }
        self.put_message(message);
    }

    fn put_message(&mut self, message: Arc<Message>) {
        self.changed.insert(message.rev, Changed::Message(message.seq));
        if let Some(before) = self.messages.insert(message.seq, message) {
            self.changed.remove(&before.rev);
        }
    }

    fn use_invite(&mut self, invite: InviteId) {
        if let Some((invite, _)) = self.invites.get_mut(&invite) {
            invite.uses = invite.uses.saturating_add(1);
        }
    }
}
