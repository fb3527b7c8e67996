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
    // What this machine cannot enforce is said, and nothing else.
    let said = run.stderr.lines().filter(|line| !line.starts_with("warning: networks are not enforced: "));
    assert_eq!((run.code, run.stdout.as_str(), said.count()), (0, "", 0), "{}", run.stderr);
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
        (&["up", "--ephemeral", "--port", "0", "--bind", "0.0.0.0", "--seed", "7"], "without --seed"),
        (&["up", "--clock", "x-1"], "no rate"),
        (&["up", "--store", "mysql://h/d"], "postgres://"),
        (&["up", "--durability", "maybe"], "maybe"),
        (&["up", "--ephemeral", "--ready-dir", "/nowhere"], "/nowhere is no directory"),
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

#[test]
fn a_data_directory_is_kept_and_is_one_clouds_alone() {
    let place = Place::new();
    let data = place.path("data/cloud");
    let arguments = ["--data-dir", data.to_str().unwrap()];
    let up = place.up(&arguments);
    let cloud = place.json(&["status"])["cloud"].clone();
    place.json(&["clock", "set", "2100-01-01T00:00:00Z"]);

    let second = place.run(&[&["up", "--port", "0"], &arguments[..]].concat());
    assert_eq!(second.code, 4, "{}", second.stderr);
    assert!(second.stderr.contains("in use") && second.stderr.contains("--ephemeral"), "{}", second.stderr);

    assert_eq!(up.stop("-KILL").code, -1);
    let _up = place.up(&arguments);
    assert_eq!(place.json(&["status"])["cloud"], cloud);
    assert!(place.json(&["clock"])["now"].as_str().unwrap().starts_with("2100-01-01T"));
}

#[test]
fn without_options_the_cloud_is_kept_in_the_users_data_directory() {
    let place = Place::new();
    let _up = place.up(&[]);
    let expected = place.path("home").join(".local/share/yakumo");
    assert_eq!(place.json(&["status"])["data_dir"], expected.to_str().unwrap());
    assert!(expected.join("store").is_dir());
    assert_eq!(fs::metadata(expected).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_data_directory_that_cannot_be_used_says_so() {
    let place = Place::new();
    let file = place.path("data/file");
    fs::write(&file, "in the way").unwrap();
    let run = place.run(&["up", "--port", "0", "--data-dir", file.to_str().unwrap()]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("file") && run.stderr.contains("--data-dir"), "{}", run.stderr);
}

#[test]
fn variables_stand_in_for_options() {
    let place = Place::new();
    let mut command = place.command(&["up"]);
    command.env("YAKUMO_EPHEMERAL", "1").env("YAKUMO_PORT", "0").env("YAKUMO_SEED", "9");
    let up = Up::start(command);
    assert_eq!(place.json(&["status"])["seed"], 9);
    let mut status = place.command(&["status"]);
    let status = status.env("YAKUMO_ENDPOINT", up.endpoint()).env("YAKUMO_OUTPUT", "json").output().unwrap();
    assert!(status.stdout.starts_with(b"{"));
    up.stop("-HUP");
    let mut command = place.command(&["up"]);
    command.env("GATEWAY_LISTEN", "127.0.0.1:0,127.0.0.1:443").env("PERSISTENCE", "0");
    let up = Up::start(command);
    assert_eq!(place.json(&["status"])["store"], "memory");
    assert!(up.stop("-INT").stderr.contains("127.0.0.1:443"));
}
