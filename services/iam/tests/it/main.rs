//! IAM and STS through a real client: what is allowed beside what is refused, with AWS's texts.

mod access_keys;
mod assume_role;
mod keeping;
mod last_use;
mod managed;
mod people;
mod permissions;
mod policies;
mod roles;
mod simulation;
mod users;
