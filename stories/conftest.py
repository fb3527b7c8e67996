"""Fixtures of all stories. Skips are counted and printed at the end: a skipped story proves nothing."""

import uuid

import pytest

import cloud as clouds
import ordinary

_SKIPPED = []


def pytest_sessionstart(session):
    if not clouds.BINARY.exists():
        raise pytest.UsageError(f"{clouds.BINARY} is not there: build it with `cargo build -p yakumo`, or set YAKUMO_BIN")


def pytest_runtest_logreport(report):
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _SKIPPED.append((report.nodeid, reason))


def pytest_terminal_summary(terminalreporter):
    if _SKIPPED:
        terminalreporter.section("STORIES NOT TOLD (skipped, so nothing was proved)")
        for name, reason in _SKIPPED:
            terminalreporter.line(f"{name}: {reason}")


def who(request):
    """Whether a story is told without root: the fixture's parameter says so."""
    without_root = getattr(request, "param", False)
    if without_root and ordinary.lacking():
        pytest.skip(ordinary.lacking())
    return without_root


@pytest.fixture(scope="module")
def cloud(request):
    """One ephemeral cloud for a file of stories; with the parameter True, of a user who is not root."""
    running = clouds.Cloud(without_root=who(request))
    yield running
    assert running.alive(), f"yakumo died during this story:\n{''.join(running.log)[-4000:]}"
    running.kill()


@pytest.fixture
def workshop(request):
    """Makes clouds and directories that live as long as one test; with the parameter True, of a user who is not root."""
    shop = clouds.Workshop(without_root=who(request))
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def sqs(cloud):
    """SQS as the root user of account 000000000000."""
    return cloud.client("sqs")


@pytest.fixture(scope="module")
def iam(cloud):
    """IAM as the root user of account 000000000000."""
    return cloud.client("iam")


@pytest.fixture
def name():
    """A name that no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queue(sqs, name):
    """The URL of a new standard queue."""
    return sqs.create_queue(QueueName=name)["QueueUrl"]


@pytest.fixture
def fifo(sqs, name):
    """The URL of a new FIFO queue with content-based deduplication."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
