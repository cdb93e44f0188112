//! Runs the echo server of the conformance tests until it is killed: `cargo run -p chat-web --example echo [PORT]`.
//!
//! It prints its address. A protocol tester is pointed at it, and the memory of idle sockets is measured with it.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "an example"
)]

#[path = "../tests/echo/mod.rs"]
mod echo;

/// The testers' largest message is 16 MiB.
const MAX_MESSAGE: u32 = 32 * 1024 * 1024;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let (server, echo) = echo::serve(&echo::EchoSettings::with_limit(MAX_MESSAGE), port)?;
    println!("ws://{}/", echo.address);
    server.await
}
