//! One run: a random schedule of deeds and faults, then calm, then the end; and what is checked on the way.

use std::{rc::Rc, time::Duration};

use chat_domain::{
    command::{Action, Command, Draft},
    ids::{RoomId, Seq, UserId},
    ports::{Journal, SessionStore},
    words::{Nonce, Text},
};
use chat_hub::{HubSettings, outbox::REPLY_RESERVE};
use futures_util::FutureExt;
use tokio::{task::LocalSet, time::sleep};

use crate::{
    actor::{act, deed, once, post, post_at_once},
    connection::Request,
    device::{Device, Speed},
    weather::Carries,
    world::World,
};

/// Faults have ended: so soon everybody knows everything.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// Numbers of hints are looked at less often.
const HINTS_WITHIN: Duration = Duration::from_secs(45);

/// More changed objects than a cursor is served.
const FLOOD: usize = 1_050;

/// Runs a seed to its end, or to the first promise that is broken; what happened, line by line.
pub fn run(seed: u64, steps: usize, adjust: impl FnOnce(&mut HubSettings)) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let world = World::new(seed, adjust);
        let ended = play(&world, steps).await;
        let ended = ended.map_err(|what| format!("seed {seed}: {what}\n{}", world.trace.tail(seed)));
        ended.map(|()| world.trace.take())
    })
}

async fn play(world: &Rc<World>, steps: usize) -> Result<(), String> {
    let mut number = 0;
    for user in &world.users {
        for _ in 0..world.dice.number(1..=2) {
            let device = Device::new(world, number, *user, world.sign_in(*user));
            number += 1;
            world.devices.borrow_mut().push(Rc::clone(&device));
            tokio::task::spawn_local(device.live());
        }
    }
    for count in 0..steps {
        step(world, count);
        let pause = match world.dice.number(0..=9) {
            0..=5 => 0..=20,
            6..=8 => 20..=400,
            _ => 400..=3_000,
        };
        sleep(world.dice.millis(pause)).await;
        check(world)?;
    }
    calm(world).await?;
    end(world).await
}

fn check(world: &World) -> Result<(), String> {
    if let Some(what) = world.truth.failure() {
        return Err(what);
    }
    for device in world.devices.borrow().iter() {
        let queued = device.link.borrow().as_ref().map_or(0, |link| link.outbox.queued_bytes());
        if queued > world.outbox_limit + REPLY_RESERVE {
            return Err(format!("device {} has {queued} bytes queued", device.number));
        }
    }
    Ok(())
}

fn step(world: &Rc<World>, count: usize) {
    let dice = &world.dice;
    let (room, user) = (*dice.pick(&world.rooms), *dice.pick(&world.users));
    match dice.number(0..=999) {
        0..=399 => {
            for index in 0..*dice.pick(&[1, 1, 2, 8]) {
                act(world, post(Rc::clone(world), user, room, format!("nonce-{count:03}-{index}"), world.text()));
            }
        }
        400..=419 => {
            act(world, post_at_once(Rc::clone(world), user, room, format!("nonce-{count:03}"), dice.size(2..=5)))
        }
        420..=699 => {
            let (by, action) = deed(world, user, room);
            act(world, once(Rc::clone(world), by, room, action));
        }
        700..=899 => touch_device(world, room),
        900..=939 => {
            let faults = *dice.pick(&[0, 0, 30, 200, 500, 1_000]);
            world.note(|| format!("the store fails {faults} of 1000 times"));
            world.weather.set_store(faults);
        }
        940..=979 => {
            let carries = *dice.pick(&[Carries::Well, Carries::Badly, Carries::NothingKnown, Carries::NothingUnknown]);
            world.note(|| format!("the bus carries {carries:?}"));
            world.weather.set_bus(carries);
            if dice.chance(0.5) {
                world.broker.interrupt();
            }
        }
        rare => disturb(world, rare, room),
    }
}

fn touch_device(world: &Rc<World>, room: RoomId) {
    let dice = &world.dice;
    let device = Rc::clone(dice.pick(&world.devices.borrow()));
    match dice.number(0..=9) {
        0..=1 => device.vanish(),
        2..=4 => device.set_speed(*dice.pick(&[Speed::Fast, Speed::Fast, Speed::Slow(1_000), Speed::Stopped])),
        5 => device.unsubscribe(room),
        6 => device.subscribe(room),
        7 => device.sync(),
        8 => device.send(Request::Typing(room, dice.chance(0.5))),
        _ => device.send(Request::Away(dice.chance(0.5))),
    }
}

/// What happens rarely, and hurts.
fn disturb(world: &Rc<World>, which: u64, room: RoomId) {
    let dice = &world.dice;
    match which {
        980..=984 => {
            let node = dice.size(0..=world.nodes.borrow().len() - 1);
            world.note(|| format!("node {node} dies"));
            world.replace(node);
        }
        985..=987 => {
            let node = dice.size(0..=world.nodes.borrow().len() - 1);
            world.note(|| format!("node {node} drains"));
            let (hub, there) = (world.nodes.borrow()[node].hub.clone(), Rc::clone(world));
            act(world, async move {
                hub.drain(Duration::from_secs(5)).await;
                there.note(|| format!("node {node} is drained"));
                there.replace(node);
            });
        }
        988..=990 => {
            let floor = dice.number(0..=world.messages(room).1);
            world.note(|| format!("{room} is purged up to {floor}"));
            world.memory.purge(room, floor);
        }
        991..=992 => {
            world.note(|| "the record begins another history".to_owned());
            world.truth.read().epoch = Some(world.memory.rewind());
        }
        993..=995 => sign_out(world),
        996..=997 => act(world, flood(Rc::clone(world), room)),
        998 if world.rooms.len() > 1 && room != world.rooms[0] => {
            act(world, once(Rc::clone(world), world.users[0], room, Action::Close { if_match: None }));
        }
        _ => world.broker.interrupt(),
    }
}

