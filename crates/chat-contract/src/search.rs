//! Searching what was said.

use std::collections::BTreeSet;

use chat_domain::{
    command::Action,
    ids::{RoomId, Seq, UserId},
    objects::Message,
    pages::{PageOf, Place},
    refusal::Refusal,
    words::Query,
};

use crate::{
    refused,
    world::{World, draft, emoji, named, text},
};

fn query(words: &str) -> Query {
    Query::parse(words).unwrap()
}

/// Everything that is found, in pieces of `size`.
async fn all(w: &World, reader: UserId, words: &str, room: Option<RoomId>, size: usize) -> Vec<Message> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = w.stores.log.find(reader, &query(words), room, PageOf { after, limit: size }).await.unwrap();
        assert!(page.items.len() <= size);
        found.extend(page.items);
        assert!(page.next.is_none_or(|next| after.is_none_or(|after| next < after)), "a page that leads nowhere");
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn found(w: &World, reader: UserId, words: &str) -> Vec<(RoomId, Seq)> {
    all(w, reader, words, None, 100).await.into_iter().map(|message| (message.room, message.seq)).collect()
}

async fn nothing(w: &World, reader: UserId, words: &str) {
    assert_eq!(found(w, reader, words).await, [], "{words}");
}

/// What is said, and what finds it.
const SAYINGS: [(&str, &[&str]); 9] = [
    ("Fixed in CHAT-4711, see the log", &["chat-4711", "CHAT-47", "4711", "at-4", "fixed log", "\"see the log\""]),
    (
        "Look: https://example.org/a-b/c_d?e=1&f=%20#g",
        &["https://example.org/a-b/c_d?e=1&f=%20#g", "example.org", "/a-b/", "c_d", "e=1&f=%20", "#g"],
    ),
    ("Съешь же ещё этих мягких французских булок", &["ЕЩЁ", "француз", "цузск", "булок мягких", "же"]),
    ("明日は東京都で会議があります", &["東京", "京都", "都", "会議", "会議があ", "明日 会議"]),
    ("안녕하세요 여러분", &["안녕", "하세", "여러분", "분"]),
    ("สวัสดีครับ", &["สวัส", "ครับ", "รั"]),
    ("Die Straße nach Übersee, 100% wahr_heit \\o/", &["STRASSE", "über", "100%", "r_h", "\\o/", "%"]),
    ("ΟΔΥΣΣΕΥΣ and a 😀 for c++ or C#", &["οδυσσευς", "😀", "c++", "C#", "or"]),
    (
        "it's \"quoted\" (and) [bracketed] 'a''b' * NEAR(x) AND -y",
        &["\"quoted", "[bra", "'a''b'", "*", "near(x)", "-y", "(and)"],
    ),
];

pub async fn search_finds_words_and_parts_in_any_script_without_case(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("talk", &[ann, bob]).await;
    let mut said = Vec::new();
    for (words, _) in SAYINGS {
        said.push((room, w.posts(ann, room, words).await.seq));
    }
    for (saying, (words, queries)) in said.iter().zip(SAYINGS) {
        for asked in queries {
            assert!(query(asked).matches(words), "{asked}");
            assert!(found(w, bob, asked).await.contains(saying), "{asked} is in {words}");
        }
    }
    for asked in ["chat-4712", "absent", "булочка", "京東", "хлеб", "fixed булок", "ex", "lo", "qqq", "😎", "ей"]
    {
        nothing(w, bob, asked).await;
    }
}

