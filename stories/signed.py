"""Raw signed requests, written by hand so that they can be spoilt on purpose: SigV4 as the public specification
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html) has it, over `http.client`.

Two signers: `sign` is botocore's own (a real client's opinion), `Fast` is a minimal one for load.
"""

import hashlib
import hmac
import http.client
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from datetime import datetime, timezone
from urllib.parse import urlencode

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Answer:
    """Status, headers (lower case) and body of one response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error code as the protocol carries it: `__type` after the last `#`, or `<Code>`."""
        text = self.body.decode()
        if text.startswith("{"):
            return json.loads(text)["__type"].rpartition("#")[2]
        return tag(text, "Code")

    @property
    def text(self):
        """The error text of either protocol."""
        body = self.body.decode()
        if body.startswith("{"):
            answer = json.loads(body)
            return answer.get("message", answer.get("Message"))
        return tag(body, "Message")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:2000]!r}"


def tag(text, name):
    """The content of the first XML element of this name, whatever its namespace."""
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2] == name:
            return element.text or ""
    raise AssertionError(f"no <{name}> in {text}")


def tags(text, name):
    """The contents of all XML elements of this name."""
    return [e.text or "" for e in ElementTree.fromstring(text).iter() if e.tag.rpartition("}")[2] == name]


def send(port, method, target, headers, body=b"", timeout=30):
    """One request on a connection of its own, with exactly these headers. `target` is path and query as sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for key, value in headers.items():
            connection.putheader(key, value)
        if "content-length" not in {k.lower() for k in headers} and (body or method == "POST"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def stamp(seconds=0):
    """The host's time, moved by `seconds`, in SigV4's form."""
    return datetime.fromtimestamp(time.time() + seconds, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


class Signed:
    """One request before it is sent: botocore signs it, the test may spoil it, `send` sends what is left."""

    def __init__(self, cloud, service="sqs", method="POST", path="/", query="", headers=None, body=b"", region="us-east-1"):
        self.cloud, self.service, self.region = cloud, service, region
        self.method, self.path, self.query = method, path, query
        self.headers = {"Host": f"127.0.0.1:{cloud.port}", **(headers or {})}
        self.body = body.encode() if isinstance(body, str) else body

    @classmethod
    def json(cls, cloud, operation, parameters, service="sqs", prefix="AmazonSQS", **extra):
        # Every current SDK says that it knows the query protocol's error codes.
        headers = {"Content-Type": JSON, "X-Amz-Target": f"{prefix}.{operation}", "X-Amzn-Query-Mode": "true"}
        return cls(cloud, service=service, headers=headers, body=json.dumps(parameters), **extra)

    @classmethod
    def form(cls, cloud, operation, parameters, service="sqs", version="2012-11-05", **extra):
        body = urlencode({"Action": operation, "Version": version, **parameters})
        return cls(cloud, service=service, headers={"Content-Type": FORM}, body=body, **extra)

    def sign(self, key="test", secret="test", token=None, moved=0):
        """Signs in the Authorization header with botocore; `moved` shifts the signing time in seconds."""
        self._with_botocore(botocore.auth.SigV4Auth(Credentials(key, secret, token), self.service, self.region), moved)
        return self

    def presign(self, key="test", secret="test", token=None, expires=60, moved=0):
        """Signs in the query string with botocore."""
        signer = botocore.auth.SigV4QueryAuth(Credentials(key, secret, token), self.service, self.region, expires=expires)
        self._with_botocore(signer, moved)
        return self

    def _with_botocore(self, signer, moved):
        url = f"http://{self.headers['Host']}{self.path}" + (f"?{self.query}" if self.query else "")
        request = AWSRequest(self.method, url, data=self.body, headers=self.headers)
        request.context["client_config"] = None
        with _moved_clock(moved):
            signer.add_auth(request)
        self.headers = dict(request.headers.items())
        target = re.sub(r"^http://[^/]+", "", request.url)
        self.path, _, self.query = target.partition("?")

    @property
    def target(self):
        return self.path + (f"?{self.query}" if self.query else "")

    def send(self):
        return send(self.cloud.port, self.method, self.target, self.headers, self.body)


class _S3Signer(botocore.auth.S3SigV4Auth):
    """Signs the path as it was sent, and the word for the body that it is given."""

    def __init__(self, word, region):
        super().__init__(Credentials("test", "test"), "s3", region)
        self.word = word

    def payload(self, _):
        return self.word


class S3Request(Signed):
    """A request to S3, signed with nothing but what is said; its header `x-amz-content-sha256` may be any word."""

    def __init__(self, cloud, method, path, query="", headers=None, body=b""):
        super().__init__(cloud, "s3", method, path, query, headers, body)

    def sign(self):
        word = self.headers.pop("x-amz-content-sha256", hashlib.sha256(self.body).hexdigest())
        self._with_botocore(_S3Signer(word, self.region), 0)
        return self


@contextmanager
def _moved_clock(moved):
    """Lets botocore sign at another time, for the length of a `with` block."""
    original = botocore.auth.get_current_datetime

    def shifted(remove_tzinfo=True):
        now = datetime.fromtimestamp(time.time() + moved, timezone.utc)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    botocore.auth.get_current_datetime = shifted
    try:
        yield
    finally:
        botocore.auth.get_current_datetime = original


class Fast:
    """A keep-alive connection that signs and sends SQS's JSON calls with as little work as Python allows."""

    def __init__(self, port, key="test", secret="test", region="us-east-1", timeout=30, token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.host = f"127.0.0.1:{port}"
        self.key, self.secret, self.region, self.token = key, secret, region, token
        self.day = None

    def _signing_key(self, day):
        if self.day != day:
            derived = b"AWS4" + self.secret.encode()
            for part in (day, self.region, "sqs", "aws4_request"):
                derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
            self.day, self.derived = day, derived
        return self.derived

    def call(self, operation, parameters):
        """Gives (status, parsed body). A broken connection raises OSError or http.client.HTTPException."""
        body = json.dumps(parameters).encode()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{self.region}/sqs/aws4_request"
        signed = "content-type;host;x-amz-date" + (";x-amz-security-token" if self.token else "") + ";x-amz-target"
        token = f"x-amz-security-token:{self.token}\n" if self.token else ""
        canonical = (
            f"POST\n/\n\ncontent-type:{JSON}\nhost:{self.host}\nx-amz-date:{now}\n{token}x-amz-target:AmazonSQS.{operation}\n\n"
            f"{signed}\n{hashlib.sha256(body).hexdigest()}"
        )
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._signing_key(now[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        headers = {
            "Host": self.host,
            "Content-Type": JSON,
            "X-Amz-Date": now,
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}",
        }
        if self.token:
            headers["X-Amz-Security-Token"] = self.token
        self.connection.request("POST", "/", body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else {}

    def close(self):
        self.connection.close()
