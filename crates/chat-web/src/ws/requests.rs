//! From a frame to a request in flight: values parsed, then one call of a use case or of the hub.

use std::rc::Rc;

use chat_domain::{
    command::{Action, Draft, Reply},
    ids::{MAX_SEQ, RoomId, Seq, UserId},
    limits::Rate,
    objects::Epoch,
    pages::Cursor,
    ports::{Pending, Status},
    refusal::Refusal,
    words::{Emoji, Invalid, Nonce, Text},
};
use chat_hub::{SubscribeAnswer, SubscribeRequest};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{
    answers,
    ending::End,
    flight::{Request, Running},
    frames::{
        Auth, ClientFrame, Done, RoomAnswer, RoomStatus, ServerFrame, Subscribe, SubscribeRoom, Typing, Unsubscribe,
        Watch,
    },
    session::Session,
};
use crate::problem::ErrorCode;

impl Session {
    /// Does what a well-shaped frame asks.
    pub(super) fn request(&mut self, frame: ClientFrame) -> Result<(), End> {
        let id = frame.id();
        let refused = match frame {
            ClientFrame::Auth(auth) => self.renew(&auth),
            ClientFrame::Subscribe(frame) => return self.subscribe(frame),
            ClientFrame::Unsubscribe(frame) => return self.unsubscribe(frame),
            ClientFrame::Watch(frame) => self.watch(frame),
            ClientFrame::Send(frame) => draft(self, &frame.nonce, &frame.text, frame.reply_to)
                .and_then(|draft| Ok((room(&frame.room)?, Action::Post(draft))))
                .and_then(|(room, action)| self.write(frame.id, room, action)),
            ClientFrame::Edit(frame) => text(self, &frame.text)
                .and_then(|text| Ok(Action::Edit { seq: seq(frame.seq)?, text, if_match: None }))
                .and_then(|action| self.write(frame.id, room(&frame.room)?, action)),
            ClientFrame::Delete(frame) => seq(frame.seq)
                .and_then(|seq| self.write(frame.id, room(&frame.room)?, Action::Delete { seq, if_match: None })),
            ClientFrame::React(frame) => Emoji::parse(&frame.emoji)
                .map_err(|reason| Refusal::invalid("/emoji", reason))
                .and_then(|emoji| Ok(Action::React { seq: seq(frame.seq)?, emoji, on: frame.on }))
                .and_then(|action| self.write(frame.id, room(&frame.room)?, action)),
            ClientFrame::Read(frame) => {
                seq(frame.seq).and_then(|seq| self.write(frame.id, room(&frame.room)?, Action::Read(seq)))
            }
            ClientFrame::Typing(frame) => {
                self.typing(&frame);
                Ok(())
            }
            ClientFrame::Presence(frame) => self.presence(&frame.status),
            ClientFrame::Ping(frame) => {
                answers::say(&self.outbox, &ServerFrame::Pong { id: frame.id });
                Ok(())
            }
        };
        if let Err(refusal) = refused {
            answers::refuse(&self.outbox, id, refusal);
        }
        Ok(())
    }

    /// A write: it takes its place in the room's log when it starts, and is answered when it is durable.
    fn write(&mut self, id: i64, room: RoomId, action: Action) -> Result<(), Refusal> {
        let (chat, user, outbox) = (self.door.chat.clone(), self.claims.user, self.outbox.clone());
        let start = Box::new(move || -> Running {
            let pending: Result<Pending, Refusal> = if let Action::Post(draft) = action {
                chat.post(user, room, draft)
            } else {
                Ok(chat.command(user, room, action))
            };
            async move {
                let result = match pending {
                    Ok(pending) => pending.await,
                    Err(refusal) => Err(refusal),
                };
                match result {
                    Ok(outcome) => answers::say(&outbox, &ServerFrame::Ok(done(id, &outcome.reply))),
                    Err(refusal) => answers::refuse(&outbox, Some(id), refusal),
                }
            }
            .boxed_local()
        });
        self.flight.add(Request { id: Some(id), alone: false, start, work: self.work.clone() });
        Ok(())
    }

