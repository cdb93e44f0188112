//! The error table, and the answer made from it (protocol.md §1 and §2).
//!
//! One table says of every code what its status is, whether trying again helps and which close code goes with it. REST and the
//! socket read the same one. Nothing here knows a route or a frame.

mod body;
mod code;
mod refused;

pub use self::{
    body::{Answered, Problem},
    code::{ErrorCode, Facts},
    refused::{code_of, retry_ms},
};
