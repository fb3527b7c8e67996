"""Fixtures of the stories of S3."""

import pytest
from signed import S3Request


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


@pytest.fixture
def send(cloud, bucket):
    """Sends a signed request to the bucket, with nothing but what is said and the length of the body."""

    def sent(method, path="", query="", body=b"", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("content-length", str(len(body)))
        return S3Request(cloud, method, f"/{bucket}{path}", query, headers, body).sign().send()

    return sent
