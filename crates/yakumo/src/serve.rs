//! The life of a cloud: start, the ready line, scripts, signals, a graceful stop.

use crate::failure::{Exit, Failure};
use crate::hooks::Runner;
use crate::settings::Settings;
use crate::state_file::{self, StateFile};
use crate::terminal::{Paint, Terminal};
use crate::{hooks, ready_line};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use yakumo_cloud::control::{CloudControl, unavailable};
use yakumo_cloud::{Cloud, Config, Location, StartError, StoreError};

/// Starts a cloud and serves until a signal ends it. `began` is when the process began.
pub fn run(mut settings: Settings, began: Instant) -> Result<(), Failure> {
    log_to_stderr(&settings.log)?;
    let scripts = hooks::find(&settings.ready_dirs).map_err(|error| {
        Failure::new(Exit::Data, format!("the scripts of ready.d cannot be read: {error}"))
    })?;
    claim(&settings.config)?;
    let runner = give_up(&mut settings, &scripts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(live(settings, &scripts, &runner, began));
    // What still runs belongs to nobody any more.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

/// From here on no thread of this process has root's rights.
#[cfg(target_os = "linux")]
fn give_up(settings: &mut Settings, scripts: &[PathBuf]) -> Result<Runner, Failure> {
    crate::rights::give_up(&mut settings.config, scripts, &mut settings.notes)
}

/// Only Linux's rights are given up.
#[cfg(not(target_os = "linux"))]
fn give_up(_: &mut Settings, _: &[PathBuf]) -> Result<Runner, Failure> {
    Ok(Runner::Here)
}

async fn live(
    settings: Settings,
    scripts: &[PathBuf],
    runner: &Runner,
    began: Instant,
) -> Result<(), Failure> {
    // Before the start: a signal that comes meanwhile is not lost.
    let mut signals = Signals::listen()?;
    let (cloud, control) = start(settings.config, &mut signals).await?;
    let state = state(&cloud, &control);
    let state_path = write_state(&state);
    Terminal::stdout().line(&ready_line::write(&cloud.endpoint(), began.elapsed()))?;
    let mut notes = settings.notes;
    notes.extend(not_enforced(&cloud));
    greet(&state, &notes, &unavailable(&cloud))?;
    let variables = variables(&state);
    let work = hooks::run(runner, scripts, &variables, control.hooks(), |text| warn(&text));
    tokio::select! {
        () = async { work.await; std::future::pending().await } => {}
        () = signals.next() => {}
    }
    let stopped = stop(&cloud, &mut signals).await;
    if let Some(path) = state_path {
        state_file::remove(&path);
    }
    stopped
}

/// What this host does not let a cloud do, in sentences.
fn not_enforced(cloud: &Cloud) -> Vec<String> {
    let network = cloud.network();
    if let Some(why) = network.not_enforced() {
        return vec![format!("networks are not enforced: {why}")];
    }
    let apart = network.is_apart().then(|| {
        "without root: this host has no way to the cloud's public addresses but `yakumo exec internet -- COMMAND`, and networks end \
         with the cloud"
            .to_owned()
    });
    let sandboxes = cloud.sandboxes().unavailable().map(|why| format!("instances stay pending: {why}"));
    apart.into_iter().chain(sandboxes).collect()
}

async fn start(config: Config, signals: &mut Signals) -> Result<(Arc<Cloud>, Arc<CloudControl>), Failure> {
    let cloud = tokio::select! {
        started = Cloud::start(config.clone()) => started.map_err(|error| explain(error, &config))?,
        // Nothing was acknowledged yet, so nothing needs to be finished.
        () = signals.next() => return Err(Failure::new(Exit::Interrupted, "")),
    };
    let control = CloudControl::open(&cloud)
        .map_err(|error| Failure::new(Exit::Data, format!("the control token cannot be kept: {error}")))?;
    Ok((cloud, control))
}

/// Stops gracefully, or at once when a signal comes again.
async fn stop(cloud: &Cloud, signals: &mut Signals) -> Result<(), Failure> {
    let mut err = Terminal::stderr();
    if err.is_terminal() {
        err.line("stopping; once more ends it at once")?;
    }
    tokio::select! {
        () = cloud.stop() => Ok(()),
        () = signals.next() => Err(Failure::new(Exit::Interrupted, "")),
    }
}

/// Makes the data directory for its owner alone: secret keys lie in it. One that exists keeps the rights it has.
fn claim(config: &Config) -> Result<(), Failure> {
    let Some(directory) = &config.directory else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
        Failure::new(Exit::Data, format!("{} cannot be a data directory: {error}", directory.display()))
            .advise("name another --data-dir, or --ephemeral")
    })
}

