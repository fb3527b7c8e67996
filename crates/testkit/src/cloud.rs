//! Starting and stopping a cloud for one test.

use crate::Client;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use yakumo_cloud::{ClockStart, Cloud, Config, Location};

/// A running cloud that ends with the test.
pub struct TestCloud {
    cloud: Arc<Cloud>,
    directory: Option<PathBuf>,
}

impl TestCloud {
    /// An empty cloud in memory.
    pub async fn start() -> Result<TestCloud> {
        TestCloud::with(Config { port: 0, ..Config::default() }, None).await
    }

    /// The cloud that is kept in a directory, or a new one there.
    pub async fn start_in(directory: &Path) -> Result<TestCloud> {
        let location = Location::Directory(directory.join("store"));
        let directory = directory.to_owned();
        let config = Config { port: 0, location, directory: Some(directory.clone()), ..Config::default() };
        TestCloud::with(config, Some(directory)).await
    }

    /// An empty cloud whose clock stands at a point in time (milliseconds since the epoch) until it is advanced.
    pub async fn start_frozen() -> Result<TestCloud> {
        let config = Config { port: 0, clock: ClockStart::Rate(0.0), ..Config::default() };
        TestCloud::with(config, None).await
    }

    async fn with(config: Config, directory: Option<PathBuf>) -> Result<TestCloud> {
        Ok(TestCloud { cloud: Cloud::start(config).await?, directory })
    }

    /// The cloud itself.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.cloud.endpoint()
    }

    /// The root user of an account (twelve digits) in us-east-1.
    pub fn root(&self, account: &str) -> Client {
        Client::new(self.cloud.address(), account, "test", None)
    }

    /// A client with these credentials in us-east-1.
    pub fn client(&self, access_key_id: &str, secret: &str, token: Option<&str>) -> Client {
        Client::new(self.cloud.address(), access_key_id, secret, token)
    }

    /// Moves the cloud's clock forward.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        self.cloud.set_clock(|clock| clock.advance(by)).await?;
        Ok(())
    }

    /// Stops it and starts it again over the same directory (or, in memory, is an error).
    pub async fn restart(self) -> Result<TestCloud> {
        let directory =
            self.directory.ok_or_else(|| anyhow::anyhow!("a cloud in memory cannot be restarted"))?;
        self.cloud.stop().await;
        drop(self.cloud);
        TestCloud::start_in(&directory).await
    }

    /// Stops it; whatever was in memory is gone.
    pub async fn stop(self) {
        self.cloud.stop().await;
    }
}
