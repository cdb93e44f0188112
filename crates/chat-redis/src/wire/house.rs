//! What nodes say beside notes: probes to themselves, word of what was lost, and the state of shared rates.

use std::time::Duration;

use bytes::{Buf, BufMut};
use chat_domain::limits::{Level, Waiting};

use super::{HEADER, Kind, SHORT, Unreadable, begun, with};
use crate::rates::Name;

/// How full a bucket is that all nodes count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SharedRate {
    pub(crate) name: Name,
    pub(crate) level: Level,
}

/// The bytes of a probe.
pub(crate) fn probe(node: u64, number: u64) -> Vec<u8> {
    with(node, Kind::Probe, &[&number.to_be_bytes()])
}

/// The bytes of "notes were dropped".
pub(crate) fn lost(node: u64) -> Vec<u8> {
    begun(node, Kind::Lost, 0)
}

/// The bytes of a shared rate.
pub(crate) fn rate(node: u64, rate: &SharedRate) -> Vec<u8> {
    let SharedRate { name, level } = rate;
    let Waiting { wait, left, most } = level.waiting.unwrap_or(Waiting::NONE);
    let mut bytes = with(node, Kind::Rate, &[&name.0]);
    for duration in [level.empty_in, wait, left, most] {
        bytes.put_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
    bytes
}

/// The bytes of "this name is forgiven".
pub(crate) fn forgiven(node: u64, name: Name) -> Vec<u8> {
    with(node, Kind::Forgiven, &[&name.0])
}

/// The number of a probe.
pub(crate) fn probed(bytes: &[u8]) -> Option<u64> {
    bytes.get(HEADER..)?.try_get_u64().ok()
}

/// The shared rate in these bytes: a claim, which may be any number.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn shared_rate(bytes: &[u8]) -> Result<SharedRate, Unreadable> {
    let (name, mut rest) = named(bytes)?;
    let mut durations = [Duration::ZERO; 4];
    for duration in &mut durations {
        *duration = Duration::from_micros(rest.try_get_u64().map_err(|_| SHORT)?);
    }
    if !rest.is_empty() {
        return Err(SHORT);
    }
    let [empty_in, wait, left, most] = durations;
    let waiting = (!left.is_zero()).then_some(Waiting { wait, left, most });
    Ok(SharedRate { name, level: Level { empty_in, waiting } })
}

/// The name that is forgiven.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn forgiven_name(bytes: &[u8]) -> Result<Name, Unreadable> {
    Ok(named(bytes)?.0)
}

fn named(bytes: &[u8]) -> Result<(Name, &[u8]), Unreadable> {
    let (name, rest) = bytes.get(HEADER..).and_then(<[u8]>::split_first_chunk).ok_or(SHORT)?;
    Ok((Name(*name), rest))
}
