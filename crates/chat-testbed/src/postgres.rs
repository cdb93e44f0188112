//! A private PostgreSQL server: fresh, on a port of its own, without passwords, as a user without rights.
//!
//! It can be restarted the hard way and stopped in its tracks, with all its sessions. Unless it is asked to be durable, it does not
//! wait for the disk: whatever dies here, the machine does not.

mod sql;

use std::{
    ffi::OsString,
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    keeper::Keeper,
    port::free_port,
    processes::{children, is_stopped, signal, until, wait},
    programs::PostgresPrograms,
    user::User,
};

/// How long making the directory, a start (with its recovery) and an end may take, each.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the server may take to stop when it is told to.
const STOPPING: Duration = Duration::from_secs(5);

/// Ports tried before a start fails.
const TRIES: usize = 3;

/// How a server is made.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Where its directory is made; the directory for temporary files when there is none.
    pub parent: Option<PathBuf>,
    /// Further settings, `name=value`, which win over ours.
    pub settings: Vec<String>,
    /// Whether it waits for the disk (`fsync`); figures of durable writes need it, tests do not.
    pub durable: bool,
}

/// A running server; it ends with this value, and at the latest with this process.
#[derive(Debug)]
pub struct Postgres {
    programs: PostgresPrograms,
    user: Option<User>,
    settings: Vec<String>,
    port: u16,
    server: Mutex<Server>,
    keeper: Keeper,
}

#[derive(Debug, Default)]
struct Server {
    child: Option<Child>,
    /// Its children while it is paused.
    stopped: Vec<u32>,
}

