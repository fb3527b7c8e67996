//! The pytest fixture's own tests, run against this binary.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_pytest_fixture_passes_its_tests() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/python");
    let has_pytest = Command::new("python3").args(["-c", "import pytest"]).stderr(Stdio::null()).status();
    if !has_pytest.is_ok_and(|status| status.success()) {
        println!("SKIPPED: python3 has no pytest");
        return;
    }
    let mut pytest = Command::new("python3");
    // No cache and no bytecode: a test leaves nothing in the source tree.
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]);
    pytest.current_dir(&package).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = pytest.env("YAKUMO_BIN", env!("CARGO_BIN_EXE_yakumo")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
