//! The exit codes, as `--help` lists them. For a wrong command line clap itself exits with [`USAGE`].

pub(crate) const DONE: u8 = 0;
pub(crate) const REFUSED: u8 = 1;
/// The server is not ready. Docker reserves the exit codes of health checks above 1.
pub(crate) const NOT_READY: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNREADABLE: u8 = 3;
pub(crate) const NO_CREDENTIALS: u8 = 4;
/// The machine failed: its clock, its random numbers, or a closed pipe. It says nothing about the token.
pub(crate) const SYSTEM: u8 = 5;