/// The signals that end a cloud.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> io::Result<Signals> {
        let listen = |kind| signal(kind);
        Ok(Signals([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

fn state(cloud: &Arc<Cloud>, control: &CloudControl) -> StateFile {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    StateFile {
        pid,
        began: state_file::began(pid),
        endpoint: cloud.endpoint(),
        port: cloud.address().port(),
        cloud: cloud.store().cloud().to_string(),
        data_dir: cloud.config().directory.clone(),
        token: control.bearer_token().map(str::to_owned),
        root_key: cloud.root_key().map(|key| (key.access_key_id.clone(), key.secret_access_key.clone())),
    }
}

/// Without a state file the cloud works; only its commands need `--endpoint`.
fn write_state(state: &StateFile) -> Option<PathBuf> {
    match state.write() {
        Ok(path) => Some(path),
        Err(failure) => {
            warn(&format!("no state file: {failure}; use --endpoint {}", state.endpoint));
            None
        }
    }
}

fn warn(text: &str) {
    let mut err = Terminal::stderr();
    let head = err.paint(Paint::Warn, "warning:");
    // A stderr that is gone leaves nobody to tell.
    let _ = err.line(&format!("{head} {}", crate::terminal::printable(text)));
}

/// The environment of scripts, and what a person exports.
fn variables(state: &StateFile) -> [(&'static str, String); 5] {
    let test = || "test".to_owned();
    let (id, secret) = state.root_key.clone().unwrap_or_else(|| (test(), test()));
    let region = || "us-east-1".to_owned();
    let [endpoint, key, key_secret, default_region, its_region] = hooks::VARIABLES;
    [
        (endpoint, state.endpoint.clone()),
        (key, id),
        (key_secret, secret),
        (default_region, region()),
        (its_region, region()),
    ]
}

/// Tells a person how to connect and what is not here; tells everybody the generated root key.
fn greet(state: &StateFile, notes: &[String], unavailable: &[String]) -> io::Result<()> {
    let mut err = Terminal::stderr();
    for note in notes {
        warn(note);
    }
    if let Some((id, secret)) = &state.root_key {
        err.line(
            "other machines can reach this cloud, so `test` is no key here; the root key of 000000000000 is",
        )?;
        err.line(&format!("  AWS_ACCESS_KEY_ID={id}\n  AWS_SECRET_ACCESS_KEY={secret}"))?;
    }
    if !err.is_terminal() {
        return Ok(());
    }
    let place =
        state.data_dir.as_ref().map_or("in memory only".to_owned(), |path| path.display().to_string());
    let lines = [
        ("connect", "eval \"$(yakumo env)\"".to_owned()),
        ("", format!("export AWS_ENDPOINT_URL={}", state.endpoint)),
        ("kept", place),
        ("watch", "yakumo requests --follow".to_owned()),
    ];
    for (name, text) in lines.into_iter().chain(unavailable.iter().map(|text| ("not here", text.clone()))) {
        let head = err.paint(Paint::Dim, &format!("{name:<9}"));
        err.line(&format!("  {head} {text}"))?;
    }
    Ok(())
}

/// What a failed start means, and what to do.
fn explain(error: StartError, config: &Config) -> Failure {
    match error {
        StartError::Listen { address, source } => listen_failure(&address.to_string(), &source),
        StartError::Clock(error) => {
            Failure::usage(error.to_string()).advise("yakumo up --clock with a later time")
        }
        refused @ StartError::SeedBeyondLoopback(_) => {
            Failure::usage(refused.to_string()).advise("yakumo up without --seed, or on 127.0.0.1")
        }
        StartError::Store(error) => store_failure(error, config),
    }
}

/// What it means that an address cannot be listened on, and what to do.
pub fn listen_failure(address: &str, source: &io::Error) -> Failure {
    let failure = |why: &str| Failure::new(Exit::Address, format!("cannot listen on {address}: {why}"));
    match source.kind() {
        io::ErrorKind::AddrInUse => failure("another program does")
            .advise("yakumo up --port 0 takes a free port; `yakumo status` shows a yakumo that runs already"),
        io::ErrorKind::PermissionDenied => failure("permission denied").advise("take a port above 1023"),
        io::ErrorKind::AddrNotAvailable => {
            failure("it is no address of this machine").advise("--bind 127.0.0.1")
        }
        _ => failure(&source.to_string()),
    }
}

/// What a store that does not open means, and what to do.
pub fn store_failure(error: StoreError, config: &Config) -> Failure {
    let text = error.to_string();
    let remote = matches!(config.location, Location::Postgres(_));
    match error {
        StoreError::Locked { .. } => Failure::new(Exit::Locked, text)
            .advise("stop the yakumo that uses it, or give this one its own --data-dir, or --ephemeral"),
        StoreError::NewerFormat { .. } => {
            Failure::new(Exit::Newer, text).advise("use the newer yakumo, or another --data-dir")
        }
        StoreError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            Failure::new(Exit::Data, text)
                .advise("make it yours with chmod or chown, or name another --data-dir")
        }
        StoreError::OtherBodies { .. } => {
            Failure::new(Exit::Data, text).advise("start it without --bodies, or name another --data-dir")
        }
        StoreError::NoBodies { .. } => Failure::new(Exit::Data, text)
            .advise("--bodies-endpoint and --bodies-region say where the object store is, AWS_… who asks"),
        _ if remote => Failure::new(Exit::Data, text)
            .advise("see that --store names a PostgreSQL server that can be reached"),
        _ => Failure::new(Exit::Data, text).advise("name another --data-dir, or --ephemeral"),
    }
}

/// Logs go to stderr. A plain level needs no filter language, which keeps the start short.
fn log_to_stderr(directives: &str) -> Result<(), Failure> {
    use tracing_subscriber::fmt;
    let builder = fmt().with_writer(io::stderr).with_ansi(Terminal::stderr().has_colour());
    if let Ok(level) = directives.parse::<tracing::level_filters::LevelFilter>() {
        builder.with_max_level(level).init();
        return Ok(());
    }
    let filter = tracing_subscriber::EnvFilter::builder().parse(directives);
    let filter = filter.map_err(|error| {
        Failure::usage(format!("`{directives}` is no log filter: {error}"))
            .advise("--log info, or --log yakumo_front=debug")
    })?;
    builder.with_env_filter(filter).init();
    Ok(())
}
