//! A small world to tell stories in: people, rooms, and what they do, with a clock and ids of its own.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use chat_domain::{
    command::{Action, Command, Draft, MemberPatch, NewRoom, Outcome, Reply},
    ids::{InviteId, RoomId, Seq, SessionId, UserId, WebhookId},
    objects::{Invite, LogHead, Member, Message, Role, Room, RoomKind, Webhook},
    pages::{PageOf, SyncRoom},
    ports::{Digest, NewAccount, NewSession, PasswordHash},
    refusal::Refusal,
    timestamp::Timestamp,
    words::{DisplayName, Emoji, Nonce, RoomName, Text, Username},
};
use uuid::Uuid;

use crate::fixture::{Fixture, Stores};

/// People and rooms in one record. Time stands still but for [`World::passes`] and a millisecond for each thing done.
pub struct World {
    pub stores: Stores,
    fixture: Option<Box<dyn Fixture>>,
    millis: AtomicI64,
    ids: AtomicU64,
}

impl World {
    /// A world in a record that nothing but its ports can touch.
    pub fn new(stores: Stores) -> Self {
        Self { stores, fixture: None, millis: AtomicI64::new(1_769_851_800_000), ids: AtomicU64::new(1) }
    }

    /// A world in a fixture's record.
    pub fn of(fixture: impl Fixture + 'static) -> Self {
        let stores = fixture.stores();
        Self { fixture: Some(Box::new(fixture)), ..Self::new(stores) }
    }

    /// The fixture, for what no port can make happen.
    pub fn fixture(&self) -> &dyn Fixture {
        self.fixture.as_deref().expect("this world was made of a fixture")
    }

