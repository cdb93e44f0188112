//! One device's view of one room: the reference reducer of protocol §3, and beside it what the frames of the present
//! subscription must look like, checked against the truth.

use std::collections::BTreeMap;

use chat_domain::{
    event::{Event, Eviction, Object},
    ids::{RoomId, Seq, UserId},
    objects::{Epoch, Message},
    pages::Cursor,
};

use crate::{
    truth::{Annals, Key, Logged, Truth},
    wire::{BatchFrame, EventFrame, RoomAnswer},
};

/// What the device knows, and how it is subscribed.
pub struct View {
    room: RoomId,
    user: UserId,
    pub epoch: Option<Epoch>,
    pub cursor: Seq,
    pub things: BTreeMap<Key, Object>,
    /// It knows everything up to its cursor, not only what changed since it came.
    pub complete: bool,
    pub stream: Option<Stream>,
    /// The cursor of a subscribe that is not yet answered.
    pub asked: Option<Option<Cursor>>,
    pub unsubscribed: bool,
}

/// The present subscription as its frames tell it.
pub struct Stream {
    /// Where the server must be.
    pub cursor: Seq,
    /// Batches must follow.
    pub more: bool,
    admitted: Seq,
}

/// What the device should do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Subscribe again, from the cursor.
    Repair,
    /// Drop everything and load the room.
    Reload,
    /// Try again in a while.
    Retry,
    /// Look at what rooms there are.
    Sync,
}

type Step = Result<Then, String>;

impl View {
    pub fn new(room: RoomId, user: UserId) -> Self {
        Self {
            room,
            user,
            epoch: None,
            cursor: 0,
            things: BTreeMap::new(),
            complete: false,
            stream: None,
            asked: None,
            unsubscribed: false,
        }
    }

    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Where to go on from; `None` for a device that wants only what is new.
    pub fn resume(&self) -> Option<Cursor> {
        (self.complete || self.cursor > 0).then(|| Cursor { epoch: self.epoch.clone(), after: self.cursor })
    }

    /// The connection is gone.
    pub fn cut(&mut self) {
        self.stream = None;
        self.asked = None;
    }

    pub fn is_whole_stream(&self) -> bool {
        self.asked.is_none() && self.stream.as_ref().is_some_and(|stream| !stream.more)
    }

    pub fn answered(&mut self, answer: &RoomAnswer) -> Step {
        if answer.status == "gone" {
            self.stream = None;
            // It may want the room again by now.
            return Ok(if self.unsubscribed { Then::Nothing } else { Then::Retry });
        }
        let asked = self.asked.take().ok_or_else(|| format!("an answer about {} that nobody asked for", self.room))?;
        self.stream = None;
        match answer.status.as_str() {
            "live" | "catchup" => self.admitted(answer, asked),
            "reset" => Ok(Then::Reload),
            _ if answer.code == "unavailable" => Ok(Then::Retry),
            _ => Ok(Then::Sync),
        }
    }

    fn admitted(&mut self, answer: &RoomAnswer, asked: Option<Cursor>) -> Step {
        let (head, live) = (answer.head, answer.status == "live");
        let after = asked.as_ref().map_or(head, |cursor| cursor.after);
        if live != (after == head) || after > head {
            return Err(format!("{} from {after} where the head is {head}", answer.status));
        }
        let epoch = asked.and_then(|cursor| cursor.epoch);
        if epoch.is_some() && epoch != answer.epoch {
            return Err("a cursor of another history was taken".to_owned());
        }
        if self.epoch.is_none() {
            self.epoch.clone_from(&answer.epoch);
        } else if self.epoch != answer.epoch {
            self.things.clear();
            self.complete = false;
            self.cursor = after;
            self.epoch.clone_from(&answer.epoch);
        }
        self.cursor = self.cursor.max(after);
        self.stream = Some(Stream { cursor: after, more: !live, admitted: head });
        Ok(Then::Nothing)
    }

    pub fn event(&mut self, frame: &EventFrame, annals: &Annals) -> Step {
        let seq = frame.seq;
        let object = frame.object().ok_or_else(|| format!("event {seq} is no object"))?;
        let stream = self.stream.as_mut().ok_or_else(|| format!("event {seq} without a subscription"))?;
        if stream.more {
            return Err(format!("event {seq} before the last batch"));
        }
        if seq != stream.cursor + 1 {
            return Err(format!("event {seq} follows {}", stream.cursor));
        }
        stream.cursor = seq;
        let Logged { event, .. } = annals.at(seq).ok_or_else(|| format!("event {seq} never happened"))?;
        if Some(event.by) != frame.by || event.object != object {
            return Err(format!("event {seq} is not what happened: {object:?} instead of {event:?}"));
        }
        if !annals.was_in(self.user, seq) && !annals.was_in(self.user, seq - 1) {
            return Err(format!("event {seq} reaches {} who was not in", self.user));
        }
        if seq <= self.cursor {
            return Ok(Then::Nothing);
        }
        if seq > self.cursor + 1 {
            return Ok(Then::Repair);
        }
        self.cursor = seq;
        self.take(object);
        Ok(Then::Nothing)
    }

