//! What a decision rests on, and what it asks a store to write.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    command::{Action, Command, Draft, Fingerprint},
    event::Hint,
    ids::{InviteId, Seq, UserId, WebhookId},
    objects::{Invite, LogHead, Member, Message, Room, RoomKind},
    ports::Digest,
    timestamp::Timestamp,
    words::{Emoji, Nonce, Username},
};

/// What to load of one room before commands for it are decided. The room itself and its log are always loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Which of these users are living people.
    pub users: BTreeSet<UserId>,
    /// Memberships, past ones too.
    pub members: BTreeSet<UserId>,
    /// All present members.
    pub all_members: bool,
    /// Messages.
    pub messages: BTreeSet<Seq>,
    /// What was posted under a nonce.
    pub nonces: BTreeSet<(UserId, Nonce)>,
    /// Which living users have these names (and load their memberships): who is in is asked when a command is decided,
    /// because those before it in the batch let people in and put them out.
    pub names: BTreeSet<Username>,
    /// Whether this user reacted so.
    pub reactions: BTreeSet<(Seq, Emoji, UserId)>,
    /// Invites by code.
    pub invites: BTreeSet<Digest>,
    /// The bots of these webhooks.
    pub webhooks: BTreeSet<WebhookId>,
    /// A room made before: by the same user under the same nonce, or of the same pair.
    pub existing: Option<Existing>,
}

/// By what an existing room is found when one is to be created.
#[derive(Clone, Debug, PartialEq)]
pub enum Existing {
    /// The creator's nonce.
    Nonce(UserId, Nonce),
    /// The two of a direct room, in order, and the creator's nonce if there is one: the nonce is looked up first.
    Pair([UserId; 2], Option<(UserId, Nonce)>),
}

impl Needs {
    /// Adds what this command needs.
    pub fn add(&mut self, command: &Command) {
        self.members.insert(command.by);
        match &command.action {
            Action::Create(new) => {
                self.users.extend(new.members.iter().copied());
                self.users.insert(command.by);
                self.existing = Existing::of(command.by, new);
            }
            Action::Close { .. } | Action::Depart => self.all_members = true,
            Action::Update(_) | Action::Read(_) => {}
            Action::Join => {
                self.users.insert(command.by);
            }
            Action::Redeem(code) => {
                self.users.insert(command.by);
                self.invites.insert(*code);
            }
            Action::SetMember(patch) => {
                self.users.insert(patch.user);
                self.members.insert(patch.user);
                self.all_members |= patch.role.is_some();
            }
            Action::Remove(user) => {
                self.members.insert(*user);
                self.all_members |= *user == command.by;
            }
            Action::Ban(user) | Action::Unban(user) => {
                self.users.insert(*user);
                self.members.insert(*user);
            }
            Action::Post(draft) => self.add_draft(command.by, draft),
            Action::PostAsWebhook { webhook, draft } => {
                self.webhooks.insert(*webhook);
                self.add_draft(command.by, draft);
            }
            Action::Edit { seq, text, .. } => {
                self.names.extend(Username::mentioned_in(text.as_str()));
                self.messages.insert(*seq);
            }
            Action::Delete { seq, .. } | Action::Pin { seq, .. } => {
                self.messages.insert(*seq);
            }
            Action::React { seq, emoji, .. } => {
                self.messages.insert(*seq);
                self.reactions.insert((*seq, emoji.clone(), command.by));
            }
        }
    }

    fn add_draft(&mut self, by: UserId, draft: &Draft) {
        self.names.extend(Username::mentioned_in(draft.text.as_str()));
        self.messages.extend(draft.reply_to);
        self.nonces.extend(draft.nonce.clone().map(|nonce| (by, nonce)));
    }
}

impl Existing {
    fn of(by: UserId, new: &crate::command::NewRoom) -> Option<Self> {
        let nonce = new.nonce.clone().map(|nonce| (by, nonce));
        match (new.kind, new.members.as_slice()) {
            (RoomKind::Direct, [other]) => Some(Self::Pair(pair(by, *other), nonce)),
            (RoomKind::Public | RoomKind::Private | RoomKind::Direct, _) => {
                nonce.map(|(by, nonce)| Self::Nonce(by, nonce))
            }
        }
    }
}

