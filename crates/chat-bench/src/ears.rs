//! What a client makes of a server frame: cursors move, a sink hears of messages and answers, chores are noted.
//!
//! Pure: the chores (answer a ping, subscribe again, load by REST …) are done by `client`, which owns the connection.

use std::collections::VecDeque;

use crate::{
    api::Message,
    cursor::{Phase, Room, Step},
    scan::{Glance, glance},
    wire::Incoming,
    words::{Frame, Subscribed},
};

/// A message that was applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Which of the client's rooms.
    pub(crate) room: usize,
    /// Its place in the log.
    pub(crate) seq: u64,
    /// Its nonce, which is also the first word of its text.
    pub(crate) mark: &'a str,
    /// By a live event, not by catching up.
    pub(crate) live: bool,
}

/// The answer to a send.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is in the log at this place.
    Ok(u64),
    /// Refused.
    Error {
        /// The code.
        code: String,
        /// Whether trying again can help.
        retry: bool,
        /// When.
        retry_ms: Option<u64>,
    },
}

/// Who wants to hear of what a client applies.
pub(crate) trait Sink: Send {
    /// A message was applied.
    fn message(&mut self, seen: Seen<'_>);
    /// A request was answered.
    fn answer(&mut self, id: u32, answer: Answer);
}

/// What the client has to do before it reads on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Answer a ping.
    Pong(Vec<u8>),
    /// Subscribe to this room again.
    Resubscribe(usize),
    /// Load this room by REST.
    Reload(usize),
    /// Send a fresh token.
    Reauth,
    /// The server closed.
    Closed(Option<u16>),
    /// The server did something that no server may.
    Nonsense(String),
}

/// What happened beside messages, as counts.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Events above `cursor + 1`, and heads that stayed ahead.
    pub(crate) gaps: u64,
    /// Batches applied.
    pub(crate) batches: u64,
    /// Rooms loaded by REST.
    pub(crate) resets: u64,
    /// Tokens renewed on a living socket.
    pub(crate) reauths: u64,
    /// Subscriptions refused.
    pub(crate) refusals: u64,
}

/// The hearing half of a client.
pub(crate) struct Ears {
    /// The rooms listened to.
    pub(crate) rooms: Vec<Room>,
    /// Noted while hearing.
    pub(crate) chores: VecDeque<Chore>,
    /// Counts.
    pub(crate) tally: Tally,
    /// `ready` was heard on this connection.
    pub(crate) ready: bool,
    /// `bye` was heard on this connection: the close code it told, and when to come back.
    pub(crate) bye: Option<(u16, u64)>,
}

impl Ears {
    /// Ears for these rooms.
    pub(crate) fn new(rooms: Vec<Room>) -> Self {
        Self { rooms, chores: VecDeque::new(), tally: Tally::default(), ready: false, bye: None }
    }

    /// Forgets what belonged to one connection.
    pub(crate) fn disconnected(&mut self) {
        self.ready = false;
        self.bye = None;
        self.chores.clear();
        self.rooms.iter_mut().for_each(Room::disconnected);
    }

    /// Hears one frame.
    pub(crate) fn hear(&mut self, incoming: Incoming<'_>, sink: &mut impl Sink) {
        match incoming {
            Incoming::Ping(payload) => self.chores.push_back(Chore::Pong(payload.to_vec())),
            Incoming::Close(code) => self.chores.push_back(Chore::Closed(code)),
            Incoming::Text(text) => match glance(text) {
                Glance::Message { room, seq, nonce } => self.event(room, seq, Some(nonce), sink),
                Glance::Ack { id, seq } => sink.answer(id, Answer::Ok(seq)),
                Glance::Other => self.unusual(text, sink),
            },
        }
    }

