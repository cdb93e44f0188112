//! What is remembered, and the ways to find it. Maps are ordered by the key that a list goes on from.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chat_domain::{
    command::Fingerprint,
    ids::{InviteId, RoomId, Seq, SessionId, UserId, WebhookId},
    objects::{Epoch, Invite, LogHead, Member, Message, Room, User, Webhook},
    pages::{Page, PageOf, Place},
    ports::{Digest, PasswordHash},
    refusal::Refusal,
    rules::{MemberFacts, Posted, access},
    timestamp::Timestamp,
    words::{Device, Emoji, Nonce, Username},
};

/// Everything.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) epoch: Epoch,
    pub(crate) users: HashMap<UserId, Account>,
    /// Every name ever given out, in order; names of deleted users stay taken.
    pub(crate) usernames: BTreeMap<Username, UserId>,
    pub(crate) sessions: BTreeMap<SessionId, SignIn>,
    /// Every refresh token that still means something.
    pub(crate) tokens: HashMap<Digest, SessionId>,
    /// Closed rooms are not here, so nothing finds them.
    pub(crate) rooms: BTreeMap<RoomId, RoomLog>,
    /// The rooms that a user is in.
    pub(crate) places: HashMap<UserId, BTreeSet<RoomId>>,
    pub(crate) pairs: HashMap<[UserId; 2], RoomId>,
    pub(crate) made: HashMap<(UserId, Nonce), (RoomId, Fingerprint)>,
    pub(crate) codes: HashMap<Digest, (RoomId, InviteId)>,
    /// The rooms that webhooks post into.
    pub(crate) hooks: HashMap<WebhookId, RoomId>,
    /// Everything ever posted, in its order.
    pub(crate) said: BTreeMap<Place, (RoomId, Seq)>,
}

/// A user, and what only the house knows of one.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) user: User,
    /// None for deleted users and bots.
    pub(crate) password: Option<PasswordHash>,
    /// The number of the newest hint.
    pub(crate) hint: Seq,
}

/// A session and its chain of refresh tokens; a token in [`State::tokens`] that is neither of these two is spent.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) user: UserId,
    pub(crate) device: Option<Device>,
    pub(crate) created_at: Timestamp,
    pub(crate) refreshed_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) current: Digest,
    pub(crate) previous: Option<Digest>,
}

/// A room and its log.
#[derive(Debug)]
pub(crate) struct RoomLog {
    pub(crate) room: Room,
    pub(crate) head: Seq,
    pub(crate) floor: Seq,
    pub(crate) members: BTreeMap<UserId, MemberFacts>,
    /// By `seq`, with nonces, without `me`.
    pub(crate) messages: BTreeMap<Seq, Arc<Message>>,
    pub(crate) nonces: HashMap<(UserId, Nonce), Posted>,
    pub(crate) reactions: BTreeSet<(Seq, Emoji, UserId)>,
    /// By `rev`: which thing changed there last.
    pub(crate) changed: BTreeMap<Seq, Changed>,
    pub(crate) invites: BTreeMap<InviteId, (Invite, Digest)>,
    pub(crate) webhooks: BTreeMap<WebhookId, (Webhook, Digest)>,
}

/// One of the three kinds of thing in a log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changed {
    Room,
    Member(UserId),
    Message(Seq),
}

impl Default for State {
    fn default() -> Self {
        Self {
            epoch: Self::fresh_epoch(),
            users: HashMap::new(),
            usernames: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tokens: HashMap::new(),
            rooms: BTreeMap::new(),
            places: HashMap::new(),
            pairs: HashMap::new(),
            made: HashMap::new(),
            codes: HashMap::new(),
            hooks: HashMap::new(),
            said: BTreeMap::new(),
        }
    }
}

impl State {
    /// 64 random bits: two epochs of one database never meet.
    pub(crate) fn fresh_epoch() -> Epoch {
        Epoch(format!("{:016x}", rand::random::<u64>()).into())
    }

    /// The account, unless deleted.
    pub(crate) fn living(&self, user: UserId) -> Option<&Account> {
        self.users.get(&user).filter(|account| !account.user.deleted)
    }

    /// Whether this is a person who was not deleted.
    pub(crate) fn is_person(&self, user: UserId) -> bool {
        self.living(user).is_some_and(|account| !account.user.bot)
    }

    /// The rooms that the user is in, by id.
    pub(crate) fn rooms_of(&self, user: UserId) -> impl DoubleEndedIterator<Item = &RoomLog> {
        self.places.get(&user).into_iter().flatten().filter_map(|room| self.rooms.get(room))
    }

    /// Where a room's log stands; of none: nothing written yet.
    pub(crate) fn log_of(&self, room: Option<&RoomLog>) -> LogHead {
        let (head, floor) = room.map_or((0, 0), |r| (r.head, r.floor));
        LogHead { epoch: self.epoch.clone(), head, floor }
    }

    /// The room, for somebody who is in it.
    pub(crate) fn read_by(&self, reader: UserId, room: RoomId) -> Result<&RoomLog, Refusal> {
        let (log, member) = self.asked(reader, room);
        access::may_read(log.map(|l| &l.room), member)?;
        log.ok_or(Refusal::NotFound)
    }

    /// The room, for one of its admins.
    pub(crate) fn managed_by(&self, reader: UserId, room: RoomId) -> Result<&RoomLog, Refusal> {
        let (log, member) = self.asked(reader, room);
        access::may_manage(log.map(|l| &l.room), member)?;
        log.ok_or(Refusal::NotFound)
    }

    /// The room and the asking user's place in it.
    pub(crate) fn asked(&self, reader: UserId, room: RoomId) -> (Option<&RoomLog>, Option<&Member>) {
        let log = self.rooms.get(&room);
        (log, log.and_then(|log| log.member(reader)))
    }
}

impl RoomLog {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            head: 0,
            floor: 0,
            members: BTreeMap::new(),
            messages: BTreeMap::new(),
            nonces: HashMap::new(),
            reactions: BTreeSet::new(),
            changed: BTreeMap::new(),
            invites: BTreeMap::new(),
            webhooks: BTreeMap::new(),
        }
    }

    pub(crate) fn member(&self, user: UserId) -> Option<&Member> {
        self.members.get(&user).map(|facts| &facts.member)
    }

    /// Everybody who is in, by user id.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|facts| &facts.member).filter(|member| member.is_in)
    }

    /// The message as this user reads it: own nonces only, and `me` on own reactions.
    pub(crate) fn shown_to(&self, reader: UserId, message: &Message) -> Message {
        let mut shown = message.clone().seen_by(reader);
        for reaction in &mut shown.reactions {
            reaction.me = self.reactions.contains(&(shown.seq, reaction.emoji.clone(), reader));
        }
        shown
    }
}

/// The piece of an ordered list that is asked for.
pub(crate) fn piece<T, K: Ord>(list: impl Iterator<Item = T>, page: &PageOf<K>, key: impl Fn(&T) -> K) -> Page<T, K> {
    let after = page.after.as_ref();
    let rest = list.filter(|item| after.is_none_or(|after| key(item) > *after));
    Page::cut(rest.take(page.limit + 1).collect(), page.limit, key)
}
