//! Typed EC2 API, generated from its model at build time. No logic.

include!(concat!(env!("OUT_DIR"), "/api.rs"));
