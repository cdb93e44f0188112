//! The port [`Presence`]: of each user a sorted set with one member per node that has a socket of theirs.
//!
//! The score is the end of the lease by the clock of Redis, in milliseconds, times four, plus the status: so one number is
//! compared, and no clock of a node counts. A dead node's members are ignored from their ends on and removed by whoever
//! leases next; the set itself expires with its longest lease.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use chat_domain::{
    ids::UserId,
    ports::{Presence, Status},
    refusal::Unavailable,
};
use redis::FromRedisValue;

use crate::{
    Redis,
    commands::{Answer, is_of_another_type},
    publisher::millis,
    script::Scripted,
    wire,
};

/// Users in one pipeline: one for all but the very largest nodes.
const CHUNK: usize = 4_096;

/// How much of a score is not time.
const STATUSES: u64 = 4;

/// Renews one lease or gives it back. KEYS: the user's set. ARGV: the node, the lease in ms, the status.
static LEASE: LazyLock<Scripted> = LazyLock::new(|| {
    Scripted::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now * 4 + 3)
        if ARGV[3] == '0' then
            return redis.call('ZREM', KEYS[1], ARGV[1])
        end
        redis.call('ZADD', KEYS[1], (now + ARGV[2]) * 4 + ARGV[3], ARGV[1])
        if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
        end
        return 1",
    )
});

#[async_trait]
impl Presence for Redis {
    async fn lease(&self, users: &[(UserId, Status)], ttl: Duration) -> Result<(), Unavailable> {
        let shared = self.shared();
        let mut refused = None;
        for users in users.chunks(CHUNK) {
            let calls = users.iter().enumerate().map(|(at, (user, status))| {
                let key = shared.names.presence(*user);
                let mut call = LEASE.call(at == 0);
                call.arg(1).arg(&key);
                call.arg(&shared.node.to_be_bytes()).arg(millis(ttl)).arg(wire::status_code(*status));
                (key, call)
            });
            let answers = shared.commands.ask_each("lease", &calls.collect::<Vec<_>>()).await?;
            refused = answers.into_iter().find_map(Result::err).or(refused);
        }
        // All were asked for all the same: memory that is full takes no lease, and still gives them back.
        refused.map_or(Ok(()), |error| Err(Unavailable::because(format!("Redis refused a lease: {error}"))))
    }

    async fn status(&self, users: &[UserId]) -> Result<Vec<Status>, Unavailable> {
        let shared = self.shared();
        let mut statuses = Vec::with_capacity(users.len());
        for users in users.chunks(CHUNK) {
            let mut pipeline = redis::pipe();
            pipeline.cmd("TIME");
            for user in users {
                pipeline.cmd("ZRANGE").arg(shared.names.presence(*user)).arg(&["0", "-1", "WITHSCORES"]);
            }
            let answers = shared.commands.ask("presence", pipeline).await?;
            shared.commands.complain("presence", &answers);
            let mut answers = answers.into_iter();
            let now = read::<(u64, u64)>(answers.next())?;
            let now = now.0 * 1_000 + now.1 / 1_000;
            for leases in answers {
                // What a stranger put there is no lease; the next one that is given takes its place.
                let leases = if is_of_another_type(&leases) { Vec::new() } else { read(Some(leases))? };
                statuses.push(best(&leases, now));
            }
        }
        Ok(statuses)
    }
}

fn read<T: FromRedisValue>(answer: Option<Answer>) -> Result<T, Unavailable> {
    let unreadable = || Unavailable::because("Redis answered presence with something else");
    let value = answer.ok_or_else(unreadable)?.map_err(|error| Unavailable::because(format!("Redis: {error}")))?;
    T::from_redis_value(value).map_err(|_| unreadable())
}

/// The best status that a lease gives which has not run out.
fn best(leases: &[(Vec<u8>, f64)], now: u64) -> Status {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers far below 2^53")]
    let scores = leases.iter().map(|(_, score)| *score as u64);
    let living = scores.filter(|score| score / STATUSES > now);
    living.filter_map(|score| wire::status(u8::try_from(score % STATUSES).ok()?)).max().unwrap_or(Status::Offline)
}