    fn renew(&mut self, auth: &Auth) -> Result<(), Refusal> {
        let claims = self.door.chat.authenticate(&auth.token)?;
        if (claims.user, claims.session) != (self.claims.user, self.claims.session) {
            return Err(Refusal::Forbidden("a socket stays with its user and session"));
        }
        self.claims = claims;
        self.due.renewed(&claims, self.door.chat.now(), Instant::now());
        let done = Done { id: auth.id, expires_at: Some(claims.expires_at), ..Done::default() };
        answers::say(&self.outbox, &ServerFrame::Ok(done));
        Ok(())
    }

    fn subscribe(&mut self, frame: Subscribe) -> Result<(), End> {
        if frame.rooms.len() > self.door.settings.rooms_per_subscribe {
            return self.bad_request(Some(frame.id), "too many rooms in one subscribe");
        }
        let requests: Result<Vec<_>, Refusal> = frame.rooms.iter().map(subscription).collect();
        let requests = match requests {
            Ok(requests) => requests,
            Err(refusal) => {
                answers::refuse(&self.outbox, Some(frame.id), refusal);
                return Ok(());
            }
        };
        let (socket, outbox, most) = (Rc::clone(&self.socket), self.outbox.clone(), self.door.settings.subscriptions);
        let start = Box::new(move || -> Running {
            async move {
                let rooms = requests.iter().filter_map(|request| request.room);
                let mut fresh: Vec<RoomId> = rooms.filter(|room| !socket.is_subscribed(*room)).collect();
                fresh.sort();
                fresh.dedup();
                if socket.subscriptions() + fresh.len() > most {
                    let why = "too many subscriptions on this socket";
                    answers::fail(&outbox, Some(frame.id), ErrorCode::TooManySubscriptions, why, None);
                    return;
                }
                let replies = outbox.clone();
                socket
                    .subscribe(requests, move |answers| {
                        let rooms = Some(room_answers(&frame.rooms, answers));
                        answers::say(&replies, &ServerFrame::Ok(Done { id: frame.id, rooms, ..Done::default() }));
                    })
                    .await;
            }
            .boxed_local()
        });
        self.flight.add(Request { id: Some(frame.id), alone: true, start, work: self.work.clone() });
        Ok(())
    }

    fn unsubscribe(&mut self, frame: Unsubscribe) -> Result<(), End> {
        if frame.rooms.len() > self.door.settings.rooms_per_subscribe {
            return self.bad_request(Some(frame.id), "too many rooms in one unsubscribe");
        }
        let (socket, outbox) = (Rc::clone(&self.socket), self.outbox.clone());
        let start = Box::new(move || -> Running {
            let rooms: Vec<RoomId> = frame.rooms.iter().filter_map(|room| RoomId::parse(room)).collect();
            socket.unsubscribe(&rooms);
            answers::say(&outbox, &ServerFrame::Ok(Done { id: frame.id, ..Done::default() }));
            async {}.boxed_local()
        });
        self.flight.add(Request { id: Some(frame.id), alone: true, start, work: self.work.clone() });
        Ok(())
    }

    fn watch(&mut self, frame: Watch) -> Result<(), Refusal> {
        if frame.users.len() > self.door.settings.watch_users {
            return Err(Refusal::invalid("/users", Invalid::too_long(self.door.settings.watch_users)));
        }
        // Users nobody knows are ignored, like those who share no room.
        let users: Vec<UserId> = frame.users.iter().filter_map(|user| UserId::parse(user)).collect();
        let (socket, outbox) = (Rc::clone(&self.socket), self.outbox.clone());
        let start = Box::new(move || -> Running {
            async move {
                match socket.watch(users).await {
                    Ok(()) => answers::say(&outbox, &ServerFrame::Ok(Done { id: frame.id, ..Done::default() })),
                    Err(refusal) => answers::refuse(&outbox, Some(frame.id), refusal),
                }
            }
            .boxed_local()
        });
        self.flight.add(Request { id: Some(frame.id), alone: false, start, work: self.work.clone() });
        Ok(())
    }

    fn presence(&mut self, status: &str) -> Result<(), Refusal> {
        match status {
            "online" => self.socket.set_status(Status::Online),
            "away" => self.socket.set_status(Status::Away),
            _ => return Err(Refusal::invalid("/status", Invalid::Malformed)),
        }
        Ok(())
    }