    fn unusual(&mut self, text: &str, sink: &mut impl Sink) {
        let frame: Frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(e) => {
                let start: String = text.chars().take(200).collect();
                return self.chores.push_back(Chore::Nonsense(format!("{e}: {start}")));
            }
        };
        match frame {
            Frame::Ready {} => self.ready = true,
            Frame::Ok { id, rooms, seq } => {
                rooms.iter().flatten().for_each(|answer| self.subscribed(answer));
                if let Some(seq) = seq {
                    sink.answer(id, Answer::Ok(seq));
                }
            }
            Frame::Error { id, code, retry, retry_ms } => {
                sink.answer(id.unwrap_or(0), Answer::Error { code, retry, retry_ms });
            }
            Frame::Batch(batch) => {
                let Some(room) = self.find(&batch.room) else { return };
                self.batch(room, &batch, sink);
            }
            Frame::Event { room, seq, kind, data } => {
                let new = kind == "message" && data.get("seq").and_then(serde_json::Value::as_u64) == Some(seq);
                let message = new.then(|| serde_json::from_value::<Message>(data).ok()).flatten();
                self.event(&room, seq, message.as_ref().and_then(mark), sink);
            }
            Frame::Reset { room } => {
                let Some(at) = self.find(&room) else { return };
                let step = self.rooms.get_mut(at).map(Room::reset);
                self.follow(at, step);
            }
            Frame::Heartbeat { heads } => {
                for (id, head) in heads {
                    if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
                        room.heartbeat(head);
                    }
                }
            }
            Frame::Evicted { room } => {
                if let Some(room) = self.rooms.iter_mut().find(|r| r.id == room) {
                    room.phase = Phase::Out;
                    self.tally.refusals += 1;
                }
            }
            Frame::Reauth {} => self.chores.push_back(Chore::Reauth),
            Frame::Bye { code, retry_ms } => self.bye = Some((code, retry_ms.unwrap_or(0))),
            Frame::Other => {}
        }
    }

    fn event(&mut self, room: &str, seq: u64, mark: Option<&str>, sink: &mut impl Sink) {
        let Some(at) = self.find(room) else { return };
        let step = self.rooms.get_mut(at).map(|room| room.event(seq));
        if let (Some(Step::Apply), Some(mark)) = (step, mark) {
            sink.message(Seen { room: at, seq, mark, live: true });
        }
        self.follow(at, step);
    }

    fn batch(&mut self, at: usize, batch: &crate::words::Batch, sink: &mut impl Sink) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        let before = room.cursor.unwrap_or(0);
        let step = room.batch(batch);
        if step == Step::Apply {
            self.tally.batches += 1;
            loaded(at, before, &batch.messages, sink);
        }
        self.follow(at, Some(step));
    }

    fn subscribed(&mut self, answer: &Subscribed) {
        let Some(at) = self.find(&answer.room) else { return };
        let step = self.rooms.get_mut(at).map(|room| room.subscribed(answer));
        if answer.code.is_some() {
            self.tally.refusals += 1;
        }
        self.follow(at, step);
    }

    /// Notes the chores of rooms whose head has been ahead for too long.
    pub(crate) fn overdue(&mut self, now: std::time::Instant) {
        for at in 0..self.rooms.len() {
            let step = self.rooms.get_mut(at).map(|room| room.overdue(now));
            self.follow(at, step);
        }
    }

    fn follow(&mut self, at: usize, step: Option<Step>) {
        match step {
            Some(Step::Resubscribe) => {
                self.tally.gaps += 1;
                self.chores.push_back(Chore::Resubscribe(at));
            }
            Some(Step::Reload) => {
                self.tally.resets += 1;
                self.chores.push_back(Chore::Reload(at));
            }
            Some(Step::Apply | Step::Drop) | None => {}
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.rooms.iter().position(|room| room.id == id)
    }
}

/// Tells the sink of the new messages among objects that came by a batch or by REST.
pub(crate) fn loaded(room: usize, after: u64, messages: &[Message], sink: &mut impl Sink) {
    let mut new: Vec<&Message> = messages.iter().filter(|m| m.rev > after && m.seq > after).collect();
    new.sort_unstable_by_key(|m| m.seq);
    for message in new {
        if let Some(mark) = mark(message) {
            sink.message(Seen { room, seq: message.seq, mark, live: false });
        }
    }
}

