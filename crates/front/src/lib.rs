//! The front door: listen, address, identify, decode, authorise, dispatch, encode, record.

pub mod signature;