fn sign_out(world: &World) {
    let device = Rc::clone(world.dice.pick(&world.devices.borrow()));
    let session = device.session.get();
    let ended = world.memory.end(device.user, session, world.now()).now_or_never().unwrap();
    if ended.is_ok() {
        device.note(|| "is signed out".to_owned());
        if world.dice.chance(0.7) {
            world.hub().end_sessions(&[session]);
        }
    }
}

/// So many posts that those who were away must load the room anew.
async fn flood(world: Rc<World>, room: RoomId) {
    world.note(|| format!("{room} is flooded"));
    let by = world.users[0];
    for index in 0..FLOOD {
        let nonce = Nonce::parse(&format!("flood-{}-{index}", world.clock.elapsed_ms())).unwrap();
        let draft = Draft { text: Text::parse("flood", 10).unwrap(), nonce: Some(nonce), reply_to: None };
        let command = Command { room, by, at: world.now(), action: Action::Post(draft) };
        let pending = world.hub().submit(command);
        if index % 100 == 0 {
            let _ = pending.await;
        }
    }
}

/// Faults end: everybody must come to know everything.
async fn calm(world: &Rc<World>) -> Result<(), String> {
    world.note(|| "calm".to_owned());
    world.weather.calm();
    for device in world.devices.borrow().iter() {
        device.set_speed(Speed::Fast);
        for view in device.views.borrow_mut().values_mut() {
            view.unsubscribed = false;
        }
        device.sync();
    }
    within(world, WHOLE_WITHIN, |world| {
        if world.open.get() > 0 {
            return Err(format!("{} requests are not answered", world.open.get()));
        }
        world.devices.borrow().iter().try_for_each(|device| device.is_whole())
    })
    .await?;
    within(world, HINTS_WITHIN, |world| world.devices.borrow().iter().try_for_each(|device| device.knows_hints()))
        .await?;
    check_posts(world)
}

async fn within(
    world: &Rc<World>,
    limit: Duration,
    holds: impl Fn(&World) -> Result<(), String>,
) -> Result<(), String> {
    let mut rest = limit;
    loop {
        check(world)?;
        let missing = match holds(world) {
            Ok(()) => return Ok(()),
            Err(missing) => missing,
        };
        rest = rest.checked_sub(Duration::from_millis(250)).ok_or_else(|| format!("after {limit:?}, {missing}"))?;
        sleep(Duration::from_millis(250)).await;
    }
}

/// Whatever became of an answer, nothing was posted twice.
fn check_posts(world: &World) -> Result<(), String> {
    for (room, annals) in &world.truth.read().rooms {
        for ((user, nonce), posted) in &annals.posts {
            if posted.len() > 1 {
                return Err(format!("{nonce} of {user} is in {room} at {posted:?}"));
            }
        }
    }
    Ok(())
}

/// Everybody goes: nodes forget rooms and people, and end without a trace.
async fn end(world: &Rc<World>) -> Result<(), String> {
    world.note(|| "everybody goes".to_owned());
    for device in world.devices.borrow().iter() {
        device.off.set(true);
        device.vanish();
    }
    within(world, Duration::from_secs(60), |world| {
        let listening = world.nodes.borrow().iter().flat_map(|node| node.station.topics()).collect::<Vec<_>>();
        if listening.is_empty() { Ok(()) } else { Err(format!("nodes still listen to {listening:?}")) }
    })
    .await?;
    let alive = world.shut_down().await;
    check(world)?;
    if alive.is_empty() { Ok(()) } else { Err(format!("nodes {alive:?} live on after their end")) }
}

impl World {
    /// Some words; sometimes many.
    pub fn text(&self) -> String {
        let length = match self.dice.number(0..=19) {
            0 => self.dice.size(1_000..=4_000),
            1..=3 => self.dice.size(100..=600),
            _ => self.dice.size(1..=40),
        };
        let who = self.dice.number(0..=5);
        format!("@user{who} {}", "x".repeat(length))
    }

    /// Messages of the room, and its head.
    pub fn messages(&self, room: RoomId) -> (Vec<Seq>, Seq) {
        let truth = self.truth.read();
        let annals = &truth.rooms[&room];
        (annals.messages(), annals.head())
    }

    pub fn author(&self, room: RoomId, seq: Seq) -> Option<UserId> {
        self.truth.read().rooms[&room].at(seq).map(|logged| logged.event.by)
    }

    /// The highest number that was acknowledged in the room.
    pub fn acknowledged(&self, room: RoomId) -> Seq {
        self.truth.read().rooms[&room].acknowledged
    }

    pub fn acknowledge(&self, room: RoomId, seq: Seq) {
        if let Some(annals) = self.truth.read().rooms.get_mut(&room) {
            annals.acknowledged = annals.acknowledged.max(seq);
        }
    }
}
