//! Typed IAM API, generated from its model at build time.
