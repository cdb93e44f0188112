//! Statements through `psql`: slow, but it needs no client library.

use std::{
    io::{self, Read, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::processes::wait;

/// A name as an identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Runs statements; answers what they print.
pub(super) fn run(psql: &Path, url: &str, statements: &str, limit: Duration) -> io::Result<String> {
    let mut child = Command::new(psql)
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--dbname", url])
        .env("LC_ALL", "C")
        .env("PGCONNECT_TIMEOUT", limit.as_secs().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let rows = child.stdout.take().map(collect);
    let complaints = child.stderr.take().map(collect);
    // It may complain and end before it has read everything; its own words tell more than a broken pipe.
    let told = child.stdin.take().map(|mut pipe| pipe.write_all(statements.as_bytes()));
    let status = wait(&mut child, limit);
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let (rows, complaints) = (join(rows)?, join(complaints)?);
    if !status?.success() {
        return Err(io::Error::other(format!("psql: {}", complaints.trim())));
    }
    told.unwrap_or(Ok(()))?;
    Ok(rows)
}

/// Reads on a thread of its own, so that neither pipe can fill up.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<io::Result<String>> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    })
}

fn join(reader: Option<JoinHandle<io::Result<String>>>) -> io::Result<String> {
    let read = reader.map(|thread| thread.join().map_err(|_| io::Error::other("a reader panicked")));
    read.transpose()?.unwrap_or_else(|| Ok(String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("room"), "\"room\"");
        assert_eq!(quoted("a\"; DROP"), "\"a\"\"; DROP\"");
    }

    #[test]
    fn what_a_failing_program_complains_of_is_the_error() {
        assert!(run(Path::new("false"), "", "", SOON).is_err());
        // `tail` refuses our options.
        let e = run(Path::new("tail"), "", "", SOON).unwrap_err();
        assert!(e.to_string().starts_with("psql: "), "{e}");
        assert_eq!(run(Path::new("true"), "", "", SOON).unwrap(), "");
    }
}
