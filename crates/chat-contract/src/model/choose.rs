//! What is done next: chosen by a seed, in a world so small that people keep getting in each other's way.

mod commands;
mod dice;

use chat_domain::{
    command::{Action, Command, NewRoom},
    ids::{InviteId, RoomId, Seq, SessionId, UserId, WebhookId},
    objects::{Invite, RoomKind, Webhook},
    pages::Window,
    ports::{Digest, NewSession, Reader},
    timestamp::Timestamp,
    words::{DisplayName, Username},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{act::Operation, answer::Answer};
use crate::digest;

const NAMES: [&str; 7] = ["ann", "bob", "eve", "zed", "kim", "a.b-c_d", "new"];
const WORDS: [&str; 6] =
    ["hi @bob", "@room, look", "@ann and @eve!", "привет @zed", "plain words", "@kim @a.b-c_d @new"];
const PICTURES: [&str; 3] = ["👍", "🎉", "❤️"];
const ROOM_NAMES: [&str; 4] = ["Lobby", "Чайная", "100% tea", "a_b"];
const QUERIES: [&str; 8] = ["", "a", "LOB", "чай", "%", "_", "tea", "zzz"];
const SOUGHT: [&str; 7] = ["plain", "привет", "@", "hi", "ROOM,", "@kim new", "absent"];
/// Rooms that people still talk about; of more, the oldest are left alone.
const ROOMS: usize = 4;
/// A quarter of an hour: long enough for chains of refresh tokens, short enough to expire.
const SESSION_MS: i64 = 900_000;

/// Chooses, and remembers what there is to choose from.
pub(super) struct Chooser {
    random: StdRng,
    millis: i64,
    ids: u128,
    users: Vec<UserId>,
    rooms: Vec<RoomId>,
    sessions: Vec<SessionId>,
    tokens: u64,
    invites: Vec<(InviteId, Digest)>,
    webhooks: Vec<(Webhook, Digest)>,
    highest: Seq,
}

impl Chooser {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            millis: 1_770_000_000_000,
            ids: 0,
            users: Vec::new(),
            rooms: Vec::new(),
            sessions: Vec::new(),
            tokens: 0,
            invites: Vec::new(),
            webhooks: Vec::new(),
            highest: 8,
        }
    }

    /// Six people, a public room, a private one, a direct one.
    pub(super) fn founding(&mut self) -> Vec<Operation> {
        let mut steps = Vec::new();
        for name in &NAMES[..6] {
            let account = self.account(name);
            self.users.push(account.id);
            steps.push(Operation::Create(account));
        }
        for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
            let others = if kind == RoomKind::Direct { 2..3 } else { 1..4 };
            let new = NewRoom {
                kind,
                name: (kind != RoomKind::Direct).then(|| self.room_name()),
                topic: None,
                members: self.users[others].to_vec(),
                nonce: None,
            };
            let (room, by, at) = (RoomId(self.id()), self.users[0], self.now());
            self.rooms.push(room);
            steps.push(Operation::Commit(vec![Command { room, by, at, action: Action::Create(new) }]));
        }
        steps
    }

    /// The next step.
    pub(super) fn operation(&mut self) -> Operation {
        match self.below(100) {
            0..60 => self.batch(),
            60..72 => self.question(),
            72..76 => {
                let id = InviteId(self.id());
                let code = digest(1_000_000 + id.0.as_u64_pair().1);
                self.invites.push((id, code));
                let (room, by, created_at) = (self.room(), self.user(), self.now());
                let expires_at = self.chance(2).then(|| created_at.plus_millis(20_000));
                let max_uses = self.chance(2).then_some(1);
                Operation::Invite(Invite { id, room, by, created_at, expires_at, max_uses, uses: 0 }, code)
            }
            76 => match self.any_invite() {
                Some((invite, _)) => Operation::Withdraw(self.user(), self.room(), invite),
                None => self.question(),
            },
            77..80 => self.on_webhooks(),
            80..93 => self.on_sessions(),
            _ => self.on_accounts(),
        }
    }

    /// Remembers what there is now.
    pub(super) fn learn(&mut self, operation: &Operation, answer: &Answer) {
        self.highest = self.highest.max(answer.highest);
        for room in &answer.made {
            if !self.rooms.contains(room) {
                self.rooms.push(*room);
            }
        }
        if let Operation::Commit(batch) = operation {
            let closed: Vec<RoomId> = answer.closed.iter().map(|place| batch[*place].room).collect();
            // One closed room stays in the talk, so that asking for it is tried too.
            if self.rooms.len() > ROOMS {
                self.rooms.retain(|room| !closed.contains(room));
            }
        }
    }

    /// Every list and every line that anybody can read.
    pub(super) fn everything(&mut self) -> Vec<Operation> {
        let at = Timestamp::from_millis(self.millis);
        let mut all = vec![
            Operation::EndedSince(Timestamp::from_millis(0)),
            Operation::Users(self.users.clone()),
            Operation::Users(self.webhooks.iter().map(|(webhook, _)| webhook.bot).collect()),
            Operation::Heads(self.rooms.clone()),
            Operation::Search(String::new(), 2),
        ];
        for user in self.users.clone() {
            all.extend([
                Operation::Sync(user, at),
                Operation::RoomsOf(user, 2),
                Operation::Directory(user, String::new(), 2),
                Operation::Sessions(user, at, 2),
                Operation::Password(user),
                Operation::Acquaintances(user, self.users.clone()),
                Operation::Find(user, "o".to_owned(), None, 3),
                Operation::Find(user, "and".to_owned(), None, 3),
                Operation::Find(user, "@".to_owned(), None, 7),
            ]);
            for room in self.rooms.clone() {
                all.extend([
                    Operation::Room(user, room),
                    Operation::Bans(user, room, 2),
                    Operation::Invites(user, room, 2),
                    Operation::Webhooks(user, room, 2),
                    Operation::Members(user, room, 3),
                    Operation::History(user, room, Window::Latest, 100),
                    Operation::Changes(Reader::User(user), room, 0, 500),
                ]);
            }
        }
        for room in self.rooms.clone() {
            all.extend([Operation::Live(room), Operation::Changes(Reader::House, room, 0, 500)]);
        }
        all
    }

    fn on_webhooks(&mut self) -> Operation {
        match (self.below(3), self.any_webhook()) {
            (1, Some((webhook, _))) => {
                let room = if self.chance(4) { self.room() } else { webhook.room };
                Operation::RemoveWebhook(self.user(), room, webhook.id)
            }
            (2, Some((webhook, secret))) => {
                let secret = if self.chance(4) { digest(0) } else { secret };
                Operation::Webhook(webhook.id, secret)
            }
            (0.., _) => {
                let (id, bot, secret) = (WebhookId(self.id()), UserId(self.id()), self.fresh_token());
                let name = DisplayName::parse(["CI", "ann 100%"][self.below(2)]).unwrap();
                let (room, by, created_at) = (self.room(), self.user(), self.now());
                let webhook = Webhook { id, room, name, bot, by, created_at };
                self.webhooks.push((webhook.clone(), secret));
                Operation::AddWebhook(webhook, secret)
            }
        }
    }

    fn on_sessions(&mut self) -> Operation {
        let (user, at) = (self.user(), self.now());
        match self.below(10) {
            0..2 => {
                let id = SessionId(self.id());
                self.sessions.push(id);
                let expires_at = at.plus_millis(SESSION_MS);
                let (password, refresh) = (self.password(), self.fresh_token());
                Operation::Open(NewSession { id, user, password, device: None, refresh, at, expires_at })
            }
            2..8 => {
                // Mostly young tokens, so that chains grow; sometimes any, so that they break.
                let among = if self.chance(4) { self.tokens } else { self.tokens.min(6) };
                let back = self.random.random_range(0..=among);
                let presented = digest(self.tokens - back);
                Operation::Rotate(presented, self.fresh_token(), at, at.plus_millis(SESSION_MS))
            }
            8 => Operation::End(user, self.session(), at),
            _ => Operation::EndOthers(user, self.session(), at),
        }
    }

    fn on_accounts(&mut self) -> Operation {
        let user = self.user();
        match self.below(12) {
            0..4 => {
                let name = DisplayName::parse(["Ann", "Боб Third", "eve 100%", "Zed_"][self.below(4)]).unwrap();
                Operation::Rename(user, name)
            }
            4..6 => Operation::SetPassword(user, self.password(), self.session(), self.now()),
            6..8 => Operation::Rehash(user, self.password(), self.password()),
            8..11 => {
                let name = NAMES[self.below(NAMES.len())];
                let account = self.account(name);
                if self.chance(2) && self.users.len() < 9 {
                    self.users.push(account.id);
                }
                Operation::Create(account)
            }
            _ => Operation::Delete(user, self.now()),
        }
    }

    fn question(&mut self) -> Operation {
        let (user, room, seq, size) = (self.user(), self.room(), self.seq(), self.below(4) + 1);
        let query = QUERIES[self.below(QUERIES.len())].to_owned();
        match self.below(20) {
            0 => Operation::Credentials(Username::parse(NAMES[self.below(NAMES.len())]).unwrap()),
            1 => Operation::Users(vec![user, self.user(), UserId(self.id())]),
            2 => Operation::Search(query, size),
            3 => Operation::EndedSince(Timestamp::from_millis(self.millis - 60_000)),
            4 => Operation::Directory(user, query, size),
            5 => Operation::Members(user, room, size),
            6 => match self.any_invite() {
                Some((_, code)) => Operation::InvitedTo(code),
                None => Operation::InvitedTo(digest(0)),
            },
            7 => Operation::Sync(user, self.now()),
            8..12 => {
                let window = [Window::Latest, Window::Before(seq), Window::After(seq), Window::Around(seq)];
                Operation::History(user, room, window[self.below(4)], size)
            }
            12..14 => Operation::Message(user, room, seq),
            14..16 => {
                let emoji = self.chance(2).then(|| self.emoji());
                Operation::Reactions(user, room, seq, emoji, size)
            }
            16..18 => Operation::Changes(Reader::User(user), room, seq, size * 5),
            18 => {
                let room = self.chance(2).then_some(room);
                Operation::Find(user, SOUGHT[self.below(SOUGHT.len())].to_owned(), room, size)
            }
            _ => Operation::Acquaintances(user, vec![self.user(), self.user()]),
        }
    }
}
