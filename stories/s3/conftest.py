"""Fixtures of the stories of S3."""

import pytest


@pytest.fixture(scope="module")
def s3(cloud):
    """S3 as the root user of account 000000000000."""
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    """A bucket with the object `k`, which is `x`."""
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name
