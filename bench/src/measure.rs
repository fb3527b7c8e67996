//! The numbers of one phase.

use serde::Serialize;

/// What was measured between the first request and the last answer.
#[derive(Serialize)]
pub struct Measured {
    pub requests: usize,
    /// Answers that were not 200, and broken connections.
    pub errors: usize,
    /// The first such answer, to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Receives that gave no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty: Option<usize>,
    pub seconds: f64,
    pub per_second: f64,
    /// CPU time of the server's process, and its children, per request.
    pub server_cpu_us: f64,
    pub p50_us: u32,
    pub p95_us: u32,
    pub p99_us: u32,
    pub max_us: u32,
}

/// The value below which `share` of the sorted values lie.
pub fn percentile(sorted: &[u32], share: f64) -> u32 {
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles() {
        let values: Vec<u32> = (0..=100).collect();
        let check = |share, wanted| assert_eq!(percentile(&values, share), wanted);
        check(0.0, 0);
        check(0.5, 50);
        check(0.95, 95);
        check(1.0, 100);
        assert_eq!(percentile(&[], 0.5), 0);
    }
}
