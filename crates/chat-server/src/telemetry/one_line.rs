//! One event, one line: whatever a client sent, it can't forge a second line or steer a terminal (security L1).
//!
//! A wrapper round the writer and not a formatter: it also covers what formatters of others let through.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Makes [`OneLine`] writers of what another makes.
pub(super) struct OneLineEach<M>(pub(super) M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLineEach<M> {
    type Writer = OneLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }
}

/// Escapes every control character of an event as `\u00XX` (valid in JSON strings too), but for the newline at its end.
/// An event must arrive in one `write`, as `tracing-subscriber` does it, and leaves in one.
#[derive(Debug)]
pub(super) struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        if body.contains(char::is_control) {
            self.0.write_all(escaped(body).as_bytes())?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(body: &str) -> String {
    let mut line = String::with_capacity(body.len() + 16);
    for letter in body.chars() {
        if letter.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            line.push(letter);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_control_characters_are_escaped_and_only_the_last_newline_stays() {
        let mut written = OneLine(Vec::new());
        written.write_all("a\r\nb\x1b[31m\u{9b}\u{7f}\0é\n".as_bytes()).unwrap();
        written.write_all(b"plain\n").unwrap();
        let text = String::from_utf8(written.0).unwrap();
        assert_eq!(text, "a\\u000d\\u000ab\\u001b[31m\\u009b\\u007f\\u0000é\nplain\n");
    }
}
