//! The room through the real pipeline: signed requests, a cloud in this process, a clock that moves.

mod access;
mod client;
mod dead_letters;
mod fifo;
mod identities;
mod messages;
mod polls;
mod queues;
mod restarts;
