//! How the sockets of a listener are set up, and the server settings that this transport relies on.

use std::{any::Any, time::Duration};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use socket2::SockRef;

/// For `HttpServer::client_disconnect_timeout`: how long a connection reads on after our last byte, so that no reset overtakes
/// it. With [`super::inbound::CLOSE_WAIT`] it stays below one second.
pub const LINGER: Duration = Duration::from_millis(500);

/// For `HttpServer::h1_write_buffer_size`: a connection asks for more frames until it holds this many bytes. A write is then at
/// most this and one chunk, which is also the most that the buffer keeps when idle.
pub const WRITE_BUFFER: usize = 8 * 1024;

/// Makes the callback for `HttpServer::on_connect`: frames leave at once (`TCP_NODELAY`), and the kernel drops a connection
/// whose peer takes nothing for `no_progress` (`TCP_USER_TIMEOUT`, RFC 5482; Linux).
///
/// The latter is more than tidiness. While its write buffer is full, a connection asks its body for nothing, so no session
/// could end it: a reader that stopped for ever would hold it for ever.
pub fn on_connect(no_progress: Duration) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + Clone + 'static {
    move |connection, _| {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let socket = SockRef::from(stream);
        let nodelay = socket.set_tcp_nodelay(true);
        #[cfg(target_os = "linux")]
        let nodelay = nodelay.and_then(|()| socket.set_tcp_user_timeout(Some(no_progress)));
        #[cfg(not(target_os = "linux"))]
        let _ = no_progress;
        if let Err(error) = nodelay {
            // The peer is already gone, most likely; the connection finds out by itself.
            tracing::debug!(%error, "a connection could not be set up");
        }
    }
}
