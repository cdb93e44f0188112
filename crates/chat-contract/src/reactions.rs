//! Clauses of reactions: counts, `me`, who reacted.

use chat_domain::{
    command::Action,
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{PageOf, Window},
    refusal::Refusal,
};

use crate::{World, draft, emoji, everything, refused};

fn react(seq: Seq, picture: &str, on: bool) -> Action {
    Action::React { seq, emoji: emoji(picture), on }
}

fn seen(message: &Message) -> Vec<(&str, u32, bool)> {
    message.reactions.iter().map(|reaction| (reaction.emoji.as_str(), reaction.count, reaction.me)).collect()
}

async fn reacted(w: &World) -> (UserId, UserId, RoomId, Seq) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    let seq = w.posts(ann, room, "hi").await.seq;
    for (by, picture) in [(bob, "👍"), (ann, "🎉"), (ann, "👍")] {
        w.ok(by, room, react(seq, picture, true)).await;
    }
    (ann, bob, room, seq)
}

pub async fn reactions_are_counted_in_the_order_of_first_use(w: &World) {
    let (ann, bob, room, seq) = reacted(w).await;
    assert_eq!(seen(&w.message(bob, room, seq).await), [("👍", 2, true), ("🎉", 1, false)]);
    w.ok(bob, room, react(seq, "👍", false)).await;
    assert_eq!(seen(&w.message(bob, room, seq).await), [("👍", 1, false), ("🎉", 1, false)]);
    w.ok(ann, room, react(seq, "👍", false)).await;
    assert_eq!(seen(&w.message(ann, room, seq).await), [("🎉", 1, true)]);
    w.ok(ann, room, react(seq, "👍", true)).await;
    assert_eq!(seen(&w.message(ann, room, seq).await), [("🎉", 1, true), ("👍", 1, true)]);
}

pub async fn me_is_for_readers_and_never_in_an_event(w: &World) {
    let (ann, _, room, seq) = reacted(w).await;
    let outcome = w.ok(ann, room, react(seq, "👀", true)).await;
    assert!(format!("{outcome:?}").matches("me: true").next().is_none());
    let history = w.stores.log.history(ann, room, Window::Latest, 10).await.unwrap();
    assert_eq!(seen(&history.items[0]), [("👍", 2, true), ("🎉", 1, true), ("👀", 1, true)]);
    let last = w.line(ann, room).await.unwrap().last.unwrap();
    assert_eq!(seen(&last), [("👍", 2, true), ("🎉", 1, true), ("👀", 1, true)]);
}

pub async fn a_reaction_is_a_change_of_its_message(w: &World) {
    let (_, bob, room, seq) = reacted(w).await;
    let head = w.head(room).await;
    let outcome = w.ok(bob, room, react(seq, "🎉", true)).await;
    assert_eq!(outcome.events[0].seq, head + 1);
    let message = w.message(bob, room, seq).await;
    assert_eq!((message.seq, message.rev, message.edited_at), (seq, head + 1, None));
}

pub async fn who_reacted_is_listed_by_emoji_and_user(w: &World) {
    let (ann, bob, room, seq) = reacted(w).await;
    let (party, thumb) = (emoji("🎉"), emoji("👍"));
    let page = w.stores.log.reactions(ann, room, seq, None, everything()).await.unwrap();
    assert_eq!(page.items, [(party.clone(), ann), (thumb.clone(), ann), (thumb.clone(), bob)]);
    let page = w.stores.log.reactions(ann, room, seq, Some(thumb.clone()), everything()).await.unwrap();
    assert_eq!(page.items, [(thumb.clone(), ann), (thumb.clone(), bob)]);
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = w.stores.log.reactions(bob, room, seq, None, PageOf { after, limit: 1 }).await.unwrap();
        assert!(page.items.len() <= 1);
        listed.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, [(party, ann), (thumb.clone(), ann), (thumb, bob)]);
}

pub async fn nothing_is_listed_of_no_message_or_a_deleted_one(w: &World) {
    let (ann, bob, room, seq) = reacted(w).await;
    refused!(w.stores.log.reactions(ann, room, 1, None, everything()).await, Refusal::NotFound);
    w.ok(ann, room, Action::Delete { seq, if_match: None }).await;
    refused!(w.stores.log.reactions(bob, room, seq, None, everything()).await, Refusal::Gone(_));
}

pub async fn a_message_has_at_most_fifty_emoji(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("lobby", &[ann, bob]).await;
    w.ok(ann, room, Action::Post(draft("x"))).await;
    let pictures: Vec<String> = ('\u{1F400}'..).take(51).map(String::from).collect();
    let outcomes = w.batch(pictures.iter().map(|picture| (ann, room, react(4, picture, true))).collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), Message::MAX_EMOJI);
    refused!(&outcomes[50], Refusal::Conflict(_));
    w.ok(bob, room, react(4, &pictures[0], true)).await;
    assert_eq!(w.head(room).await, 55);
}
