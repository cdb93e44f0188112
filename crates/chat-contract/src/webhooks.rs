//! Clauses of webhooks: made, listed, removed, and the bots that they bring.

use chat_domain::{
    command::{Action, MemberPatch, NewRoom, RoomPatch},
    ids::{RoomId, UserId, WebhookId},
    objects::{Role, RoomKind, Webhook},
    pages::PageOf,
    refusal::Refusal,
    words::Username,
};

use crate::{
    World,
    deliveries::{posts, says, tries},
    digest, everything, refused,
};

/// Ann owns a private room where Bob is.
pub(crate) async fn den(w: &World) -> (UserId, UserId, RoomId) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.private("den", &[ann, bob]).await;
    (ann, bob, room)
}

pub(crate) async fn archives(w: &World, by: UserId, room: RoomId) {
    let patch = RoomPatch { archived: Some(true), ..RoomPatch::default() };
    w.ok(by, room, Action::Update(patch)).await;
}

async fn listed(w: &World, reader: UserId, room: RoomId) -> Vec<Webhook> {
    w.stores.webhooks.list(reader, room, everything()).await.unwrap().items
}

async fn found(w: &World, id: WebhookId, secret: u64) -> Option<Webhook> {
    w.stores.webhooks.find(id, digest(secret)).await.unwrap()
}

pub async fn a_webhook_is_found_by_its_id_and_secret_together(w: &World) {
    let (ann, _, room) = den(w).await;
    let (one, two) = (w.hooks(ann, room, 1).await, w.hooks(ann, room, 2).await);
    assert_eq!(found(w, one.id, 1).await, Some(one.clone()));
    assert_eq!(found(w, two.id, 2).await, Some(two.clone()));
    for (id, secret) in [(one.id, 2), (two.id, 1), (one.id, 3), (WebhookId(w.id()), 1)] {
        assert_eq!(found(w, id, secret).await, None);
    }
}

pub async fn webhooks_are_listed_by_id_in_pages(w: &World) {
    let (ann, bob, room) = den(w).await;
    w.gives(ann, room, bob, Role::Admin).await;
    let other = w.private("other", &[ann]).await;
    w.hooks(ann, other, 100).await;
    let mut made = Vec::new();
    for secret in 0..5 {
        made.push(w.hooks(bob, room, secret).await);
    }
    let (mut after, mut read) = (None, Vec::new());
    loop {
        let page = w.stores.webhooks.list(ann, room, PageOf { after, limit: 2 }).await.unwrap();
        assert!(page.items.len() <= 2);
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, made);
}

pub async fn only_admins_make_list_and_remove_webhooks(w: &World) {
    let (ann, bob, room) = den(w).await;
    let eve = w.user("eve").await;
    let (webhook, hooks) = (w.hooks(ann, room, 1).await, &w.stores.webhooks);
    refused!(hooks.add(w.webhook(bob, room, "x"), digest(2), 10).await, Refusal::Forbidden(_));
    refused!(hooks.list(bob, room, everything()).await, Refusal::Forbidden(_));
    refused!(hooks.remove(bob, room, webhook.id).await, Refusal::Forbidden(_));
    for hidden in [room, RoomId(w.id())] {
        refused!(hooks.add(w.webhook(eve, hidden, "x"), digest(2), 10).await, Refusal::NotFound);
        refused!(hooks.list(eve, hidden, everything()).await, Refusal::NotFound);
        refused!(hooks.remove(eve, hidden, webhook.id).await, Refusal::NotFound);
    }
    w.gives(ann, room, bob, Role::Admin).await;
    assert_eq!(listed(w, bob, room).await, std::slice::from_ref(&webhook));
    hooks.remove(bob, room, webhook.id).await.unwrap();
}

pub async fn a_direct_room_has_no_webhooks_and_an_archived_one_gets_none(w: &World) {
    let (ann, bob, room) = den(w).await;
    let (direct, hooks) = (w.direct(ann, bob).await, &w.stores.webhooks);
    refused!(hooks.add(w.webhook(ann, direct, "x"), digest(1), 10).await, Refusal::Conflict(_));
    refused!(hooks.list(ann, direct, everything()).await, Refusal::Conflict(_));
    refused!(hooks.remove(ann, direct, WebhookId(w.id())).await, Refusal::Conflict(_));
    let webhook = w.hooks(ann, room, 2).await;
    archives(w, ann, room).await;
    refused!(hooks.add(w.webhook(ann, room, "x"), digest(3), 10).await, Refusal::Forbidden(_));
    assert_eq!(listed(w, ann, room).await, std::slice::from_ref(&webhook));
    hooks.remove(ann, room, webhook.id).await.unwrap();
}

