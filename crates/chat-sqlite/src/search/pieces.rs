//! Texts and queries as the index knows them: words of its own, with a blank between each.
//!
//! The tokenizer takes what is not ASCII and ASCII letters and digits for words, and everything else for blanks. So a sign
//! of ASCII stands as a character that nobody types.

use std::fmt::Write as _;

use chat_domain::{
    ids::RoomId,
    words::{Query, Term, atoms, fold, parts},
};

/// Pieces of one term, and of all together, that the index is asked for. Each further one costs a walk through a list, and
/// what it would rule out is ruled out by looking at the text.
const OF_TERM: usize = 8;
const OF_QUERY: usize = 24;

/// Short words have so many characters at most; of longer ones, parts are found.
const SHORT: usize = 2;

/// All pieces of a text, and its room.
pub(super) fn of_text(room: RoomId, text: &str) -> String {
    let folded = fold(text);
    let mut pieces = String::with_capacity(folded.len() * 4 + 40);
    push_room(&mut pieces, room);
    let short = atoms(&folded).into_iter().filter(|atom| atom.chars().nth(SHORT).is_none());
    for piece in parts(&folded).chain(short) {
        pieces.push(' ');
        push(&mut pieces, piece);
    }
    pieces
}

/// What a text must have, and which rooms it may be in; any when none is named.
pub(super) fn of_query(query: &Query, rooms: &[RoomId]) -> String {
    let mut wanted = String::new();
    let mut longest: Vec<&Term> = query.terms().iter().collect();
    longest.sort_by_key(|term| std::cmp::Reverse(term.as_str().len()));
    for piece in longest.into_iter().flat_map(of_term).take(OF_QUERY) {
        if !wanted.is_empty() {
            wanted.push_str(" AND ");
        }
        wanted.push('"');
        push(&mut wanted, piece);
        wanted.push('"');
    }
    for (at, room) in rooms.iter().enumerate() {
        wanted.push_str(if at == 0 { " AND (" } else { " OR " });
        push_room(&mut wanted, *room);
    }
    if !rooms.is_empty() {
        wanted.push(')');
    }
    wanted
}

/// Every piece of a short term; of a longer one some, evenly, with the first and the last.
fn of_term(term: &Term) -> Vec<&str> {
    if !term.is_part() {
        return atoms(term.as_str()).into_iter().collect();
    }
    let all: Vec<&str> = parts(term.as_str()).collect();
    let step = all.len().div_ceil(OF_TERM).max(1);
    let last = all.last().copied();
    let mut some: Vec<&str> = all.into_iter().step_by(step).collect();
    some.extend(last.filter(|last| some.last() != Some(last)));
    some
}

/// A word that no text has: words of texts have three characters at most.
fn push_room(pieces: &mut String, room: RoomId) {
    let infallible = write!(pieces, "r{}", room.0.simple());
    debug_assert!(infallible.is_ok());
}

fn push(pieces: &mut String, piece: &str) {
    for c in piece.chars() {
        let is_sign = c.is_ascii() && !c.is_ascii_alphanumeric();
        pieces.push(if is_sign { char::from_u32(0xE000 + u32::from(c)).unwrap_or(c) } else { c });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn signs_of_ascii_are_words_too() {
        let pieces = of_text(RoomId(Uuid::nil()), "a-\"b OR");
        assert!(!pieces.chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && c != ' '), "{pieces}");
        let query = of_query(&Query::parse("\"*\" \" NEAR(x) -").unwrap(), &[]);
        assert_eq!(query.matches('"').count(), 2 * (query.matches(" AND ").count() + 1), "{query}");
    }

    #[test]
    fn a_long_term_is_asked_for_by_a_few_pieces() {
        let query = Query::parse(&"0123456789abcdefghij".repeat(12)).unwrap();
        assert_eq!(of_query(&query, &[]).matches(" AND ").count(), OF_TERM);
        let many = "ab cd ef gh ij kl mn op qr st uv wx yz 0a 1b 2c 3d 4e 5f 6g 7h 8i 9j ak bl cm dn eo fp";
        let rooms = [RoomId(Uuid::nil()), RoomId(Uuid::max())];
        let asked = of_query(&Query::parse(many).unwrap(), &rooms);
        assert_eq!(asked.matches(" AND ").count(), OF_QUERY);
        assert!(asked.ends_with(&format!(" AND (r{} OR r{})", Uuid::nil().simple(), Uuid::max().simple())));
    }
}
