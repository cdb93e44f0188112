//! What the guard lets through, what it stops, and that the split of the bytes never matters.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { max_message: 1_000, max_first_message: 200 };

/// A masked client frame: first byte and payload length as given, payload of zeros.
fn frame(first: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(0x80 | u8::try_from(len).unwrap()),
        126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend([1, 2, 3, 4]);
    bytes.resize(bytes.len() + len, 0);
    bytes
}

fn verdict(bytes: &[u8]) -> Result<(), Violation> {
    Guard::new(LIMITS).feed(bytes)
}

/// A verdict on bytes that follow a first message.
fn later(bytes: &[u8]) -> Result<(), Violation> {
    verdict(&[frame(0x81, 1), bytes.to_vec()].concat())
}

#[test]
fn t7_what_breaks_the_protocol_is_named_at_its_first_wrong_byte() {
    let inside = |bytes: &[u8]| later(&[frame(0x01, 1), bytes.to_vec()].concat());
    for (rsv, opcode) in [(0x40, 1), (0x20, 1), (0x10, 2), (0x40, 9)] {
        assert_eq!(later(&[0x80 | rsv | opcode]), Err(Violation::ReservedBit));
    }
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        assert_eq!(later(&[0x80 | opcode]), Err(Violation::ReservedOpcode));
    }
    assert_eq!(later(&[0x81, 0x05]), Err(Violation::Unmasked));
    assert_eq!(later(&[0x09]), Err(Violation::FragmentedControl));
    assert_eq!(later(&[0x89, 0x80 | 126]), Err(Violation::LongControl));
    assert_eq!(later(&[0x88, 0x80 | 127]), Err(Violation::LongControl));
    assert_eq!(later(&[0x80]), Err(Violation::StrayContinuation));
    assert_eq!(inside(&[0x81]), Err(Violation::Interleaved));
    assert_eq!(inside(&[0x02]), Err(Violation::Interleaved));
    assert_eq!(later(&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(Violation::LengthOverflow));
}

#[test]
fn t9_an_announcement_of_2_to_the_40_is_stopped_at_the_header() {
    let header = [0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0];
    assert_eq!(verdict(&header[..9]), Ok(()));
    assert_eq!(verdict(&header), Err(Violation::TooLarge));
}

#[test]
fn a_message_may_have_exactly_the_limit_whole_or_in_fragments() {
    assert_eq!(later(&frame(0x81, 1_000)), Ok(()));
    assert_eq!(later(&frame(0x81, 1_001)), Err(Violation::TooLarge));
    let fragments = [frame(0x01, 400), frame(0x89, 125), frame(0x00, 400)].concat();
    assert_eq!(later(&[fragments.clone(), frame(0x80, 200)].concat()), Ok(()));
    assert_eq!(later(&[fragments, frame(0x80, 201)].concat()), Err(Violation::TooLarge));
}

#[test]
fn only_the_first_message_has_the_lower_limit() {
    assert_eq!(verdict(&frame(0x81, 201)), Err(Violation::TooLarge));
    let fragments = [frame(0x01, 150), frame(0x00, 51)].concat();
    assert_eq!(verdict(&fragments), Err(Violation::TooLarge));
    let ping_first = [frame(0x89, 5), frame(0x81, 200), frame(0x81, 1_000)].concat();
    assert_eq!(verdict(&ping_first), Ok(()));
}

#[test]
fn a_message_is_unfinished_from_its_first_fragment_to_the_end_of_its_last() {
    let mut guard = Guard::new(LIMITS);
    let walk = |guard: &mut Guard, bytes: &[u8]| {
        guard.feed(bytes).unwrap();
        guard.unfinished_message()
    };
    assert_eq!(walk(&mut guard, &frame(0x81, 3)), None);
    let first = walk(&mut guard, &[0x01]);
    assert!(first.is_some());
    assert_eq!(walk(&mut guard, &frame(0x01, 3)[1..]), first);
    assert_eq!(walk(&mut guard, &frame(0x89, 3)), first, "a ping in between changes nothing");
    let last = frame(0x80, 3);
    assert_eq!(walk(&mut guard, &last[..last.len() - 1]), first);
    assert_eq!(walk(&mut guard, &last[last.len() - 1..]), None);
    assert_ne!(walk(&mut guard, &frame(0x02, 0)), first);
}

#[test]
fn a_step_never_passes_the_end_of_a_frame() {
    let bytes = [frame(0x81, 0), frame(0x81, 130)].concat();
    let mut guard = Guard::new(LIMITS);
    assert_eq!(guard.step(&bytes), Ok(Step { len: 6, ends_frame: true }));
    assert_eq!(guard.step(&bytes[6..20]), Ok(Step { len: 14, ends_frame: false }));
    assert_eq!(guard.step(&bytes[20..]), Ok(Step { len: bytes.len() - 20, ends_frame: true }));
}

fn client_bytes() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8A]),
        1 => any::<u8>(),
    ];
    let one = (first, prop_oneof![4 => 0..130_usize, 1 => 0..1_100_usize]).prop_map(|(first, len)| frame(first, len));
    let frames = prop::collection::vec(one, 0..8).prop_map(|frames| frames.concat());
    prop_oneof![4 => frames, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_verdict(bytes in client_bytes(), cuts in prop::collection::vec(1..50_usize, 1..20)) {
        let whole = verdict(&bytes);
        let mut guard = Guard::new(LIMITS);
        let (mut rest, mut cuts) = (&bytes[..], cuts.into_iter().cycle());
        let mut split = Ok(());
        while split.is_ok() && !rest.is_empty() {
            let (piece, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            split = guard.feed(piece);
            rest = later;
        }
        prop_assert_eq!(whole, split);
    }
}
