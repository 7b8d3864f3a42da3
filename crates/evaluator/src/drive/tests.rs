//! The driver against servers in memory, on a clock that jumps: no socket, no waiting.

mod judged;
mod policy;
mod server;
mod simulation;
