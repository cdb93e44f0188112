//! The house put together: from settings to stores, hub, use cases and doors. The only place that knows every adapter.

mod backend;
mod between;
mod bounds;
mod metered;
mod moving;
mod record;
mod upkeep;

pub use backend::{AssemblyError, Backend, migrate};
pub use bounds::{socket_door, web};
pub use moving::{CopyError, copy};
pub use upkeep::{BackupRefused, backup, new_epoch};
