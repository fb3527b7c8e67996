//! The store from outside: one behaviour suite over all engines, and what only some engines have to prove.

mod behaviour;
mod blobs;
mod dump;
mod engines;
mod full_disk;
mod kill;
mod postgres;
mod restart;
