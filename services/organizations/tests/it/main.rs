//! Organizations through a real client: what is allowed beside what is refused, with AWS's texts.

mod accounts;
mod client;
mod delegation;
mod enforcement;
mod handshakes;
mod keeping;
mod organizations;
mod policies;
mod units;
