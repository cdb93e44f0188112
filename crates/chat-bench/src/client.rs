//! The reference client of protocol §3 on a real connection.
//!
//! It authenticates, subscribes with its cursors, repairs gaps, loads by REST after a `reset`, renews its token, and
//! keeps its cursors when the connection goes. When to connect, what to send and how long to wait is its owner's affair.

use std::{io, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{
    account::Account,
    api::Api,
    cursor::{Phase, Room},
    ears::{Answer, Chore, Ears, Seen, Sink, loaded},
    frame,
    target::Target,
    wire::{self, Broken, Incoming, Reader, Writer},
    words,
};

/// How long `ready` may take after `auth`.
const READY: Duration = Duration::from_secs(20);

/// Rooms in one `subscribe` (protocol §4).
const ROOMS: usize = 100;

/// Why a connection ended or did not begin.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The server closed it in order.
    Closed {
        /// The close code.
        code: Option<u16>,
        /// What `bye` said before: code and milliseconds.
        bye: Option<(u16, u64)>,
    },
    /// It broke, or could not be opened.
    Broken(String),
    /// The server broke a rule.
    Nonsense(String),
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed { code, bye } => write!(f, "closed with {code:?} after bye {bye:?}"),
            Self::Broken(why) => write!(f, "broken: {why}"),
            Self::Nonsense(what) => write!(f, "the server broke a rule: {what}"),
        }
    }
}

impl From<io::Error> for Lost {
    fn from(e: io::Error) -> Self {
        Self::Broken(e.to_string())
    }
}

/// A client and its cursors, connected or not.
pub(crate) struct Client {
    /// Where it connects.
    pub(crate) target: Target,
    /// Who it is.
    pub(crate) account: Arc<Account>,
    /// Its rooms and what it noted.
    pub(crate) ears: Ears,
    /// Bytes per read, for a slow reader.
    pub(crate) chunk: Option<usize>,
    link: Option<(Reader, Writer)>,
    last_id: u32,
}

impl Client {
    /// A client that is not connected yet.
    pub(crate) fn new(target: Target, account: Arc<Account>, rooms: Vec<Room>) -> Self {
        Self { target, account, ears: Ears::new(rooms), chunk: None, link: None, last_id: 0 }
    }

    /// Connects, authenticates and asks for its rooms. Their answers are heard by later [`Client::pump`]s.
    ///
    /// # Errors
    /// [`Lost`] when any step fails; calling again is always allowed.
    pub(crate) async fn connect(&mut self, sink: &mut impl Sink) -> Result<(), Lost> {
        self.disconnect();
        let token = self.account.access().await.map_err(broken)?;
        let stream = self.target.connect().await.map_err(broken)?;
        let (mut reader, writer) = wire::upgrade(stream, &self.target).await.map_err(broken)?;
        reader.read_by(self.chunk);
        self.link = Some((reader, writer));
        let id = self.id();
        self.say(&words::auth(id, &token)).await?;
        let until = Instant::now() + READY;
        while !self.ears.ready {
            match timeout_at(until, self.ready()).await {
                Ok(ready) => ready?,
                Err(_) => return Err(self.lose(Lost::Broken("no ready within 20 s".into()))),
            }
            self.pump(sink).await?;
        }
        self.subscribe(0..self.ears.rooms.len()).await
    }

