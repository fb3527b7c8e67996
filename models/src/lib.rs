//! The compact API models of every service that is routed, embedded.
