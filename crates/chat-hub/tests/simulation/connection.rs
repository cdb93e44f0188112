//! One connection of a device, as the web crate's loop handles a socket: requests one after the other, heartbeats, signals,
//! an eye on writes that make no progress.

use std::{rc::Rc, time::Duration};

use chat_domain::{
    ids::{RoomId, UserId},
    pages::Cursor,
    ports::Status,
    refusal::Refusal,
};
use chat_hub::{
    Identity, Signal, Socket, SubscribeAnswer, SubscribeRequest,
    frames::{HeartbeatFrame, HeartbeatType, encode},
    outbox::Outbox,
    wsframe,
};
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, timeout},
};

use crate::{
    device::{Device, Link},
    view::place,
};

/// What a device asks of its socket.
pub enum Request {
    Subscribe(RoomId, Option<Cursor>),
    Unsubscribe(RoomId),
    Typing(RoomId, bool),
    Watch(Vec<UserId>),
    Away(bool),
}

/// A heartbeat comes with every so-manieth tick.
const TICKS_OF_A_BEAT: u32 = 5;
const TICK: Duration = Duration::from_secs(5);
/// A write without progress for so long ends the socket (protocol §3).
const STALLED: Duration = Duration::from_secs(20);
/// How long a device waits to be let in.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a finished connection may take to drain.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Connects to some node and serves the socket to its end.
pub async fn run(device: &Rc<Device>) {
    let world = &device.world;
    let Some((node, shard)) = world.door(device.avoid.take()) else { return };
    let outbox = Outbox::new(world.outbox_limit);
    let identity = Identity { user: device.user, session: device.session.get() };
    // A node that ends meanwhile answers nothing.
    let Ok(connected) = timeout(PATIENCE, shard.connect(identity, outbox.clone())).await else { return };
    let (socket, ready) = match connected {
        Ok(connected) => connected,
        Err(Refusal::SessionRevoked) => {
            device.session.set(world.sign_in(device.user));
            return;
        }
        Err(refusal) => {
            device.note(|| format!("is not let in by node {node}: {refusal}"));
            return;
        }
    };
    reply(&outbox, &json!({ "type": "ready", "seq": ready.seq }));
    let (requests, inbound) = mpsc::unbounded_channel();
    device.linked(Link { node, outbox: outbox.clone(), requests });
    device.note(|| format!("is on node {node}"));
    let consumer = tokio::task::spawn_local(Rc::clone(device).consume(outbox.clone()));
    let end = serve(device, Rc::new(socket), &outbox, inbound).await;
    if let Some(Signal::Close { code, .. }) = end {
        device.note(|| format!("is closed with {code}"));
        if code == 4403 {
            device.session.set(world.sign_in(device.user));
        }
        if code == 4409 {
            device.avoid.set(Some(node));
        }
        reply(&outbox, &json!({ "type": "bye", "code": code }));
        outbox.finish();
        let drained = async {
            while outbox.queued_bytes() > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let _ = timeout(LAST_WORDS, drained).await;
    }
    consumer.abort();
    outbox.consumer_gone();
    device.cut();
}

async fn serve(
    device: &Rc<Device>,
    socket: Rc<Socket>,
    outbox: &Outbox,
    mut inbound: mpsc::UnboundedReceiver<Request>,
) -> Option<Signal> {
    let signals = socket.signals();
    let mut ticks = interval_at(Instant::now() + TICK, TICK);
    let mut count = 0_u32;
    let mut under_way: Option<LocalBoxFuture<'_, ()>> = None;
    loop {
        tokio::select! {
            biased;
            () = outbox.closed() => return None,
            signal = signals.next() => return Some(signal),
            () = async { if let Some(request) = under_way.as_mut() { request.await } }, if under_way.is_some() => {
                under_way = None;
            }
            Some(request) = inbound.recv(), if under_way.is_none() => {
                under_way = Some(Box::pin(handle(device, Rc::clone(&socket), outbox, request)));
            }
            _ = ticks.tick() => {
                if outbox.last_progress().is_some_and(|at| at.elapsed() >= STALLED) {
                    return Some(Signal::Close { code: 4410, reason: "slow", reconnect: true, retry_ms: None });
                }
                count += 1;
                if count.is_multiple_of(TICKS_OF_A_BEAT) {
                    beat(device, &socket, outbox);
                }
            }
        }
    }
}

fn beat(device: &Device, socket: &Socket, outbox: &Outbox) {
    let beat = socket.heartbeat();
    let at = device.world.now();
    let frame = HeartbeatFrame { frame: HeartbeatType::This, at, heads: beat.heads, seq: beat.seq };
    let _ = outbox.push_reply(encode(&frame));
}

fn reply(outbox: &Outbox, frame: &serde_json::Value) {
    let _ = outbox.push_reply(wsframe::text(frame.to_string().as_bytes()));
}

async fn handle(device: &Device, socket: Rc<Socket>, outbox: &Outbox, request: Request) {
    match request {
        Request::Subscribe(room, cursor) => subscribe(device, &socket, outbox, room, cursor).await,
        Request::Unsubscribe(room) => {
            socket.unsubscribe(&[room]);
            reply(outbox, &json!({ "type": "ok", "rooms": [{ "room": room, "status": "gone" }] }));
        }
        Request::Typing(room, on) => socket.typing(room, on).await,
        Request::Watch(users) => {
            // A set that could not be replaced stays as it was.
            let _ = socket.watch(users).await;
        }
        Request::Away(away) => socket.set_status(if away { Status::Away } else { Status::Online }),
    }
}

async fn subscribe(device: &Device, socket: &Socket, outbox: &Outbox, room: RoomId, cursor: Option<Cursor>) {
    let before = place(&device.world.truth, device.user, room);
    let answered = |answers: Vec<SubscribeAnswer>| {
        let now = place(&device.world.truth, device.user, room);
        let lines: Vec<_> = answers
            .into_iter()
            .map(|answer| {
                if let SubscribeAnswer::Error(Refusal::NotFound | Refusal::Forbidden(_)) = answer
                    && before.0
                    && before == now
                {
                    device.world.truth.fail(format!("{} may not hear {room} although a member", device.user));
                }
                line(room, answer)
            })
            .collect();
        reply(outbox, &json!({ "type": "ok", "rooms": lines }));
    };
    socket.subscribe(vec![SubscribeRequest { room: Some(room), cursor }], answered).await;
}

fn line(room: RoomId, answer: SubscribeAnswer) -> serde_json::Value {
    match answer {
        SubscribeAnswer::Live { log } => {
            json!({ "room": room, "status": "live", "epoch": log.epoch, "head": log.head })
        }
        SubscribeAnswer::CatchUp { log } => {
            json!({ "room": room, "status": "catchup", "epoch": log.epoch, "head": log.head })
        }
        SubscribeAnswer::Reset { log, .. } => {
            json!({ "room": room, "status": "reset", "epoch": log.epoch, "head": log.head })
        }
        SubscribeAnswer::Error(Refusal::Unavailable(_)) => {
            json!({ "room": room, "status": "error", "code": "unavailable" })
        }
        SubscribeAnswer::Error(_) => json!({ "room": room, "status": "error", "code": "not_found" }),
    }
}
