//! Who may do what (security S3, at the level of the rules): every actor × every action × every kind of room.

use chat_domain::{
    command::{Action, Draft, MemberPatch, NewRoom, RoomPatch},
    ids::UserId,
    objects::{Member, Role, RoomKind},
    refusal::Refusal,
    rules::{RoomFacts, decide},
};

use crate::stage::{CODE, at, command, draft, member, put, say, stage, text, thumb, user};

const ACTORS: [&str; 7] = ["stranger", "member", "muted", "admin", "owner", "banned", "left"];
const OWNER: u128 = 0;
const ACTOR: u128 = 1;
const BOB: u128 = 2;
const OUTSIDER: u128 = 3;
const BANNED: u128 = 4;
const OTHER_ADMIN: u128 = 5;
// Posted by Bob, and by the actor.
const BOBS: u64 = 10;
const OWN: u64 = 11;

fn actor(kind: &str) -> Option<Member> {
    let me = |role, is_in| member(user(ACTOR), role, is_in);
    match kind {
        "stranger" => None,
        "member" => Some(me(Role::Member, true)),
        "muted" => Some(Member { muted_until: Some(at(1_000)), ..me(Role::Member, true) }),
        "admin" => Some(me(Role::Admin, true)),
        "owner" => Some(me(Role::Owner, true)),
        "banned" => Some(Member { banned: true, ..me(Role::Member, false) }),
        "left" => Some(me(Role::Member, false)),
        _ => unreachable!(),
    }
}

/// A room with the actor in it as this kind; somebody else owns it unless the actor does.
fn room(kind: RoomKind, archived: bool, who: &str) -> RoomFacts {
    let mut facts = stage(kind);
    facts.room.as_mut().unwrap().archived = archived;
    let first = if who == "owner" { Role::Member } else { Role::Owner };
    put(&mut facts, member(user(OWNER), first, true));
    put(&mut facts, member(user(BOB), Role::Member, true));
    put(&mut facts, member(user(OTHER_ADMIN), Role::Admin, true));
    put(&mut facts, Member { banned: true, ..member(user(BANNED), Role::Member, false) });
    if let Some(member) = actor(who) {
        put(&mut facts, member);
    }
    say(&mut facts, BOBS, user(BOB));
    say(&mut facts, OWN, user(ACTOR));
    facts
}

fn set(of: u128, role: Option<Role>, mute: bool) -> Action {
    Action::SetMember(MemberPatch { user: user(of), role, muted_until: mute.then_some(Some(at(9))) })
}

fn action(name: &str) -> Action {
    let edit = |seq| Action::Edit { seq, text: text("other"), if_match: None };
    let delete = |seq| Action::Delete { seq, if_match: None };
    let react = |on| Action::React { seq: BOBS, emoji: thumb(), on };
    match name {
        "rename" => Action::Update(RoomPatch { topic: Some(None), slow_mode_s: Some(5), ..RoomPatch::default() }),
        "close" => Action::Close { if_match: None },
        "join" => Action::Join,
        "redeem" => Action::Redeem(CODE),
        "add" => set(OUTSIDER, None, false),
        "mute" => set(BOB, None, true),
        "promote" => set(BOB, Some(Role::Admin), false),
        "demote" => set(OTHER_ADMIN, Some(Role::Member), false),
        "kick" => Action::Remove(user(BOB)),
        "kick admin" => Action::Remove(user(OTHER_ADMIN)),
        "leave" => Action::Remove(user(ACTOR)),
        "ban" => Action::Ban(user(BOB)),
        "ban admin" => Action::Ban(user(OTHER_ADMIN)),
        "unban" => Action::Unban(user(BANNED)),
        "post" => Action::Post(draft("hi")),
        "answer" => Action::Post(Draft { reply_to: Some(BOBS), ..draft("hi") }),
        "edit own" => edit(OWN),
        "edit" => edit(BOBS),
        "delete own" => delete(OWN),
        "delete" => delete(BOBS),
        "react" => react(true),
        "unreact" => react(false),
        "pin" => Action::Pin { seq: BOBS, on: true },
        "read" => Action::Read(15),
        "depart" => Action::Depart,
        _ => unreachable!("{name}"),
    }
}

fn letter(answer: &Result<chat_domain::rules::Decision, Refusal>) -> char {
    match answer {
        Ok(_) => '+',
        Err(Refusal::Forbidden(_)) => 'F',
        Err(Refusal::NotFound) => 'N',
        Err(Refusal::Conflict(_)) => 'C',
        Err(Refusal::Muted { .. }) => 'M',
        Err(other) => panic!("{other:?}"),
    }
}

