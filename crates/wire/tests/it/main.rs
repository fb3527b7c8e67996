//! The codecs from outside: AWS's protocol test vectors, AWS's words for refused input, round trips of random values.

mod compare;
mod dynamic;
mod events;
mod hostile;
mod refusal;
mod round_trip;
mod targets;
mod vectors;
