//! The loop of one socket whose user is known.
//!
//! One `select!`: what the client sends · answers that became ready · what the hub asks (revoked, replaced, draining) · the
//! next moment something is due (heartbeat, renewal, silence, stall) · the connection's end. Everything it does for a frame
//! stands in `requests`; delivery of events is the hub's and never passes through here.

use std::rc::Rc;

use chat_domain::ports::AccessClaims;
use chat_hub::{
    Socket,
    frames::{HeartbeatFrame, HeartbeatType, encode},
    outbox::Outbox,
    wsframe,
};
use tokio::time::Instant;

use super::{
    Door,
    admission::Permit,
    answers,
    due::Due,
    ending::End,
    flight::Flight,
    frames::{ClientFrame, ServerFrame},
    greeting::Identified,
    pace::{Metronome, Pace},
    timer::Work,
    trace::ConnectionId,
    transport::{Inbound, Incoming},
};
use crate::{json, metrics::count_limited, problem::ErrorCode};

/// Past so many requests whose answer the client can't have seen, as a multiple of the limit in flight, the server stops
/// reading.
const STOP_READING_AT: usize = 2;

/// One socket of one user.
pub(super) struct Session {
    pub(super) door: Door,
    pub(super) socket: Rc<Socket>,
    pub(super) outbox: Outbox,
    pub(super) claims: AccessClaims,
    pub(super) flight: Flight,
    pub(super) due: Due,
    /// Of the frame that is being read.
    pub(super) work: Work,
    connection: ConnectionId,
    pace: Metronome,
    _permit: Permit,
}

impl Session {
    /// Runs a socket to its end, and tells which it was.
    pub(super) async fn run(identified: Identified) -> End {
        let Identified { door, mut inbound, outbox, permit, socket, claims, connection } = identified;
        let now = Instant::now();
        let mut session = Self {
            due: Due::new(&door, &claims, now),
            pace: Metronome::new(door.settings.pace, now),
            socket: Rc::new(socket),
            flight: Flight::default(),
            door,
            outbox: outbox.clone(),
            claims,
            work: Work::none(),
            connection,
            _permit: permit,
        };
        let counted = Counted::up();
        let end = session.serve(&mut inbound).await;
        drop(counted);
        // Nothing is delivered any more once the end is decided.
        drop(session);
        end.carry_out(inbound, &outbox).await;
        end
    }

    async fn serve(&mut self, inbound: &mut Inbound) -> End {
        let signals = self.socket.signals();
        let outbox = self.outbox.clone();
        loop {
            let may_read = self.unseen() < STOP_READING_AT * self.door.settings.inflight;
            let next = tokio::select! {
                biased;
                () = outbox.closed() => Err(End::Gone),
                signal = signals.next() => Err(End::asked(signal)),
                () = self.flight.landed() => Ok(()),
                incoming = inbound.next(), if may_read => self.hear(incoming),
                () = outbox.replies_flushed(), if !may_read => Ok(()),
                () = tokio::time::sleep_until(self.due.next(&outbox)) => self.on_time(),
            };
            if let Err(end) = next {
                return end;
            }
        }
    }

    /// Requests whose answer the client can't have seen.
    fn unseen(&self) -> usize {
        self.flight.len() + self.outbox.unflushed_replies()
    }

    fn hear(&mut self, incoming: Option<Incoming>) -> Result<(), End> {
        let incoming = incoming.ok_or(End::Gone)?;
        if let Some(end) = End::of(&incoming) {
            return Err(end);
        }
        let now = Instant::now();
        self.due.heard(now);
        let pace = self.pace.frame(now);
        if pace != Pace::Fine {
            count_limited("frames");
        }
        if pace == Pace::Gross {
            return Err(End::FLOOD);
        }
        match incoming {
            Incoming::Text(text) => self.read(&text, pace, now),
            Incoming::Ping(payload) => self.outbox.push_reply(wsframe::pong(&payload)).map_err(|_| End::Gone),
            Incoming::Pong | Incoming::Binary(_) | Incoming::Close(_) | Incoming::Violation(_) | Incoming::Gone => {
                Ok(())
            }
        }
    }

    fn read(&mut self, text: &str, pace: Pace, now: Instant) -> Result<(), End> {
        let value = json::parse_object(text.as_bytes()).map_err(|_| End::NONSENSE)?;
        let id = value.get("id").and_then(serde_json::Value::as_i64).filter(|id| is_id(*id));
        if let Pace::TooFast { retry_ms } = pace {
            // What has no id gets no answer, and is the first to go.
            if id.is_some() {
                answers::fail(&self.outbox, id, ErrorCode::RateLimited, "too many frames", Some(retry_ms));
            }
            return Ok(());
        }
        let frame: ClientFrame = match serde_json::from_value(value) {
            Ok(frame) => frame,
            Err(error) => return self.bad_request(id, &error.to_string()),
        };
        match (frame.id(), id) {
            (Some(_), None) => return self.bad_request(None, "id must be 1 … 2^31-1"),
            (Some(_), Some(id)) if self.flight.has(id) => {
                return self.bad_request(Some(id), "a request with this id is in flight");
            }
            // Answered ones that wait to be written are not in flight: they only slow the reading down.
            (Some(_), Some(_)) if self.flight.len() >= self.door.settings.inflight => {
                answers::fail(&self.outbox, id, ErrorCode::TooManyInflight, "too many requests in flight", None);
                return Ok(());
            }
            (Some(_) | None, _) => {}
        }
        let work = Work::on(frame.name(), self.connection.frame(frame.name()), now);
        self.work = work.clone();
        let done = work.span.in_scope(|| self.request(frame));
        self.work = Work::none();
        work.done();
        done
    }

    /// Answers nonsense; the tenth within a minute ends the socket.
    pub(super) fn bad_request(&mut self, id: Option<i64>, why: &str) -> Result<(), End> {
        answers::fail(&self.outbox, id, ErrorCode::BadRequest, why, None);
        if self.pace.bad_request(Instant::now()) { Err(End::NONSENSE) } else { Ok(()) }
    }

    fn on_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        self.due.check(now, &self.outbox)?;
        if self.due.take_heartbeat(now) {
            self.heartbeat();
        }
        if self.due.take_reauth(now) {
            answers::say(&self.outbox, &ServerFrame::Reauth { expires_at: self.claims.expires_at });
        }
        Ok(())
    }

    fn heartbeat(&self) {
        let beat = self.socket.heartbeat();
        let frame =
            HeartbeatFrame { frame: HeartbeatType::This, at: self.door.chat.now(), heads: beat.heads, seq: beat.seq };
        let frames = [encode(&frame), wsframe::ping(b"")];
        let pushed = frames.into_iter().all(|frame| self.outbox.push_reply(frame).is_ok());
        if !pushed {
            tracing::debug!("a heartbeat was not queued");
        }
    }
}

/// One more open socket, until dropped; also when what it is for panics.
struct Counted;

impl Counted {
    fn up() -> Self {
        metrics::gauge!("chat_websocket_connections").increment(1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("chat_websocket_connections").decrement(1);
    }
}

/// Ids of requests: 1 … 2^31−1.
fn is_id(id: i64) -> bool {
    (1..=i64::from(i32::MAX)).contains(&id)
}
