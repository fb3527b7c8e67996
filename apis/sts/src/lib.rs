//! Typed STS API, generated from its model at build time.
