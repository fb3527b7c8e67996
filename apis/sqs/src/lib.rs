//! Typed SQS API, generated from its model at build time.
