//! From options and environment to a configuration: who wins when two of them speak, and what contradicts itself.
//!
//! The command line wins over `YAKUMO_…` variables, and these over the variables of other local clouds.

use crate::commands::up::{DurabilityOption, Options};
use crate::directories;
use crate::failure::Failure;
use crate::{machine_agent, network_agent};
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use yakumo_cloud::{Bucket, ClockStart, Config, Durability, Host, Launch, Location};

/// The port that everybody expects.
const PORT: u16 = 4566;

/// Everything that `up` needs to know.
#[derive(Debug)]
pub struct Settings {
    /// What the cloud is started with.
    pub config: Config,
    /// Directories of scripts to run when it is ready.
    pub ready_dirs: Vec<PathBuf>,
    /// What is logged.
    pub log: String,
    /// What to tell about how the options were understood.
    pub notes: Vec<String>,
}

impl Settings {
    /// Resolves options; `matches` tell which were given on the command line.
    pub fn resolve(options: &Options, matches: Option<&ArgMatches>) -> Result<Settings, Failure> {
        let given =
            |id: &str| matches.and_then(|matches| matches.value_source(id)) == Some(ValueSource::CommandLine);
        Settings::from(options, given, |name| std::env::var(name).ok())
    }

    fn from(
        options: &Options,
        given: impl Fn(&str) -> bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Settings, Failure> {
        let mut notes = Vec::new();
        let address = address(options, variable("GATEWAY_LISTEN").as_deref(), &mut notes)?;
        let directory = match is_ephemeral(options, given, variable("PERSISTENCE").as_deref())? {
            true => None,
            false => Some(data_dir(options)?),
        };
        let location = match (&options.store, &directory) {
            (Some(url), _) => postgres(url)?,
            (None, Some(directory)) => Location::Directory(directory.join("store")),
            (None, None) => Location::Memory,
        };
        if let Some(named) = options.ready_dir.as_ref().filter(|named| !named.is_dir()) {
            return Err(Failure::usage(format!("--ready-dir {} is no directory", named.display())));
        }
        let own = directory.as_ref().map(|directory| directory.join("ready.d"));
        let network = network();
        let bodies = bodies(options, address, &variable)?;
        if bodies.is_some() && location == Location::Memory {
            return Err(Failure::usage("--ephemeral keeps nothing, so it takes no --bodies"));
        }
        let config = Config {
            bind: address.ip(),
            port: address.port(),
            socket: None,
            location,
            bodies,
            durability: match options.durability {
                DurabilityOption::Process => Durability::Process,
                DurabilityOption::Fsync => Durability::Fsync,
            },
            clock: options.clock.unwrap_or(ClockStart::Stored),
            seed: options.seed,
            directory,
            sandboxes: sandboxes(&network),
            network,
        };
        let ready_dirs = own.into_iter().chain(options.ready_dir.clone()).collect();
        Ok(Settings { config, ready_dirs, log: options.log.clone(), notes })
    }
}

/// What instances need that networks do not.
const SANDBOXES_NEED_ROOT: &str =
    "instances need root: users of their own, control groups, and disks cannot be had without";

/// Who starts sandboxes: this program as another agent, as root, where networks can be made as well.
fn sandboxes(network: &Host) -> yakumo_machine::Host {
    use yakumo_machine::Host as Sandboxes;
    match network {
        Host::Nobody(why) => Sandboxes::Nobody(why.clone()),
        Host::Agent { apart: true, .. } => Sandboxes::Nobody(SANDBOXES_NEED_ROOT.to_owned()),
        Host::Agent { run, .. } => match std::env::current_exe() {
            Ok(program) => Sandboxes::Agent {
                launch: yakumo_machine::Launch::program(program, vec![machine_agent::ARGUMENT.to_owned()]),
                run: run.clone(),
            },
            Err(error) => Sandboxes::Nobody(format!("this program does not find itself: {error}")),
        },
    }
}

/// Who makes networks: this program as an agent, in namespaces of its own if it is not root, where that is possible.
fn network() -> Host {
    let possible = match yakumo_net::network::missing() {
        Some(why) => Err(why),
        None => is_apart(),
    };
    let apart = match possible {
        Ok(apart) => apart,
        Err(why) => return Host::Nobody(why),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Host::Nobody(format!("this program does not find itself: {error}")),
    };
    let apart_too = apart.then(|| network_agent::APART.to_owned());
    let arguments = std::iter::once(network_agent::ARGUMENT.to_owned()).chain(apart_too).collect();
    let launch = Launch::program(program, arguments);
    Host::Agent { launch, run: PathBuf::from(network_agent::RUN), apart }
}

/// Whether networks are to be apart from the host's, because this is not root; or why they cannot be.
#[cfg(target_os = "linux")]
fn is_apart() -> Result<bool, String> {
    use yakumo_machine::apart;
    if apart::is_root() {
        return Ok(false);
    }
    let what = "making networks needs root, or a user namespace";
    apart::lacking().map_or(Ok(true), |why| Err(format!("{what}, which this system does not allow: {why}")))
}

#[cfg(not(target_os = "linux"))]
fn is_apart() -> Result<bool, String> {
    Ok(false)
}

/// `--bind` and `--port`; where neither is given, the first address of `GATEWAY_LISTEN`.
fn address(options: &Options, gateway: Option<&str>, notes: &mut Vec<String>) -> Result<SocketAddr, Failure> {
    let usual = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    let foreign = gateway.filter(|text| !text.is_empty() && options.port.is_none() && options.bind.is_none());
    let base = match foreign {
        None => usual,
        Some(text) => {
            let mut parts = text.split(',').map(str::trim);
            let first = parts.next().and_then(|part| part.parse().ok());
            let rest: Vec<&str> = parts.collect();
            if !rest.is_empty() {
                notes.push(format!(
                    "GATEWAY_LISTEN: yakumo listens on one address; left out: {}",
                    rest.join(", ")
                ));
            }
            first.ok_or_else(|| {
                Failure::usage(format!(
                    "GATEWAY_LISTEN={text} does not begin with an address such as 127.0.0.1:4566"
                ))
            })?
        }
    };
    Ok(SocketAddr::new(options.bind.unwrap_or(base.ip()), options.port.unwrap_or(base.port())))
}

/// Whether nothing is kept. On the command line `--ephemeral` contradicts a place; from the environment it gives way
/// to one that was named on the command line, and the other way round.
fn is_ephemeral(
    options: &Options,
    given: impl Fn(&str) -> bool,
    persistence: Option<&str>,
) -> Result<bool, Failure> {
    let place_given = given("data_dir") || given("store");
    let place = options.data_dir.is_some() || options.store.is_some();
    match (options.ephemeral, place) {
        (true, true) if given("ephemeral") && place_given => {
            Err(Failure::usage("--ephemeral keeps nothing, so it takes no --data-dir and no --store"))
        }
        (true, true) if given("ephemeral") == place_given => Err(Failure::usage(
            "YAKUMO_EPHEMERAL contradicts YAKUMO_DATA_DIR or YAKUMO_STORE; unset one of them",
        )),
        (true, true) => Ok(given("ephemeral")),
        (true, false) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Ok(matches!(persistence, Some("0" | "false" | "False"))),
    }
}

fn data_dir(options: &Options) -> Result<PathBuf, Failure> {
    match &options.data_dir {
        // Scripts and tools run elsewhere must find it too.
        Some(directory) => Ok(std::path::absolute(directory)?),
        None => directories::data(),
    }
}

/// The bucket that `--bodies` names. One that is this cloud's own would wait for itself for ever.
fn bodies(
    options: &Options,
    address: SocketAddr,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Bucket>, Failure> {
    let Some(url) = &options.bodies else { return Ok(None) };
    let advice = "such as --bodies s3://bucket/prefix --bodies-endpoint http://127.0.0.1:9000";
    let bucket =
        Bucket::parse(url).map_err(|why| Failure::usage(format!("--bodies {url}: {why}")).advise(advice))?;
    let inherited = || variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = options.bodies_endpoint.clone().or_else(inherited).filter(|endpoint| !endpoint.is_empty());
    if let Some(endpoint) = &endpoint {
        let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        let host = rest
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'));
        let Some(host) = host else {
            let text =
                format!("the endpoint of --bodies, {endpoint}, is not http://HOST:PORT or https://HOST:PORT");
            return Err(Failure::usage(text).advise(advice));
        };
        let own =
            ["127.0.0.1".to_owned(), "localhost".to_owned(), "[::1]".to_owned(), address.ip().to_string()];
        if address.port() != 0 && own.iter().any(|own| host == format!("{own}:{}", address.port())) {
            let text = format!("{endpoint} is this cloud itself: it cannot keep its bodies in itself");
            return Err(Failure::usage(text).advise("--bodies-endpoint names another object store"));
        }
    }
    Ok(Some(Bucket {
        endpoint: options.bodies_endpoint.clone(),
        region: options.bodies_region.clone(),
        ..bucket
    }))
}

/// The location that a URL of PostgreSQL names.
pub fn postgres(url: &str) -> Result<Location, Failure> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Location::Postgres(url.to_owned()));
    }
    // The URL may hold a password, so it is not repeated.
    Err(Failure::usage("--store takes postgres://user:password@host/database")
        .advise("without --store the cloud is kept in its data directory; --ephemeral keeps it in memory"))
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use crate::arguments::{Arguments, Command};
    use crate::failure::Failure;
    use clap::Parser;
    use std::path::Path;
    use yakumo_cloud::Location;

    /// Resolves a command line; `env` are options as `YAKUMO_…` variables would give them, `foreign` other variables.
    fn resolve(line: &[&str], env: &[&str], foreign: &[(&str, &str)]) -> Result<Settings, Failure> {
        let all: Vec<&str> = ["yakumo", "up"].iter().chain(line).chain(env).copied().collect();
        let Command::Up(options) = Arguments::try_parse_from(all).unwrap().command else { panic!("not up") };
        let given = |id: &str| line.iter().any(|word| word.trim_start_matches("--").replace('-', "_") == id);
        Settings::from(&options, given, |name| {
            foreign.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn check_address(line: &[&str], foreign: &[(&str, &str)], address: &str) {
        let config = resolve(&[line, &["--ephemeral"]].concat(), &[], foreign).unwrap().config;
        assert_eq!(format!("{}:{}", config.bind, config.port), address, "{line:?} {foreign:?}");
    }

    #[test]
    fn the_command_line_wins_over_the_variables_of_others() {
        check_address(&[], &[], "127.0.0.1:4566");
        check_address(&[], &[("GATEWAY_LISTEN", "0.0.0.0:4000")], "0.0.0.0:4000");
        check_address(&[], &[("GATEWAY_LISTEN", "127.0.0.1:4566,127.0.0.1:443")], "127.0.0.1:4566");
        check_address(&["--port", "1"], &[("GATEWAY_LISTEN", "0.0.0.0:4000")], "127.0.0.1:1");
        assert!(resolve(&["--ephemeral"], &[], &[("GATEWAY_LISTEN", "everywhere")]).is_err());
        let two = resolve(&["--ephemeral"], &[], &[("GATEWAY_LISTEN", "127.0.0.1:1,127.0.0.1:2")]).unwrap();
        assert_eq!(two.notes.len(), 1);
    }

    #[test]
    fn a_place_and_no_place_contradict_each_other() {
        let memory = |line: &[&str], env: &[&str], foreign: &[(&str, &str)]| {
            resolve(line, env, foreign).ok().map(|settings| settings.config.location == Location::Memory)
        };
        assert_eq!(memory(&["--ephemeral"], &[], &[]), Some(true));
        assert_eq!(memory(&["--ephemeral"], &["--data-dir", "/d"], &[]), Some(true));
        assert_eq!(memory(&["--data-dir", "/d"], &["--ephemeral"], &[]), Some(false));
        assert_eq!(memory(&["--ephemeral", "--data-dir", "/d"], &[], &[]), None);
        assert_eq!(memory(&[], &["--ephemeral", "--data-dir", "/d"], &[]), None);
        assert_eq!(memory(&[], &[], &[("PERSISTENCE", "0")]), Some(true));
        assert_eq!(memory(&["--data-dir", "/d"], &[], &[("PERSISTENCE", "0")]), Some(false));
    }

    #[test]
    fn a_store_elsewhere_keeps_a_directory_here() {
        let config = resolve(&["--store", "postgres://u@h/d", "--data-dir", "/d"], &[], &[]).unwrap().config;
        assert_eq!(config.location, Location::Postgres("postgres://u@h/d".into()));
        assert_eq!(config.directory.as_deref(), Some(Path::new("/d")));
        let refused = resolve(&["--store", "mysql://u:secret@h/d"], &[], &[]).unwrap_err();
        assert!(!refused.message.contains("secret"));
    }

    #[test]
    fn bodies_are_kept_in_a_bucket_that_is_elsewhere() {
        let line =
            ["--data-dir", "/d", "--bodies", "s3://bodies/team", "--bodies-endpoint", "http://s3:9000"];
        let bucket = resolve(&line, &[], &[]).unwrap().config.bodies.unwrap();
        assert_eq!(bucket.to_string(), "s3://bodies/team at http://s3:9000");
        assert!(resolve(&["--data-dir", "/d"], &[], &[]).unwrap().config.bodies.is_none());
        let own = ("AWS_ENDPOINT_URL", "http://localhost:4566");
        let refused = |line: &[&str], foreign: &[(&str, &str)]| resolve(line, &[], foreign).is_err();
        assert!(refused(&["--data-dir", "/d", "--bodies", "s3://bodies"], &[own]), "itself");
        assert!(refused(&["--data-dir", "/d", "--bodies", "bodies"], &[]));
        assert!(refused(
            &["--data-dir", "/d", "--bodies", "s3://bodies", "--bodies-endpoint", "s3:9000"],
            &[]
        ));
        assert!(refused(&["--ephemeral", "--bodies", "s3://bodies"], &[]));
    }
}
