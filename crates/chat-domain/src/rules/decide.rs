//! From a command and the facts to what comes of it.

use std::sync::Arc;

use super::{RoomFacts, Write, membership, posting, rooming};
use crate::{
    command::{Action, Command, Outcome, Reply},
    event::{Event, Hint, HintAbout, Object},
    ids::{Seq, UserId},
    objects::{Member, Message, Room},
    refusal::Refusal,
};

/// What was decided: the outcome to tell and the rows to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// To be told once it is durable; its hints still lack their numbers.
    pub outcome: Outcome,
    /// To be carried out, in order.
    pub writes: Vec<Write>,
}

/// Decides a command and moves the facts on. Refused, it leaves the facts as they were.
///
/// # Errors
/// Why not.
pub fn decide(facts: &mut RoomFacts, command: &Command) -> Result<Decision, Refusal> {
    match &command.action {
        Action::Create(new) => rooming::create(facts, command, new),
        Action::Update(patch) => rooming::update(facts, command, patch),
        Action::Close { if_match } => rooming::close(facts, command, *if_match),
        Action::Pin { seq, on } => rooming::pin(facts, command, *seq, *on),
        Action::Join => membership::join(facts, command),
        Action::Redeem(code) => membership::redeem(facts, command, *code),
        Action::SetMember(patch) => membership::set(facts, command, patch),
        Action::Remove(user) => membership::remove(facts, command, *user),
        Action::Ban(user) => membership::ban(facts, command, *user),
        Action::Unban(user) => membership::unban(facts, command, *user),
        Action::Depart => membership::depart(facts, command),
        Action::Read(seq) => membership::read(facts, command, *seq),
        Action::Post(draft) => posting::post(facts, command, draft),
        Action::PostAsWebhook { webhook, draft } => posting::post_as_webhook(facts, command, *webhook, draft),
        Action::Edit { seq, text, if_match } => posting::edit(facts, command, *seq, text, *if_match),
        Action::Delete { seq, if_match } => posting::delete(facts, command, *seq, *if_match),
        Action::React { seq, emoji, on } => posting::react(facts, command, *seq, emoji, *on),
    }
}

/// Collects events, hints and writes while a command takes its numbers. Nothing is refused any more once one exists.
pub(super) struct Draw<'a> {
    pub(super) facts: &'a mut RoomFacts,
    by: UserId,
    events: Vec<Event>,
    hints: Vec<Hint>,
    writes: Vec<Write>,
    closed: bool,
}

impl<'a> Draw<'a> {
    pub(super) fn new(facts: &'a mut RoomFacts, by: UserId) -> Self {
        Self { facts, by, events: Vec::new(), hints: Vec::new(), writes: Vec::new(), closed: false }
    }

    /// The room's next number.
    fn next(&mut self) -> Seq {
        self.facts.log.head += 1;
        self.facts.log.head
    }

    fn event(&mut self, room: crate::ids::RoomId, seq: Seq, object: Object) {
        self.events.push(Event { room, seq, by: self.by, object });
    }

    /// The room took a number with this state.
    pub(super) fn room(&mut self, mut room: Room, open: Option<Write>) -> Arc<Room> {
        room.rev = self.next();
        self.writes.push(match open {
            Some(Write::OpenRoom { pair, nonce, .. }) => Write::OpenRoom { room: room.clone(), pair, nonce },
            Some(_) | None => Write::Room(room.clone()),
        });
        self.facts.room = Some(room.clone());
        let shared = Arc::new(room);
        self.event(shared.id, shared.rev, Object::Room(Arc::clone(&shared)));
        shared
    }

    /// A membership took a number with this state; its user's own world changed if `hint` says so.
    pub(super) fn member(&mut self, mut member: Member, hint: bool) -> Arc<Member> {
        member.rev = self.next();
        self.writes.push(Write::Member(member.clone()));
        let shared = Arc::new(member.clone());
        self.event(shared.room, shared.rev, Object::Member(Arc::clone(&shared)));
        self.facts
            .members
            .entry(member.user)
            .and_modify(|facts| facts.member = member.clone())
            .or_insert(super::MemberFacts { member, read: 0, posted_at: None });
        if hint {
            self.hint(shared.user, HintAbout::Rooms { room: shared.room, member: Arc::clone(&shared) });
        }
        shared
    }

    /// A new message takes its number; `message.seq` and `rev` are set here.
    pub(super) fn post(&mut self, mut message: Message, fingerprint: crate::command::Fingerprint) -> Arc<Message> {
        message.seq = self.next();
        message.rev = message.seq;
        let shared = Arc::new(message);
        self.writes.push(Write::Post { message: Arc::clone(&shared), fingerprint });
        self.facts.messages.insert(shared.seq, Arc::clone(&shared));
        self.event(shared.room, shared.seq, Object::Message(Arc::clone(&shared)));
        shared
    }

    /// A message took a number with this state.
    pub(super) fn message(&mut self, mut message: Message) -> Arc<Message> {
        message.rev = self.next();
        let shared = Arc::new(message);
        self.writes.push(Write::Message(Arc::clone(&shared)));
        self.facts.messages.insert(shared.seq, Arc::clone(&shared));
        self.event(shared.room, shared.rev, Object::Message(Arc::clone(&shared)));
        shared
    }

    /// A user's marker stands here now.
    pub(super) fn marker(&mut self, user: UserId, seq: Seq) {
        if let Some(facts) = self.facts.members.get_mut(&user) {
            facts.read = seq;
        }
        self.writes.push(Write::Marker { user, seq });
    }

    pub(super) fn hint(&mut self, user: UserId, about: HintAbout) {
        let hint = Hint { user, seq: 0, about };
        self.hints.push(hint.clone());
        self.writes.push(Write::Hint(hint));
    }

    pub(super) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// The room is gone.
    pub(super) fn close(&mut self) {
        self.facts.room = None;
        self.closed = true;
        self.writes.push(Write::CloseRoom);
    }

    pub(super) fn reply(self, reply: Reply) -> Decision {
        let outcome = Outcome { reply, events: self.events, hints: self.hints, closed: self.closed };
        Decision { outcome, writes: self.writes }
    }
}

/// Nothing changed; this is how things are.
pub(super) fn unchanged(reply: Reply) -> Decision {
    Decision { outcome: Outcome { reply, events: Vec::new(), hints: Vec::new(), closed: false }, writes: Vec::new() }
}
