//! Hears what other nodes say. All of it is hints: the record decides.

use std::sync::Arc;

use chat_domain::ports::{Heard, Note};

use crate::{core::Core, frames, mailbox::ToShard, recent::Recent};

impl Core {
    /// The bus reader.
    pub(crate) async fn hear(self: Arc<Self>) {
        loop {
            match self.ports.bus.heard().await {
                Heard::Note(note) => self.take_note(note),
                Heard::Interrupted => self.poll_now.notify_one(),
            }
            // A bus that always has something to say must not keep this thread from the others.
            tokio::task::consume_budget().await;
        }
    }

    fn take_note(self: &Arc<Self>, note: Note) {
        match note {
            Note::Event { event, frame } => self.apply(event.room, vec![Arc::new(Recent::heard(event, frame))]),
            Note::Closed(room) => self.room_was_closed(room),
            Note::Hint(hint) => self.people.hint(&hint),
            Note::Ended(sessions) => self.end_here(&sessions),
            Note::Typing { room, user, on } => {
                if let Some(live) = self.rooms.get(room) {
                    live.tell(&ToShard::Typing { room, user, frame: frames::typing(room, user, on) });
                }
            }
            Note::Presence { user, status } => self.watched.tell(user, status),
        }
    }
}
