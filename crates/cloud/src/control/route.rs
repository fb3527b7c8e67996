//! THE list of control paths, what each demands, and what answers it.

use super::answer::Answer;
use super::gate::Passport;
use super::{Inner, can, clock, compatibility, health, instances, network, requests, services, status, why};
use crate::Cloud;
use http::Method;
use std::sync::Arc;
use yakumo_front::Front;

/// A path with a method.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Route<'a> {
    Health,
    Metrics,
    Compatibility(compatibility::Page),
    Status,
    Reset,
    Fsck,
    Clock,
    MoveClock,
    Requests,
    Request(&'a str),
    Can,
    Network,
    Topology,
    CleanNetwork,
    PlugInterface(&'a str),
    Internet,
    UnplugInterface(&'a str),
    Trace,
    Instances,
    Instance(&'a str),
    Console(&'a str),
    Exec(&'a str),
    Services,
    Service(&'a str),
    Snapshots,
    SaveSnapshot(&'a str),
    LoadSnapshot(&'a str),
    ForkSnapshot(&'a str),
    DeleteSnapshot(&'a str),
}

impl Route<'_> {
    /// What those who ask must show.
    pub(crate) fn passport(&self) -> Passport {
        match self {
            Route::Health | Route::Compatibility(_) => Passport::None,
            Route::Metrics => Passport::Host,
            _ => Passport::Full,
        }
    }
}

/// Finds the route of a method and a path.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Answer> {
    let unknown = || Answer::not_found(format!("there is no {path}; docs/cli.md lists the control API"));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let choices = match *parts.as_slice() {
        ["metrics"] => vec![(Method::GET, Route::Metrics)],
        ["_localstack", ref rest @ ..] => {
            let page = compatibility::Page::find(rest).ok_or_else(unknown)?;
            vec![(Method::GET, Route::Compatibility(page))]
        }
        ["_yakumo", "health"] => vec![(Method::GET, Route::Health)],
        ["_yakumo", "status"] => vec![(Method::GET, Route::Status)],
        ["_yakumo", "reset"] => vec![(Method::POST, Route::Reset)],
        ["_yakumo", "fsck"] => vec![(Method::GET, Route::Fsck)],
        ["_yakumo", "clock"] => vec![(Method::GET, Route::Clock), (Method::POST, Route::MoveClock)],
        ["_yakumo", "requests"] => vec![(Method::GET, Route::Requests)],
        ["_yakumo", "requests", id] => vec![(Method::GET, Route::Request(id))],
        ["_yakumo", "can"] => vec![(Method::POST, Route::Can)],
        ["_yakumo", "network"] => vec![(Method::GET, Route::Network)],
        ["_yakumo", "network", "topology"] => vec![(Method::GET, Route::Topology)],
        ["_yakumo", "network", "clean"] => vec![(Method::POST, Route::CleanNetwork)],
        ["_yakumo", "network", "trace"] => vec![(Method::POST, Route::Trace)],
        ["_yakumo", "network", "internet"] => vec![(Method::POST, Route::Internet)],
        ["_yakumo", "network", "interfaces", id, "live"] => {
            vec![(Method::POST, Route::PlugInterface(id)), (Method::DELETE, Route::UnplugInterface(id))]
        }
        ["_yakumo", "instances"] => vec![(Method::GET, Route::Instances)],
        ["_yakumo", "instances", id] => vec![(Method::GET, Route::Instance(id))],
        ["_yakumo", "instances", id, "console"] => vec![(Method::GET, Route::Console(id))],
        ["_yakumo", "instances", id, "exec"] => vec![(Method::POST, Route::Exec(id))],
        ["_yakumo", "services"] => vec![(Method::GET, Route::Services)],
        ["_yakumo", "services", name] => vec![(Method::GET, Route::Service(name))],
        ["_yakumo", "snapshots"] => vec![(Method::GET, Route::Snapshots)],
        ["_yakumo", "snapshots", name] => {
            vec![(Method::POST, Route::SaveSnapshot(name)), (Method::DELETE, Route::DeleteSnapshot(name))]
        }
        ["_yakumo", "snapshots", name, "load"] => vec![(Method::POST, Route::LoadSnapshot(name))],
        ["_yakumo", "snapshots", name, "fork"] => vec![(Method::POST, Route::ForkSnapshot(name))],
        _ => return Err(unknown()),
    };
    pick(method, choices)
}

fn pick<'a>(method: &Method, choices: Vec<(Method, Route<'a>)>) -> Result<Route<'a>, Answer> {
    // Whatever answers GET answers HEAD; the body is left out on the way.
    let wanted = if method == Method::HEAD { &Method::GET } else { method };
    let allowed: Vec<String> = choices.iter().map(|(method, _)| method.to_string()).collect();
    let found = choices.into_iter().find(|(method, _)| method == wanted);
    found.map(|(_, route)| route).ok_or_else(|| Answer::method_not_allowed(&allowed.join(", ")))
}

/// Answers a request that passed the gate.
pub(crate) async fn run(
    control: &Inner,
    cloud: &Arc<Cloud>,
    route: Route<'_>,
    query: &str,
    body: &[u8],
) -> Result<Answer, Answer> {
    let front: &Front = cloud.front();
    match route {
        Route::Health => Ok(health::answer(cloud)),
        Route::Metrics => {
            Ok(Answer::text("text/plain; version=0.0.4; charset=utf-8", front.metrics.render()))
        }
        Route::Compatibility(page) => Ok(compatibility::answer(control, cloud, page)),
        Route::Status => Ok(status::answer(control, cloud)),
        Route::Reset => status::reset(cloud, body).await,
        Route::Fsck => status::fsck(cloud).await,
        Route::Clock => Ok(clock::answer(cloud)),
        Route::MoveClock => clock::change(cloud, body).await,
        Route::Requests => requests::list(cloud, query).await,
        Route::Request(id) => why::answer(front, id),
        Route::Can => can::answer(cloud, body).await,
        Route::Network => Ok(network::answer(cloud)),
        Route::Topology => network::topology(cloud, query),
        Route::CleanNetwork => network::clean(cloud, body).await,
        Route::PlugInterface(id) => network::plug(cloud, id, body).await,
        Route::Internet => network::internet(cloud, body).await,
        Route::UnplugInterface(id) => network::unplug(cloud, id, body).await,
        Route::Trace => network::trace(cloud, body),
        Route::Instances => instances::list(cloud).await,
        Route::Instance(id) => instances::one(cloud, id).await,
        Route::Console(id) => instances::console(cloud, id, query).await,
        // It needs the request's head; see `Inner::answer`.
        Route::Exec(_) => Err(Answer::upgrade_required()),
        Route::Services => services::list(cloud).await,
        Route::Service(name) => services::one(cloud, name),
        Route::Snapshots => control.snapshots.list().await,
        Route::SaveSnapshot(name) => control.snapshots.save(cloud, name, body).await,
        Route::LoadSnapshot(name) => control.snapshots.load(cloud, name, body).await,
        Route::ForkSnapshot(name) => control.snapshots.fork(cloud, name, body).await,
        Route::DeleteSnapshot(name) => control.snapshots.delete(name).await,
    }
}

#[cfg(test)]
mod tests {
    use super::{Passport, Route, find};
    use http::{Method, StatusCode};

    #[test]
    fn every_path_has_its_methods_and_its_passport() {
        for (method, path, passport) in [
            (Method::GET, "/_yakumo/health", Passport::None),
            (Method::HEAD, "/_yakumo/health", Passport::None),
            (Method::GET, "/_localstack/health", Passport::None),
            (Method::GET, "/_localstack/init/ready", Passport::None),
            (Method::GET, "/metrics", Passport::Host),
            (Method::GET, "/_yakumo/status", Passport::Full),
            (Method::POST, "/_yakumo/reset", Passport::Full),
            (Method::GET, "/_yakumo/fsck", Passport::Full),
            (Method::GET, "/_yakumo/clock", Passport::Full),
            (Method::POST, "/_yakumo/clock", Passport::Full),
            (Method::GET, "/_yakumo/requests", Passport::Full),
            (Method::GET, "/_yakumo/requests/abc", Passport::Full),
            (Method::POST, "/_yakumo/can", Passport::Full),
            (Method::GET, "/_yakumo/network", Passport::Full),
            (Method::GET, "/_yakumo/network/topology", Passport::Full),
            (Method::POST, "/_yakumo/network/clean", Passport::Full),
            (Method::POST, "/_yakumo/network/trace", Passport::Full),
            (Method::POST, "/_yakumo/network/interfaces/eni-1/live", Passport::Full),
            (Method::POST, "/_yakumo/network/internet", Passport::Full),
            (Method::DELETE, "/_yakumo/network/interfaces/eni-1/live", Passport::Full),
            (Method::GET, "/_yakumo/instances", Passport::Full),
            (Method::GET, "/_yakumo/instances/i-1/console", Passport::Full),
            (Method::POST, "/_yakumo/instances/i-1/exec", Passport::Full),
            (Method::GET, "/_yakumo/services/sqs", Passport::Full),
            (Method::POST, "/_yakumo/snapshots/a", Passport::Full),
            (Method::DELETE, "/_yakumo/snapshots/a", Passport::Full),
            (Method::POST, "/_yakumo/snapshots/a/load", Passport::Full),
            (Method::POST, "/_yakumo/snapshots/a/fork", Passport::Full),
        ] {
            assert_eq!(
                find(&method, path).map(|route| route.passport()).ok(),
                Some(passport),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn other_methods_and_paths_are_refused() {
        let refused = |method, path| find(&method, path).err().map(|answer| answer.status);
        for (method, path) in [
            (Method::POST, "/_yakumo/status"),
            (Method::GET, "/_yakumo/reset"),
            (Method::GET, "/_yakumo/can"),
            (Method::POST, "/_yakumo/network/topology"),
            (Method::POST, "/_localstack/health"),
        ] {
            assert_eq!(
                refused(method.clone(), path),
                Some(StatusCode::METHOD_NOT_ALLOWED),
                "{method} {path}"
            );
        }
        for path in [
            "/_yakumo",
            "/_yakumo/",
            "/_yakumo/status/",
            "/_yakumo/snapshots/a/b/load",
            "/_localstack/config",
        ] {
            assert_eq!(refused(Method::GET, path), Some(StatusCode::NOT_FOUND), "{path}");
        }
        assert_eq!(find(&Method::GET, "/_yakumo/requests/x").unwrap(), Route::Request("x"));
    }
}
