"""What the stories assert about errors: the code and the text that a client shows, never only "it failed"."""

from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code, text=None, status=None):
    """The block must fail with this error code (one, or any of a tuple), exact text (or a `Prefix`) and HTTP status."""
    with pytest.raises(ClientError) as caught:
        yield caught
    answer = caught.value.response
    error = answer["Error"]
    codes = (code,) if isinstance(code, str) else code
    assert error["Code"] in codes, error
    if isinstance(text, Prefix):
        assert error["Message"].startswith(text.text), error
    elif text is not None:
        assert error["Message"] == text, error
    if status is not None:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status, answer
    assert answer["ResponseMetadata"]["RequestId"], "every error carries a request id"


class Prefix:
    """A text of which only the beginning is AWS's fixed wording."""

    def __init__(self, text):
        self.text = text