pub(super) fn pair(a: UserId, b: UserId) -> [UserId; 2] {
    if a < b { [a, b] } else { [b, a] }
}

/// A membership beside what only the rules look at.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberFacts {
    /// The membership.
    pub member: Member,
    /// Read up to here.
    pub read: Seq,
    /// The latest post while slow mode was on.
    pub posted_at: Option<Timestamp>,
}

/// What was posted under a nonce. The message itself is in [`RoomFacts::messages`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posted {
    /// Where.
    pub seq: Seq,
    /// What.
    pub fingerprint: Fingerprint,
}

/// What a store knows about one room, as far as [`Needs`] asked. Deciding a command moves it on, so that the next command
/// of the batch sees what this one did.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomFacts {
    /// The room; `None` when there is none (any more).
    pub room: Option<Room>,
    /// Its log; of a room that is to be created: the store's epoch, head and floor 0.
    pub log: LogHead,
    /// People that exist and are not deleted. Bots are not among them, so nobody adds, invites or bans one.
    pub users: HashSet<UserId>,
    /// Memberships.
    pub members: BTreeMap<UserId, MemberFacts>,
    /// Messages, with nonces, without `me`.
    pub messages: HashMap<Seq, Arc<Message>>,
    /// Nonces that were used.
    pub nonces: HashMap<(UserId, Nonce), Posted>,
    /// Living users by name, members or not.
    pub names: HashMap<Username, UserId>,
    /// Reactions that are on.
    pub reactions: HashSet<(Seq, Emoji, UserId)>,
    /// Invites by code.
    pub invites: HashMap<Digest, Invite>,
    /// Bots by webhook, of this room only.
    pub webhooks: HashMap<WebhookId, UserId>,
    /// The room made before, and what it was made of (absent for one found by its pair).
    pub existing: Option<(Room, Option<Fingerprint>)>,
}

impl RoomFacts {
    /// Nothing but where the log stands.
    #[must_use]
    pub fn bare(log: LogHead) -> Self {
        Self {
            room: None,
            log,
            users: HashSet::new(),
            members: BTreeMap::new(),
            messages: HashMap::new(),
            nonces: HashMap::new(),
            names: HashMap::new(),
            reactions: HashSet::new(),
            invites: HashMap::new(),
            webhooks: HashMap::new(),
            existing: None,
        }
    }

    /// The user's membership, past or present.
    #[must_use]
    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.get(&user).map(|facts| &facts.member)
    }
}

/// One row's worth of what a decision changes; a store carries them out in order. The new head of each room that was
/// written to is [`RoomFacts::log`]'s when all of a batch is decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new room, with what it is found by later.
    OpenRoom {
        /// The room.
        room: Room,
        /// The two of a direct room, in order.
        pair: Option<[UserId; 2]>,
        /// Who made it, under what nonce, of what.
        nonce: Option<(UserId, Nonce, Fingerprint)>,
    },
    /// The room's present state.
    Room(Room),
    /// The room is gone: no question finds it, its pair and its nonce are free, its invites and webhooks end.
    CloseRoom,
    /// A membership's present state, new or not.
    Member(Member),
    /// Read up to here.
    Marker {
        /// Whose marker.
        user: UserId,
        /// Where.
        seq: Seq,
    },
    /// Posted while slow mode was on.
    PostedAt {
        /// Who.
        user: UserId,
        /// When.
        at: Timestamp,
    },
    /// A new message with its mentions and its nonce.
    Post {
        /// The message.
        message: Arc<Message>,
        /// To be compared with later sends under the same nonce.
        fingerprint: Fingerprint,
    },
    /// A message's present state; its mentions are replaced. A tombstone also forgets who reacted.
    Message(Arc<Message>),
    /// Somebody reacted, or took it back; the count goes with [`Write::Message`].
    Reaction {
        /// To which message.
        seq: Seq,
        /// With what.
        emoji: Emoji,
        /// Who.
        user: UserId,
        /// On or off.
        on: bool,
    },
    /// An invite let somebody in.
    InviteUsed(InviteId),
    /// A hint, whose number is the next of its user; it stands in the outcome too, in the same order.
    Hint(Hint),
}
