//! Amazon Simple Queue Service.
