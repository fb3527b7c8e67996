#!/usr/bin/env python3
"""Runs the stories: makes target/stories-venv from requirements.txt when it is missing or stale, then
calls pytest in it with the arguments given. Needs a built `yakumo` (YAKUMO_BIN, default target/debug/yakumo)."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
VENV = Path(os.environ.get("YAKUMO_STORIES_VENV", TARGET / "stories-venv"))


def ensure_venv() -> Path:
    """Gives the venv's python; installs only when requirements.txt has changed since the last time."""
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    stamp = VENV / "requirements.sha256"
    python = VENV / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(HERE / "requirements.txt")]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


def main() -> int:
    python = ensure_venv()
    # The AWS CLI and celery are found beside the interpreter.
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([str(python), "-m", "pytest", *sys.argv[1:]], cwd=HERE, env=environ).returncode


if __name__ == "__main__":
    sys.exit(main())
