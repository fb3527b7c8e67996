//! The control API over raw HTTP: the refusals beside what is allowed.

use crate::place::Place;
use serde_json::Value;

#[test]
fn the_header_the_host_and_no_origin_are_needed() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let own = format!("127.0.0.1:{}", up.port());
    let local = format!("localhost:{}", up.port());
    let header = ("x-yakumo-control", "1");
    for (headers, status) in [
        (vec![("host", own.as_str()), header], 200),
        (vec![("host", local.as_str()), header], 200),
        (vec![("host", own.as_str())], 403),
        (vec![("host", own.as_str()), ("x-yakumo-control", "yes")], 403),
        (vec![("host", "rebound.example"), header], 403),
        (vec![("host", "127.0.0.1"), header], 403),
        (vec![("host", own.as_str()), header, ("origin", "http://localhost:3000")], 403),
    ] {
        for (method, path) in
            [("GET", "/_yakumo/status"), ("POST", "/_yakumo/reset"), ("GET", "/_yakumo/requests")]
        {
            let (found, body) = up.http(method, path, &headers, "");
            assert_eq!(found, status, "{method} {path} {headers:?}: {body}");
            let code =
                serde_json::from_str::<Value>(&body).unwrap()["error"]["code"].as_str().map(str::to_owned);
            assert_eq!(code.as_deref(), (status == 403).then_some("Forbidden"));
        }
    }
}

#[test]
fn no_answer_lets_a_web_page_read_it() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let own = format!("127.0.0.1:{}", up.port());
    let preflight = [
        ("host", own.as_str()),
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-yakumo-control"),
    ];
    let (status, body) = up.http("OPTIONS", "/_yakumo/reset", &preflight, "");
    assert_eq!(status, 403, "{body}");
    assert!(!body.contains("access-control"));
}

#[test]
fn health_is_open_and_metrics_need_a_known_host() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let (status, body) = up.http("GET", "/_yakumo/health", &[("host", "anything.example")], "");
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, health["status"].as_str()), (200, Some("ready")));
    let own = format!("127.0.0.1:{}", up.port());
    let (status, metrics) = up.http("GET", "/metrics", &[("host", &own)], "");
    assert!(status == 200 && metrics.contains("# TYPE yakumo_requests_total counter"), "{metrics}");
    assert_eq!(up.http("GET", "/metrics", &[("host", "evil.example")], "").0, 403);
}

#[test]
fn pages_of_another_local_cloud_have_their_form() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let page = |path: &str| -> Value {
        let (status, body) = up.http("GET", path, &[("host", "localhost")], "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let health = page("/_localstack/health");
    assert_eq!(
        (health["edition"].as_str(), health["services"]["sqs"].as_str()),
        (Some("yakumo"), Some("running"))
    );
    assert!(page("/_localstack/info")["uptime"].is_u64());
    let init = page("/_localstack/init");
    assert_eq!(
        (init["completed"]["START"].as_bool(), init["completed"]["SHUTDOWN"].as_bool()),
        (Some(true), Some(false))
    );
    for stage in ["boot", "start", "ready", "shutdown"] {
        assert!(page(&format!("/_localstack/init/{stage}"))["completed"].is_boolean());
    }
    // Read-only: what would change something is not there.
    assert_ne!(
        up.http("POST", "/_localstack/health", &[("host", "localhost")], "{\"action\":\"kill\"}").0,
        200
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    for (method, path, body, status, part) in [
        ("POST", "/_yakumo/clock", "", 400, "EOF"),
        ("POST", "/_yakumo/clock", "{\"advance\":1}", 400, "expected one of `advance_s`, `set`, `rate`"),
        ("POST", "/_yakumo/clock", "{\"advance_s\":-1}", 400, "only moves forward"),
        (
            "POST",
            "/_yakumo/clock",
            "{\"set\":\"2000-01-01T00:00:00Z\"}",
            400,
            "only moves forward: it is already 20",
        ),
        ("POST", "/_yakumo/clock", "{\"set\":\"soon\"}", 400, "RFC 3339"),
        ("POST", "/_yakumo/clock", "{\"rate\":-2}", 400, "rate between 0 and"),
        ("POST", "/_yakumo/clock", "{\"rate\":1,\"set\":\"x\"}", 400, "body"),
        ("POST", "/_yakumo/reset", "{\"force\":true}", 400, "unknown field `force`"),
        ("GET", "/_yakumo/requests?since=1", "", 400, "`since` is unknown"),
        ("GET", "/_yakumo/requests?limit=0", "", 400, "limit lies between"),
        ("GET", "/_yakumo/requests?wait_s=5", "", 400, "needs after"),
        ("GET", "/_yakumo/requests?after=0&wait_s=3600", "", 400, "at most 60"),
        ("GET", "/_yakumo/requests/none", "", 404, "none is remembered"),
        ("GET", "/_yakumo/services/teleport", "", 404, "teleport"),
        ("POST", "/_yakumo/snapshots/..%2Fx", "", 400, "snapshot's name"),
        ("POST", "/_yakumo/snapshots/.x", "", 400, "snapshot's name"),
        ("POST", "/_yakumo/snapshots/none/load", "", 404, "no snapshot none"),
        ("DELETE", "/_yakumo/snapshots/none", "", 404, "no snapshot none"),
        ("POST", "/_yakumo/snapshots/x/fork", "{\"dir\":\"/x\"}", 400, "unknown field `dir`"),
        ("PUT", "/_yakumo/clock", "", 405, "GET, POST"),
        ("GET", "/_yakumo/nothing", "", 404, "/_yakumo/nothing"),
    ] {
        let (found, answer) = up.control(method, path, body);
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
        assert!(message.contains(part), "{method} {path} {body}: {message}");
    }
    // And the clock stands where it stood.
    assert_eq!(up.control("GET", "/_yakumo/clock", "").1["ahead_ms"], 0);
}
