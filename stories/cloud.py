"""One yakumo process for a story: start it on a free port, get clients for it, kill it, start it again.

The stories talk to the binary only as a user would: its command line, its ready line, its port.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import boto3
from botocore.config import Config

import ordinary

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
BINARY = Path(os.environ.get("YAKUMO_BIN", TARGET / "debug" / "yakumo"))
REGION = "us-east-1"
# The exit code of `yakumo up` when the data belongs to another process.
IN_USE = 4
READY = re.compile(r"ready\s+(http://[^\s]+:(\d+))")

# No retries: a story must see the first answer, not the third.
CONFIG = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=10, read_timeout=60)


class Cloud:
    """A running yakumo. `data_dir` None means `--ephemeral`; extra arguments go to `yakumo up` as they are.
    `tries` above 1 starts again while the data is said to be in use: a killed owner of a database is missed only
    when its sign of life has run out. `without_root` has an ordinary user run it, and all of its commands; `port` is a free one unless it is said."""

    def __init__(self, data_dir=None, args=(), environ=None, tries=1, without_root=False, port=0):
        self.tries = tries
        self.data_dir = data_dir
        self.without_root = without_root
        self.wanted = port
        self.program = [*ordinary.become(), ordinary.reachable(BINARY)] if without_root else [str(BINARY)]
        if without_root and data_dir:
            ordinary.owns(data_dir)
        self.args = list(args)
        self.environ = environ or {}
        self.process = None
        self.port = None
        self.log = []
        self.start()

    def start(self):
        """Starts the process and waits for its ready line; fails with its output when it ends before that."""
        for left in reversed(range(self.tries)):
            if self._started():
                return
            if left == 0 or self.process.returncode != IN_USE:
                text = "".join(self.log)
                raise RuntimeError(f"yakumo ended with {self.process.returncode} before it was ready:\n{text}")
            time.sleep(1)

    def _started(self):
        where = ["--data-dir", str(self.data_dir)] if self.data_dir else ["--ephemeral"]
        command = [*self.program, "up", "--port", str(self.wanted), *where, *self.args]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
        # A private home: the command finds what it needs to talk to a cloud of the same user, and only that one.
        environ.update(self.environ)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ, errors="replace"
        )
        self.log = []
        for line in self.process.stdout:
            self.log.append(line)
            found = READY.search(line)
            if found:
                self.port = int(found.group(2))
                threading.Thread(target=self._drain, args=(self.process,), daemon=True).start()
                return True
        self.process.wait()
        return False

    def _drain(self, process):
        for line in process.stdout:
            self.log.append(line)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        """`kill -9`: nothing is flushed, nothing is closed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """A graceful end, as Ctrl-C gives it. Gives the exit code."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("yakumo did not stop within 30 s of SIGTERM") from None
        return self.process.returncode

    def client(self, service, key="test", secret="test", token=None, region=REGION, **extra):
        """A boto3 client. The default credentials are the root user of account 000000000000."""
        session = boto3.session.Session()
        if service == "s3control":
            # It puts the account in front of the host: names that resolve nowhere. So the cloud is its own proxy.
            extra = {"config": self.by_proxy(), "endpoint_url": self.named_url} | extra
        return session.client(
            service,
            endpoint_url=extra.pop("endpoint_url", self.url),
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=extra.pop("config", CONFIG),
            **extra,
        )

    @property
    def named_url(self):
        """The cloud by a name that others can stand in front of."""
        return f"http://localhost:{self.port}"

    def by_proxy(self, **more):
        """A configuration with which names below the cloud's host need not resolve: virtual hosts, access points."""
        return CONFIG.merge(Config(proxies={"http": self.url}, **more))

    def command(self, *args, check=True, json_output=False):
        """Runs a verb of the `yakumo` command against this cloud. Gives its standard output (parsed when JSON)."""
        command = [*self.program, *args, "--endpoint", self.url]
        if json_output:
            command += ["--output", "json"]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
        environ.update(self.environ)
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if json_output else done.stdout

    def advance(self, duration):
        """Moves the cloud's clock forward, for example `31s` or `2h`."""
        self.command("clock", "advance", duration)


class Workshop:
    """Makes clouds and directories for one test and removes them at its end."""

    def __init__(self, without_root=False):
        self.clouds = []
        self.directories = []
        self.without_root = without_root

    def directory(self):
        path = Path(tempfile.mkdtemp(prefix="yakumo-story-"))
        self.directories.append(path)
        return path

    def cloud(self, **options):
        cloud = Cloud(**{"without_root": self.without_root, **options})
        self.clouds.append(cloud)
        return cloud

    def close(self):
        for cloud in self.clouds:
            if cloud.alive():
                cloud.kill()
        for path in self.directories:
            shutil.rmtree(path, ignore_errors=True)
