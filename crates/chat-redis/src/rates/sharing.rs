//! The task that tells Redis what was counted here, and raises the buckets here by what it answers.

use std::{
    sync::{Arc, LazyLock, atomic::Ordering},
    time::Duration,
};

use chat_domain::{
    limits::{Level, Waiting},
    refusal::Unavailable,
};
use redis::{Cmd, FromRedisValue, RedisError};
use tokio::time::{sleep, timeout};

use super::{Name, Rates, pending::Sum};
use crate::{Settings, commands::Commands, names::Names, outbox::Order, publisher::Publisher, script::Scripted, wire};

/// Buckets in one pipeline.
const CHUNK: usize = 1_024;

/// Adds to a bucket what one node counted, and answers how full it is. Times are in microseconds, by the clock of Redis.
/// KEYS: the bucket. ARGV: one interval, the most it holds, how many, how long ago the first, whether it is forgiven, the
/// wait that early tries earned, how much of it is left, how much is left at most, how long being forgiven lasts (so long
/// nodes may still speak of tries from before), the longest wait. What is held is believed no further than the rule goes: the
/// clock may have been set back since, and anybody may have written there.
static ADD: LazyLock<Scripted> = LazyLock::new(|| {
    Scripted::new(
        r"
        local interval, most, count, age = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
        local wait, left, latest, grace = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
        local longest = tonumber(ARGV[10])
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local held = redis.call('HMGET', KEYS[1], 'empty', 'wait', 'until', 'latest', 'forgiven')
        local bounds = {now + most, longest, now + longest, now + longest, now}
        for i = 1, 5 do
            local number = tonumber(held[i] or 0) or 0
            held[i] = number >= 0 and math.min(number, bounds[i]) or 0
        end
        if ARGV[5] == '1' then held = {0, 0, 0, 0, now} end
        local empty = math.max(held[1], now - age) + count * interval
        empty = math.min(math.max(empty, now), now + most)
        if held[3] <= now then held[2], held[3], held[4] = 0, 0, 0 end
        if left > 0 and now - held[5] > grace then
            held[2] = math.max(held[2], wait)
            held[4] = held[4] == 0 and now + latest or math.min(held[4], now + latest)
            held[3] = math.min(math.max(held[3], now + left), held[4])
        end
        local ends = math.max(empty, held[3], held[5] + grace)
        if ends <= now then
            redis.call('DEL', KEYS[1])
        else
            redis.call('HSET', KEYS[1], 'empty', empty, 'wait', held[2], 'until', held[3], 'latest', held[4],
                'forgiven', held[5])
            redis.call('PEXPIRE', KEYS[1], math.ceil((ends - now) / 1000))
        end
        return {empty - now, held[2], math.max(held[3] - now, 0), math.max(held[4] - now, 0)}",
    )
});

/// What a bucket holds by Redis: until it is empty, the wait, what is left of it, and at most.
type Held = (u64, u64, u64, u64);

/// Everything the task needs.
pub(crate) struct Sharing {
    pub(crate) rates: Arc<Rates>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) names: Names,
    pub(crate) node: u64,
    pub(crate) settings: Settings,
}

impl Sharing {
    /// The task: waits until something was counted, a moment more so that it is worth it, and shares it. While Redis does not
    /// answer, it asks now and then whether it does.
    pub(crate) async fn run(self) {
        loop {
            let counted = self.rates.counted.notified();
            if self.rates.alone.load(Ordering::Relaxed) {
                // Counted or not: the next try.
                drop(timeout(self.settings.reconnect_within, counted).await);
            } else {
                counted.await;
            }
            sleep(self.settings.rates_every).await;
            let shared = self.share().await;
            self.rates.set_alone(shared.is_err());
            if let Err(error) = shared {
                tracing::debug!(%error, "rates are counted by this node alone");
                sleep(self.settings.reconnect_within).await;
            }
        }
    }

    async fn share(&self) -> Result<(), Unavailable> {
        let pending = self.rates.lock().pending.take();
        if pending.is_empty() {
            let mut ping = redis::pipe();
            ping.cmd("PING");
            let pong = self.commands.ask("rates", ping).await?;
            return pong.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(refusal(&error)));
        }
        let (mut learned, mut refused) = (false, None);
        for sums in pending.chunks(CHUNK) {
            let now = self.rates.now();
            let answers = self.commands.ask_each("rates", &self.calls(sums, now)).await?;
            for ((name, sum), answer) in sums.iter().zip(answers) {
                match answer.and_then(|answer| Ok(Held::from_redis_value(answer)?)) {
                    Ok(held) => {
                        self.learn(name, sum, held, now);
                        learned = true;
                    }
                    Err(error) => refused = Some(error),
                }
            }
        }
        // One name that can't be shared leaves nobody alone.
        refused.filter(|_| !learned).map_or(Ok(()), |error| Err(refusal(&error)))
    }

    fn calls(&self, sums: &[(Name, Sum)], now: Duration) -> Vec<(String, Cmd)> {
        let counts = self.rates.lock();
        let calls = sums.iter().enumerate().map(|(at, (name, sum))| {
            let Sum { rule, count, since, forgiven, .. } = sum;
            let waiting = if rule.grows { counts.buckets.level(name, now).waiting } else { None };
            let Waiting { wait, left, most: latest } = waiting.unwrap_or(Waiting::NONE);
            let key = self.names.rate(&name.0);
            let mut call = ADD.call(at == 0);
            call.arg(1).arg(&key);
            call.arg(micros(rule.refill.interval)).arg(micros(rule.most())).arg(count);
            call.arg(micros(now.saturating_sub(*since))).arg(u8::from(*forgiven));
            call.arg(micros(wait)).arg(micros(left)).arg(micros(latest)).arg(micros(self.settings.command_timeout));
            call.arg(micros(rule.longest_wait()));
            (key, call)
        });
        calls.collect()
    }

    /// Raises the bucket here, and tells the other nodes what they should not learn only when they are asked.
    fn learn(&self, name: &Name, sum: &Sum, (empty_in, wait, left, most): Held, then: Duration) {
        let waiting = Waiting { wait: duration(wait), left: duration(left), most: duration(most) };
        let level = Level { empty_in: duration(empty_in), waiting: (left > 0).then_some(waiting) };
        let refill = sum.rule.refill;
        self.rates.lock().raise(name, sum.rule, level, then);
        if sum.forgiven {
            self.say(wire::forgiven(self.node, *name));
        }
        let is_full = level.empty_in + refill.interval > refill.whole();
        let waits_longer = level.waiting.is_some_and(|waiting| waiting.wait > sum.wait_before);
        if sum.rule.grows && (is_full && sum.count > 0 || waits_longer) {
            self.say(wire::rate(self.node, &wire::SharedRate { name: *name, level }));
        }
    }

    fn say(&self, payload: Vec<u8>) {
        self.publisher.send(Order::Publish { channel: self.names.everybody(), payload });
    }
}

fn refusal(error: &RedisError) -> Unavailable {
    Unavailable::because(format!("Redis refused rates: {error}"))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn duration(micros: u64) -> Duration {
    Duration::from_micros(micros)
}
