//! Amazon Simple Queue Service.

mod queue;
