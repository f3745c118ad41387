//! The real program, asked as people and scripts ask it.

mod program;
mod raw;

mod broken;
mod good;
mod health;
mod minting;
mod recorded;
mod secrets_manager;
mod terminal;
mod unseen;
mod unusual;
mod whoami;
