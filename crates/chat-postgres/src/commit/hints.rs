//! Numbering hints: each user's numbers have no holes, whichever rooms and nodes they come from.

use std::collections::{BTreeMap, HashMap};

use chat_domain::ids::{Seq, UserId};
use diesel::{
    QueryResult,
    sql_types::{Array, BigInt, Uuid as Id},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;
use uuid::Uuid;

use super::Answers;
use crate::{
    columns::{count, int},
    statement::{fixed, statements},
};

statements! {
    /// In one order, so that two batches wait for each other and not each for the other.
    LockHinted: Id = "SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    pub(crate) Number: (Id, BigInt) = "
        UPDATE users SET me_seq = users.me_seq + hinted.count
        FROM unnest($1, $2) AS hinted (id, count) WHERE users.id = hinted.id
        RETURNING users.id, users.me_seq";
}

/// How many hints each user gets.
pub(super) type Counts = BTreeMap<UserId, u64>;

/// The numbers that a batch may give out: for each user the first.
pub(super) struct Numbers(HashMap<UserId, Seq>);

/// Takes the numbers. They are the batch's until the end of the transaction.
pub(super) async fn number(conn: &AsyncPgConnection, counts: &Counts) -> QueryResult<Numbers> {
    let (people, most): (Vec<Uuid>, Vec<i64>) = counts.iter().map(|(user, count)| (user.0, int(*count))).unzip();
    let ((), newest) = try_join(lock(conn, &people), take(conn, &people, &most)).await?;
    let mut numbers = HashMap::with_capacity(newest.len());
    for (user, newest) in newest {
        let user = UserId(user);
        let newest: Seq = count(newest)?;
        let given = counts.get(&user).copied().unwrap_or(0);
        numbers.insert(user, newest.saturating_sub(given) + 1);
    }
    Ok(Numbers(numbers))
}

async fn lock(mut conn: &AsyncPgConnection, people: &[Uuid]) -> QueryResult<()> {
    if people.len() > 1 {
        fixed::<LockHinted, _>(|query| query.bind::<Array<Id>, _>(people)).execute(&mut conn).await?;
    }
    Ok(())
}

async fn take(mut conn: &AsyncPgConnection, people: &[Uuid], counts: &[i64]) -> QueryResult<Vec<(Uuid, i64)>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let take = fixed::<Number, _>(|query| query.bind::<Array<Id>, _>(people).bind::<Array<BigInt>, _>(counts));
    take.load(&mut conn).await
}

impl Numbers {
    /// The answers with their hints numbered, in order.
    pub(super) fn given_to(mut self, mut answers: Answers) -> QueryResult<Answers> {
        for outcome in answers.iter_mut().flatten() {
            for hint in &mut outcome.hints {
                // A hint for nobody would have been refused by the rules.
                let next = self.0.get_mut(&hint.user).ok_or(diesel::result::Error::NotFound)?;
                hint.seq = *next;
                *next += 1;
            }
        }
        Ok(answers)
    }
}
