//! The names that AWS gives to addresses: those that the resolver of a VPC knows (`yakumo_aws::hostnames`).

pub(crate) use yakumo_aws::hostnames::{private, public};
