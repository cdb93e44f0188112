//! Subscribing: rooms are opened and what must be known is read first, all together; then everything is decided and joined
//! without an await in between, so that nothing can be missed.

use std::{rc::Rc, sync::Arc};

use chat_domain::{
    ids::RoomId,
    pages::Cursor,
    refusal::{Refusal, ResetReason},
};
use futures_util::future::join_all;

use crate::{
    Socket, SubscribeAnswer, SubscribeRequest,
    listener::Listener,
    live_room::LiveRoom,
    room_state::{Need, Start},
};

impl Socket {
    /// Hears these rooms, from where each request says; a room heard already is repositioned. `answer` gets one answer per
    /// request, in their order, when all rooms are decided; what it queues comes before the first frame of any of them.
    pub async fn subscribe(&self, requests: Vec<SubscribeRequest>, answer: impl FnOnce(Vec<SubscribeAnswer>)) {
        let rooms = join_all(requests.iter().map(|request| self.prepare(request))).await;
        // From here to the end nothing waits.
        let mut behind = Vec::new();
        let mut answers = Vec::with_capacity(requests.len());
        for (request, room) in requests.iter().zip(rooms) {
            let (decided, listener) = self.place(request, room);
            if request.cursor.is_some() {
                metrics::counter!("chat_resumes_total", "outcome" => outcome(&decided)).increment(1);
            }
            answers.push(decided);
            behind.extend(listener);
        }
        answer(answers);
        for listener in behind {
            self.worker.catch_up(listener);
        }
    }

    /// Opens the room and reads what its live state does not know but needs for this cursor.
    async fn prepare(&self, request: &SubscribeRequest) -> Result<Arc<LiveRoom>, Refusal> {
        let core = &self.worker.core;
        let room = core.open_room(request.room.ok_or(Refusal::NotFound)?).await?;
        let need = || room.need(self.state.identity.user, self.cursor_of(request));
        if need() == Need::Head {
            core.reach_head(&room).await?;
        }
        if let Need::Past(after) = need() {
            core.recall(&room, after).await;
        }
        Ok(room)
    }

    fn place(
        &self,
        request: &SubscribeRequest,
        room: Result<Arc<LiveRoom>, Refusal>,
    ) -> (SubscribeAnswer, Option<Rc<Listener>>) {
        if let Some(room) = request.room {
            self.leave_room(room);
        }
        let user = self.state.identity.user;
        let cursor = self.cursor_of(request);
        let admitted = room.and_then(|room| Ok((room.admit(user, cursor, &self.worker.mailbox)?, room)));
        let (admission, room) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return (SubscribeAnswer::Error(refusal), None),
        };
        let log = admission.log;
        match admission.start {
            Start::Live => {
                self.worker.hear(&self.state, &room, &log, log.head);
                (SubscribeAnswer::Live { log }, None)
            }
            Start::CatchUp => {
                let after = cursor.map_or(log.head, |cursor| cursor.after);
                let listener = self.worker.hear(&self.state, &room, &log, after);
                (SubscribeAnswer::CatchUp { log }, Some(listener))
            }
            Start::Reset(reason) => (SubscribeAnswer::Reset { reason, log }, None),
        }
    }

    #[cfg(not(feature = "sabotage"))]
    fn cursor_of<'a>(&self, request: &'a SubscribeRequest) -> Option<&'a Cursor> {
        request.cursor.as_ref()
    }

    #[cfg(feature = "sabotage")]
    fn cursor_of<'a>(&self, request: &'a SubscribeRequest) -> Option<&'a Cursor> {
        let skip = self.worker.core.settings.sabotage == Some(crate::Sabotage::SkipCatchUp);
        request.cursor.as_ref().filter(|_| !skip)
    }

    /// Hears these rooms no more.
    pub fn unsubscribe(&self, rooms: &[RoomId]) {
        for room in rooms {
            self.leave_room(*room);
        }
    }

    fn leave_room(&self, room: RoomId) {
        let listener = self.state.listeners.borrow().get(&room).cloned();
        if let Some(listener) = listener {
            self.worker.leave(&listener);
        }
    }
}

fn outcome(answer: &SubscribeAnswer) -> &'static str {
    match answer {
        SubscribeAnswer::Live { .. } => "live",
        SubscribeAnswer::CatchUp { .. } => "catchup",
        SubscribeAnswer::Reset { reason, .. } => match reason {
            ResetReason::Epoch => "reset_epoch",
            ResetReason::Ahead => "reset_ahead",
            ResetReason::TooFar => "reset_too_far",
            ResetReason::Purged => "reset_purged",
        },
        SubscribeAnswer::Error(_) => "error",
    }
}
