//! The lists of clauses of what stands between nodes: bus, presence, tail, rates.

/// One test per clause of the bus. `fresh` is the path of an `async fn() -> TwoNodes`; what follows it
/// goes to `tokio::test`, such as `start_paused = true`.
#[macro_export]
macro_rules! bus_contract {
    ($fresh:path $(, $($how:tt)*)?) => {
        $crate::tests_of! { [$fresh().await] [$($($how)*)?] bus:
            a_node_hears_what_it_listens_to
            every_note_arrives_as_it_was_sent
            a_topic_is_held_once_however_often_it_is_asked_for
            a_topic_that_was_let_go_is_heard_again_when_asked_for
            a_thousand_topics_are_heard
            a_node_hears_nothing_else
            a_node_never_hears_its_own
            a_node_that_let_go_hears_no_more
            ended_sessions_are_heard_always
            a_bus_that_carries_is_healthy
            publishing_never_waits_for_a_node_that_does_not_hear
        }
    };
}

/// One test per clause of presence. `fresh` is the path of an `async fn() -> TwoPresences`; what follows it
/// goes to `tokio::test`, such as `start_paused = true`.
#[macro_export]
macro_rules! presence_contract {
    ($fresh:path $(, $($how:tt)*)?) => {
        $crate::tests_of! { [$fresh().await] [$($($how)*)?] presence:
            who_leased_nothing_is_offline
            the_best_of_all_nodes_counts
            offline_gives_ones_own_lease_back_at_once
            a_lease_runs_out_by_itself
            what_a_node_said_last_counts
            who_never_leased_gives_nothing_back
            a_short_lease_of_one_node_does_not_end_a_long_one_of_another
        }
    };
}

/// One test per clause of the tail. `fresh` is the path of an `async fn() -> TwoTails`; what follows it goes to
/// `tokio::test`, such as `start_paused = true`.
#[macro_export]
macro_rules! tail_contract {
    ($fresh:path $(, $($how:tt)*)?) => {
        $crate::tests_of! { [$fresh().await] [$($($how)*)?] tail:
            what_one_node_keeps_another_reads_as_it_was_committed
            what_is_not_kept_is_not_there
            a_run_ends_exactly_at_the_head
            a_run_has_no_hole
            a_run_is_the_newest_that_the_limit_allows
            what_is_kept_twice_or_late_stands_once_in_its_place
            another_history_is_another_tail
            a_long_tail_keeps_its_end
        }
    };
}

/// One test per clause of rates. `fresh` is the path of an `async fn() -> TwoCounters`; what follows it
/// goes to `tokio::test`, such as `start_paused = true`.
#[macro_export]
macro_rules! rates_contract {
    ($fresh:path $(, $($how:tt)*)?) => {
        $crate::tests_of! { [$fresh().await] [$($($how)*)?] rates:
            each_rate_has_its_burst
            one_name_does_not_count_for_another
            who_waits_as_told_is_let_through
            a_rate_refills_steadily
            what_is_refused_is_not_counted
            a7_each_sign_in_too_early_waits_longer_up_to_a_minute
            a7_nobody_is_locked_out_however_often_somebody_knocks
            a7_the_right_password_is_forgiven
            what_did_not_happen_is_given_back
            what_one_node_counts_the_others_know
            a7_a_guesser_gains_nothing_by_another_node
            a7_what_one_node_forgives_the_others_forgive
            what_one_node_gives_back_is_there_for_all
        }
    };
}
