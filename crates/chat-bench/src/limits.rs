//! The limits of the machine, measured in the same run as the server: what no server here could do better.

mod postgres;
mod sqlite;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

pub(crate) use self::{postgres::OneTransaction, sqlite::Writers};

use crate::figures::{count, float, micros, ratio};

/// Connections of the bare send loop.
const SOCKETS: usize = 200;

/// Sends to each of them.
const ROUNDS: usize = 100;

/// Pages of the file that is written over and over; a file that grows would also pay for its new size.
const PAGES: u64 = 1024;

/// One `fdatasync` after each 4 KiB write in `dir`; answers how many, and the time they took.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn syncs(dir: &Path, during: Duration) -> std::io::Result<(u64, Duration)> {
    let path = dir.join("fsync-loop");
    let file = File::create(&path)?;
    let page = [7_u8; 4096];
    for at in 0..PAGES {
        file.write_all_at(&page, at * 4096)?;
    }
    file.sync_all()?;
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < during {
        file.write_all_at(&page, done % PAGES * 4096)?;
        file.sync_data()?;
        done += 1;
    }
    let took = start.elapsed();
    drop(file);
    std::fs::remove_file(path)?;
    Ok((done, took))
}

/// The time of one `send` of `bytes` to a loopback connection, in microseconds: one write per receiver and message,
/// which is what a fan-out costs that never joins writes.
///
/// # Errors
/// When loopback connections cannot be made.
pub(crate) fn bare_sends(bytes: usize) -> std::io::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut pairs = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        let one = TcpStream::connect(address)?;
        one.set_nodelay(true)?;
        pairs.push((one, listener.accept()?.0));
    }
    let frame = vec![b'x'; bytes];
    let mut read = vec![0; bytes];
    let mut sending = Duration::ZERO;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for (one, _) in &mut pairs {
            one.write_all(&frame)?;
        }
        sending += start.elapsed();
        for (_, other) in &mut pairs {
            other.read_exact(&mut read)?;
        }
    }
    Ok(ratio(float(micros(sending)), float(count(SOCKETS * ROUNDS))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_can_be_measured() {
        let dir = tempfile::tempdir().unwrap();
        let during = Duration::from_millis(50);
        assert!(syncs(dir.path(), during).unwrap().0 > 0);
        assert!(bare_sends(400).unwrap() > 0.0);
        let mut writers = Writers::open(dir.path(), 3, 2).unwrap();
        assert!(writers.slice(Duration::from_millis(50)).unwrap().0 > 0);
        assert!(writers.alone(Duration::from_millis(50)).unwrap().0 > 0);
        assert!(!dir.path().join("fsync-loop").exists());
    }
}
