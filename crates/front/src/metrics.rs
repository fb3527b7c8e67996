//! Counters of all requests, in Prometheus' text format (version 0.0.4).
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the latency histogram's buckets, in microseconds.
const BUCKETS_MICROS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000];

type Name = (&'static str, &'static str);

/// Counts and latencies by service and operation.
#[derive(Default)]
pub struct Metrics {
    operations: RwLock<BTreeMap<Name, Arc<Counters>>>,
}

#[derive(Default)]
struct Counters {
    ok: AtomicU64,
    client_errors: AtomicU64,
    server_errors: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; BUCKETS_MICROS.len()],
}

impl Metrics {
    /// Counts one answered request.
    pub fn count(
        &self,
        service: Option<&'static str>,
        operation: Option<&'static str>,
        status: u16,
        took: Duration,
    ) {
        let name = (service.unwrap_or("unknown"), operation.unwrap_or("unknown"));
        let known = self.operations.read().get(&name).cloned();
        let counters = known.unwrap_or_else(|| self.operations.write().entry(name).or_default().clone());
        let by_status = match status {
            ..400 => &counters.ok,
            400..500 => &counters.client_errors,
            500.. => &counters.server_errors,
        };
        by_status.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.micros.fetch_add(micros, Ordering::Relaxed);
        let bucket = BUCKETS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = counters.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All counters as text.
    pub fn render(&self) -> String {
        let operations = self.operations.read();
        let mut text = String::new();
        text.push_str(
            "# HELP yakumo_requests_total Answered requests.\n# TYPE yakumo_requests_total counter\n",
        );
        for ((service, operation), counters) in operations.iter() {
            for (class, counter) in
                [("2xx", &counters.ok), ("4xx", &counters.client_errors), ("5xx", &counters.server_errors)]
            {
                let count = counter.load(Ordering::Relaxed);
                let labels = format!("service=\"{service}\",operation=\"{operation}\",status=\"{class}\"");
                write_line(&mut text, format_args!("yakumo_requests_total{{{labels}}} {count}"));
            }
        }
        text.push_str("# HELP yakumo_request_seconds Time from arrival to the encoded answer.\n");
        text.push_str("# TYPE yakumo_request_seconds histogram\n");
        for ((service, operation), counters) in operations.iter() {
            counters.render(&mut text, &format!("service=\"{service}\",operation=\"{operation}\""));
        }
        text
    }
}

impl Counters {
    fn render(&self, text: &mut String, labels: &str) {
        let mut below = 0;
        for (bound, bucket) in BUCKETS_MICROS.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            let seconds = *bound as f64 / 1e6;
            write_line(
                text,
                format_args!("yakumo_request_seconds_bucket{{{labels},le=\"{seconds}\"}} {below}"),
            );
        }
        let all = [&self.ok, &self.client_errors, &self.server_errors];
        let count: u64 = all.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        let seconds = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        write_line(text, format_args!("yakumo_request_seconds_bucket{{{labels},le=\"+Inf\"}} {count}"));
        write_line(text, format_args!("yakumo_request_seconds_sum{{{labels}}} {seconds}"));
        write_line(text, format_args!("yakumo_request_seconds_count{{{labels}}} {count}"));
    }
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use std::time::Duration;

    #[test]
    fn requests_are_counted_by_operation_and_class() {
        let metrics = Metrics::default();
        metrics.count(Some("sqs"), Some("SendMessage"), 200, Duration::from_micros(70));
        metrics.count(Some("sqs"), Some("SendMessage"), 403, Duration::from_secs(60));
        let text = metrics.render();
        let line =
            |start: &str| text.lines().find(|line| line.starts_with(start)).map(str::to_owned).unwrap();
        assert!(
            line("yakumo_requests_total{service=\"sqs\",operation=\"SendMessage\",status=\"4xx\"}")
                .ends_with(" 1")
        );
        assert!(text.contains("SendMessage\",le=\"0.0001\"} 1\n"));
        assert!(text.contains("SendMessage\",le=\"5\"} 1\n") && text.contains("le=\"+Inf\"} 2\n"));
    }
}
