//! Clauses of what webhooks post: by the one road, as their bots.

use std::sync::Arc;

use chat_domain::{
    command::{Action, Draft, Outcome, Reply, RoomPatch},
    objects::{Message, Webhook},
    refusal::Refusal,
};

use crate::{
    World, digest, draft, nonce, refused, text,
    webhooks::{archives, den},
};

pub(crate) fn says(webhook: &Webhook, words: &str) -> Action {
    Action::PostAsWebhook { webhook: webhook.id, draft: draft(words) }
}

fn named(webhook: &Webhook, name: &str, words: &str) -> Action {
    let draft = Draft { nonce: Some(nonce(name)), ..draft(words) };
    Action::PostAsWebhook { webhook: webhook.id, draft }
}

pub(crate) async fn tries(w: &World, webhook: &Webhook, action: Action) -> Result<Outcome, Refusal> {
    w.does(webhook.bot, webhook.room, action).await
}

fn posted(outcome: Outcome) -> (Arc<Message>, bool) {
    match outcome.reply {
        Reply::Posted { message, duplicate } => (message, duplicate),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn posts(w: &World, webhook: &Webhook, words: &str) -> Arc<Message> {
    let (message, duplicate) = posted(tries(w, webhook, says(webhook, words)).await.unwrap());
    assert!(!duplicate);
    message
}

pub async fn a_webhook_posts_as_its_bot_and_members_have_it_unread(w: &World) {
    let (ann, bob, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let outcome = tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap();
    assert_eq!((outcome.events.len(), outcome.hints.len()), (1, 0));
    assert_eq!((outcome.events[0].by, outcome.events[0].seq), (webhook.bot, w.head(room).await));
    let (message, duplicate) = posted(outcome);
    assert_eq!((message.author, message.text.clone(), duplicate), (webhook.bot, Some(text("built")), false));
    assert_eq!(message.nonce, Some(nonce("one")));
    for reader in [ann, bob] {
        let read = w.message(reader, room, message.seq).await;
        assert_eq!((read.author, read.nonce), (webhook.bot, None));
        assert_eq!(w.line(reader, room).await.unwrap().unread, 1);
    }
}

pub async fn a_webhook_mentions_members_and_never_the_room(w: &World) {
    let (ann, bob, room) = den(w).await;
    w.user("eve").await;
    let webhook = w.hooks(ann, room, 1).await;
    let message = posts(w, &webhook, "@bob broke it, @eve, @room").await;
    assert_eq!((&message.mentions[..], message.mentions_room), (&[bob][..], false));
    assert_eq!(w.line(bob, room).await.unwrap().mentions, 1);
    assert_eq!(w.line(ann, room).await.unwrap().mentions, 0);
}

pub async fn neither_mutes_nor_slow_mode_hold_a_webhook_back(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let slow = RoomPatch { slow_mode_s: Some(60), ..RoomPatch::default() };
    w.ok(ann, room, Action::Update(slow)).await;
    let (one, two) = (posts(w, &webhook, "one").await, posts(w, &webhook, "two").await);
    assert_eq!(two.seq, one.seq + 1);
}

pub async fn a_webhook_posts_into_its_own_room_as_its_own_bot(w: &World) {
    let (ann, bob, room) = den(w).await;
    let other = w.room("other", &[ann, bob]).await;
    let (one, two) = (w.hooks(ann, room, 1).await, w.hooks(ann, room, 2).await);
    refused!(w.does(one.bot, other, says(&one, "astray")).await, Refusal::NotFound);
    refused!(w.does(two.bot, room, says(&one, "as another")).await, Refusal::NotFound);
    refused!(w.does(ann, room, says(&one, "as a person")).await, Refusal::NotFound);
    refused!(w.does(one.bot, room, Action::Post(draft("without"))).await, Refusal::NotFound);
    refused!(w.does(one.bot, room, Action::Join).await, Refusal::NotFound);
    refused!(w.does(one.bot, other, Action::Join).await, Refusal::Unauthenticated);
    posts(w, &one, "mine").await;
}

pub async fn a_webhook_that_was_removed_meanwhile_posts_nothing(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap();
    let head = w.head(room).await;
    assert!(w.stores.webhooks.find(webhook.id, digest(1)).await.unwrap().is_some());
    w.stores.webhooks.remove(ann, room, webhook.id).await.unwrap();
    refused!(tries(w, &webhook, says(&webhook, "late")).await, Refusal::NotFound);
    refused!(tries(w, &webhook, named(&webhook, "one", "built")).await, Refusal::NotFound);
    assert_eq!(w.head(room).await, head);
}

pub async fn an_archived_room_takes_nothing_from_a_webhook_but_retries(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let first = posted(tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap()).0;
    archives(w, ann, room).await;
    refused!(tries(w, &webhook, says(&webhook, "new")).await, Refusal::Forbidden(_));
    let again = posted(tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap());
    assert_eq!(again, (first, true));
}

pub async fn n2_one_nonce_of_a_webhook_posts_once(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let same = |_| (webhook.bot, room, named(&webhook, "one", "built"));
    let outcomes = w.batch((0..20).map(same).collect()).await;
    let replies: Vec<_> = outcomes.into_iter().map(|outcome| posted(outcome.unwrap())).collect();
    assert_eq!(replies.iter().filter(|(_, duplicate)| !duplicate).count(), 1);
    let head = w.head(room).await;
    assert!(replies.iter().all(|(message, _)| message.seq == head));
    let (message, duplicate) = posted(tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap());
    assert_eq!((message.seq, duplicate, w.head(room).await), (head, true, head));
}

pub async fn n3_other_content_under_a_webhooks_nonce_is_a_conflict(w: &World) {
    let (ann, _, room) = den(w).await;
    let (webhook, other) = (w.hooks(ann, room, 1).await, w.hooks(ann, room, 2).await);
    tries(w, &webhook, named(&webhook, "one", "built")).await.unwrap();
    refused!(tries(w, &webhook, named(&webhook, "one", "broken")).await, Refusal::NonceConflict);
    let (_, duplicate) = posted(tries(w, &other, named(&other, "one", "broken")).await.unwrap());
    assert!(!duplicate, "a nonce belongs to its bot");
}

pub async fn a_webhook_posts_among_others_in_one_batch(w: &World) {
    let (ann, bob, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let head = w.head(room).await;
    let outcomes = w
        .batch(vec![
            (bob, room, Action::Post(draft("one"))),
            (webhook.bot, room, says(&webhook, "two @bob")),
            (ann, room, Action::Remove(bob)),
            (webhook.bot, room, says(&webhook, "three @bob")),
            (ann, room, Action::Close { if_match: None }),
            (webhook.bot, room, says(&webhook, "late")),
        ])
        .await;
    let message = |place: usize| posted(outcomes[place].clone().unwrap()).0;
    assert_eq!((message(1).seq, message(3).seq), (head + 2, head + 4));
    assert_eq!((&message(1).mentions[..], &message(3).mentions[..]), (&[bob][..], &[][..]));
    refused!(&outcomes[5], Refusal::NotFound);
}

pub async fn admins_delete_what_a_webhook_posted_and_nobody_edits_it(w: &World) {
    let (ann, bob, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let seq = posts(w, &webhook, "built").await.seq;
    for editor in [ann, bob] {
        let edit = Action::Edit { seq, text: text("mine"), if_match: None };
        refused!(w.does(editor, room, edit).await, Refusal::Forbidden(_));
    }
    let edit = Action::Edit { seq, text: text("mine"), if_match: None };
    refused!(w.does(webhook.bot, room, edit).await, Refusal::NotFound);
    refused!(w.does(bob, room, Action::Delete { seq, if_match: None }).await, Refusal::Forbidden(_));
    w.ok(ann, room, Action::Delete { seq, if_match: None }).await;
    assert!(w.message(ann, room, seq).await.deleted);
}
