//! The spans of one road into every log. None of them is made unless the trace round it is recorded, and none stands for a
//! delivery: what a batch costs is told once, however many sockets hear of it.

use chat_domain::command::{Action, Command};
use tracing::Span;

/// A batch names at most so many of the commands that joined it.
const MOST_LINKS: usize = 32;

/// One command, from joining its lane to its answer: the use case as the writer sees it. None when its trace is not recorded.
pub(crate) fn command(command: &Command) -> Option<Span> {
    let span = tracing::debug_span!("command", action = name(&command.action));
    (!span.is_disabled()).then_some(span)
}

/// A batch: a part of the first recorded command's trace, linked to those of others.
pub(crate) fn batch(commands: usize, recorded: &[Span]) -> Span {
    let Some((first, others)) = recorded.split_first() else { return Span::none() };
    let batch = first.in_scope(|| tracing::debug_span!("batch", commands));
    for other in others.iter().take(MOST_LINKS) {
        batch.follows_from(other);
    }
    batch
}

/// The store's part of a batch.
pub(crate) fn commit() -> Span {
    tracing::debug_span!("commit")
}

/// Telling live rooms and other nodes.
pub(crate) fn fan_out() -> Span {
    tracing::debug_span!("fan_out")
}

fn name(action: &Action) -> &'static str {
    match action {
        Action::Create(_) => "create",
        Action::Update(_) => "update",
        Action::Close { .. } => "close",
        Action::Join => "join",
        Action::Redeem(_) => "redeem",
        Action::SetMember(_) => "set_member",
        Action::Remove(_) => "remove",
        Action::Ban(_) => "ban",
        Action::Unban(_) => "unban",
        Action::Post(_) => "post",
        Action::PostAsWebhook { .. } => "post_as_webhook",
        Action::Edit { .. } => "edit",
        Action::Delete { .. } => "delete",
        Action::React { .. } => "react",
        Action::Pin { .. } => "pin",
        Action::Read(_) => "read",
        Action::Depart => "depart",
    }
}