impl Postgres {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When a program is missing or the server does not come up; the end of its log is in the message.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&PostgresOptions::default())
    }

    /// As [`Postgres::start`], by these options.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_with(options: &PostgresOptions) -> io::Result<Self> {
        let programs = PostgresPrograms::find()?;
        let user = User::without_rights()?;
        let keeper = Keeper::new(options.parent.as_deref(), "QUIT")?;
        for name in ["data", "socket"] {
            let path = keeper.directory().join(name);
            fs::create_dir(&path)?;
            user.map_or(Ok(()), |user| user.owns(&path))?;
        }
        let fsync = if options.durable { "fsync=on" } else { "fsync=off" };
        let ours = ["listen_addresses=127.0.0.1", "max_connections=200", fsync].map(str::to_owned);
        let settings = ours.into_iter().chain(options.settings.iter().cloned()).collect();
        let mut made = Self { programs, user, settings, port: 0, server: Mutex::default(), keeper };
        made.initialise()?;
        for left in (0..TRIES).rev() {
            made.port = free_port()?;
            match made.launch(&mut made.server()) {
                Ok(()) => break,
                Err(e) if left > 0 && e.to_string().contains("Address already in use") => {
                    fs::write(made.keeper.log(), "")?
                }
                Err(e) => return Err(e),
            }
        }
        Ok(made)
    }

    /// What a client connects to, for one of its databases (`postgres` is always there).
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens; the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port of [`Postgres::address`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process of the server; `None` when it is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server().child.as_ref().map(Child::id)
    }

    /// Its directory, gone with the server.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.keeper.directory()
    }

    /// Makes a database, as a copy of `template` if there is one; nobody may be connected to the template.
    ///
    /// # Errors
    /// What the server says.
    pub fn create_database(&self, name: &str, template: Option<&str>) -> io::Result<()> {
        let template = template.map(|template| format!(" TEMPLATE {}", sql::quoted(template))).unwrap_or_default();
        self.run_sql("postgres", &format!("CREATE DATABASE {}{template}", sql::quoted(name))).map(drop)
    }

    /// Removes a database, if it is there, and whoever is connected to it.
    ///
    /// # Errors
    /// What the server says.
    pub fn drop_database(&self, name: &str) -> io::Result<()> {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql::quoted(name));
        self.run_sql("postgres", &drop_it).map(drop)
    }

    /// Runs statements one by one, up to the first that fails; answers their rows, columns separated by `|`.
    ///
    /// # Errors
    /// What the server says, or that it says nothing for a minute.
    pub fn run_sql(&self, database: &str, statements: &str) -> io::Result<String> {
        sql::run(&self.programs.psql, &self.url(database), statements, LIMIT)
    }

    /// Ends the server as `pg_ctl stop -m immediate` does, so that it has to recover, and starts it again at its address.
    ///
    /// # Errors
    /// When it does not end or does not come up.
    pub fn restart_immediate(&self) -> io::Result<()> {
        let mut server = self.server();
        self.end(&mut server, Signal::QUIT)?;
        self.launch(&mut server)
    }

    /// Stops the server and all its sessions in their tracks: connections stay, nothing answers.
    ///
    /// # Errors
    /// When it is not running or does not stop.
    pub fn pause(&self) -> io::Result<()> {
        let mut server = self.server();
        let pid = server.pid()?;
        signal(pid, Signal::STOP)?;
        until(STOPPING, "PostgreSQL did not stop", || Ok(is_stopped(pid)))?;
        // It makes no further children now.
        server.stopped = children(pid)?;
        let all: Vec<u32> = std::iter::once(pid).chain(server.stopped.iter().copied()).collect();
        self.keeper.watch(&all)?;
        server.stopped.iter().try_for_each(|child| signal(*child, Signal::STOP))
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&self) -> io::Result<()> {
        let mut server = self.server();
        let pid = server.pid()?;
        server.go_on()?;
        self.keeper.watch(&[pid])
    }

    /// Ends the server in good order; it can be started again by [`Postgres::restart_immediate`].
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> io::Result<()> {
        self.end(&mut self.server(), Signal::INT)
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self) -> PathBuf {
        self.keeper.directory().join("data")
    }

    fn initialise(&self) -> io::Result<()> {
        let mut arguments: Vec<OsString> = vec!["--pgdata".into(), self.data().into()];
        let fixed = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        arguments.extend(fixed.map(OsString::from));
        let mut child = self.keeper.launch(&self.programs.initdb, &arguments, self.user)?;
        let status = wait(&mut child, LIMIT).map_err(|e| self.keeper.failed(&format!("initdb: {e}")))?;
        self.keeper.watch(&[])?;
        if status.success() { Ok(()) } else { Err(self.keeper.failed(&format!("initdb ended with {status}"))) }
    }

    fn launch(&self, server: &mut Server) -> io::Result<()> {
        let mut arguments: Vec<OsString> = vec!["-D".into(), self.data().into()];
        arguments.extend(["-p".into(), self.port.to_string().into()]);
        arguments.extend(["-k".into(), self.keeper.directory().join("socket").into()]);
        arguments.extend(self.settings.iter().flat_map(|setting| ["-c".into(), setting.into()]));
        let child = server.child.insert(self.keeper.launch(&self.programs.postgres, &arguments, self.user)?);
        let pid_file = self.data().join("postmaster.pid");
        let answers = until(LIMIT, "PostgreSQL did not answer", || match child.try_wait()? {
            Some(status) => Err(io::Error::other(format!("PostgreSQL ended with {status}"))),
            None => Ok(is_ready(&fs::read_to_string(&pid_file).unwrap_or_default(), child.id())),
        });
        let answers = answers.and_then(|()| TcpStream::connect_timeout(&self.address(), LIMIT));
        answers.map(drop).map_err(|e| {
            let shown = self.keeper.failed(&e.to_string());
            self.end(server, Signal::QUIT).err().unwrap_or(shown)
        })
    }

    /// Sends a running server `how`, waits, and kills it when that does not help.
    fn end(&self, server: &mut Server, how: Signal) -> io::Result<()> {
        server.go_on()?;
        let Some(mut child) = server.child.take() else { return Ok(()) };
        signal(child.id(), how)?;
        if wait(&mut child, LIMIT).is_err() {
            child.kill()?;
            child.wait()?;
        }
        self.keeper.watch(&[])
    }
}

impl Server {
    fn pid(&self) -> io::Result<u32> {
        self.child.as_ref().map(Child::id).ok_or_else(|| io::Error::other("PostgreSQL is not running"))
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.stopped.drain(..).try_for_each(|child| signal(child, Signal::CONT))?;
        self.child.as_ref().map_or(Ok(()), |server| signal(server.id(), Signal::CONT))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let server = self.server.get_mut().unwrap_or_else(PoisonError::into_inner);
        // What cannot be ended here is ended by the keeper, which is dropped next.
        let mut server = std::mem::take(server);
        drop(self.end(&mut server, Signal::QUIT));
    }
}

/// Whether the lock file of a server says that this process takes connections.
fn is_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines().map(str::trim);
    let written_by = lines.next().and_then(|line| line.parse::<u32>().ok());
    written_by == Some(pid) && lines.nth(6) == Some("ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_when_its_own_lock_file_says_so() {
        let file = "77\n/data\n1700000000\n5433\n/socket\n127.0.0.1\n  123  4\nready   \n";
        assert!(is_ready(file, 77));
        assert!(!is_ready(file, 78), "left over from the server before");
        assert!(!is_ready(&file.replace("ready   ", "starting"), 77));
        assert!(!is_ready("", 77));
    }
}
