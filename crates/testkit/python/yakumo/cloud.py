"""One `yakumo up` process: started on a free port, driven through its control API, stopped at the end.

A cloud that a test starts is kept in memory and has a runtime directory of its own, so no two clouds meet, and the
commands in your shell do not see it.
"""

import dataclasses
import datetime
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
READY = re.compile(r"ready (http://\S+) in \d+ ms")
READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15


class NotReady(RuntimeError):
    """The binary was not found, or it ended or hung before it was ready. The message holds what it said."""


class ControlError(RuntimeError):
    """The control API refused. `code` is for programs, the message for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What an AWS client signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class Cloud:
    """A running cloud. `endpoint` is its URL."""

    def __init__(self, process, endpoint, directory):
        self.process = process
        self.endpoint = endpoint
        self._directory = directory

    @classmethod
    def start(cls, options=(), binary=None):
        """Starts a cloud and waits until it is ready.

        `options` go to `yakumo up` as they are, such as `["--clock", "2027-01-31T12:00:00Z"]`; unless they name a
        `--data-dir`, nothing is kept. The binary is `binary`, else `$YAKUMO_BIN`, else `yakumo` on the path.
        """
        directory = tempfile.TemporaryDirectory(prefix="yakumo-test-")
        try:
            process = _spawn(_find(binary), list(options), directory.name)
            try:
                endpoint = _wait_until_ready(process, directory.name)
            except BaseException:
                process.kill()
                process.wait()
                raise
        except BaseException:
            directory.cleanup()
            raise
        return cls(process, endpoint, directory)

    def stop(self):
        """Stops the process: gracefully, and when that takes too long, at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self._directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # Connecting

    def credentials(self, account=DEFAULT_ACCOUNT):
        """The credentials of an account's root user. All other keys are made through IAM and STS."""
        if not re.fullmatch(r"[0-9]{12}", account):
            raise ValueError(f"an account id is twelve digits, not {account!r}")
        return Credentials("test" if account == DEFAULT_ACCOUNT else account, "test")

    def environ(self, account=DEFAULT_ACCOUNT, region=DEFAULT_REGION):
        """Environment variables that point AWS tools, and the `yakumo` command, at this cloud."""
        credentials = self.credentials(account)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "YAKUMO_ENDPOINT": self.endpoint,
        }

    def client(self, service, account=DEFAULT_ACCOUNT, region=DEFAULT_REGION, credentials=None, **options):
        """A boto3 client, as the account's root user or with other credentials. Needs boto3."""
        import boto3

        credentials = credentials or self.credentials(account)
        session = boto3.session.Session(
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            region_name=region,
        )
        return session.client(service, endpoint_url=self.endpoint, **options)

    # The control API

    def control(self, method, path, body=None, timeout_s=60):
        """Calls the control API below `/_yakumo/` and gives its JSON; docs/cli.md lists it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Yakumo-Control": "1", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.endpoint}/_yakumo/{path}", data, headers, method=method)
        try:
            with _DIRECT.open(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                refusal = json.load(error)["error"]
            raise ControlError(refusal["code"], refusal["message"]) from None

    def status(self):
        """Everything about the cloud."""
        return self.control("GET", "status")

    def reset(self):
        """Removes everything, in all accounts and regions. The clock goes back to real time."""
        self.control("POST", "reset")

    def now(self):
        """The cloud's present."""
        return _read_time(self.control("GET", "clock")["now"])

    def advance(self, by):
        """Moves the clock forward: seconds, or a `timedelta`. Gives the new present."""
        seconds = by.total_seconds() if isinstance(by, datetime.timedelta) else by
        return self._move({"advance_s": seconds})

    def set_time(self, to):
        """Moves the clock forward to an aware `datetime`. Gives the new present."""
        if to.tzinfo is None:
            raise ValueError("a point in time needs a zone: datetime(..., tzinfo=timezone.utc)")
        return self._move({"set": to.isoformat()})

    def freeze(self):
        """Lets the clock stand still; it can still be moved. Gives the present."""
        return self._move({"rate": 0})

    def resume(self, rate=1):
        """Lets the clock run again, `rate` times as fast as the host's. Gives the present."""
        return self._move({"rate": rate})

    def _move(self, change):
        return _read_time(self.control("POST", "clock", change)["now"])

    def save(self, name):
        """Keeps the whole cloud under a name, as long as it runs."""
        return self.control("POST", f"snapshots/{name}")

    def load(self, name):
        """Goes back to what was saved under a name."""
        self.control("POST", f"snapshots/{name}/load")

    def requests(self, denied=False):
        """The last requests, oldest first: who asked for what, and what came of it."""
        return self.control("GET", f"requests?limit=4096&denied={str(denied).lower()}")["requests"]

    def why(self, request_id):
        """One request: who asked, the policy statements that allowed or denied it, and what would have allowed it."""
        return self.control("GET", f"requests/{request_id}")

    def can(self, principal, action, resource="*", context=None):
        """Whether a principal may do this: `{"allowed": …, "decision": …}`. `context`: condition keys with their values."""
        keys = {key: [value] if isinstance(value, str) else list(value) for key, value in (context or {}).items()}
        question = {"principal": principal, "action": action, "resource": resource, "context": keys}
        return self.control("POST", "can", question)


# Proxies of the environment are not meant for a cloud on this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _find(binary):
    found = binary or os.environ.get("YAKUMO_BIN") or shutil.which("yakumo")
    if not found:
        raise NotReady("no yakumo: put it on the path, or name it in YAKUMO_BIN")
    return found


def _spawn(binary, options, directory):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "YAKUMO_"))}
    for foreign in ("GATEWAY_LISTEN", "PERSISTENCE"):
        environ.pop(foreign, None)
    environ["XDG_RUNTIME_DIR"] = directory
    kept = any(option.split("=")[0] == "--data-dir" for option in options)
    command = [str(binary), "up", "--port", "0", *([] if kept else ["--ephemeral"]), *options]
    try:
        with open(os.path.join(directory, "log"), "wb") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environ)
    except OSError as error:
        raise NotReady(f"{binary} cannot be run: {error}") from error


def _wait_until_ready(process, directory):
    line = _read_line(process.stdout.fileno(), time.monotonic() + READY_TIMEOUT_S)
    found = READY.match(line)
    if found:
        return found.group(1)
    with open(os.path.join(directory, "log"), encoding="utf-8", errors="replace") as log:
        said = log.read().strip()
    raise NotReady(f"yakumo was not ready: {said or line or 'it said nothing'}")


def _read_line(descriptor, deadline):
    """The first line, or what came until the deadline or the end."""
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            break
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        line += piece
    return line.decode(errors="replace").strip()


def _read_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
