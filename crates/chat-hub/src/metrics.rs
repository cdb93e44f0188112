//! What the hub counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// What becomes of a subscription with a cursor: the values of the label `outcome`.
const OUTCOMES: [&str; 7] = ["live", "catchup", "reset_epoch", "reset_ahead", "reset_too_far", "reset_purged", "error"];

/// Tells the recorder what each of the hub's metrics means, and begins those with known labels at zero, so that the first
/// increase is not lost. Once, after a recorder is installed.
pub fn describe_metrics() {
    counters(&[
        ("chat_messages_received_total", "Messages accepted from clients, retries not counted twice"),
        ("chat_messages_delivered_total", "Messages handed to sockets, live or in batches"),
        ("chat_slow_consumers_total", "Times a socket's queue was full and a room had to be caught up later"),
        ("chat_catchup_reads_total", "Reads of the record for one user's catch-up"),
        ("chat_gaps_total", "Gaps in a live room that had to be read from the record"),
        ("chat_heads_polled_total", "Heads of live rooms looked at"),
        ("chat_mailbox_overflows_total", "Times a worker lost events and verified all its listeners"),
    ]);
    describe_counter!("chat_resumes_total", "Subscriptions with a cursor, by what became of them");
    for outcome in OUTCOMES {
        counter!("chat_resumes_total", "outcome" => outcome).absolute(0);
    }
    gauges();
    describe_histogram!("chat_writer_batch_size", "Commands in one batch of the writer");
    describe_histogram!(
        "chat_writer_commit_seconds",
        Unit::Seconds,
        "From a batch being given to the store to its answer"
    );
    describe_histogram!(
        "chat_commit_to_socket_seconds",
        Unit::Seconds,
        "From hearing of a commit to its event being queued for the last socket of a worker; one event in 64"
    );
    // A histogram is shown from the moment somebody asks for it.
    for name in ["chat_writer_batch_size", "chat_writer_commit_seconds", "chat_commit_to_socket_seconds"] {
        drop(histogram!(name));
    }
}

fn counters(all: &[(&'static str, &'static str)]) {
    for (name, meaning) in all {
        describe_counter!(*name, *meaning);
        counter!(*name).absolute(0);
    }
}

fn gauges() {
    describe_gauge!("chat_websocket_subscriptions", "Rooms that sockets hear, each socket counted");
    describe_gauge!("chat_live_rooms", "Rooms that are held live");
    describe_gauge!(
        "chat_outbound_queue_bytes",
        Unit::Bytes,
        "Bytes that wait to be written to sockets, seen every few seconds"
    );
    describe_gauge!("chat_writer_queued", "Commands that wait for the writer, seen every few seconds");
    for name in ["chat_websocket_subscriptions", "chat_live_rooms", "chat_outbound_queue_bytes", "chat_writer_queued"] {
        gauge!(name).set(0.0);
    }
}