/// The nonce, or the first word of the text, which is the nonce in everything this program posts.
pub(crate) fn mark(message: &Message) -> Option<&str> {
    message.nonce.as_deref().or_else(|| message.text.as_deref().and_then(|text| text.split(' ').next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Sink for Heard {
        fn message(&mut self, seen: Seen<'_>) {
            self.0.push(format!("{}:{}:{}", seen.seq, seen.mark, seen.live));
        }
        fn answer(&mut self, id: u32, answer: Answer) {
            self.0.push(format!("{id}={answer:?}"));
        }
    }

    fn hear(ears: &mut Ears, sink: &mut Heard, text: &str) {
        ears.hear(Incoming::Text(text), sink);
    }

    fn event(seq: u64) -> String {
        format!(
            r#"{{"type":"event","room":"R","seq":{seq},"kind":"message","by":"U","data":{{"room":"R","seq":{seq},"rev":{seq},"text":"n{seq} x","nonce":"n{seq}"}}}}"#
        )
    }

    #[test]
    fn a_story_of_events_gap_batch_and_member_change() {
        let mut ears = Ears::new(vec![Room::new("R", Some(("e", 1)))]);
        let mut sink = Heard::default();
        hear(&mut ears, &mut sink, r#"{"type":"ready","id":1}"#);
        assert!(ears.ready);
        hear(
            &mut ears,
            &mut sink,
            r#"{"type":"ok","id":2,"rooms":[{"room":"R","status":"live","epoch":"e","head":1,"floor":0}]}"#,
        );
        hear(&mut ears, &mut sink, &event(2));
        hear(&mut ears, &mut sink, r#"{"type":"event","room":"R","seq":3,"kind":"member","by":"U","data":{"rev":3}}"#);
        hear(&mut ears, &mut sink, &event(6));
        assert_eq!(ears.chores.pop_front(), Some(Chore::Resubscribe(0)));
        hear(&mut ears, &mut sink, &event(7));
        assert_eq!(ears.chores.pop_front(), None);
        hear(
            &mut ears,
            &mut sink,
            r#"{"type":"ok","id":3,"rooms":[{"room":"R","status":"catchup","epoch":"e","head":7,"floor":0}]}"#,
        );
        hear(
            &mut ears,
            &mut sink,
            r#"{"type":"batch","room":"R","epoch":"e","from":3,"to":7,"head":7,"more":false,"messages":[{"seq":5,"rev":5,"text":"n5 x"},{"seq":2,"rev":6,"text":"edited"},{"seq":4,"rev":4,"text":"n4 x"},{"seq":7,"rev":7,"text":"n7 x"}]}"#,
        );
        hear(&mut ears, &mut sink, &event(8));
        assert_eq!(sink.0, ["2:n2:true", "4:n4:false", "5:n5:false", "7:n7:false", "8:n8:true"]);
        assert_eq!((ears.tally.gaps, ears.tally.batches), (1, 1));
    }

    #[test]
    fn answers_resets_and_goodbyes_are_told() {
        let mut ears = Ears::new(vec![Room::new("R", Some(("e", 1)))]);
        let mut sink = Heard::default();
        hear(&mut ears, &mut sink, r#"{"type":"ok","id":9,"seq":4,"rev":4,"duplicate":true}"#);
        hear(&mut ears, &mut sink, r#"{"id":10,"seq":5,"type":"ok"}"#);
        hear(
            &mut ears,
            &mut sink,
            r#"{"type":"error","id":11,"code":"unavailable","message":"","retry":true,"retry_ms":5}"#,
        );
        assert_eq!(sink.0[..2], ["9=Ok(4)", "10=Ok(5)"]);
        assert!(sink.0[2].starts_with("11=Error"), "{:?}", sink.0);
        hear(
            &mut ears,
            &mut sink,
            r#"{"type":"ok","id":2,"rooms":[{"room":"R","status":"reset","epoch":"f","head":9,"floor":0}]}"#,
        );
        hear(&mut ears, &mut sink, r#"{"type":"reset","room":"R","epoch":"f","head":9,"floor":0,"reason":"epoch"}"#);
        hear(&mut ears, &mut sink, r#"{"type":"reauth","expires_at":"…"}"#);
        hear(&mut ears, &mut sink, r#"{"type":"bye","code":1012,"reason":"restart","reconnect":true,"retry_ms":40}"#);
        ears.hear(Incoming::Close(Some(1012)), &mut sink);
        assert_eq!(ears.chores, [Chore::Reload(0), Chore::Reauth, Chore::Closed(Some(1012))]);
        assert_eq!(ears.bye, Some((1012, 40)));
        hear(&mut ears, &mut sink, "nonsense");
        assert!(matches!(ears.chores.back(), Some(Chore::Nonsense(_))));
    }
}
