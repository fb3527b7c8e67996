//! The wire protocols of AWS: decoding requests, encoding responses. Knows no service.
//!
//! A [`router::Router`] finds service, operation and protocol of a request's [`Head`]; [`decode`] turns the request into
//! the operation's typed input, checking the model's constraints; [`encode`] and [`encode_error`] answer.
//! Invariant: no input, however hostile, makes anything here panic, recurse without limit or allocate more than a small
//! multiple of what was received.

mod body;
mod cbor;
pub mod event_stream;
mod exchange;
mod failure;
mod form;
mod json;
pub mod model;
mod rest;
pub mod router;
mod shape;
mod time;
mod walk;
mod xml;

pub use body::{Body, ByteStream, Request, Response};
pub use bytes::Bytes;
pub use exchange::{decode, encode};
pub use failure::{encode_error, unknown_operation};
pub use model::Protocol;
pub use router::{AddressError, Addressed, Head};
pub use serde_json::Value as Document;
pub use shape::{Decoder, Encoder, Field, Operation, Shape, Value, put_boxed, set_boxed};
pub use time::http_date;
pub use walk::{Decoded, Malformed};
pub use yakumo_aws::{Error, Timestamp};
