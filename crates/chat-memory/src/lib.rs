//! Every port in process: the executable specification of the stores, and what a single node needs beside its record.
//!
//! Clear beats fast here: a reader who wants to know what a port means reads these files, and every other adapter is
//! compared with them, operation by operation. It must not know any other adapter, nor what a node is made of.

mod memory;

mod accounts;
mod log;
mod rooms;
mod search;
mod sessions;
mod webhooks;

mod facts;
mod state;
mod writes;

mod bus;
mod no_tail;
mod presence;
mod rates;
mod tail;

pub use bus::{MemoryBus, NodeBus, SilentBus};
pub use memory::Memory;
pub use no_tail::NoTail;
pub use presence::{MemoryPresence, NodePresence};
pub use rates::MemoryRates;
pub use tail::MemoryTail;