pub async fn a_room_has_so_many_webhooks_and_no_more(w: &World) {
    let (ann, _, room) = den(w).await;
    let other = w.private("other", &[ann]).await;
    let hooks = &w.stores.webhooks;
    let (one, two, three) = (w.webhook(ann, room, "1"), w.webhook(ann, room, "2"), w.webhook(ann, room, "3"));
    for (webhook, secret) in [(&one, 1), (&two, 2)] {
        hooks.add(webhook.clone(), digest(secret), 2).await.unwrap();
    }
    refused!(hooks.add(three.clone(), digest(3), 2).await, Refusal::Conflict(_));
    assert_eq!(w.stores.accounts.users(&[three.bot]).await.unwrap(), [], "no bot without its webhook");
    hooks.add(w.webhook(ann, other, "4"), digest(4), 2).await.unwrap();
    hooks.remove(ann, room, one.id).await.unwrap();
    hooks.add(three.clone(), digest(3), 2).await.unwrap();
    assert_eq!(listed(w, ann, room).await, [two, three]);
}

pub async fn a_removed_webhook_is_unknown_and_its_bot_stays(w: &World) {
    let (ann, _, room) = den(w).await;
    let other = w.private("other", &[ann]).await;
    let (webhook, hooks) = (w.hooks(ann, room, 1).await, &w.stores.webhooks);
    let message = posts(w, &webhook, "built").await;
    let bot = w.stores.accounts.users(&[webhook.bot]).await.unwrap();
    refused!(hooks.remove(ann, other, webhook.id).await, Refusal::NotFound);
    refused!(hooks.remove(ann, room, WebhookId(w.id())).await, Refusal::NotFound);
    hooks.remove(ann, room, webhook.id).await.unwrap();
    refused!(hooks.remove(ann, room, webhook.id).await, Refusal::NotFound);
    assert_eq!(found(w, webhook.id, 1).await, None);
    assert_eq!(listed(w, ann, room).await, []);
    assert_eq!(w.stores.accounts.users(&[webhook.bot]).await.unwrap(), bot);
    assert_eq!(w.message(ann, room, message.seq).await.author, webhook.bot);
}

pub async fn a_closed_room_has_no_webhooks(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    w.ok(ann, room, Action::Close { if_match: None }).await;
    assert_eq!(found(w, webhook.id, 1).await, None);
    refused!(tries(w, &webhook, says(&webhook, "late")).await, Refusal::NotFound);
    refused!(w.stores.webhooks.list(ann, room, everything()).await, Refusal::NotFound);
}

pub async fn a_webhook_outlives_its_maker(w: &World) {
    let (ann, bob, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    posts(w, &webhook, "built").await;
    assert_eq!(listed(w, bob, room).await, [webhook]);
}

pub async fn making_and_removing_take_no_number(w: &World) {
    let (ann, _, room) = den(w).await;
    let (head, hints) = (w.head(room).await, w.hints(ann).await);
    let webhook = w.hooks(ann, room, 1).await;
    w.stores.webhooks.remove(ann, room, webhook.id).await.unwrap();
    assert_eq!((w.head(room).await, w.hints(ann).await), (head, hints));
}

pub async fn a_bot_is_a_user_that_nobody_can_be(w: &World) {
    let (ann, _, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let (bot, hints) = w.stores.accounts.users(&[webhook.bot]).await.unwrap().pop().unwrap();
    let name = Username::of_bot(webhook.bot);
    assert_eq!((bot.id, bot.bot, bot.deleted, hints), (webhook.bot, true, false, 0));
    assert_eq!((bot.username.as_ref(), bot.display_name.as_ref()), (Some(&name), Some(&webhook.name)));
    assert_eq!(bot.created_at, webhook.created_at);
    assert!(w.stores.accounts.credentials(&name).await.unwrap().is_none());
    assert!(w.stores.accounts.password(webhook.bot).await.unwrap().is_none());
    let squatter = chat_domain::ports::NewAccount { username: name, ..w.account("eve") };
    refused!(w.stores.accounts.create(squatter).await, Refusal::UsernameTaken);
    for query in ["", "hook", "ci"] {
        let page = w.stores.accounts.search(query, everything()).await.unwrap();
        assert!(page.items.iter().all(|user| !user.bot), "{query}");
    }
}

pub async fn nobody_adds_bans_or_talks_to_a_bot(w: &World) {
    let (ann, bob, room) = den(w).await;
    let webhook = w.hooks(ann, room, 1).await;
    let patch = MemberPatch { user: webhook.bot, role: None, muted_until: None };
    refused!(w.does(ann, room, Action::SetMember(patch)).await, Refusal::NotFound);
    refused!(w.does(ann, room, Action::Ban(webhook.bot)).await, Refusal::NotFound);
    for kind in [RoomKind::Direct, RoomKind::Private] {
        let new = NewRoom { kind, name: None, topic: None, members: vec![webhook.bot], nonce: None };
        refused!(w.does(ann, RoomId(w.id()), Action::Create(new)).await, Refusal::InvalidField { .. });
    }
    posts(w, &webhook, "built").await;
    let members = w.stores.rooms.members(ann, room, everything()).await.unwrap();
    assert_eq!(members.items.iter().map(|member| member.user).collect::<Vec<_>>(), [ann, bob]);
    assert_eq!(w.stores.log.acquaintances(ann, &[webhook.bot]).await.unwrap(), []);
}
