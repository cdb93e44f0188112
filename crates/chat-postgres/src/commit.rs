//! A batch of commands in one transaction: lock the rooms, load facts, ask the rules, carry out what they decided.
//!
//! It costs two round trips whatever its size. In the first go `BEGIN`, the locks (rooms by id, then users by id) and all
//! questions; each is a statement of its own, so each sees what was committed before the locks were given, which a part of
//! the locking statement would not. In the second go all writes, set by set, and `COMMIT`. Deciding happens in between, while
//! the row locks make everybody else who writes these rooms wait; so commit order is the order of the numbers, on every node.

mod batch;
mod creations;
mod facts;
mod hints;
mod locked;
mod members;
mod messages;
mod queries;
mod rooms;
mod writes;

use std::time::{Duration, Instant};

use chat_domain::{
    command::{Command, Outcome},
    refusal::{Refusal, Unavailable},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::future::{join, join3, ready};

use crate::{
    fault::Fault,
    statement::{Begin, Commit, Rollback, plain},
};
use batch::Batch;
use hints::Numbers;
use writes::Writes;

/// What a batch is answered with.
pub(crate) type Answers = Vec<Result<Outcome, Refusal>>;

/// Commits a batch and answers each command in its place. Any error undoes all of it.
///
/// A broken constraint is most likely a race with another node that made the same thing (a room of the same pair, or under the
/// same nonce): the batch is tried once more, and finds what the other made. Broken again, it is a defect or a hand in the
/// tables, which must not spoil the others of the batch: then each command gets a transaction of its own.
///
/// A row that somebody else holds for too long must not spoil what happens in other rooms either: then each room gets a
/// transaction of its own.
pub(crate) async fn commit(
    conn: &AsyncPgConnection,
    commands: Vec<Command>,
    attempts: usize,
    lock_timeout: Duration,
) -> Result<Answers, Fault> {
    let started = Instant::now();
    let answers = match tried(conn, &commands, attempts).await {
        // Only now, when nothing of the batch is there yet.
        Err(why) if why.met_a_lock() => locked::room_by_room(conn, &commands, attempts, lock_timeout, why).await,
        other => settled(conn, &commands, attempts, other).await,
    };
    metrics::histogram!("chat_store_commit_seconds").record(started.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer commands than 2^52")]
    metrics::histogram!("chat_store_batch_size").record(commands.len() as f64);
    answers
}

/// What comes of a batch that was tried, when constraints were broken.
async fn settled(
    conn: &AsyncPgConnection,
    commands: &[Command],
    attempts: usize,
    answers: Result<Answers, Fault>,
) -> Result<Answers, Fault> {
    match answers {
        Err(why) if why.is_constraint() && commands.len() > 1 => one_by_one(conn, commands, attempts, &why).await,
        Err(why) if why.is_constraint() => Ok(vec![broken(&why)]),
        other => other,
    }
}

async fn one_by_one(
    conn: &AsyncPgConnection,
    commands: &[Command],
    attempts: usize,
    why: &Fault,
) -> Result<Answers, Fault> {
    tracing::error!(%why, "a batch broke a constraint twice; its commands are carried out one by one");
    let mut answers = Vec::with_capacity(commands.len());
    for command in commands {
        match tried(conn, std::slice::from_ref(command), attempts).await {
            Ok(alone) => answers.extend(alone),
            Err(why) if why.is_constraint() => answers.push(broken(&why)),
            Err(why) => return Err(why),
        }
    }
    Ok(answers)
}

fn broken(why: &Fault) -> Result<Outcome, Refusal> {
    tracing::error!(%why, "a command broke a constraint");
    Err(Unavailable::because("a constraint was broken").into())
}

/// Carries a batch out, again where that may help.
async fn tried(conn: &AsyncPgConnection, commands: &[Command], attempts: usize) -> Result<Answers, Fault> {
    let mut raced = false;
    let mut attempt = 1;
    loop {
        let why = match transaction(conn, commands).await {
            Ok(answers) => return Ok(answers),
            Err(why) => why,
        };
        let again = attempt < attempts && (why.gave_way() || (why.is_constraint() && !raced));
        raced |= why.is_constraint();
        if again || why.is_constraint() {
            plain::<Rollback>(conn).await?;
        }
        if !again {
            return Err(why);
        }
        tracing::warn!(%why, attempt, "a batch is tried again");
        if why.gave_way() {
            // Whoever we ran into tries again as well.
            tokio::time::sleep(Duration::from_millis(rand::random_range(1..20) * attempt as u64)).await;
        }
        attempt += 1;
    }
}

async fn transaction(conn: &AsyncPgConnection, commands: &[Command]) -> Result<Answers, Fault> {
    let (begun, batch) = join(plain::<Begin>(conn), Batch::load(conn, commands)).await;
    begun?; // before anything is written, which would stand alone
    let (answers, writes) = batch?.decide(commands);
    let numbers = send(conn, &writes, plain::<Commit>(conn)).await?;
    Ok(numbers.given_to(answers)?)
}

/// The same inside a transaction that has begun and goes on.
pub(crate) async fn carry_out(conn: &AsyncPgConnection, commands: &[Command]) -> Result<Answers, Fault> {
    let (answers, writes) = Batch::load(conn, commands).await?.decide(commands);
    let numbers = send(conn, &writes, ready(Ok(0))).await?;
    Ok(numbers.given_to(answers)?)
}

/// Sends the writes, the numbering of hints and what ends them one behind the other. After a failure the server ignores what
/// follows, and `COMMIT` rolls back; every answer is waited for, so nothing is under way when this returns.
async fn send(
    conn: &AsyncPgConnection,
    writes: &Writes,
    end: impl Future<Output = QueryResult<usize>>,
) -> Result<Numbers, Fault> {
    let pipeline = writes.pipeline(conn)?;
    let (written, numbers, ended) = join3(pipeline.finish(), hints::number(conn, &writes.hints), end).await;
    written?;
    ended?;
    Ok(numbers?)
}
