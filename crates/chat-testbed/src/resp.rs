//! As much of Redis' protocol as one command and its answer need.

use std::{
    io::{self, BufRead, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The longest text that is read; the answers this crate asks for are far shorter.
const LONGEST: usize = 1 << 20;

/// Sends one command to a server and answers what it says; lists are answered line by line.
///
/// # Errors
/// When the server cannot be reached, says nothing within `limit`, or refuses.
pub(crate) fn ask(server: SocketAddr, words: &[&str], limit: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(&command(words))?;
    answer(&mut BufReader::new(stream))
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        out.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    out.into_bytes()
}

fn answer(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("Redis answered {line:?}"));
    let rest = line.get(1..).ok_or_else(odd)?;
    match line.as_bytes().first() {
        Some(b'+' | b':') => Ok(rest.to_owned()),
        Some(b'-') => Err(io::Error::other(format!("Redis refused: {rest}"))),
        Some(b'$') if rest == "-1" => Ok(String::new()),
        Some(b'$') => {
            let length = rest.parse().ok().filter(|length| *length <= LONGEST).ok_or_else(odd)?;
            let mut text = vec![0; length + 2];
            from.read_exact(&mut text)?;
            text.truncate(length);
            String::from_utf8(text).map_err(io::Error::other)
        }
        Some(b'*') => {
            let length: usize = rest.parse().ok().filter(|length| *length <= LONGEST).ok_or_else(odd)?;
            let lines = (0..length).map(|_| answer(from)).collect::<io::Result<Vec<_>>>()?;
            Ok(lines.join("\n"))
        }
        Some(_) | None => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_carries_the_length_of_each_word() {
        assert_eq!(command(&["GET", "é"]), "*2\r\n$3\r\nGET\r\n$2\r\né\r\n".as_bytes());
    }

    #[test]
    fn every_shape_of_answer_is_read() {
        let read = |text: &str| answer(&mut text.as_bytes());
        assert_eq!(read("+PONG\r\n").unwrap(), "PONG");
        assert_eq!(read(":7\r\n").unwrap(), "7");
        assert_eq!(read("$4\r\na\r\nb\r\n").unwrap(), "a\r\nb");
        assert_eq!(read("$-1\r\n").unwrap(), "");
        assert_eq!(read("*2\r\n$1\r\na\r\n:2\r\n").unwrap(), "a\n2");
        assert!(read("-ERR no\r\n").unwrap_err().to_string().contains("ERR no"));
        assert_eq!(read("$4\r\nab").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read("").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read("?\r\n").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
