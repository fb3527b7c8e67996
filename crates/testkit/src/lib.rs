//! A cloud in this process on port 0, clients that sign, and a clock to move: one per test.
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! let cloud = yakumo_testkit::TestCloud::start().await?;
//! let root = cloud.root("000000000000");
//! let queue = root.sqs("CreateQueue", serde_json::json!({ "QueueName": "jobs" })).await?;
//! cloud.advance(std::time::Duration::from_secs(30)).await?;
//! # let _ = queue; Ok(()) }
//! ```

mod client;
mod cloud;

pub use client::{Client, Failure, Reply, element};
pub use cloud::TestCloud;
