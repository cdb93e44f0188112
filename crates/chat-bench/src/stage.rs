//! What a run needs before it starts: accounts, rooms, memberships.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{account::Account, api::Api, client::Client, cursor, subject::Subject};

/// Sign-ups and joins at the same time: hashing passwords is slow on purpose.
const PREPARING: usize = 4;

/// A room made for the run.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    /// Its id.
    pub(crate) id: String,
    /// Its log's epoch.
    pub(crate) epoch: String,
    /// Its head when everybody had joined.
    pub(crate) base: u64,
}

impl Room {
    /// A client's cursor in this room, at the base.
    pub(crate) fn cursor(&self) -> cursor::Room {
        cursor::Room::new(&self.id, Some((&self.epoch, self.base)))
    }
}

/// Accounts and rooms of a run.
pub(crate) struct Stage {
    /// A word that no other run uses; every nonce starts with it.
    pub(crate) run: String,
    /// At least one.
    pub(crate) accounts: Vec<Arc<Account>>,
    /// In the order of their numbers.
    pub(crate) rooms: Vec<Room>,
    members: usize,
}

impl Stage {
    /// Makes `accounts` users and `rooms` rooms of `members` seats each; see [`Stage::account`] for who sits where.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub(crate) async fn build(
        subject: &Subject,
        accounts: usize,
        rooms: usize,
        members: usize,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(accounts > 0 && rooms > 0 && members > 0, "accounts, rooms and members must be at least 1");
        let run: String = (0..6).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
        let accounts = accounts.min(rooms.saturating_mul(members));
        let mut stage = Self { accounts: sign_up(subject, &run, accounts).await?, run, rooms: Vec::new(), members };
        stage.open_rooms(subject, rooms).await.context("making rooms")?;
        stage.fill_rooms(subject).await.context("joining rooms")?;
        let token = stage.owner()?.access().await?;
        let mut api = Api::new(subject.target(0)?);
        for room in &mut stage.rooms {
            let page = api.page(&token, &room.id, 0, 1).await?;
            (room.epoch, room.base) = (page.epoch, page.head);
        }
        Ok(stage)
    }

    /// Who made the rooms.
    pub(crate) fn owner(&self) -> anyhow::Result<&Arc<Account>> {
        self.accounts.first().context("no account")
    }

    /// The account on a seat of a room: seats are dealt out in turn, over all rooms.
    pub(crate) fn account(&self, room: usize, seat: usize) -> anyhow::Result<Arc<Account>> {
        let at = (room * self.members + seat) % self.accounts.len().max(1);
        self.accounts.get(at).cloned().context("no account")
    }

    /// A client on a seat of a room, not connected yet.
    pub(crate) fn client(&self, subject: &Subject, room: usize, seat: usize) -> anyhow::Result<Client> {
        let target = subject.target(room * self.members + seat)?;
        let cursor = self.rooms.get(room).context("no such room")?.cursor();
        Ok(Client::new(target, self.account(room, seat)?, vec![cursor]))
    }

    async fn open_rooms(&mut self, subject: &Subject, rooms: usize) -> anyhow::Result<()> {
        let token = self.owner()?.access().await?;
        let mut api = Api::new(subject.target(0)?);
        for n in 0..rooms {
            let id = api.create_room(&token, &format!("bench-{}-{n}", self.run)).await?;
            self.rooms.push(Room { id, epoch: String::new(), base: 0 });
        }
        Ok(())
    }

    async fn fill_rooms(&self, subject: &Subject) -> anyhow::Result<()> {
        let all = self.accounts.len();
        let gate = Arc::new(Semaphore::new(PREPARING));
        let mut tasks = JoinSet::new();
        for (at, account) in self.accounts.iter().enumerate() {
            let seats = |room: usize| (0..self.members.min(all)).map(move |seat| (room * self.members + seat) % all);
            let rooms = self.rooms.iter().enumerate();
            let mine: BTreeSet<String> =
                rooms.filter(|(n, _)| seats(*n).any(|seat| seat == at)).map(|(_, room)| room.id.clone()).collect();
            let (account, gate, mut api) = (Arc::clone(account), Arc::clone(&gate), Api::new(subject.target(at)?));
            tasks.spawn(async move {
                let _permit = gate.acquire().await?;
                for room in mine {
                    api.join(&account.access().await?, &room).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }
}

async fn sign_up(subject: &Subject, run: &str, accounts: usize) -> anyhow::Result<Vec<Arc<Account>>> {
    let gate = Arc::new(Semaphore::new(PREPARING));
    let mut tasks = JoinSet::new();
    for n in 0..accounts {
        let (target, gate) = (subject.target(n)?, Arc::clone(&gate));
        let name = format!("bench-{run}-{n}");
        let password = format!("{:016x}", rand::random::<u64>());
        tasks.spawn(async move {
            let _permit = gate.acquire().await?;
            anyhow::Ok((n, Account::open(target, &name, &password).await?))
        });
    }
    let mut made = Vec::with_capacity(accounts);
    while let Some(done) = tasks.join_next().await {
        made.push(done?.context("signing up")?);
    }
    made.sort_by_key(|(n, _)| *n);
    Ok(made.into_iter().map(|(_, account)| Arc::new(account)).collect())
}
