//! `yakumo up`: the ready line, where a cloud is kept, what stands against a start, scripts, and the stop.

use crate::place::{Place, Up};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn one_ready_line_and_nothing_else_on_stdout() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let words: Vec<&str> = up.ready_line.split_whitespace().collect();
    assert!(matches!(words.as_slice(), ["ready", _, "in", _, "ms"]), "{:?}", up.ready_line);
    assert!(up.endpoint().starts_with("http://127.0.0.1:"));
    let run = up.stop("-INT");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_state_file_is_private_and_goes_with_the_cloud() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let path = place.path("run").join(format!("yakumo-{}.json", up.port()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(up.stop("-TERM").code, 0);
    assert!(!path.exists());
}

#[test]
fn a_taken_port_says_what_to_do() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let second = place.run(&["up", "--ephemeral", "--port", &up.port().to_string()]);
    assert_eq!(second.code, 3, "{}", second.stderr);
    assert!(
        second.stderr.contains("another program") && second.stderr.contains("--port 0"),
        "{}",
        second.stderr
    );
    assert_eq!(second.stdout, "");
}

#[test]
fn arguments_that_make_no_sense_exit_with_2() {
    let place = Place::new();
    for (arguments, part) in [
        (&["up", "--ephemeral", "--data-dir", "/tmp/x"] as &[&str], "--ephemeral keeps nothing"),
        (&["up", "--port", "70000"], "70000"),
        (&["up", "--bind", "everywhere"], "everywhere"),
        (&["up", "--clock", "tomorrow"], "RFC 3339"),
        (&["up", "--clock", "x-1"], "no rate"),
        (&["up", "--store", "mysql://h/d"], "postgres://"),
        (&["up", "--durability", "maybe"], "maybe"),
        (&["clock", "advance", "90"], "90s"),
        (&["env", "--account", "12"], "twelve digits"),
        (&["env", "--region", "mars-1"], "mars-1"),
        (&["snapshot", "save", "../x"], "cannot be a name"),
        (&["status", "--endpoint", "4566"], "no endpoint"),
        (&["fly"], "fly"),
    ] {
        let run = place.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(part), "{arguments:?}: {}", run.stderr);
    }
}

fn script(directory: &Path, name: &str, text: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(name), text).unwrap();
    fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn ready_scripts_run_with_the_endpoint_and_their_failure_is_shown() {
    let place = Place::new();
    let (ready, out) = (place.path("ready"), place.path("out"));
    script(
        &ready,
        "10-env.sh",
        &format!("#!/bin/sh\necho $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID > {}\n", out.display()),
    );
    script(&ready, "20-fails.sh", "#!/bin/sh\necho on stdout\nexit 9\n");
    let up = place.up(&["--ephemeral", "--ready-dir", ready.to_str().unwrap()]);
    let completed =
        until(|| up.http("GET", "/_localstack/init/ready", &[("host", "x")], "").1, "\"completed\":true");
    for part in [r#""name":"10-env.sh","state":"SUCCESSFUL""#, r#""name":"20-fails.sh","state":"ERROR""#] {
        assert!(completed.contains(part), "{completed}");
    }
    assert_eq!(fs::read_to_string(out).unwrap().trim(), format!("{} test", up.endpoint()));
    let run = up.stop("-INT");
    assert!(run.stderr.contains("20-fails.sh failed: exit status: 9"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

/// Asks until the answer holds a text.
fn until(ask: impl Fn() -> String, wanted: &str) -> String {
    for _ in 0..200 {
        let answer = ask();
        if answer.contains(wanted) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{wanted} did not come: {}", ask());
}

#[test]
fn elsewhere_than_on_loopback_there_is_a_root_key_and_a_token() {
    let place = Place::new();
    let up = Up::start(place.command(&["up", "--port", "0", "--bind", "0.0.0.0", "--ephemeral"]));
    // The command finds the token by itself; without it there is only health.
    assert_eq!(place.json(&["status"])["status"], "ready");
    let host = format!("127.0.0.1:{}", up.port());
    let bare = [("host", host.as_str()), ("x-yakumo-control", "1")];
    assert_eq!(up.http("GET", "/_yakumo/status", &bare, "").0, 403);
    assert_eq!(up.http("GET", "/metrics", &bare, "").0, 403);
    assert_eq!(up.http("GET", "/_yakumo/health", &bare, "").0, 200);
    let env = place.json(&["env"]);
    assert!(env["AWS_ACCESS_KEY_ID"].as_str().unwrap().starts_with("AKIA"), "{env}");
    assert_eq!(place.run(&["env", "--account", "123456789012"]).code, 2);
    assert!(up.stop("-INT").stderr.contains(env["AWS_SECRET_ACCESS_KEY"].as_str().unwrap()));
}
