//! Sandboxes as they run: what they may, what they may not, and what is left of them. Needs root; says so otherwise.

mod allowed;
mod bench;
mod escapes;
mod life;
mod limits;
mod remains;
