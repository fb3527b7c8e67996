//! Finds a Python that can make the stories' environment, and mends Debian's when this user may.

use crate::debian;
use crate::workspace::output;
use anyhow::{Result, bail};
use std::process::Command;

/// The oldest Python that the pinned clients run on.
const MIN: (u32, u32) = (3, 10);

/// The name of a Python that is new enough and can make virtual environments.
pub fn ensure() -> Result<&'static str> {
    let Some(python) = ["python3", "python"].into_iter().find(|name| is_new_enough(name)) else {
        bail!("the stories need Python {}.{} or newer as `python3`", MIN.0, MIN.1);
    };
    // Debian ships Python without ensurepip; as root that is mended here.
    let can_venv = has_venv(python) || (debian::install("python3-venv") && has_venv(python));
    if !can_venv {
        bail!("{python} cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)");
    }
    Ok(python)
}

fn is_new_enough(python: &str) -> bool {
    let version = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let Ok(text) = output(Command::new(python).args(["-c", version])) else { return false };
    let numbers: Vec<u32> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    matches!(numbers[..], [major, minor] if (major, minor) >= MIN)
}

fn has_venv(python: &str) -> bool {
    output(Command::new(python).args(["-c", "import venv, ensurepip"])).is_ok()
}
