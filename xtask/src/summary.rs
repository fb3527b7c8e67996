//! What a test run did: counts from the runners' own closing lines, and everything that was skipped, with its reason.

use std::fmt::Write;
use std::time::Duration;

/// One part of a test run.
#[derive(Debug, Default)]
pub struct Part {
    /// `rust`, `policies` or `stories`.
    pub name: String,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// What was not run: the test, or what is missing, and why.
    pub skipped: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// The test whose output is being shown.
    shown: String,
    /// Tests of the present binary that passed only because they could not run.
    unproved: u64,
}

impl Part {
    /// A part that nothing was counted for yet.
    pub fn new(name: &str) -> Part {
        Part { name: name.to_owned(), ..Part::default() }
    }

    /// Takes in one line of `cargo test -- --show-output`. A test that finds that it cannot run here prints a line that
    /// begins with `SKIPPED: ` and passes.
    pub fn cargo_line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            // The lines about skipped tests come before the closing line of their binary.
            self.passed += count_before(result, "passed").saturating_sub(std::mem::take(&mut self.unproved));
            self.failed += count_before(result, "failed");
        } else if let Some(test) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            test.clone_into(&mut self.shown);
        } else if let Some(why) = line.strip_prefix("SKIPPED: ") {
            self.skipped.push(format!("{}: {why}", self.shown));
            self.unproved += 1;
        } else if let Some((test, why)) = ignored(line)
            // Not a test of its own: its reason says who runs it ("run by the kill tests", "run it once when …").
            && !why.contains("run by ")
            && !why.contains("run it ")
        {
            self.skipped.push(format!("{test}: {why}"));
        }
    }

    /// Takes in one line of a script that is one test: it says what it did in a line with the word `cases`, or that it
    /// was skipped.
    pub fn script_line(&mut self, line: &str) {
        if let Some(why) = line.strip_prefix("SKIPPED: ") {
            self.skipped.push(why.to_owned());
        } else if line.contains(" cases: ") {
            let good = line.contains(", 0 problems");
            self.passed += u64::from(good);
            self.failed += u64::from(!good);
        }
    }

    /// Takes in one line of `pytest -rs`.
    pub fn pytest_line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("SKIPPED [") {
            let (times, what) = rest.split_once("] ").unwrap_or(("1", rest));
            let times = times.parse().unwrap_or(1);
            self.skipped.extend(std::iter::repeat_n(what.to_owned(), times));
        } else if line.contains(" in ")
            && [" passed", " failed", " error", " skipped"].iter().any(|word| line.contains(word))
        {
            let closing = line.trim_matches(['=', ' ']);
            if closing.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) {
                self.passed += count_before(closing, "passed");
                self.failed += count_before(closing, "failed") + count_before(closing, "error");
            }
        }
    }
}

/// The test that `test NAME ... ignored, WHY` speaks of, and why.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (test, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let why = outcome.strip_prefix("ignored")?.trim_start_matches([',', ' ']);
    Some((test, if why.is_empty() { "no reason given" } else { why }))
}

/// The number that stands before `word`: 3 in `ok. 3 passed; 0 failed`.
fn count_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split_whitespace().map(|part| part.trim_matches([',', ';', '.'])).collect();
    let counts = words.windows(2).filter(|pair| pair[1].trim_end_matches('s') == word.trim_end_matches('s'));
    counts.filter_map(|pair| pair[0].parse::<u64>().ok()).sum()
}

/// The closing table. Its last line is `N passed, N failed, N skipped`, alone.
pub fn table(parts: &[Part]) -> String {
    let mut out = String::from("\n== Summary ==\n");
    for part in parts {
        let verdict = if part.failed > 0 { "FAILED" } else { "ok" };
        let _ = writeln!(
            out,
            "  {:<10} {verdict:<7} {:>5} passed {:>4} failed {:>4} skipped {:>6.0} s",
            part.name,
            part.passed,
            part.failed,
            part.skipped.len(),
            part.took.as_secs_f64()
        );
    }
    if parts.iter().any(|part| !part.skipped.is_empty()) {
        out.push_str("Skipped, and why:\n");
    }
    for part in parts {
        for skipped in &part.skipped {
            let _ = writeln!(out, "  - {}: {skipped}", part.name);
        }
    }
    let sum = |count: fn(&Part) -> u64| parts.iter().map(count).sum::<u64>();
    let (passed, failed) = (sum(|part| part.passed), sum(|part| part.failed));
    let _ = writeln!(
        out,
        "\n{passed} passed, {failed} failed, {} skipped",
        sum(|part| part.skipped.len() as u64)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::{Part, table};

    #[test]
    fn cargo_test_is_counted() {
        let mut part = Part::new("rust");
        for line in [
            "test a::b ... ok",
            "test a::c ... ignored, takes an hour",
            "test a::e ... ignored, run by the kill tests",
            "---- a::d stdout ----",
            "SKIPPED: there is no server",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            part.cargo_line(line);
        }
        assert_eq!((part.passed, part.failed), (4, 1));
        assert_eq!(part.skipped, ["a::c: takes an hour", "a::d: there is no server"]);
    }

    #[test]
    fn pytest_is_counted() {
        let mut part = Part::new("stories");
        for line in [
            "SKIPPED [2] stories/test_terraform.py:12: terraform is not installed",
            "stories/test_a.py::test_one passed in the end",
            "=========== 1 failed, 60 passed, 2 skipped, 1 error in 12.34s ===========",
        ] {
            part.pytest_line(line);
        }
        assert_eq!((part.passed, part.failed, part.skipped.len()), (60, 2, 2));
    }

    #[test]
    fn a_script_is_one_test() {
        let run = |line: &str| {
            let mut part = Part::new("policies");
            part.script_line(line);
            (part.passed, part.failed, part.skipped.len())
        };
        let line = "differential test: seed 1, 9 cases: 8 agree, 1 disagree as listed, 0 problems";
        assert_eq!(run(line), (1, 0, 0));
        assert_eq!(run(&line.replace(", 0 problems", ", 10 problems")), (0, 1, 0));
        assert_eq!(run("SKIPPED: node is not installed"), (0, 0, 1));
        assert_eq!(run("  12  a class (ours is right)"), (0, 0, 0));
    }

    #[test]
    fn the_last_line_is_plain() {
        let part = Part { passed: 4, failed: 1, skipped: vec!["x: y".into()], ..Part::new("rust") };
        let text = table(&[part, Part { passed: 2, ..Part::new("stories") }]);
        assert_eq!(text.lines().last(), Some("6 passed, 1 failed, 1 skipped"));
        assert!(text.contains("- rust: x: y"));
    }
}
