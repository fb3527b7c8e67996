//! The commands against a running cloud.

use crate::place::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn without_a_cloud_the_commands_say_how_to_start_one() {
    let place = Place::new();
    for command in
        [&["status"] as &[&str], &["reset", "--yes"], &["clock"], &["requests"], &["why", "x"], &["services"]]
    {
        let run = place.run(&[command, &["--endpoint", "http://127.0.0.1:9"]].concat());
        assert_eq!(run.code, 7, "{command:?}: {}", run.stderr);
        assert!(run.stderr.contains("no yakumo answers at http://127.0.0.1:9"), "{}", run.stderr);
        assert!(run.stderr.contains("yakumo up"), "{}", run.stderr);
    }
}

#[test]
fn status_and_env_find_the_cloud_by_themselves() {
    let place = Place::new();
    let up = place.up(&["--ephemeral", "--seed", "7"]);
    let status = place.json(&["status"]);
    assert_eq!(status["endpoint"], up.endpoint());
    assert_eq!(
        (&status["store"], &status["seed"], &status["pid"]),
        (&"memory".into(), &7.into(), &up.pid().into())
    );
    let table = place.run(&["status"]);
    assert!(table.stdout.contains(up.endpoint()) && table.stdout.contains("not here"), "{}", table.stdout);
    assert!(!table.stdout.contains('\x1b'), "no colours where nobody looks");
    let env = place.run(&["env", "--region", "eu-west-1", "--account", "123456789012"]);
    for line in [
        format!("export AWS_ENDPOINT_URL='{}'", up.endpoint()),
        "export AWS_ACCESS_KEY_ID='123456789012'".to_owned(),
        "export AWS_SECRET_ACCESS_KEY='test'".to_owned(),
        "export AWS_DEFAULT_REGION='eu-west-1'".to_owned(),
        "unset AWS_SESSION_TOKEN".to_owned(),
    ] {
        assert!(env.stdout.lines().any(|found| found == line), "{line} is not in\n{}", env.stdout);
    }
}

#[test]
fn several_clouds_must_be_named() {
    let place = Place::new();
    let (one, two) = (place.up(&["--ephemeral"]), place.up(&["--ephemeral"]));
    let unnamed = place.run(&["status"]);
    assert_eq!(unnamed.code, 2);
    assert!(
        unnamed.stderr.contains(one.endpoint()) && unnamed.stderr.contains(two.endpoint()),
        "{}",
        unnamed.stderr
    );
    for up in [&one, &two] {
        assert_eq!(place.json(&["status", "--endpoint", up.endpoint()])["endpoint"], up.endpoint());
    }
    one.stop("-INT");
    assert_eq!(place.json(&["status"])["endpoint"], two.endpoint());
}

fn ahead_s(clock: &Value) -> i64 {
    clock["ahead_ms"].as_i64().unwrap() / 1_000
}

#[test]
fn the_clock_moves_forward_only() {
    let place = Place::new();
    let _up = place.up(&["--ephemeral"]);
    assert_eq!(ahead_s(&place.json(&["clock"])), 0);
    assert_eq!(place.json(&["clock", "freeze"])["rate"], 0.0);
    let clock = place.json(&["clock", "set", "2100-01-01T00:00:00+01:00"]);
    assert_eq!(clock["now"], "2099-12-31T23:00:00.000Z");
    assert_eq!(place.json(&["clock", "advance", "1h"])["now"], "2100-01-01T00:00:00.000Z");
    let back = place.run(&["clock", "set", "2099-01-01T00:00:00Z"]);
    assert_eq!(back.code, 8);
    assert!(back.stderr.contains("already 2100-01-01T00:00:00.000Z"), "{}", back.stderr);
    assert_eq!(place.json(&["clock", "rate", "x60"])["rate"], 60.0);
    assert_eq!(place.json(&["clock", "resume"])["rate"], 1.0);
}

#[test]
fn a_cloud_begins_at_the_time_that_was_asked_for() {
    let place = Place::new();
    let up = place.up(&["--ephemeral", "--clock", "2001-01-01T00:00:00Z"]);
    assert!(place.json(&["clock"])["now"].as_str().unwrap().starts_with("2001-01-01T00:"));
    assert_eq!(up.stop("-INT").code, 0);
    let _up = place.up(&["--ephemeral", "--clock", "x0"]);
    assert_eq!(place.json(&["clock"])["rate"], 0.0);
}

#[test]
fn a_reset_must_be_confirmed() {
    let place = Place::new();
    let _up = place.up(&["--ephemeral"]);
    place.json(&["clock", "advance", "1d"]);
    let unsure = place.run(&["reset"]);
    assert_eq!(unsure.code, 2, "{}", unsure.stderr);
    assert_eq!(ahead_s(&place.json(&["clock"])), 86_400);
    assert_eq!(place.json(&["reset", "--yes"])["done"], true);
    assert_eq!(ahead_s(&place.json(&["clock"])), 0);
}

#[test]
fn services_are_real_or_501() {
    let place = Place::new();
    let _up = place.up(&["--ephemeral"]);
    let list = place.json(&["services"]);
    let named =
        |name: &str| list["services"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    assert_eq!(named("lambda").unwrap()["real"], 0);
    assert!(named("sqs").unwrap()["real"].as_u64().unwrap() > 0);
    let sqs = place.json(&["services", "sqs"]);
    let send = sqs["operations"].as_array().unwrap().iter().find(|one| one["name"] == "SendMessage").unwrap();
    assert_eq!(send["real"], true);
    let table = place.run(&["services", "ec2"]).stdout;
    let run = table.lines().find(|line| line.starts_with("RunScheduledInstances ")).unwrap();
    assert!(run.ends_with("501"), "{run}");
    assert_eq!(place.run(&["services", "teleport"]).code, 8);
}

#[test]
fn requests_are_listed_and_followed() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let unsigned = || up.http("POST", "/", &[("host", "x"), ("x-amz-target", "AmazonSQS.ListQueues")], "{}");
    assert_eq!(unsigned().0, 403);
    let mut follower = place.command(&["requests", "--follow", "--denied", "--output", "json"]);
    let mut follower = follower.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert_eq!((&first["service"], &first["operation"]), (&"sqs".into(), &"ListQueues".into()));
    assert_eq!((&first["verdict"], &first["status"]), (&"denied".into(), &403.into()));
    unsigned();
    assert_eq!(next()["sequence"].as_u64(), first["sequence"].as_u64().map(|sequence| sequence + 1));
    follower.kill().unwrap();
    follower.wait().unwrap();
    let count = |arguments: &[&str]| place.json(arguments)["requests"].as_array().unwrap().len();
    assert_eq!((count(&["requests", "--limit", "1"]), count(&["requests", "--service", "iam"])), (1, 0));
    let table = place.run(&["requests", "--denied"]).stdout;
    assert!(table.lines().nth(1).unwrap().contains("DENIED") && table.contains("sqs:ListQueues"), "{table}");
}

#[test]
fn completions_come_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = place.run(&["completions", shell]);
        assert!(run.code == 0 && run.stdout.contains("snapshot"), "{shell}");
    }
}
