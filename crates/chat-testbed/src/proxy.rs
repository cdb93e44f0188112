//! A TCP line that can be cut without anybody noticing at once, as networks do it.
//!
//! A cut line swallows what is sent on it: no connection ends, no error is seen, and a new connection is accepted and hears
//! nothing. When the line heals, a connection that lost bytes, or the end of the other side, is reset, because a stream with a
//! hole is no stream; one that lost nothing goes on. Two threads serve each connection, which suits a handful of them.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;

/// How long the target may take to accept.
const CONNECTING: Duration = Duration::from_secs(5);

/// How often a write that does not get on looks whether the connection is to end.
const STUCK: Duration = Duration::from_millis(100);

/// Bytes taken at a time.
const CHUNK: usize = 16 * 1024;

/// Which way a line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What clients say is swallowed.
    ToServer,
    /// What the server says is swallowed.
    ToClient,
    /// Both.
    Both,
}

/// A line to one server; it ends with this value.
#[derive(Debug)]
pub struct Proxy {
    line: Arc<Line>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Line {
    target: SocketAddr,
    state: Mutex<State>,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    to_server_cut: bool,
    to_client_cut: bool,
    /// Everything that may still live.
    all: Vec<Weak<Pair>>,
    /// What lost bytes and must stay open until the line heals.
    torn: Vec<Arc<Pair>>,
}

/// The two sockets of a connection; closed when the last thread lets go.
#[derive(Debug)]
struct Pair {
    client: TcpStream,
    /// `None` when the line was cut as the client came.
    server: Option<TcpStream>,
    over: AtomicBool,
}

impl Proxy {
    /// Opens a line to `target`, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound or no thread be started.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line { target, state: Mutex::default(), ended: AtomicBool::new(false) });
        let theirs = Arc::clone(&line);
        let accepting = thread::Builder::new().name("proxy".into()).spawn(move || theirs.accept(&listener))?;
        Ok(Self { line, address, accepting: Some(accepting) })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the line, also if it is cut already.
    pub fn cut(&self, direction: Direction) {
        let mut state = self.line.state();
        state.to_server_cut |= direction != Direction::ToClient;
        state.to_client_cut |= direction != Direction::ToServer;
    }

    /// Makes the line whole. What lost bytes is reset; new connections work.
    pub fn heal(&self) {
        let mut state = self.line.state();
        (state.to_server_cut, state.to_client_cut) = (false, false);
        state.torn.drain(..).for_each(|pair| pair.reset());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.ended.store(true, Ordering::SeqCst);
        {
            let mut state = self.line.state();
            state.torn.clear();
            state.all.drain(..).filter_map(|pair| pair.upgrade()).for_each(|pair| pair.reset());
        }
        // A connection of our own wakes the listener.
        drop(TcpStream::connect_timeout(&self.address, CONNECTING));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let line = Arc::clone(&self);
            // A client that cannot be served is dropped, as a server would that has no threads left.
            drop(thread::Builder::new().name("proxy-connect".into()).spawn(move || line.serve(client)));
        }
    }

    /// Connects a client to the target; on a cut line it is left alone until the line heals.
    fn serve(self: Arc<Self>, client: TcpStream) {
        let connects = |state: &State| !state.to_server_cut && !state.to_client_cut;
        let mut server = None;
        if connects(&self.state()) {
            match TcpStream::connect_timeout(&self.target, CONNECTING) {
                Ok(stream) => server = Some(stream),
                // Closed: the client is told what we were told.
                Err(_) => return,
            }
        }
        let pair = Arc::new(Pair { client, server, over: AtomicBool::new(false) });
        {
            let mut state = self.state();
            state.all.retain(|pair| pair.strong_count() > 0);
            state.all.push(Arc::downgrade(&pair));
            if pair.server.is_none() {
                if !connects(&state) {
                    state.torn.push(pair);
                    return;
                }
                // Healed in between: as if it had waited.
                return pair.reset();
            }
        }
        let (line, other) = (Arc::clone(&self), Arc::clone(&pair));
        let back = thread::Builder::new().name("proxy-to-client".into());
        if back.spawn(move || line.pump(&other, Direction::ToClient)).is_ok() {
            self.pump(&pair, Direction::ToServer);
        }
    }

    /// Carries bytes one way until an end; without an error, because the two ends see it on their sockets.
    fn pump(&self, pair: &Arc<Pair>, direction: Direction) {
        let Some(server) = &pair.server else { return };
        let (from, to) = match direction {
            Direction::ToServer | Direction::Both => (&pair.client, server),
            Direction::ToClient => (server, &pair.client),
        };
        let mut chunk = vec![0; CHUNK];
        let prepared = to.set_write_timeout(Some(STUCK)).and_then(|()| to.set_nodelay(true));
        if prepared.is_err() {
            return pair.reset();
        }
        loop {
            let read = (&mut &*from).read(&mut chunk);
            if pair.over.load(Ordering::SeqCst) {
                return;
            }
            if self.swallows(pair, direction) {
                // The end of a stream does not get through either: the other side stays as it is until the line heals.
                if !matches!(read, Ok(1..)) {
                    return;
                }
                continue;
            }
            match read {
                Ok(0) => return drop(to.shutdown(Shutdown::Write)),
                Ok(length) if pair.write(to, chunk.get(..length).unwrap_or_default()).is_ok() => {}
                Ok(_) | Err(_) => return self.broken(pair),
            }
        }
    }

    /// Whether the line is cut this way; the pair is torn then.
    fn swallows(&self, pair: &Arc<Pair>, direction: Direction) -> bool {
        let mut state = self.state();
        let cut = match direction {
            Direction::ToServer => state.to_server_cut,
            Direction::ToClient => state.to_client_cut,
            Direction::Both => state.to_server_cut || state.to_client_cut,
        };
        if cut && !state.torn.iter().any(|torn| Arc::ptr_eq(torn, pair)) {
            state.torn.push(Arc::clone(pair));
        }
        cut
    }

    /// One side is gone: the other is told, unless the line is cut.
    fn broken(&self, pair: &Arc<Pair>) {
        let mut state = self.state();
        if state.to_server_cut || state.to_client_cut {
            state.torn.push(Arc::clone(pair));
        } else {
            pair.reset();
        }
    }
}

impl Pair {
    /// Ends both sides with a reset; whoever waits on them wakes up.
    fn reset(&self) {
        self.over.store(true, Ordering::SeqCst);
        for stream in std::iter::once(&self.client).chain(&self.server) {
            // Both fail only on a socket that has ended already.
            let _ = set_socket_linger(stream, Some(Duration::ZERO));
            drop(stream.shutdown(Shutdown::Read));
        }
    }

    /// Writes everything, or ends when the pair does.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.over.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            match to.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
