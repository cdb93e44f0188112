//! The same operations on this record and on the one in memory, which is the specification: every answer is equal.

use chat_contract::{
    Fixture, Stores,
    model::{agree, agree_across_a_copy},
};
use chat_memory::Memory;

use crate::fixture::fresh;

const OPERATIONS: usize = 300;

/// Seeds that once found a difference stay here.
const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

#[tokio::test]
async fn the_record_on_a_server_answers_as_the_record_in_memory_does() {
    for seed in SEEDS {
        let fresh = fresh().await;
        agree(seed, OPERATIONS, &Stores::of(Memory::new()), &fresh.stores()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_copied_in_the_middle_answers_as_if_it_had_not_been() {
    for seed in SEEDS {
        let (old, new) = (fresh().await, fresh().await);
        let (from, to) = ((&old.stores(), &old.store as _), (&new.stores(), &new.store as _));
        agree_across_a_copy(seed, OPERATIONS, &Stores::of(Memory::new()), from, to).await;
    }
}
