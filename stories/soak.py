#!/usr/bin/env python3
"""The kill story a thousand times: `python3 stories/run.py` makes the environment, then
`target/stories-venv/bin/python stories/soak.py [ROUNDS] [SEED]`. Stops at the first loss, keeping the data directory."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cloud import Cloud  # noqa: E402
from durability.rounds import run_rounds  # noqa: E402


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    directory = Path(tempfile.mkdtemp(prefix="yakumo-soak-"))
    print(f"{rounds} rounds, seed {seed}, in {directory}")
    cloud = Cloud(data_dir=directory)
    try:
        total = run_rounds(cloud, rounds, seed, say=lambda text: print(text, flush=True))
    finally:
        if cloud.alive():
            cloud.kill()
    print(f"{rounds} rounds passed, {total} acknowledged sends, 0 lost, 0 came back")


if __name__ == "__main__":
    main()
