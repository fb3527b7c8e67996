//! Dependency direction: who may use whom. The spine knows no service, a room never uses a room.

use super::Findings;
use crate::workspace::{Package, Workspace};
use anyhow::Result;

/// What each folder may use when it is built or run; a name that ends in `/` stands for all folders in it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("crates/agent", &[]),
    ("crates/aws", &[]),
    ("crates/checksum", &[]),
    ("crates/codegen", &[]),
    ("crates/user-data", &[]),
    ("crates/machine", &["crates/agent"]),
    ("crates/reference", &[]),
    ("crates/wire", &["crates/aws"]),
    ("crates/policy", &["crates/aws"]),
    ("crates/net", &["crates/agent", "crates/aws"]),
    ("crates/store", &["crates/aws"]),
    (
        "crates/room",
        &[
            "crates/aws",
            "crates/wire",
            "crates/policy",
            "crates/store",
            "crates/reference",
            "crates/net",
            "crates/machine",
        ],
    ),
    ("models", &["crates/wire", "crates/codegen"]),
    ("apis/", &["crates/aws", "crates/wire", "crates/codegen"]),
    (
        "services/",
        &[
            "crates/aws",
            "crates/checksum",
            "crates/room",
            "crates/policy",
            "crates/reference",
            "crates/net",
            "crates/machine",
            "crates/user-data",
            "apis/",
        ],
    ),
    (
        "crates/front",
        &["crates/aws", "crates/checksum", "crates/wire", "crates/policy", "crates/store", "crates/room"],
    ),
    ("crates/cloud", &["crates/", "models", "services/"]),
    ("crates/testkit", &["crates/", "models", "services/", "apis/"]),
    ("crates/yakumo", &["crates/aws", "crates/cloud", "crates/machine", "crates/net"]),
    (
        "fuzz",
        &[
            "crates/aws",
            "crates/wire",
            "crates/policy",
            "crates/front",
            "crates/net",
            "models",
            "crates/user-data",
        ],
    ),
    ("xtask", &[]),
    ("bench", &[]),
];

/// Crates that end the chain: nothing is built on them.
const TOPS: &[&str] = &["crates/testkit", "crates/yakumo", "fuzz", "xtask", "bench"];

/// What a room has no business with, even though the spine uses it: the world is reached through `ctx`.
const NOT_IN_ROOMS: &[&str] = &[
    "anyhow",
    "clap",
    "fjall",
    "hyper",
    "hyper-util",
    "rustix",
    "rustls",
    "tempfile",
    "tokio-postgres",
    "tokio-rustls",
];

/// Finds uses that point the wrong way.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    Ok(findings(&workspace.packages()?))
}

fn findings(packages: &[Package]) -> Findings {
    let mut found = Vec::new();
    for package in packages {
        let Some((_, allowed)) = MAY_USE.iter().find(|(folder, _)| covers(folder, &package.folder)) else {
            found.push(format!(
                "{} has no line in the rules of xtask/src/tidy/dependencies.rs",
                package.folder
            ));
            continue;
        };
        for used in packages.iter().filter(|other| package.uses.contains(&other.name)) {
            let is_allowed = allowed.iter().any(|folder| covers(folder, &used.folder));
            if !is_allowed || TOPS.contains(&used.folder.as_str()) {
                found.push(format!("{} must not use {}", package.folder, used.folder));
            }
        }
        if package.folder.starts_with("services/") {
            found.extend(room_findings(package, packages));
        }
    }
    found
}

fn room_findings(package: &Package, packages: &[Package]) -> Findings {
    let foreign = package.foreign.iter().filter(|name| NOT_IN_ROOMS.contains(&name.as_str()));
    let foreign = foreign
        .map(|name| format!("{} must not use {name}: rooms reach the world through ctx", package.folder));
    let rooms = packages.iter().filter(|other| other.folder.starts_with("services/"));
    // The tests of a room may start a whole cloud, but they name no other room.
    let tests = rooms.filter(|room| package.tests_use.contains(&room.name));
    let tests = tests.map(|room| format!("the tests of {} must not name {}", package.folder, room.folder));
    foreign.chain(tests).collect()
}

fn covers(allowed: &str, folder: &str) -> bool {
    allowed == folder || (allowed.ends_with('/') && folder.starts_with(allowed))
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::workspace::Package;

    fn package(folder: &str, uses: &[&str]) -> Package {
        let name = folder.rsplit('/').next().unwrap().to_owned();
        let uses = uses.iter().map(|used| (*used).to_owned()).collect();
        Package { name, folder: folder.to_owned(), uses, tests_use: Vec::new(), foreign: Vec::new() }
    }

    fn check(packages: &[Package], wrong: &[&str]) {
        assert_eq!(findings(packages), wrong);
    }

    #[test]
    fn only_downward() {
        let aws = || package("crates/aws", &[]);
        let room = || package("crates/room", &["aws"]);
        check(&[aws(), room(), package("services/sqs", &["room", "aws"])], &[]);
        check(
            &[package("crates/aws", &["room"]), package("crates/room", &[])],
            &["crates/aws must not use crates/room"],
        );
    }

    #[test]
    fn rooms_do_not_meet() {
        let (iam, sqs) = (package("services/iam", &[]), package("services/sqs", &["iam"]));
        check(&[iam, sqs], &["services/sqs must not use services/iam"]);
        let mut sqs = package("services/sqs", &[]);
        sqs.tests_use.push("iam".to_owned());
        check(
            &[package("services/iam", &[]), sqs],
            &["the tests of services/sqs must not name services/iam"],
        );
    }

    #[test]
    fn the_spine_knows_no_service_and_nothing_stands_on_the_binary() {
        let front = package("crates/front", &["sqs"]);
        check(&[front, package("services/sqs", &[])], &["crates/front must not use services/sqs"]);
        let cloud = package("crates/cloud", &["yakumo"]);
        check(&[cloud, package("crates/yakumo", &[])], &["crates/cloud must not use crates/yakumo"]);
        check(
            &[package("crates/util", &[])],
            &["crates/util has no line in the rules of xtask/src/tidy/dependencies.rs"],
        );
    }

    #[test]
    fn rooms_open_no_sockets() {
        let mut sqs = package("services/sqs", &[]);
        sqs.foreign = vec!["bytes".to_owned(), "hyper".to_owned()];
        check(&[sqs], &["services/sqs must not use hyper: rooms reach the world through ctx"]);
    }
}
