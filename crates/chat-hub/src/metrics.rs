//! What the hub counts.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Tells the recorder what each of the hub's metrics means. Once, after a recorder is installed.
pub fn describe_metrics() {
    describe_counter!("chat_messages_received_total", "Messages accepted from clients, retries not counted twice");
    describe_counter!("chat_messages_delivered_total", "Messages handed to sockets, live or in batches");
    describe_gauge!("chat_websocket_subscriptions", "Rooms that sockets hear, each socket counted");
    describe_gauge!("chat_live_rooms", "Rooms that are held live");
    describe_histogram!("chat_writer_batch_size", "Commands in one transaction");
    describe_histogram!("chat_writer_commit_seconds", Unit::Seconds, "Time of one transaction");
    describe_histogram!(
        "chat_commit_to_socket_seconds",
        Unit::Seconds,
        "From hearing of a commit to its event being queued for the last socket of a worker; one event in 64"
    );
    describe_counter!(
        "chat_slow_consumers_total",
        "Times a socket's queue was full and a room had to be caught up later"
    );
    describe_counter!("chat_resumes_total", "Subscriptions with a cursor, by what became of them");
    describe_counter!("chat_catchup_reads_total", "Reads of the record for one user's catch-up");
    describe_counter!("chat_gaps_total", "Gaps in a live room that had to be read from the record");
    describe_counter!("chat_heads_polled_total", "Heads of live rooms looked at");
    describe_counter!("chat_mailbox_overflows_total", "Times a worker lost events and verified all its listeners");
}
