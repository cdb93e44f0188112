//! Deliberate defects, so that a verifier can be seen to fail. Compiled only for that; never in a release.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    command::{Action, Command, Outcome, Reply},
    objects::Message,
    refusal::Refusal,
    words::Nonce,
};
use tokio::{sync::oneshot, time::sleep};

use crate::{Sabotage, core::Core};

type Part = (Command, oneshot::Sender<Result<Outcome, Refusal>>);

/// How long a commit follows its acknowledgement.
const DELAY: Duration = Duration::from_millis(50);

/// Spoils a batch as the settings say.
pub(crate) async fn spoil(core: &Arc<Core>, batch: impl Iterator<Item = Part>) -> Vec<Part> {
    match core.settings.sabotage {
        Some(Sabotage::NoNonce) => batch.map(|part| without_nonce(core, part)).collect(),
        Some(Sabotage::AckBeforeCommit) => {
            let spoilt = acknowledged(core, batch);
            sleep(DELAY).await;
            spoilt
        }
        Some(Sabotage::SkipCatchUp) | None => batch.collect(),
    }
}

fn without_nonce(core: &Core, (mut command, answer): Part) -> Part {
    if let Action::Post(draft) = &mut command.action {
        draft.nonce = Nonce::parse(&core.ports.clock.fresh_id().to_string()).ok();
    }
    (command, answer)
}

/// Answers posts with the numbers they will probably get.
fn acknowledged(core: &Core, batch: impl Iterator<Item = Part>) -> Vec<Part> {
    let mut ahead = std::collections::HashMap::new();
    let acknowledge = |(command, answer): Part| {
        let Action::Post(draft) = &command.action else { return (command, answer) };
        let known = || core.rooms.get(command.room).map_or(0, |room| room.head());
        let head = ahead.entry(command.room).or_insert_with(known);
        *head += 1;
        let message = Message {
            room: command.room,
            seq: *head,
            rev: *head,
            author: command.by,
            at: command.at,
            text: Some(draft.text.clone()),
            reply_to: draft.reply_to,
            mentions: Vec::new(),
            mentions_room: false,
            reactions: Vec::new(),
            edited_at: None,
            deleted: false,
            nonce: draft.nonce.clone(),
        };
        let reply = Reply::Posted { message: Arc::new(message), duplicate: false };
        let _ = answer.send(Ok(Outcome { reply, events: Vec::new(), hints: Vec::new(), closed: false }));
        let (nobody, _) = oneshot::channel();
        (command, nobody)
    };
    batch.map(acknowledge).collect()
}
