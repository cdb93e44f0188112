//! Clauses of the port for accounts.

use chat_domain::{
    event::HintAbout,
    ids::{SessionId, UserId},
    pages::PageOf,
    ports::{PasswordHash, Rotation},
    refusal::Refusal,
    words::{DisplayName, Username},
};

use crate::{World, digest, everything, refused};

pub async fn an_account_is_found_by_its_name_and_id(w: &World) {
    let account = w.account("ann");
    let user = w.stores.accounts.create(account.clone()).await.unwrap();
    assert_eq!((user.id, user.username.clone()), (account.id, Some(account.username.clone())));
    assert_eq!((user.display_name.clone(), user.created_at), (Some(account.display_name), account.at));
    assert!(!user.bot && !user.deleted);
    let found = w.stores.accounts.credentials(&account.username).await.unwrap();
    assert_eq!(found, Some((user.clone(), account.password.clone())));
    assert_eq!(w.stores.accounts.password(user.id).await.unwrap(), Some(account.password));
    assert_eq!(w.stores.accounts.users(&[user.id]).await.unwrap(), [(user, 0)]);
}

pub async fn nobody_is_found_where_there_is_nobody(w: &World) {
    let nobody = UserId(w.id());
    let name = Username::parse("nobody").unwrap();
    assert_eq!(w.stores.accounts.credentials(&name).await.unwrap(), None);
    assert_eq!(w.stores.accounts.password(nobody).await.unwrap(), None);
    assert!(w.stores.accounts.users(&[nobody]).await.unwrap().is_empty());
    let called = DisplayName::parse("x").unwrap();
    refused!(w.stores.accounts.rename(nobody, called).await, Refusal::NotFound);
    refused!(w.stores.accounts.delete(nobody, w.now()).await, Refusal::NotFound);
    let session = SessionId(w.id());
    let set = w.stores.accounts.set_password(nobody, PasswordHash("x".into()), session, w.now()).await;
    refused!(set, Refusal::NotFound);
}

pub async fn a_username_is_given_out_once(w: &World) {
    w.user("ann").await;
    refused!(w.stores.accounts.create(w.account("ann")).await, Refusal::UsernameTaken);
}

pub async fn a_deleted_users_name_stays_taken(w: &World) {
    let ann = w.user("ann").await;
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    refused!(w.stores.accounts.create(w.account("ann")).await, Refusal::UsernameTaken);
}

pub async fn users_come_each_once_deleted_ones_included(w: &World) {
    let [ann, bob, eve] = w.users(["ann", "bob", "eve"]).await;
    w.stores.accounts.delete(bob, w.now()).await.unwrap();
    let nobody = UserId(w.id());
    let mut found = w.stores.accounts.users(&[eve, bob, ann, bob, nobody, ann]).await.unwrap();
    found.sort_by_key(|(user, _)| user.id);
    assert_eq!(found.iter().map(|(user, _)| user.id).collect::<Vec<_>>(), [ann, bob, eve]);
    assert_eq!(found.iter().map(|(user, _)| user.deleted).collect::<Vec<_>>(), [false, true, false]);
    assert!(w.stores.accounts.users(&[]).await.unwrap().is_empty());
}

pub async fn search_finds_starts_of_usernames_and_of_words_of_display_names_without_case(w: &World) {
    let [ann, bob, anton] = w.users(["ann", "bob", "anton"]).await;
    let called = |name: &str| DisplayName::parse(name).unwrap();
    w.stores.accounts.rename(bob, called("Борис Anderson")).await.unwrap();
    let ids = async |query: &str| {
        let page = w.stores.accounts.search(query, everything()).await.unwrap();
        page.items.iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("an").await, [ann, anton, bob]);
    assert_eq!(ids("AN").await, [ann, anton, bob]);
    assert_eq!(ids("борис").await, [bob]);
    assert_eq!(ids("БОР").await, [bob]);
    assert_eq!(ids("anders").await, [bob]);
    assert_eq!(ids("derson").await, []);
    assert_eq!(ids("nn").await, []);
    assert_eq!(ids("").await, [ann, anton, bob]);
    w.stores.accounts.delete(ann, w.now()).await.unwrap();
    assert_eq!(ids("an").await, [anton, bob]);
}

