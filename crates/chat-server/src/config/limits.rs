//! Sizes, caps, rates and waits: `limits.*`, protocol §4 by name.

use super::{SettingsError, section::section};

section! {
    /// Sizes, caps, rates and waits. `enabled = false` turns off the rates and the caps on sockets, nothing else.
    Limits in "limits" {
        /// Whether rates and the caps on sockets per user and address hold; `false` is for benchmarks.
        enabled: bool = true;
        /// Unicode scalars of one text.
        text_chars: usize = 4_000, within 1..=100_000;
        /// Bytes of a client's frame, and of a message after reassembly.
        frame_bytes: usize = 65_536, within 1_024..=16_777_216;
        /// Seconds within which the fragments of a message are complete.
        fragment_seconds: u64 = 10, within 1..=300;
        /// Requests of one socket in flight; past twice that the server stops reading.
        inflight: usize = 32, within 1..=10_000;
        /// Rooms that one socket listens to.
        subscriptions: usize = 500, within 1..=100_000;
        /// Rooms in one `subscribe`.
        rooms_per_subscribe: usize = 100, within 1..=10_000;
        /// Sockets of one user; the oldest goes.
        sockets_per_user: usize = 16, within 1..=1_000_000;
        /// Sockets of one address that have not said who they are.
        unauthenticated_per_address: usize = 10, within 1..=1_000_000;
        /// Sockets of one address.
        sockets_per_address: usize = 100, within 1..=1_000_000;
        /// Frames of one socket per second.
        frames_per_second: u32 = 10, within 1..=1_000_000;
        /// Frames of one socket at once after a pause.
        frames_burst: u32 = 60, within 1..=1_000_000;
        /// Sends of one user per second.
        sends_per_user_per_second: u32 = 5, within 1..=1_000_000;
        /// Sends of one user at once after a pause.
        sends_per_user_burst: u32 = 10, within 1..=1_000_000;
        /// Sends into one room per second.
        sends_per_room_per_second: u32 = 20, within 1..=1_000_000;
        /// Sends into one room at once after a pause.
        sends_per_room_burst: u32 = 40, within 1..=1_000_000;
        /// Seconds between two `typing` of one user in one room.
        typing_seconds: u64 = 3, within 1..=300;
        /// Bytes that wait for one socket; above it the socket is caught up later.
        outbound_bytes: usize = 1_048_576, within 65_536..=1_073_741_824;
        /// Users whose presence one socket watches.
        watch_users: usize = 200, within 1..=10_000;
        /// Seconds within which a socket says who it is.
        auth_seconds: u64 = 5, within 1..=300;
        /// Bytes of the `auth` frame.
        auth_frame_bytes: usize = 8_192, within 1_024..=65_536;
        /// Seconds between two heartbeats, give or take a tenth.
        heartbeat_seconds: u64 = 25, within 1..=3_600;
        /// Seconds without a byte from the client until its socket is closed; more than `limits.heartbeat_seconds`.
        silence_seconds: u64 = 70, within 2..=7_200;
        /// Seconds without progress of a write until the socket is closed.
        stall_seconds: u64 = 20, within 1..=3_600;
        /// Frames of no known shape within a minute; the last of them closes the socket.
        bad_requests_per_minute: u32 = 10, within 1..=10_000;
        /// Bytes of a REST body.
        body_bytes: usize = 65_536, within 1_024..=16_777_216;
        /// Bytes of a request's header block.
        header_bytes: usize = 16_384, within 1_024..=1_048_576;
        /// Bytes of a request's URL.
        url_bytes: usize = 8_192, within 256..=1_048_576;
        /// Seconds within which a request's head is complete.
        header_seconds: u64 = 5, within 1..=300;
        /// Seconds within which a request's body is complete.
        body_seconds: u64 = 10, within 1..=300;
        /// REST requests of one user per second.
        rest_per_second: u32 = 10, within 1..=1_000_000;
        /// REST requests of one user at once after a pause.
        rest_burst: u32 = 60, within 1..=1_000_000;
        /// Sign-ins from one address per minute.
        sign_in_per_address_per_minute: u32 = 10, within 1..=1_000_000;
        /// Sign-ins for one name per minute.
        sign_in_per_name_per_minute: u32 = 5, within 1..=1_000_000;
        /// Registrations from one address per hour.
        registrations_per_address_per_hour: u32 = 5, within 1..=1_000_000;
        /// Webhooks of one room.
        webhooks_per_room: usize = 10, within 1..=1_000;
        /// Wrong secrets for one webhook from one address per minute.
        wrong_webhook_secrets_per_minute: u32 = 10, within 1..=1_000_000;
    }
}

impl Limits {
    /// A client answers heartbeats: one that is closed before the first would never stay.
    pub(super) fn check_together(&self) -> Result<(), SettingsError> {
        if self.silence_seconds > self.heartbeat_seconds {
            return Ok(());
        }
        let detail =
            format!("{} is not above limits.heartbeat_seconds = {}", self.silence_seconds, self.heartbeat_seconds);
        Err(SettingsError::wrong("limits.silence_seconds", detail))
    }
}
