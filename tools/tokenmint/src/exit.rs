//! The exit codes, as `--help` lists them. For a wrong command line clap itself exits with [`USAGE`].

pub(crate) const DONE: u8 = 0;
pub(crate) const REFUSED: u8 = 1;
/// Of a server that is not ready. Docker keeps the codes above 1 of a health check for itself.
pub(crate) const NOT_READY: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNREADABLE: u8 = 3;
pub(crate) const NO_CREDENTIALS: u8 = 4;
/// The machine failed: its clock, its random numbers, or a closed pipe. It says nothing about the token.
pub(crate) const SYSTEM: u8 = 5;
