//! What people do, over any node, and what must be true of the answers they get.

use std::{rc::Rc, time::Duration};

use chat_domain::{
    command::{Action, Command, Draft, MemberPatch, Outcome, Reply, RoomPatch},
    event::Object,
    ids::{RoomId, Seq, UserId},
    objects::Role,
    ports::Journal,
    refusal::Refusal,
    words::{Emoji, Nonce, RoomName, Text},
};
use tokio::time::{sleep, timeout};

use crate::world::World;

/// After this an answer is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends that may find their fate unknown are tried so often, while things go wrong.
const TRIES: u32 = 6;

/// Does something, and looks at what comes of it.
pub fn act(world: &Rc<World>, what: impl Future<Output = ()> + 'static) {
    world.open.set(world.open.get() + 1);
    let world = Rc::clone(world);
    tokio::task::spawn_local(async move {
        what.await;
        world.open.set(world.open.get() - 1);
    });
}

/// What came of one try.
enum Tried {
    Done(Box<Outcome>),
    Refused(Refusal),
    /// It may have happened, or not, or may yet.
    Unknown,
}

async fn attempt(world: &World, by: UserId, room: RoomId, action: Action) -> Tried {
    let pending = world.hub().submit(Command { room, by, at: world.now(), action });
    if world.dice.chance(0.05) {
        // The connection is lost: nobody hears the answer.
        sleep(world.dice.millis(0..=50)).await;
        return Tried::Unknown;
    }
    match timeout(PATIENCE, pending).await {
        Ok(Ok(outcome)) => Tried::Done(Box::new(outcome)),
        Ok(Err(Refusal::Unavailable(_))) | Err(_) => Tried::Unknown,
        Ok(Err(refusal)) => Tried::Refused(refusal),
    }
}

/// Posts, and posts again under the same nonce until an answer comes or patience ends.
pub async fn post(world: Rc<World>, by: UserId, room: RoomId, nonce: String, text: String) {
    let draft = Draft {
        text: Text::parse(&text, 100_000).unwrap(),
        nonce: Some(Nonce::parse(&nonce).unwrap()),
        reply_to: None,
    };
    for _ in 0..TRIES {
        let acknowledged = world.acknowledged(room);
        match attempt(&world, by, room, Action::Post(draft.clone())).await {
            Tried::Done(outcome) => {
                world.note(|| format!("{nonce} is acknowledged"));
                world.truth.check(check_post(&world, by, room, &draft, &outcome, acknowledged));
                return;
            }
            Tried::Refused(Refusal::NonceConflict) => world.truth.fail(format!("{nonce} conflicts with itself")),
            Tried::Refused(refusal) => return world.note(|| format!("{nonce} is refused: {refusal}")),
            Tried::Unknown => {}
        }
        world.note(|| format!("{nonce} may have been lost"));
        sleep(world.dice.millis(50..=1_500)).await;
    }
}

fn check_post(
    world: &World,
    by: UserId,
    room: RoomId,
    draft: &Draft,
    outcome: &Outcome,
    acknowledged: Seq,
) -> Result<(), String> {
    let Reply::Posted { message, duplicate } = &outcome.reply else {
        return Err(format!("a post is answered by {:?}", outcome.reply));
    };
    let nonce = draft.nonce.clone().ok_or("no nonce")?;
    let truth = world.truth.read();
    let posted = truth.rooms[&room].posts.get(&(by, nonce.clone())).cloned().unwrap_or_default();
    if posted != [message.seq] {
        return Err(format!("{nonce} is acknowledged as {} and in the log at {posted:?}", message.seq));
    }
    if !duplicate && message.seq <= acknowledged {
        return Err(format!("{nonce} got {} after {acknowledged} had been acknowledged", message.seq));
    }
    drop(truth);
    world.acknowledge(room, message.seq);
    Ok(())
}

/// Posts the same thing through several nodes at once: it is one message.
pub async fn post_at_once(world: Rc<World>, by: UserId, room: RoomId, nonce: String, times: usize) {
    let posts = (0..times).map(|_| post(Rc::clone(&world), by, room, nonce.clone(), "at once".to_owned()));
    futures_util::future::join_all(posts).await;
}

/// Does something that is not repeated when its fate is unknown.
pub async fn once(world: Rc<World>, by: UserId, room: RoomId, action: Action) {
    let said = format!("{action:?}").chars().take(60).collect::<String>();
    match attempt(&world, by, room, action).await {
        Tried::Done(outcome) => {
            world.note(|| format!("{by} in {room}: {said} is done"));
            world.truth.check(check_reply(&world, room, &outcome.reply));
        }
        Tried::Refused(refusal) => world.note(|| format!("{by} in {room}: {said} is refused: {refusal}")),
        Tried::Unknown => world.note(|| format!("{by} in {room}: {said} may have been lost")),
    }
}

/// What is acknowledged is in the log as it was told.
fn check_reply(world: &World, room: RoomId, reply: &Reply) -> Result<(), String> {
    let object = match reply {
        Reply::Posted { message, .. } | Reply::Message { message, .. } => Object::Message(message.clone()),
        Reply::Room { room, .. } | Reply::Redeemed { room, .. } => Object::Room(room.clone()),
        Reply::Member { member, .. } => Object::Member(member.clone()),
        Reply::Read { .. } => return Ok(()),
    };
    let truth = world.truth.read();
    let logged = truth.rooms[&room].at(object.rev());
    if logged.is_some_and(|logged| logged.event.object == object) {
        return Ok(());
    }
    Err(format!("acknowledged, but not in the log: {object:?}"))
}

/// Anything that somebody might do in a room, once.
pub fn deed(world: &World, by: UserId, room: RoomId) -> (UserId, Action) {
    let dice = &world.dice;
    let owner = world.users[0];
    let (messages, head) = world.messages(room);
    let seq = if messages.is_empty() { 1 } else { *dice.pick(&messages) };
    let other = *dice.pick(&world.users);
    let text = || Text::parse(&world.text(), 100_000).unwrap();
    match dice.number(0..=31) {
        0..=5 => (world.author(room, seq).unwrap_or(by), Action::Edit { seq, text: text(), if_match: None }),
        6..=7 => (world.author(room, seq).unwrap_or(by), Action::Delete { seq, if_match: None }),
        8..=13 => {
            let emoji = Emoji::parse(dice.pick::<&str>(&["👍", "🎉", "👀"])).unwrap();
            (by, Action::React { seq, emoji, on: dice.chance(0.7) })
        }
        14..=15 => (owner, Action::Pin { seq, on: dice.chance(0.7) }),
        16..=17 => (by, Action::Read(dice.number(0..=head))),
        18 => {
            let name = RoomName::parse(&format!("Renamed {}", dice.number(0..=999))).unwrap();
            (owner, Action::Update(RoomPatch { name: Some(Some(name)), ..RoomPatch::default() }))
        }
        19..=22 => (by, Action::Join),
        23..=24 => (by, Action::Remove(by)),
        25..=26 => (owner, Action::Remove(other)),
        27 => (owner, Action::Ban(other)),
        28 => (owner, Action::Unban(other)),
        29 => {
            let until = dice.chance(0.5).then(|| world.now().plus_millis(5_000));
            (owner, Action::SetMember(MemberPatch { user: other, role: None, muted_until: Some(until) }))
        }
        30 => {
            let role = if dice.chance(0.5) { Role::Admin } else { Role::Member };
            (owner, Action::SetMember(MemberPatch { user: other, role: Some(role), muted_until: None }))
        }
        _ => (owner, Action::SetMember(MemberPatch { user: other, role: None, muted_until: None })),
    }
}
