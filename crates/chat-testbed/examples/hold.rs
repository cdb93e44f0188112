//! Starts a server, says where it is, and waits to be killed: how the tests see that nothing outlives its owner.
#![allow(clippy::print_stdout, reason = "its owner reads what it prints")]

use std::{io, thread, time::Duration};

use chat_testbed::{Postgres, Redis};

fn main() -> io::Result<()> {
    let postgres = Postgres::start()?;
    let redis = Redis::start()?;
    for pid in [postgres.pid(), redis.pid()] {
        println!("{}", pid.ok_or_else(|| io::Error::other("not running"))?);
    }
    println!("{}", postgres.directory().display());
    if std::env::args().nth(1).as_deref() == Some("paused") {
        postgres.pause()?;
    }
    println!("ready");
    thread::sleep(Duration::from_secs(600));
    Ok(())
}
