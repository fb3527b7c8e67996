//! Sandboxes on this host: what instances, functions, tasks and databases run in.
//!
//! A [`Machine`] is a directory with sandboxes. Each has a *keeper*, a process outside, and an *init*, its first process inside; both
//! outlive the program that started them. `docs/adr/0008-sandboxes.md` says what isolates what.
//! Invariant: root inside is nobody outside; of the host only what the image lists can be read, and nothing is left after `remove`.

mod error;
mod files;
mod protocol;
mod replacing;
mod requests;
mod sandboxes;
mod spec;
mod states;

pub use error::{Error, Kind};
pub use files::{FILE_BYTES_MAX, File};
pub use protocol::{Exit, REBOOT, Size};
pub use replacing::{Alone, Held};
pub use requests::{Reply, Request};
pub use sandboxes::{Host, Sandboxes};
pub use spec::{
    COMMAND_BYTES_MAX, Command, DISK_BYTES_MIN, Disk, Image, Lifetime, Limits, Network, Source, Spec,
    VOLUMES_MAX, Volume, check_id,
};
pub use yakumo_agent::Launch;

#[cfg(target_os = "linux")]
pub mod agent;
#[cfg(target_os = "linux")]
pub mod apart;
#[cfg(target_os = "linux")]
pub mod block;
#[cfg(target_os = "linux")]
mod bound;
#[cfg(target_os = "linux")]
mod channel;
#[cfg(target_os = "linux")]
pub mod confine;
#[cfg(target_os = "linux")]
mod covered;
#[cfg(target_os = "linux")]
mod disks;
#[cfg(target_os = "linux")]
mod groups;
#[cfg(target_os = "linux")]
mod images;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod keeper;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod moment;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod root;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
pub mod starter;
#[cfg(target_os = "linux")]
mod sys;

#[cfg(target_os = "linux")]
pub use covered::cover_file;
#[cfg(target_os = "linux")]
pub use keeper::main as keeper_main;
#[cfg(target_os = "linux")]
pub use machine::{Configuration, Machine, Report};
#[cfg(target_os = "linux")]
pub use program::{Program, Streams};
pub use states::{Cursor, End, Process, State, Status, Usage};