    /// Whether there is a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Whether every room is live and nothing known is missing.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_connected() && self.ears.rooms.iter().all(Room::is_whole)
    }

    /// Drops the connection without a word, as a phone does.
    pub(crate) fn disconnect(&mut self) {
        self.link = None;
        self.ears.disconnected();
    }

    /// From now on reads at most this many bytes at once; `None` reads what is there.
    pub(crate) fn read_by(&mut self, chunk: Option<usize>) {
        self.chunk = chunk;
        if let Some((reader, _)) = self.link.as_mut() {
            reader.read_by(chunk);
        }
    }

    /// Waits until there may be something to hear. Cancel safe. Never ends without a connection.
    pub(crate) async fn ready(&self) -> Result<(), Lost> {
        match &self.link {
            Some((reader, _)) => Ok(reader.ready().await?),
            None => std::future::pending().await,
        }
    }

    /// Hears what is there and does the chores that follow.
    ///
    /// # Errors
    /// [`Lost`] when the connection is gone; the client is then disconnected.
    pub(crate) async fn pump(&mut self, sink: &mut impl Sink) -> Result<(), Lost> {
        let Some((reader, _)) = self.link.as_mut() else { return Ok(()) };
        let ears = &mut self.ears;
        let heard = reader.take(&mut |incoming: Incoming<'_>| ears.hear(incoming, sink));
        let done = self.chores(sink).await;
        // What the server said last (a Close) explains the end better than the end itself.
        match (done, heard) {
            (Err(lost), _) => Err(self.lose(lost)),
            (Ok(()), Ok(())) => Ok(()),
            (Ok(()), Err(Broken::Gone(e))) => Err(self.lose(e.into())),
            (Ok(()), Err(Broken::Violation(v))) => Err(self.lose(Lost::Nonsense(format!("{v:?}")))),
        }
    }

    /// To be called now and then: asks again for rooms whose head has been ahead for too long.
    ///
    /// # Errors
    /// As [`Client::pump`].
    pub(crate) async fn tick(&mut self, sink: &mut impl Sink) -> Result<(), Lost> {
        if self.link.is_none() {
            return Ok(());
        }
        self.ears.overdue(std::time::Instant::now());
        match self.chores(sink).await {
            Ok(()) => Ok(()),
            Err(lost) => Err(self.lose(lost)),
        }
    }

    /// Sends a message and returns the request's id.
    ///
    /// # Errors
    /// As [`Client::pump`].
    pub(crate) async fn send(&mut self, room: &str, nonce: &str, text: &str) -> Result<u32, Lost> {
        let id = self.id();
        self.say(&words::send(id, room, nonce, text)).await?;
        Ok(id)
    }

    async fn chores(&mut self, sink: &mut impl Sink) -> Result<(), Lost> {
        while let Some(chore) = self.ears.chores.pop_front() {
            match chore {
                Chore::Pong(payload) => {
                    if let Some((_, writer)) = self.link.as_mut() {
                        writer.frame(frame::PONG, &payload).await?;
                    }
                }
                Chore::Resubscribe(at) => self.subscribe(at..at + 1).await?,
                Chore::Reload(at) => self.reload(at, sink).await?,
                Chore::Reauth => {
                    self.ears.tally.reauths += 1;
                    let token = self.account.access().await.map_err(broken)?;
                    let id = self.id();
                    self.say(&words::auth(id, &token)).await?;
                }
                Chore::Closed(code) => {
                    let bye = self.ears.bye;
                    if let Some((_, writer)) = self.link.as_mut() {
                        // Closing back is a courtesy; a server that is gone already is no news.
                        drop(writer.frame(frame::CLOSE, &code.unwrap_or(1000).to_be_bytes()).await);
                    }
                    return Err(Lost::Closed { code, bye });
                }
                Chore::Nonsense(what) => return Err(Lost::Nonsense(what)),
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, which: std::ops::Range<usize>) -> Result<(), Lost> {
        let mut from = which.start;
        while from < which.end {
            let to = which.end.min(from + ROOMS);
            let id = self.id();
            let rooms = self.ears.rooms.get_mut(from..to).unwrap_or_default();
            rooms.iter_mut().for_each(|room| room.phase = Phase::Asked);
            let text = words::subscribe(id, rooms.iter().map(|room| (room.id.as_str(), room.start())));
            self.say(&text).await?;
            from = to;
        }
        Ok(())
    }

    /// After a `reset`: everything above the cursor by REST, then subscribe with the head.
    async fn reload(&mut self, at: usize, sink: &mut impl Sink) -> Result<(), Lost> {
        let Some(room) = self.ears.rooms.get_mut(at) else { return Ok(()) };
        let mut api = Api::new(self.target.clone());
        let mut after = room.cursor.unwrap_or(0);
        loop {
            let token = self.account.access().await.map_err(broken)?;
            let page = api.page(&token, &room.id, after, 100).await.map_err(broken)?;
            loaded(at, after, &page.items, sink);
            after = page.items.last().map_or(after, |m| m.seq);
            if !page.more_after {
                room.loaded(&page.epoch, page.head);
                break;
            }
        }
        self.subscribe(at..at + 1).await
    }

    async fn say(&mut self, text: &str) -> Result<(), Lost> {
        let Some((_, writer)) = self.link.as_mut() else { return Err(Lost::Broken("not connected".into())) };
        match writer.text(text).await {
            Ok(()) => Ok(()),
            Err(e) => Err(self.lose(e.into())),
        }
    }

    fn lose(&mut self, lost: Lost) -> Lost {
        self.disconnect();
        lost
    }

    fn id(&mut self) -> u32 {
        // 1 … 2^31 − 1, as the protocol asks.
        self.last_id = if self.last_id >= 0x7FFF_FFFF { 1 } else { self.last_id + 1 };
        self.last_id
    }
}

fn broken(e: impl Into<anyhow::Error>) -> Lost {
    Lost::Broken(format!("{:#}", e.into()))
}

/// A sink for those who only want the connection.
pub(crate) struct Deaf;

impl Sink for Deaf {
    fn message(&mut self, _seen: Seen<'_>) {}
    fn answer(&mut self, _id: u32, _answer: Answer) {}
}