pub async fn search_is_exact_about_what_it_means(w: &World) {
    let ann = w.user("ann").await;
    let room = w.room("talk", &[ann]).await;
    let pool = ["abc", "ab", "bc", "a-b", "日本", "日", "本日", "я", "яб", "#", "Ab c", "\"a b\"", "bca", "😀"];
    let mut said = Vec::new();
    for (one, first) in pool.iter().enumerate() {
        for second in pool.iter().skip(one) {
            for between in ["", " "] {
                let words = format!("{first}{between}{second}");
                said.push((w.posts(ann, room, &words).await.seq, words));
            }
        }
    }
    for asked in pool.iter().chain(&["abc bca", "ab 日", "abca", "cab", "日本日", "# я", "b日"]) {
        let query = query(asked);
        let mut expected: Vec<Seq> =
            said.iter().filter(|(_, words)| query.matches(words)).map(|(seq, _)| *seq).collect();
        expected.reverse();
        let got: Vec<Seq> = all(w, ann, asked, None, 7).await.into_iter().map(|message| message.seq).collect();
        assert_eq!(got, expected, "{asked}");
    }
}

pub async fn search_comes_newest_first_in_pages(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let rooms = [w.room("one", &[ann, bob]).await, w.private("two", &[bob, ann]).await, w.direct(ann, bob).await];
    let mut said = Vec::new();
    for number in 0..25 {
        let room = rooms[number % 3];
        said.push((room, w.posts(ann, room, &format!("needle {number}")).await.seq));
        w.posts(bob, room, "hay").await;
    }
    said.reverse();
    for size in [1, 4, 5, 24, 25, 100] {
        let got: Vec<_> = all(w, bob, "needle", None, size).await.into_iter().map(|m| (m.room, m.seq)).collect();
        assert_eq!(got, said, "in pages of {size}");
    }
    let got: Vec<_> = all(w, bob, "needle", Some(rooms[2]), 3).await.into_iter().map(|m| (m.room, m.seq)).collect();
    assert_eq!(got, said.into_iter().filter(|(room, _)| *room == rooms[2]).collect::<Vec<_>>(), "of one room");
}

