//! Writing memberships and what goes with them, each kind in one statement.

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as Id};
use uuid::Uuid;

use super::writes::Writes;
use crate::{
    columns::{int, role_column},
    statement::{Pipeline, fixed, statements},
};

statements! {
    PutMembers: () = "
        INSERT INTO members (room, user_id, rev, role, is_in, muted_until, banned, joined_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (room, user_id) DO UPDATE SET rev = excluded.rev, role = excluded.role, is_in = excluded.is_in,
            muted_until = excluded.muted_until, banned = excluded.banned, joined_at = excluded.joined_at";
    pub(crate) MoveMarkers: () = "
        UPDATE members AS m SET read_seq = moved.seq FROM unnest($1, $2, $3) AS moved (room, user_id, seq)
        WHERE m.room = moved.room AND m.user_id = moved.user_id";
    PostedAt: () = "
        UPDATE members AS m SET posted_at = posted.at FROM unnest($1, $2, $3) AS posted (room, user_id, at)
        WHERE m.room = posted.room AND m.user_id = posted.user_id";
}

pub(super) fn put(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    put_members(pipeline, writes);
    let (rooms, people, seqs) = columns(writes.markers.iter().map(|((room, user), seq)| (room.0, user.0, int(*seq))));
    if !rooms.is_empty() {
        pipeline.push(fixed::<MoveMarkers, _>(|query| {
            query.bind::<Array<Id>, _>(rooms).bind::<Array<Id>, _>(people).bind::<Array<BigInt>, _>(seqs)
        }));
    }
    let (rooms, people, times) =
        columns(writes.posted_at.iter().map(|((room, user), at)| (room.0, user.0, at.as_millis())));
    if !rooms.is_empty() {
        pipeline.push(fixed::<PostedAt, _>(|query| {
            query.bind::<Array<Id>, _>(rooms).bind::<Array<Id>, _>(people).bind::<Array<BigInt>, _>(times)
        }));
    }
}

fn columns(rows: impl Iterator<Item = (Uuid, Uuid, i64)>) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    rows.collect()
}

fn put_members(pipeline: &mut Pipeline<'_>, writes: &Writes) {
    if writes.members.is_empty() {
        return;
    }
    let members = || writes.members.values();
    let millis = |at: chat_domain::timestamp::Timestamp| at.as_millis();
    pipeline.push(fixed::<PutMembers, _>(|query| {
        query
            .bind::<Array<Id>, _>(members().map(|m| m.room.0).collect::<Vec<_>>())
            .bind::<Array<Id>, _>(members().map(|m| m.user.0).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(members().map(|m| int(m.rev)).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(members().map(|m| role_column(m.role)).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(members().map(|m| m.is_in).collect::<Vec<_>>())
            .bind::<Array<Nullable<BigInt>>, _>(members().map(|m| m.muted_until.map(millis)).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(members().map(|m| m.banned).collect::<Vec<_>>())
            .bind::<Array<Nullable<BigInt>>, _>(members().map(|m| m.joined_at.map(millis)).collect::<Vec<_>>())
    }));
}
