"""Fixtures of all stories. Skips are counted and printed at the end: a skipped story proves nothing."""

import uuid

import pytest

import cloud as clouds

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


@pytest.fixture(scope="module")
def cloud():
    """One ephemeral cloud for a file of stories."""
    running = clouds.Cloud()
    yield running
    assert running.alive(), f"yakumo died during this story:\n{''.join(running.log)[-4000:]}"
    running.kill()


@pytest.fixture
def workshop():
    """Makes clouds and directories that live as long as one test."""
    shop = clouds.Workshop()
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