pub async fn search_takes_every_character_as_it_is(w: &World) {
    let [bob, eve] = w.users(["bob", "e_e"]).await;
    w.stores.accounts.rename(bob, DisplayName::parse("100% *Bob* [x] \\o/").unwrap()).await.unwrap();
    let ids = async |query: &str| {
        let page = w.stores.accounts.search(query, everything()).await.unwrap();
        page.items.iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("%").await, []);
    assert_eq!(ids("_").await, []);
    assert_eq!(ids("e_").await, [eve]);
    assert_eq!(ids("b_").await, []);
    assert_eq!(ids("100%").await, [bob]);
    assert_eq!(ids("*").await, [bob]);
    assert_eq!(ids("[").await, [bob]);
    assert_eq!(ids("\\").await, [bob]);
    assert_eq!(ids("' OR 1=1 --").await, []);
}

pub async fn search_pages_by_username(w: &World) {
    w.users(["zed", "ann1", "ann3", "ann2", "ann5", "ann4"]).await;
    let mut after = None;
    let mut names = Vec::new();
    loop {
        let page = w.stores.accounts.search("ann", PageOf { after, limit: 2 }).await.unwrap();
        assert!(page.items.len() <= 2);
        names.extend(page.items.iter().map(|user| user.username.clone().unwrap().to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["ann1", "ann2", "ann3", "ann4", "ann5"]);
}

pub async fn another_display_name_comes_with_a_numbered_hint(w: &World) {
    let ann = w.user("ann").await;
    let called = DisplayName::parse("Ann S.").unwrap();
    let (user, hint) = w.stores.accounts.rename(ann, called.clone()).await.unwrap();
    assert_eq!(user.display_name, Some(called.clone()));
    let hint = hint.unwrap();
    assert_eq!((hint.user, hint.seq), (ann, 1));
    assert_eq!(hint.about, HintAbout::Profile(user.clone().into()));
    assert_eq!(w.hints(ann).await, 1);
    let again = w.stores.accounts.rename(ann, called).await.unwrap();
    assert_eq!(again, (user, None));
    assert_eq!(w.hints(ann).await, 1);
}

pub async fn rehash_replaces_only_the_hash_it_saw(w: &World) {
    let ann = w.user("ann").await;
    let hash = |text: &str| PasswordHash(text.into());
    w.stores.accounts.rehash(ann, hash("another"), hash("evil")).await.unwrap();
    assert_eq!(w.stores.accounts.password(ann).await.unwrap(), Some(hash("hash of ann")));
    w.stores.accounts.rehash(ann, hash("hash of ann"), hash("stronger")).await.unwrap();
    assert_eq!(w.stores.accounts.password(ann).await.unwrap(), Some(hash("stronger")));
}

pub async fn a_new_password_ends_the_other_sessions_of_that_user_alone(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let (kept, other, third) = (w.signs_in(ann, 1).await, w.signs_in(ann, 2).await, w.signs_in(ann, 3).await);
    let bobs = w.signs_in(bob, 4).await;
    w.stores.sessions.end(ann, third, w.now()).await.unwrap();
    let new = PasswordHash("new".into());
    let ended = w.stores.accounts.set_password(ann, new.clone(), kept, w.now()).await.unwrap();
    assert_eq!(ended, [other], "those that had ended before are not told again");
    assert_eq!(w.stores.accounts.password(ann).await.unwrap(), Some(new));
    let left = w.stores.sessions.list(ann, w.now(), everything()).await.unwrap();
    assert_eq!(left.items.iter().map(|session| session.id).collect::<Vec<_>>(), [kept]);
    let bobs_left = w.stores.sessions.list(bob, w.now(), everything()).await.unwrap();
    assert_eq!(bobs_left.items[0].id, bobs);
    let later = w.now().plus_millis(1_000);
    let rotated = w.stores.sessions.rotate(digest(2), digest(5), w.now(), later).await.unwrap();
    assert_eq!(rotated, Rotation::Ended);
}