/// One letter per actor, in the order of [`ACTORS`].
fn check(kind: RoomKind, archived: bool, table: &str) {
    let mut rows = 0;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, expected) = line.rsplit_once("  ").unwrap();
        let answers = ACTORS.iter().map(|who| {
            let mut facts = room(kind, archived, who);
            let before = facts.clone();
            let answer = decide(&mut facts, &command(user(ACTOR), 5, action(name.trim())));
            assert!(answer.is_ok() || facts == before, "{who} {name}: refused, and the facts have changed");
            letter(&answer)
        });
        assert_eq!(answers.collect::<String>(), expected, "{kind:?} archived={archived}: {name}");
        rows += 1;
    }
    assert_eq!(rows, 25);
}

#[test]
fn s3_who_may_do_what_in_a_public_room() {
    check(
        RoomKind::Public,
        false,
        "rename       FFF++FF
         close        FFFF+FF
         join         +++++F+
         redeem       +++++F+
         add          FFF++FF
         mute         FFF++FF
         promote      FFFF+FF
         demote       FFFF+FF
         kick         FFF++FF
         kick admin   FFFF+FF
         leave        N+++CFN
         ban          FFF++FF
         ban admin    FFFF+FF
         unban        FFF++FF
         post         F+M++FF
         answer       F+M++FF
         edit own     F+M++FF
         edit         FFFFFFF
         delete own   F++++FF
         delete       FFF++FF
         react        F+M++FF
         unreact      F++++FF
         pin          FFF++FF
         read         F++++FF
         depart       F++++FF",
    );
}

#[test]
fn s3_who_may_do_what_in_a_private_room() {
    check(
        RoomKind::Private,
        false,
        "rename       NFF++NN
         close        NFFF+NN
         join         N++++NN
         redeem       +++++N+
         add          NFF++NN
         mute         NFF++NN
         promote      NFFF+NN
         demote       NFFF+NN
         kick         NFF++NN
         kick admin   NFFF+NN
         leave        N+++CNN
         ban          NFF++NN
         ban admin    NFFF+NN
         unban        NFF++NN
         post         N+M++NN
         answer       N+M++NN
         edit own     N+M++NN
         edit         NFFFFNN
         delete own   N++++NN
         delete       NFF++NN
         react        N+M++NN
         unreact      N++++NN
         pin          NFF++NN
         read         N++++NN
         depart       N++++NN",
    );
}

#[test]
fn s3_an_archived_room_is_read_only_for_everybody() {
    check(
        RoomKind::Public,
        true,
        "rename       FFFFFFF
         close        FFFF+FF
         join         F++++FF
         redeem       F++++FF
         add          FFFFFFF
         mute         FFFFFFF
         promote      FFFFFFF
         demote       FFFFFFF
         kick         FFF++FF
         kick admin   FFFF+FF
         leave        N+++CFN
         ban          FFF++FF
         ban admin    FFFF+FF
         unban        FFF++FF
         post         FFFFFFF
         answer       FFFFFFF
         edit own     FFFFFFF
         edit         FFFFFFF
         delete own   FFFFFFF
         delete       FFFFFFF
         react        FFFFFFF
         unreact      FFFFFFF
         pin          FFFFFFF
         read         F++++FF
         depart       F++++FF",
    );
}

#[test]
fn who_is_deleted_makes_no_room_and_who_lives_does() {
    let make = |by: UserId, living: bool| {
        let mut facts = stage(RoomKind::Public);
        facts.room = None;
        facts.log.head = 0;
        if !living {
            facts.users.remove(&by);
        }
        let new = NewRoom { kind: RoomKind::Public, name: None, topic: None, members: vec![user(BOB)], nonce: None };
        decide(&mut facts, &command(by, 0, Action::Create(new)))
    };
    assert_eq!(make(user(ACTOR), false), Err(Refusal::Unauthenticated));
    assert_eq!(make(user(ACTOR), true).unwrap().outcome.events.len(), 3);
}

#[test]
fn a_deleted_user_with_a_token_left_comes_into_no_room() {
    let mut facts = stage(RoomKind::Public);
    let join = command(user(9), 1, Action::Join);
    facts.users.remove(&user(9));
    assert_eq!(decide(&mut facts, &join), Err(Refusal::Unauthenticated));
    facts.users.insert(user(9));
    assert!(decide(&mut facts, &join).is_ok());
}
