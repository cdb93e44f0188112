//! The supervisor of one server: a tiny shell that outlives us just long enough to clean up.
//!
//! A destructor is not enough. A test that is killed runs none, and a `static` is never dropped. So a shell holds the other end of
//! a pipe: when we end, for whatever reason, the kernel closes our end, and the shell kills the server and removes the
//! directory. There is no moment at which a server runs that the shell does not know: a server is started by a second shell
//! that waits, on a pipe of ours too, until the first one has confirmed its process id, and only then becomes the server.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{processes::wait, user::User};

/// Makes the directory, learns process ids line by line (the server first, then children that are stopped), and when the pipe
/// closes ends them: gently, then, after five seconds, not.
const SUPERVISE: &str = r#"
trap '' HUP INT QUIT TERM
directory=$(mktemp -d "$1/chat-testbed-XXXXXXXX") || exit 1
printf '%s\n' "$directory"
pids=
while read -r line; do
    pids=$line
    echo watching
done
if [ -n "$pids" ]; then
    server=${pids%% *}
    kill -CONT $pids
    kill "-$2" "$server"
    looks=0
    while [ "$looks" -lt 50 ] && kill -0 "$server"; do
        sleep 0.1
        looks=$((looks + 1))
    done
    kill -KILL $pids
fi
rm -rf "$directory" || { sleep 1; rm -rf "$directory"; }
"#;

/// Waits for its line, then becomes the server.
const LAUNCH: &str = r#"read -r go && exec "$@" </dev/null"#;

/// How long the shell may take to remove the directory.
const REMOVING: Duration = Duration::from_secs(10);

/// Bytes of a log that an error shows.
const LAST_WORDS: usize = 2_000;

/// A directory and a server that end with us.
#[derive(Debug)]
pub(crate) struct Keeper {
    directory: PathBuf,
    shell: Child,
    talk: Mutex<Option<Talk>>,
}

#[derive(Debug)]
struct Talk {
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
}

impl Keeper {
    /// Makes a directory below `parent`; a server in it is ended by `gentle` (a name without `SIG`) before it is killed.
    ///
    /// # Errors
    /// When the shell or the directory cannot be made.
    pub(crate) fn new(parent: Option<&Path>, gentle: &str) -> io::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let mut shell = Command::new("sh")
            .args(["-c", SUPERVISE, "chat-testbed"])
            .arg(std::path::absolute(&parent)?)
            .arg(gentle)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let (Some(says), Some(hears)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(io::Error::other("the supervisor has no pipes"));
        };
        let mut talk = Talk { says, hears: BufReader::new(hears) };
        let directory =
            talk.line().map_err(|e| io::Error::new(e.kind(), format!("below {}: {e}", parent.display())))?;
        let directory = PathBuf::from(OsString::from_vec(directory));
        // A server that runs as somebody else must be able to come in.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        Ok(Self { directory, shell, talk: Mutex::new(Some(talk)) })
    }

    /// The directory, ours and gone with us.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts a program that the supervisor ends when we do. Its output goes to the log.
    ///
    /// # Errors
    /// When it cannot be started; what it does afterwards is the caller's to watch.
    pub(crate) fn launch(&self, program: &Path, arguments: &[OsString], user: Option<User>) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCH, "chat-testbed"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        command.current_dir(&self.directory).env("LC_ALL", "C").process_group(0);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let mut child = command.spawn()?;
        let go = self.watch(&[child.id()]).and_then(|()| {
            let mut pipe = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
            pipe.write_all(b"go\n")
        });
        if let Err(e) = go {
            child.kill()?;
            child.wait()?;
            return Err(e);
        }
        Ok(child)
    }

    /// Tells the supervisor which processes to end: the server, then children that are stopped; none when there is no server.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub(crate) fn watch(&self, pids: &[u32]) -> io::Result<()> {
        let words: Vec<String> = pids.iter().map(u32::to_string).collect();
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let talk = talk.as_mut().ok_or_else(|| io::Error::other("the supervisor has ended"))?;
        talk.says.write_all(format!("{}\n", words.join(" ")).as_bytes())?;
        talk.line().map(drop)
    }

    /// Where the server's output goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// `what` as an error that shows the end of the log.
    pub(crate) fn failed(&self, what: &str) -> io::Error {
        let log = fs::read(self.log()).unwrap_or_default();
        io::Error::other(format!("{what}; its log ends with:\n{}", end(&log)))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Closing the pipe is the word to clean up. A shell that takes longer than this goes on without us.
        drop(self.talk.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(wait(&mut self.shell, REMOVING));
    }
}

impl Talk {
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.hears.read_until(b'\n', &mut line)?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(io::Error::other("the directory cannot be made, or the supervisor was killed")),
        }
    }
}

/// The last whole characters of a log.
fn end(log: &[u8]) -> String {
    let from = log.len().saturating_sub(LAST_WORDS);
    String::from_utf8_lossy(log.get(from..).unwrap_or_default()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::ExitStatusExt as _,
        process::ExitStatus,
        thread::{self, JoinHandle},
    };

    use rustix::process::Signal;

    use super::*;
    use crate::processes::{signal, until};

    const SOON: Duration = Duration::from_secs(10);

    fn sleeper(keeper: &Keeper) -> Child {
        keeper.launch(Path::new("sleep"), &["60".into()], None).unwrap()
    }

    /// Waits as the next parent would do if we were gone, so that the supervisor sees the end at once.
    fn reaped(mut child: Child) -> JoinHandle<ExitStatus> {
        thread::spawn(move || wait(&mut child, SOON).unwrap())
    }

    #[test]
    fn server_and_directory_end_with_the_keeper() {
        let keeper = Keeper::new(None, "TERM").unwrap();
        let directory = keeper.directory().to_owned();
        let end = reaped(sleeper(&keeper));
        assert!(directory.is_dir());
        drop(keeper);
        assert_eq!(end.join().unwrap().signal(), Some(Signal::TERM.as_raw()));
        until(SOON, "still there", || Ok(!directory.exists())).unwrap();
    }

    #[test]
    fn a_stopped_child_of_the_server_ends_too() {
        let keeper = Keeper::new(None, "TERM").unwrap();
        let (server, other) = (sleeper(&keeper), sleeper(&keeper));
        signal(other.id(), Signal::STOP).unwrap();
        keeper.watch(&[server.id(), other.id()]).unwrap();
        let (server, other) = (reaped(server), reaped(other));
        drop(keeper);
        server.join().unwrap();
        assert_eq!(other.join().unwrap().signal(), Some(Signal::KILL.as_raw()));
    }

    #[test]
    fn who_is_no_longer_watched_lives_on() {
        let keeper = Keeper::new(None, "KILL").unwrap();
        let mut child = sleeper(&keeper);
        keeper.watch(&[]).unwrap();
        drop(keeper);
        assert_eq!(wait(&mut child, Duration::from_millis(50)).unwrap_err().kind(), io::ErrorKind::TimedOut);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
        let e = Keeper::new(Some(Path::new("/no-such-directory")), "TERM").unwrap_err();
        assert!(e.to_string().contains("/no-such-directory"), "{e}");
    }

    #[test]
    fn an_error_shows_the_end_of_the_log() {
        let keeper = Keeper::new(None, "TERM").unwrap();
        fs::write(keeper.log(), "a long story\nand its end\n").unwrap();
        assert!(keeper.failed("it ended").to_string().ends_with("and its end"));
        assert_eq!(end(&[b'x'; LAST_WORDS + 5]).len(), LAST_WORDS);
    }
}
