//! Copying a record into another, whole and verified: how an embedded chat grows into a cluster.
//!
//! Row by row in key order, so that it can be broken off at any moment and started again: what stands in the target already,
//! and is the same, is not written twice. Nobody writes into the source meanwhile, and the target is marked, so that nobody
//! serves it before both were read once more and their counts and checksums compared. A target that is not empty and not
//! marked belongs to somebody: it is compared, and never written.

use sha2::{Digest as _, Sha256};

use crate::{
    objects::Epoch,
    ports::{Archive, Item, Kind},
    refusal::Unavailable,
};

mod canon;

/// Rows in one step: at most some megabytes.
const STEP: usize = 500;

/// Why the copy is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyRefused {
    /// One of the two does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The target is in use, or an unfinished copy of another record.
    #[error("the target holds another chat (its history is {target}, not {source_epoch}); copy into an empty database")]
    OtherHistory {
        /// The history of the source.
        source_epoch: Epoch,
        /// The history of the target.
        target: Epoch,
    },
    /// The two differ: of a copy that was finished before, because people have used one of them since; of this one, because
    /// the source was used between two attempts.
    #[error(
        "the {} of the two differ ({copied} of {of}, {}); copy into an empty database",
        kind.word(),
        if copied == of { "with other content" } else { "by number" }
    )]
    Differs {
        /// In what.
        kind: Kind,
        /// Rows in the target.
        copied: u64,
        /// Rows in the source.
        of: u64,
    },
}

/// How many rows of one kind there are, and a SHA-256 over all of them in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What was counted.
    pub kind: Kind,
    /// How many.
    pub rows: u64,
    /// Lower-case hexadecimal.
    pub checksum: String,
}

/// Copies everything and verifies it; `progress` hears of each step how many rows of the kind are done.
///
/// # Errors
/// [`CopyRefused`]. Starting again goes on where it ended.
pub async fn copy(
    from: &dyn Archive,
    to: &dyn Archive,
    mut progress: impl FnMut(Kind, u64) + Send,
) -> Result<Vec<Tally>, CopyRefused> {
    let _held = from.hold().await?;
    let (source, target) = (from.epoch().await?, to.epoch().await?);
    let begun = to.is_filling().await?;
    let fresh = !begun && to.begin_filling(&source).await?;
    if !fresh && source != target {
        return Err(CopyRefused::OtherHistory { source_epoch: source, target });
    }
    if fresh || begun {
        for kind in Kind::ALL {
            copy_kind(from, to, kind, &mut progress).await?;
        }
    }
    let tallies = compare(from, to).await?;
    to.end_filling().await?;
    Ok(tallies)
}

/// What both hold, when they hold the same.
async fn compare(from: &dyn Archive, to: &dyn Archive) -> Result<Vec<Tally>, CopyRefused> {
    let mut tallies = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL {
        let (wanted, got) = (tally(from, kind).await?, tally(to, kind).await?);
        if wanted != got {
            return Err(CopyRefused::Differs { kind, copied: got.rows, of: wanted.rows });
        }
        tallies.push(got);
    }
    Ok(tallies)
}

async fn copy_kind(
    from: &dyn Archive,
    to: &dyn Archive,
    kind: Kind,
    progress: &mut (impl FnMut(Kind, u64) + Send),
) -> Result<(), Unavailable> {
    let (mut after, mut done) = (None::<Item>, 0);
    loop {
        let items = from.read(kind, after.as_ref(), STEP).await?;
        let Some(last) = items.last().cloned() else { return Ok(()) };
        done += count(items.len());
        if to.read(kind, after.as_ref(), STEP).await? != items {
            to.write(items).await?;
        }
        progress(kind, done);
        after = Some(last);
    }
}

/// Counts and hashes all rows of a kind.
///
/// # Errors
/// [`Unavailable`].
pub async fn tally(record: &dyn Archive, kind: Kind) -> Result<Tally, Unavailable> {
    let (mut hash, mut after, mut rows) = (Sha256::new(), None::<Item>, 0);
    loop {
        let items = record.read(kind, after.as_ref(), STEP).await?;
        let Some(last) = items.last().cloned() else { break };
        items.iter().for_each(|item| canon::feed(item, &mut hash));
        rows += count(items.len());
        after = Some(last);
    }
    let checksum = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Tally { kind, rows, checksum })
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
