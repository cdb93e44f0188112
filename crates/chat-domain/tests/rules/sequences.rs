//! What holds of a room whatever is done in it, by whomever, in any order.

use chat_domain::{
    command::{Action, Draft, MemberPatch, NewRoom, Reply, RoomPatch},
    ids::Seq,
    objects::{Member, Role, Room, RoomKind},
    rules::{RoomFacts, Write, decide},
    words::{Emoji, Nonce},
};
use proptest::prelude::*;

use crate::stage::{CODE, at, command, draft, stage, text, user};

/// A room just made by user 0 with 1 and 2 in it.
fn founded() -> RoomFacts {
    let mut facts = stage(RoomKind::Public);
    (facts.room, facts.log.head) = (None, 0);
    let members = vec![user(1), user(2)];
    let new = NewRoom { kind: RoomKind::Public, name: None, topic: None, members, nonce: None };
    decide(&mut facts, &command(user(0), 0, Action::Create(new))).unwrap();
    facts
}

fn picture() -> impl Strategy<Value = Emoji> {
    prop::sample::select(vec!["👍", "🎉", "❤️"]).prop_map(|picture| Emoji::parse(picture).unwrap())
}

fn nonce() -> impl Strategy<Value = Option<Nonce>> {
    prop::option::of((0..5).prop_map(|n| Nonce::parse(&format!("nonce-{n:03}")).unwrap()))
}

fn action() -> impl Strategy<Value = Action> {
    let seq = 0_u64..60;
    let person = (0_u128..6).prop_map(user);
    let role = prop::option::of(prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner]));
    let mute = prop::option::of(prop::option::of((0_i64..900).prop_map(at)));
    let words = prop::sample::select(vec!["hi @user1", "@room", "words", "other words"]);
    let post = (words.clone(), nonce(), prop::option::of(seq.clone()))
        .prop_map(|(words, nonce, reply_to)| Action::Post(Draft { nonce, reply_to, ..draft(words) }));
    let patch = (prop::option::of(0_u32..4), prop::option::weighted(0.2, any::<bool>()))
        .prop_map(|(slow_mode_s, archived)| RoomPatch { slow_mode_s, archived, ..RoomPatch::default() });
    prop_oneof![
        30 => post,
        5 => (seq.clone(), words).prop_map(|(seq, words)| Action::Edit { seq, text: text(words), if_match: None }),
        5 => seq.clone().prop_map(|seq| Action::Delete { seq, if_match: None }),
        12 => (seq.clone(), picture(), any::<bool>()).prop_map(|(seq, emoji, on)| Action::React { seq, emoji, on }),
        8 => (seq.clone(), any::<bool>()).prop_map(|(seq, on)| Action::Pin { seq, on }),
        5 => seq.prop_map(Action::Read),
        6 => Just(Action::Join),
        3 => Just(Action::Redeem(CODE)),
        8 => (person.clone(), role, mute)
            .prop_map(|(user, role, muted_until)| Action::SetMember(MemberPatch { user, role, muted_until })),
        8 => person.clone().prop_map(Action::Remove),
        4 => person.clone().prop_map(Action::Ban),
        3 => person.prop_map(Action::Unban),
        4 => patch.prop_map(Action::Update),
        1 => Just(Action::Depart),
    ]
}

fn present(facts: &RoomFacts) -> impl Iterator<Item = &Member> {
    facts.members.values().map(|facts| &facts.member).filter(|member| member.is_in)
}

/// What holds between commands.
fn holds(facts: &RoomFacts, was_empty: bool) -> Result<(), TestCaseError> {
    let room = facts.room.as_ref().unwrap();
    let owners = present(facts).filter(|member| member.role == Role::Owner).count();
    prop_assert!(owners > 0 || was_empty || present(facts).count() == 0, "people are in, and nobody owns the room");
    for member in facts.members.values() {
        prop_assert!(member.read <= facts.log.head && member.member.rev <= facts.log.head);
        prop_assert!(member.member.is_in || member.member.role == Role::Member);
        prop_assert!(!(member.member.is_in && member.member.banned));
    }
    prop_assert!(room.pins.len() <= Room::MAX_PINS && room.rev <= facts.log.head);
    for (at, pin) in room.pins.iter().enumerate() {
        prop_assert!(!room.pins[..at].contains(pin), "pinned twice");
        prop_assert!(!facts.messages[pin].deleted, "a tombstone is pinned");
    }
    for message in facts.messages.values() {
        for reaction in &message.reactions {
            let key = |(seq, emoji, _): &&(Seq, Emoji, _)| *seq == message.seq && *emoji == reaction.emoji;
            prop_assert_eq!(facts.reactions.iter().filter(key).count(), reaction.count as usize);
        }
        let on_it = facts.reactions.iter().filter(|(seq, _, _)| *seq == message.seq).count();
        prop_assert_eq!(on_it, message.reactions.iter().map(|reaction| reaction.count as usize).sum::<usize>());
        prop_assert!(!message.deleted || (message.text.is_none() && message.mentions.is_empty()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_numbers_have_no_holes_and_the_room_keeps_its_shape(
        steps in prop::collection::vec(((0_u128..6).prop_map(user), 0_i64..3, action()), 1..120)
    ) {
        let mut facts = founded();
        let (mut seconds, mut was_empty) = (0, false);
        for (by, passed, action) in steps {
            seconds += passed;
            let before = facts.clone();
            let Ok(decision) = decide(&mut facts, &command(by, seconds, action)) else {
                prop_assert_eq!(&facts, &before, "refused, and the facts have changed");
                continue;
            };
            let events = &decision.outcome.events;
            let numbers: Vec<Seq> = events.iter().map(|event| event.seq).collect();
            let expected: Vec<Seq> = (before.log.head + 1..=before.log.head + events.len() as Seq).collect();
            prop_assert_eq!(numbers, expected);
            prop_assert_eq!(facts.log.head, before.log.head + events.len() as Seq);
            prop_assert!(events.iter().all(|event| event.object.rev() == event.seq && event.by == by));
            if let Reply::Posted { duplicate: true, .. } = decision.outcome.reply {
                prop_assert_eq!(&facts, &before, "a retry changes nothing");
            }
            for (user, then) in &before.members {
                prop_assert!(facts.members[user].read >= then.read, "a marker moved back");
            }
            let hints = decision.writes.iter().filter_map(|write| match write {
                Write::Hint(hint) => Some(hint.clone()),
                _ => None,
            });
            prop_assert_eq!(hints.collect::<Vec<_>>(), decision.outcome.hints);
            was_empty |= present(&facts).count() == 0;
            holds(&facts, was_empty)?;
        }
    }

    #[test]
    fn no_order_of_pinning_makes_more_than_fifty_pins(
        pins in prop::collection::vec((5_u64..65, prop::bool::weighted(0.9)), 100..300)
    ) {
        let mut facts = founded();
        for _ in 5..65 {
            decide(&mut facts, &command(user(1), 0, Action::Post(draft("words")))).unwrap();
        }
        for (seq, on) in pins {
            let full = facts.room.as_ref().unwrap().pins.len() == Room::MAX_PINS;
            let answer = decide(&mut facts, &command(user(0), 1, Action::Pin { seq, on }));
            prop_assert!(answer.is_ok() || full);
            holds(&facts, false)?;
        }
    }
}