    /// Over the rate, where one may not speak, or where there is no room: silently dropped.
    fn typing(&mut self, frame: &Typing) {
        let Some(room) = RoomId::parse(&frame.room) else { return };
        if frame.on && self.door.chat.count(&Rate::Typing(self.claims.user, room)).is_err() {
            return;
        }
        if self.flight.len() >= self.door.settings.inflight {
            return;
        }
        let (socket, on) = (Rc::clone(&self.socket), frame.on);
        let start = Box::new(move || -> Running { async move { socket.typing(room, on).await }.boxed_local() });
        self.flight.add(Request { id: None, alone: false, start, work: self.work.clone() });
    }
}

/// A room whose id is nonsense is answered `not_found` in its place.
fn subscription(asked: &SubscribeRoom) -> Result<SubscribeRequest, Refusal> {
    let after = asked.after.map(|after| match Seq::try_from(after) {
        Ok(after) if after <= MAX_SEQ => Ok(after),
        Ok(_) | Err(_) => Err(Refusal::invalid("/rooms/after", Invalid::OutOfRange)),
    });
    let epoch = asked.epoch.as_deref().map(|epoch| Epoch(epoch.into()));
    let cursor = after.transpose()?.map(|after| Cursor { epoch, after });
    Ok(SubscribeRequest { room: RoomId::parse(&asked.room), cursor })
}

fn room_answers(asked: &[SubscribeRoom], answers: Vec<SubscribeAnswer>) -> Vec<RoomAnswer<'_>> {
    asked.iter().zip(answers).map(|(asked, answer)| room_answer(&asked.room, answer)).collect()
}

fn room_answer(room: &str, answer: SubscribeAnswer) -> RoomAnswer<'_> {
    let (status, log, reason, code) = match answer {
        SubscribeAnswer::Live { log } => (RoomStatus::Live, Some(log), None, None),
        SubscribeAnswer::CatchUp { log } => (RoomStatus::Catchup, Some(log), None, None),
        SubscribeAnswer::Reset { reason, log } => (RoomStatus::Reset, Some(log), Some(reason), None),
        SubscribeAnswer::Error(refusal) => (RoomStatus::Error, None, None, Some(ErrorCode::of(&refusal).as_str())),
    };
    RoomAnswer { room, status, log, reason, code }
}

fn done(id: i64, reply: &Reply) -> Done<'static> {
    let mut done = Done { id, ..Done::default() };
    match reply {
        Reply::Posted { message, duplicate } => {
            // The first result, whatever became of the message since.
            (done.seq, done.rev) = (Some(message.seq), Some(message.seq));
            (done.at, done.duplicate) = (Some(message.at), Some(*duplicate));
        }
        Reply::Message { message, changed } => {
            (done.seq, done.rev, done.changed) = (Some(message.seq), Some(message.rev), Some(*changed));
        }
        Reply::Read { seq } => done.seq = Some(*seq),
        Reply::Room { room, changed } => (done.rev, done.changed) = (Some(room.rev), Some(*changed)),
        Reply::Member { member, .. } | Reply::Redeemed { member, .. } => done.rev = Some(member.rev),
    }
    done
}

fn draft(session: &Session, nonce: &str, wanted: &str, reply_to: Option<i64>) -> Result<Draft, Refusal> {
    let nonce = Nonce::parse(nonce).map_err(|reason| Refusal::invalid("/nonce", reason))?;
    let reply_to = reply_to.map(|to| number("/reply_to", to)).transpose()?;
    Ok(Draft { text: text(session, wanted)?, nonce: Some(nonce), reply_to })
}

fn text(session: &Session, text: &str) -> Result<Text, Refusal> {
    session.door.chat.text(text).map_err(|reason| Refusal::invalid("/text", reason))
}

fn room(id: &str) -> Result<RoomId, Refusal> {
    RoomId::parse(id).ok_or(Refusal::NotFound)
}

fn seq(seq: i64) -> Result<Seq, Refusal> {
    number("/seq", seq)
}

fn number(pointer: &'static str, number: i64) -> Result<Seq, Refusal> {
    match Seq::try_from(number) {
        Ok(number) if (1..=MAX_SEQ).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(Refusal::invalid(pointer, Invalid::OutOfRange)),
    }
}