    /// Now; each look takes a millisecond.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(1, Ordering::Relaxed))
    }

    /// Time passes.
    pub fn passes(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// A fresh id in the shape of UUIDv7; later ones are greater.
    pub fn id(&self) -> Uuid {
        let count = u128::from(self.ids.fetch_add(1, Ordering::Relaxed));
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | count)
    }

    /// A person of that name.
    pub async fn user(&self, name: &str) -> UserId {
        let account = self.account(name);
        self.stores.accounts.create(account).await.unwrap().id
    }

    /// People of these names.
    pub async fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        let mut users = Vec::with_capacity(N);
        for name in names {
            users.push(self.user(name).await);
        }
        users.try_into().unwrap()
    }

    /// What would make a person of that name.
    pub fn account(&self, name: &str) -> NewAccount {
        NewAccount {
            id: UserId(self.id()),
            username: Username::parse(name).unwrap(),
            display_name: DisplayName::parse(name).unwrap(),
            password: PasswordHash(format!("hash of {name}")),
            at: self.now(),
        }
    }

    /// A public room; the first of these people owns it.
    pub async fn room(&self, name: &str, people: &[UserId]) -> RoomId {
        self.room_of(RoomKind::Public, Some(name), people).await
    }

    /// A private room; the first of these people owns it.
    pub async fn private(&self, name: &str, people: &[UserId]) -> RoomId {
        self.room_of(RoomKind::Private, Some(name), people).await
    }

    /// A direct room.
    pub async fn direct(&self, one: UserId, other: UserId) -> RoomId {
        self.room_of(RoomKind::Direct, None, &[one, other]).await
    }

    async fn room_of(&self, kind: RoomKind, name: Option<&str>, people: &[UserId]) -> RoomId {
        let (owner, others) = people.split_first().unwrap();
        let new = NewRoom {
            kind,
            name: name.map(|name| RoomName::parse(name).unwrap()),
            topic: None,
            members: others.to_vec(),
            nonce: None,
        };
        let room = RoomId(self.id());
        self.ok(*owner, room, Action::Create(new)).await;
        room
    }

    /// Somebody does something.
    pub async fn does(&self, by: UserId, room: RoomId, action: Action) -> Result<Outcome, Refusal> {
        let command = self.command(by, room, action);
        self.stores.rooms.commit(vec![command]).await.unwrap().pop().unwrap()
    }

    /// Several things are done in one batch.
    pub async fn batch(&self, actions: Vec<(UserId, RoomId, Action)>) -> Vec<Result<Outcome, Refusal>> {
        let commands = actions.into_iter().map(|(by, room, action)| self.command(by, room, action)).collect();
        self.stores.rooms.commit(commands).await.unwrap()
    }

    pub fn command(&self, by: UserId, room: RoomId, action: Action) -> Command {
        Command { room, by, at: self.now(), action }
    }

    /// Somebody does something that is allowed.
    pub async fn ok(&self, by: UserId, room: RoomId, action: Action) -> Outcome {
        let told = format!("{by:?} {action:?}");
        self.does(by, room, action).await.unwrap_or_else(|refusal| panic!("{told}: {refusal:?}"))
    }

    /// Somebody posts, and it is new.
    pub async fn posts(&self, by: UserId, room: RoomId, words: &str) -> Arc<Message> {
        match self.ok(by, room, Action::Post(draft(words))).await.reply {
            Reply::Posted { message, duplicate: false } => message,
            other => panic!("{other:?}"),
        }
    }

    /// Somebody is given a role, or comes in as it.
    pub async fn gives(&self, by: UserId, room: RoomId, user: UserId, role: Role) -> Outcome {
        self.ok(by, room, Action::SetMember(MemberPatch { user, role: Some(role), muted_until: None })).await
    }

    /// Somebody is muted for a while.
    pub async fn mutes(&self, by: UserId, room: RoomId, user: UserId, millis: i64) -> Outcome {
        let until = self.now().plus_millis(millis);
        let patch = MemberPatch { user, role: None, muted_until: Some(Some(until)) };
        self.ok(by, room, Action::SetMember(patch)).await
    }

    /// An invite to the room under `code`.
    pub fn invite(&self, by: UserId, room: RoomId) -> Invite {
        let id = InviteId(self.id());
        Invite { id, room, by, created_at: self.now(), expires_at: None, max_uses: None, uses: 0 }
    }

    /// A webhook of the room, to be made by `by`.
    pub fn webhook(&self, by: UserId, room: RoomId, name: &str) -> Webhook {
        let (id, bot) = (WebhookId(self.id()), UserId(self.id()));
        Webhook { id, room, name: DisplayName::parse(name).unwrap(), bot, by, created_at: self.now() }
    }

    /// A webhook of the room, made by `by`, whose secret is `secret`.
    pub async fn hooks(&self, by: UserId, room: RoomId, secret: u64) -> Webhook {
        let webhook = self.webhook(by, room, "CI");
        self.stores.webhooks.add(webhook.clone(), digest(secret), 10).await.unwrap();
        webhook
    }

    /// A sign-in whose first refresh token is `token` and which lasts an hour.
    pub async fn signs_in(&self, user: UserId, token: u64) -> SessionId {
        let (id, at) = (SessionId(self.id()), self.now());
        let expires_at = at.plus_millis(3_600_000);
        let password = self.hash(user).await;
        let session = NewSession { id, user, password, device: None, refresh: digest(token), at, expires_at };
        self.stores.sessions.open(session).await.unwrap();
        id
    }

    /// The user's stored hash; one that nobody has, of a user that is not there.
    pub async fn hash(&self, user: UserId) -> PasswordHash {
        let stored = self.stores.accounts.password(user).await.unwrap();
        stored.unwrap_or_else(|| PasswordHash("of nobody".to_owned()))
    }

    /// Where the log stands.
    pub async fn log(&self, room: RoomId) -> LogHead {
        self.stores.log.live(room).await.unwrap().unwrap().log
    }

    /// The number of the newest change.
    pub async fn head(&self, room: RoomId) -> Seq {
        self.log(room).await.head
    }

    /// The room as it is.
    pub async fn state(&self, room: RoomId) -> Room {
        self.stores.log.live(room).await.unwrap().unwrap().room
    }

    /// One of those who are in.
    pub async fn member(&self, room: RoomId, user: UserId) -> Option<Member> {
        let live = self.stores.log.live(room).await.unwrap().unwrap();
        live.members.into_iter().find(|member| member.user == user)
    }

    /// A message as this reader sees it.
    pub async fn message(&self, reader: UserId, room: RoomId, seq: Seq) -> Message {
        self.stores.log.message(reader, room, seq).await.unwrap()
    }

    /// The number of a user's newest hint.
    pub async fn hints(&self, user: UserId) -> Seq {
        self.stores.accounts.users(&[user]).await.unwrap()[0].1
    }

    /// A user's line of the first paint.
    pub async fn line(&self, user: UserId, room: RoomId) -> Option<SyncRoom> {
        let paint = self.stores.rooms.sync(user, self.now()).await.unwrap();
        paint.rooms.into_iter().find(|line| line.room.id == room)
    }
}

pub fn text(words: &str) -> Text {
    Text::parse(words, 4_000).unwrap()
}

pub fn emoji(picture: &str) -> Emoji {
    Emoji::parse(picture).unwrap()
}

pub fn nonce(name: &str) -> Nonce {
    Nonce::parse(&format!("nonce-{name}")).unwrap()
}

/// A message without a nonce.
pub fn draft(words: &str) -> Draft {
    Draft { text: text(words), nonce: None, reply_to: None }
}

/// A message under a nonce.
pub fn named(name: &str, words: &str) -> Action {
    Action::Post(Draft { nonce: Some(nonce(name)), ..draft(words) })
}

/// A secret's hash; any number will do for a secret.
pub fn digest(secret: u64) -> Digest {
    let mut bytes = [7; 32];
    for (to, from) in bytes.iter_mut().zip(secret.to_be_bytes()) {
        *to = from;
    }
    Digest(bytes)
}

/// A list in one piece.
pub fn everything<K>() -> PageOf<K> {
    PageOf { after: None, limit: 100 }
}