    pub fn batch(&mut self, batch: &BatchFrame, bytes: usize, limit: usize, annals: &Annals) -> Step {
        let (from, to) = (batch.from, batch.to);
        let stream = self.stream.as_mut().ok_or_else(|| format!("batch {from}..{to} without a subscription"))?;
        let fits = from == stream.cursor && from <= to && to <= batch.head && (batch.more || to == batch.head);
        if !fits || self.epoch.as_ref() != Some(&batch.epoch) {
            let (cursor, head) = (stream.cursor, batch.head);
            return Err(format!("batch {from}..{to}, head {head}, more {}, at cursor {cursor}", batch.more));
        }
        stream.cursor = to;
        stream.more = batch.more;
        let objects = batch.objects();
        if bytes > limit && objects.len() > 1 {
            return Err(format!("a batch of {} objects has {bytes} bytes", objects.len()));
        }
        // Who came in again since may know what was said meanwhile.
        if !annals.was_in(self.user, batch.head) && !annals.came_after(self.user, batch.head) {
            return Err(format!("a batch up to {} reaches {} who was not in", batch.head, self.user));
        }
        self.check_batch(from, to, &objects, annals)?;
        for object in objects {
            self.take(object);
        }
        self.cursor = self.cursor.max(to);
        if batch.more { Ok(Then::Nothing) } else { self.check(annals).map(|()| Then::Nothing) }
    }

    /// All things whose latest change up to `to` lies above `from`, but for those that changed again later.
    fn check_batch(&self, from: Seq, to: Seq, objects: &[Object], annals: &Annals) -> Result<(), String> {
        let mut sent = BTreeMap::new();
        for object in objects {
            let rev = object.rev();
            let logged = annals.at(rev).filter(|_| rev > from && rev <= to);
            let logged = logged.ok_or_else(|| format!("rev {rev} in a batch {from}..{to}"))?;
            if !self.is_shown(object, logged) {
                return Err(format!("rev {rev} in a batch is {object:?} instead of {:?}", logged.event.object));
            }
            if sent.insert(Key::of(object), rev).is_some() {
                return Err(format!("a batch {from}..{to} holds one thing twice"));
            }
        }
        for (key, rev, changes_again) in annals.things_at(to).filter(|(_, rev, _)| *rev > from) {
            match sent.get(&key) {
                Some(there) if *there == rev => {}
                None if changes_again => {}
                there => return Err(format!("a batch {from}..{to} has {key:?} at {there:?} instead of {rev}")),
            }
        }
        Ok(())
    }

    /// Whether this is what happened, as this user may see it outside live events.
    fn is_shown(&self, object: &Object, logged: &Logged) -> bool {
        let (Object::Message(shown), Object::Message(message)) = (object, &logged.event.object) else {
            return *object == logged.event.object;
        };
        let mut expected = Message::clone(message).seen_by(self.user);
        for reaction in &mut expected.reactions {
            reaction.me = logged.reacted.contains(&(reaction.emoji.clone(), self.user));
        }
        **shown == expected
    }

    fn take(&mut self, object: Object) {
        let held = self.things.get(&Key::of(&object)).map_or(0, Object::rev);
        if object.rev() > held {
            self.things.insert(Key::of(&object), object);
        }
    }

    pub fn evicted(&mut self, reason: Eviction, annals: &Annals) -> Step {
        let stream = self.stream.take().ok_or("evicted without a subscription")?;
        let was_put_out = annals.went_after(self.user, stream.admitted);
        if !annals.closed && (reason == Eviction::Deleted || !was_put_out) {
            return Err(format!("evicted ({reason:?}) from {} although still in", self.room));
        }
        Ok(Then::Sync)
    }

    pub fn reset(&mut self) -> Step {
        self.stream.take().ok_or("reset without a subscription")?;
        Ok(Then::Reload)
    }

    /// A beat that tells of a head beyond the cursor.
    pub fn beat(&self, head: Seq) -> Then {
        if self.stream.is_some() && self.asked.is_none() && head > self.cursor { Then::Repair } else { Then::Nothing }
    }

    /// Takes a snapshot of the record for its own state.
    pub fn load(&mut self, epoch: Epoch, head: Seq, objects: Vec<Object>) {
        self.things = objects.into_iter().map(|object| (Key::of(&object), object)).collect();
        self.epoch = Some(epoch);
        self.cursor = head;
        self.complete = true;
    }

    /// Everything known at the cursor is held as it was then, unless it changed again later.
    pub fn check(&self, annals: &Annals) -> Result<(), String> {
        if !self.complete {
            return Ok(());
        }
        for (key, rev, changes_again) in annals.things_at(self.cursor) {
            let held = self.things.get(&key).map_or(0, Object::rev);
            if held != rev && !changes_again {
                return Err(format!("at cursor {} {key:?} is held at {held} instead of {rev}", self.cursor));
            }
        }
        Ok(())
    }

    /// Nothing is missing at all.
    pub fn is_whole(&self, annals: &Annals, epoch: Option<&Epoch>) -> Result<(), String> {
        let (room, head) = (self.room, annals.head());
        if !self.is_whole_stream() || self.cursor != head || self.stream.as_ref().map(|s| s.cursor) != Some(head) {
            let stream = self.stream.as_ref().map(|s| (s.cursor, s.more));
            return Err(format!("{room}: cursor {}, stream {stream:?}, head {head}", self.cursor));
        }
        if self.epoch.as_ref() != epoch {
            return Err(format!("{room}: the cursor is of an old history"));
        }
        self.check(annals)?;
        for object in self.things.values() {
            let logged = annals.at(object.rev()).map(|logged| Event::clone(&logged.event));
            if logged.is_none_or(|event| Key::of(&event.object) != Key::of(object)) {
                return Err(format!("{room}: {object:?} never happened"));
            }
        }
        Ok(())
    }
}

/// The user's place by the truth: whether they are in, and a number that moves whenever that changes.
pub fn place(truth: &Truth, user: UserId, room: RoomId) -> (bool, usize) {
    truth.read().rooms.get(&room).map_or((false, 0), |annals| (annals.is_in(user), annals.moves_of(user)))
}
