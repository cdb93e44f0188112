//! A quick look at the two frames that come by the million: a message's event and the answer to a send.
//!
//! Parsing JSON would cost the generator more than the server spends on the delivery. Fields are found where they
//! usually stand; whatever looks different is [`Glance::Other`] and is parsed in full. A glance must never report
//! something that the full parse would not.

/// What a frame is at first sight.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Glance<'a> {
    /// `{"type":"event",…,"kind":"message",…}` with the author's nonce.
    Message {
        /// The room's id.
        room: &'a str,
        /// The event's place in the log.
        seq: u64,
        /// The nonce of the message.
        nonce: &'a str,
    },
    /// `{"type":"ok","id":…,"seq":…}`.
    Ack {
        /// The request's id.
        id: u32,
        /// The message's place in the log.
        seq: u64,
    },
    /// Anything else.
    Other,
}

/// Looks at one frame.
pub(crate) fn glance(text: &str) -> Glance<'_> {
    event(text).or_else(|| ack(text)).unwrap_or(Glance::Other)
}

fn event(text: &str) -> Option<Glance<'_>> {
    let rest = text.strip_prefix(r#"{"type":"event","room":""#)?;
    let (room, rest) = rest.split_once('"')?;
    let rest = rest.strip_prefix(r#","seq":"#)?;
    let (seq, rest) = number(rest)?;
    let rest = rest.strip_prefix(r#","kind":"message","#)?;
    // A quote inside a JSON string is always escaped, so `"nonce":"` can only be the member of that name.
    let nonce = match rest.strip_suffix("\"}}").and_then(|r| r.rsplit_once('"')) {
        Some((before, nonce)) if before.ends_with(r#""nonce":"#) => nonce,
        Some(_) | None => rest.rsplit_once(r#""nonce":""#)?.1.split_once('"')?.0,
    };
    // A reaction, an edit or a deletion repeats the message under a later number; only the first is a new one.
    let is_new = usual_seq(rest).or_else(|| any_seq(rest))? == seq;
    is_new.then_some(Glance::Message { room, seq, nonce })
}

/// The message's own number, where it usually stands.
fn usual_seq(rest: &str) -> Option<u64> {
    let (_, rest) = rest.strip_prefix(r#""by":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","data":{"room":""#)?.split_once('"')?;
    Some(number(rest.strip_prefix(r#","seq":"#)?)?.0)
}

/// The message's own number, wherever it stands. Searching for words is ten times slower than comparing.
fn any_seq(rest: &str) -> Option<u64> {
    Some(number(rest.split_once(r#""data":{"#)?.1.split_once(r#""seq":"#)?.1)?.0)
}

fn ack(text: &str) -> Option<Glance<'_>> {
    let rest = text.strip_prefix(r#"{"type":"ok","id":"#)?;
    let (id, rest) = number(rest)?;
    let (seq, _) = number(rest.strip_prefix(r#","seq":"#)?)?;
    Some(Glance::Ack { id: u32::try_from(id).ok()?, seq })
}

/// The number at the start of `text`, and what follows.
fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"type":"event","room":"R1","seq":431,"kind":"message","by":"U1","data":{"room":"R1","seq":431,"rev":431,"author":"U1","at":"x","text":"a \"nonce\":\"no\" b","nonce":"abc-1-2"}}"#;

    #[test]
    fn a_message_is_seen_without_parsing() {
        assert_eq!(glance(EVENT), Glance::Message { room: "R1", seq: 431, nonce: "abc-1-2" });
        let elsewhere =
            EVENT.replace(r#","nonce":"abc-1-2"}}"#, "}}").replace(r#""at":"#, r#""nonce":"abc-1-2","at":"#);
        assert_eq!(glance(&elsewhere), Glance::Message { room: "R1", seq: 431, nonce: "abc-1-2" });
    }

    #[test]
    fn an_edit_is_no_new_message() {
        let edit = EVENT.replace(r#""room":"R1","seq":431,"kind""#, r#""room":"R1","seq":440,"kind""#);
        assert_eq!(glance(&edit), Glance::Other);
    }

    #[test]
    fn an_answer_is_seen_without_parsing() {
        let ok = r#"{"type":"ok","id":4,"seq":431,"rev":431,"at":"…","duplicate":false}"#;
        assert_eq!(glance(ok), Glance::Ack { id: 4, seq: 431 });
    }

    #[test]
    fn everything_unusual_is_left_to_the_parser() {
        for text in [
            "",
            "{}",
            r#"{"type":"ok","id":2,"rooms":[]}"#,
            r#"{"type":"event","seq":431,"room":"R1"}"#,
            r#"{"type":"event","room":"R1","seq":9,"kind":"member","by":"U1","data":{}}"#,
            r#"{"type":"event","room":"R1","seq":99999999999999999999,"kind":"message","data":{}}"#,
            r#"{"type":"ok","id":5000000000,"seq":1}"#,
        ] {
            assert_eq!(glance(text), Glance::Other, "{text}");
        }
    }
}
