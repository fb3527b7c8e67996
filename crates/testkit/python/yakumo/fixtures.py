"""The pytest fixtures. Installing the package is enough; nothing needs to be imported."""

import pytest

from yakumo.cloud import Cloud


@pytest.fixture
def yakumo_options():
    """Options for `yakumo up`; override this fixture to change them for a module or a class."""
    return []


@pytest.fixture
def yakumo_cloud(yakumo_options):
    """An empty cloud of the test's own."""
    with Cloud.start(yakumo_options) as cloud:
        yield cloud
