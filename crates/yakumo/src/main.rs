//! The `yakumo` command.
fn main() {}