pub async fn search_pages_stay_while_more_is_said(w: &World) {
    let ann = w.user("ann").await;
    let room = w.room("talk", &[ann]).await;
    let mut said = Vec::new();
    for _ in 0..10 {
        said.push(w.posts(ann, room, "needle").await.seq);
    }
    let (mut after, mut got): (Option<Place>, Vec<Seq>) = (None, Vec::new());
    loop {
        let page = w.stores.log.find(ann, &query("needle"), None, PageOf { after, limit: 3 }).await.unwrap();
        got.extend(page.items.iter().map(|message| message.seq));
        w.posts(ann, room, "a newer needle").await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    said.reverse();
    assert_eq!(got, said);
}

pub async fn search_finds_an_edit_as_it_is_worded_now_and_in_its_place(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("talk", &[ann, bob]).await;
    let first = w.posts(ann, room, "alpha wood").await.seq;
    let second = w.posts(ann, room, "beta wood").await.seq;
    for round in 0..3 {
        let words = format!("gamma wood {round}");
        w.ok(ann, room, Action::Edit { seq: first, text: text(&words), if_match: None }).await;
        nothing(w, bob, "alpha").await;
        assert_eq!(found(w, bob, &words).await, [(room, first)]);
        assert_eq!(found(w, bob, "wood").await, [(room, second), (room, first)]);
    }
    nothing(w, bob, "\"wood 1\"").await;
    // Whatever else happens to it, it is found once.
    for on in [true, false, true] {
        w.ok(bob, room, Action::React { seq: first, emoji: emoji("👍"), on }).await;
        w.ok(ann, room, Action::Pin { seq: first, on }).await;
    }
    assert_eq!(found(w, bob, "gamma").await, [(room, first)]);
}

pub async fn search_finds_nothing_that_was_deleted(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("talk", &[ann, bob]).await;
    let kept = w.posts(ann, room, "a secret kept").await.seq;
    let gone = w.posts(ann, room, "a secret told").await.seq;
    w.ok(ann, room, Action::Delete { seq: gone, if_match: None }).await;
    assert_eq!(found(w, bob, "secret").await, [(room, kept)]);
    nothing(w, ann, "told").await;
    w.ok(ann, room, Action::Edit { seq: kept, text: text("another secret"), if_match: None }).await;
    w.ok(ann, room, Action::Delete { seq: kept, if_match: None }).await;
    nothing(w, ann, "secret").await;
}

pub async fn search_sees_what_a_whole_batch_did(w: &World) {
    let ann = w.user("ann").await;
    let room = w.room("talk", &[ann]).await;
    let next = w.head(room).await + 1;
    let done = w.batch(vec![
        (ann, room, Action::Post(draft("one needle"))),
        (ann, room, Action::Post(draft("two needles"))),
        (ann, room, Action::Post(draft("three needles"))),
        (ann, room, Action::Edit { seq: next, text: text("no more"), if_match: None }),
        (ann, room, Action::Delete { seq: next + 1, if_match: None }),
    ]);
    assert!(done.await.iter().all(Result::is_ok));
    assert_eq!(found(w, ann, "needle").await, [(room, next + 2)]);
    assert_eq!(found(w, ann, "more").await, [(room, next)]);
}

pub async fn search_finds_nothing_of_rooms_that_one_is_not_in(w: &World) {
    let [ann, bob, eve, kim, zed] = w.users(["ann", "bob", "eve", "kim", "zed"]).await;
    let rooms = [w.room("open", &[ann]).await, w.private("closed", &[ann]).await];
    for room in rooms {
        for user in [bob, eve, kim] {
            w.gives(ann, room, user, chat_domain::objects::Role::Member).await;
        }
        w.posts(ann, room, "the needle").await;
    }
    let between = w.direct(ann, bob).await;
    let word = w.posts(ann, between, "the needle").await.seq;
    for user in [bob, eve, kim] {
        assert_eq!(found(w, user, "needle").await.len(), if user == bob { 3 } else { 2 });
    }
    for room in rooms {
        w.ok(bob, room, Action::Remove(bob)).await;
        w.ok(ann, room, Action::Remove(eve)).await;
        w.ok(ann, room, Action::Ban(kim)).await;
        w.posts(ann, room, "a later needle").await;
    }
    assert_eq!(found(w, bob, "needle").await, [(between, word)]);
    for stranger in [eve, kim, zed] {
        nothing(w, stranger, "needle").await;
        for room in rooms.into_iter().chain([between, RoomId(w.id())]) {
            let (words, page) = (query("needle"), PageOf { after: None, limit: 9 });
            let asked = w.stores.log.find(stranger, &words, Some(room), page);
            refused!(asked.await, Refusal::NotFound);
        }
    }
    // Who comes back finds everything again.
    w.ok(bob, rooms[0], Action::Join).await;
    assert_eq!(found(w, bob, "needle").await.len(), 3);
    w.ok(ann, rooms[0], Action::Close { if_match: None }).await;
    assert_eq!(found(w, bob, "needle").await, [(between, word)]);
    assert_eq!(all(w, ann, "needle", Some(rooms[1]), 9).await.len(), 2);
}

pub async fn search_finds_for_those_who_are_in_many_rooms(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let mut said = BTreeSet::new();
    for number in 0..120 {
        let room = w.room(&format!("room {number}"), &[ann]).await;
        said.insert((room, w.posts(ann, room, "needle").await.seq));
        if number % 3 > 0 {
            w.ok(bob, room, Action::Join).await;
        }
    }
    assert_eq!(found(w, ann, "needle").await.into_iter().collect::<BTreeSet<_>>(), said);
    let of_bob = found(w, bob, "needle").await.into_iter().collect::<BTreeSet<_>>();
    assert!(of_bob.len() == 80 && of_bob.is_subset(&said));
}

pub async fn search_shows_messages_as_their_reader_sees_them(w: &World) {
    let [ann, bob] = w.users(["ann", "bob"]).await;
    let room = w.room("talk", &[ann, bob]).await;
    let chat_domain::command::Reply::Posted { message, .. } = w.ok(ann, room, named("own", "needle @bob")).await.reply
    else {
        panic!("posted nothing");
    };
    w.ok(bob, room, Action::React { seq: message.seq, emoji: emoji("👍"), on: true }).await;
    for reader in [ann, bob] {
        assert_eq!(all(w, reader, "needle", None, 10).await, [w.message(reader, room, message.seq).await]);
    }
}
