"""Who are you: every way in which credentials can be wrong, with AWS's code and text, over the JSON and query protocols.

The requests are signed by botocore and then spoilt by hand.
"""

import re

import pytest

from people import Person, allow, policy
from signed import Signed

MISMATCH = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
UNKNOWN = "The security token included in the request is invalid."


def request(cloud, protocol, **extra):
    """ListQueues in one protocol, not yet signed."""
    if protocol == "json":
        return Signed.json(cloud, "ListQueues", {}, **extra)
    return Signed.form(cloud, "ListQueues", {}, **extra)


def check(answer, protocol, status, json_code, query_code, text):
    """The answer is an error with this protocol's code; over JSON the query code stands in its header as well."""
    assert answer.status == status, answer
    assert answer.code == (json_code if protocol == "json" else query_code), answer
    if protocol == "json":
        assert answer.headers.get("x-amzn-query-error") == f"{query_code};Sender", answer
    assert answer.text.startswith(text), answer
    assert answer.headers.get("x-amzn-requestid"), answer


both = pytest.mark.parametrize("protocol", ["json", "query"])


@both
def test_the_right_secret_is_let_in(cloud, protocol):
    assert request(cloud, protocol).sign().send().status == 200
    assert request(cloud, protocol, region="ap-south-1").sign().send().status == 200


@both
def test_an_unknown_key(cloud, protocol):
    answer = request(cloud, protocol).sign(key="AKIAIOSFODNN7EXAMPLE").send()
    check(answer, protocol, 403, "UnrecognizedClientException", "InvalidClientTokenId", UNKNOWN)


@both
def test_keys_that_look_like_the_root_key(cloud, protocol):
    """Only `test` and twelve digits are root keys; nothing that merely begins so."""
    for key in ("test1", "Test", "tes", "12345678901", "1234567890123", "12345678901x"):
        answer = request(cloud, protocol).sign(key=key).send()
        check(answer, protocol, 403, "UnrecognizedClientException", "InvalidClientTokenId", UNKNOWN)


@both
def test_a_wrong_secret(cloud, protocol):
    answer = request(cloud, protocol).sign(secret="tset").send()
    check(answer, protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_body(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    spoilt.body = spoilt.body.replace(b"{}", b'{"MaxResults":5}').replace(b"ListQueues", b"PurgeQueue")
    check(spoilt.send(), protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_signed_header(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    name = "Content-Type"
    spoilt.headers[name] = spoilt.headers[name] + ";x=y"
    answer = spoilt.send()
    assert answer.status == 403, answer


def test_another_operation_in_a_signed_header(cloud):
    spoilt = request(cloud, "json").sign()
    spoilt.headers["X-Amz-Target"] = "AmazonSQS.GetQueueUrl"
    check(spoilt.send(), "json", 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_host(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    spoilt.headers["Host"] = f"localhost:{cloud.port}"
    check(spoilt.send(), protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_query(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    spoilt.query = "extra=1"
    check(spoilt.send(), protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_path(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    spoilt.path = "/000000000000/other"
    check(spoilt.send(), protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_a_tampered_signature(cloud, protocol):
    spoilt = request(cloud, protocol).sign()
    header = spoilt.headers["Authorization"]
    last = "0" if header[-1] != "0" else "1"
    spoilt.headers["Authorization"] = header[:-1] + last
    check(spoilt.send(), protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


@both
def test_an_old_signature(cloud, protocol):
    answer = request(cloud, protocol).sign(moved=-20 * 60).send()
    check(answer, protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", "Signature expired: ")
    when = r"\d{8}T\d{6}Z"
    assert re.fullmatch(rf"Signature expired: {when} is now earlier than {when} \({when} - 15 min\.\)", answer.text)


@both
def test_a_signature_from_the_future(cloud, protocol):
    answer = request(cloud, protocol).sign(moved=20 * 60).send()
    check(answer, protocol, 403, "InvalidSignatureException", "SignatureDoesNotMatch", "Signature not yet current: ")
    when = r"\d{8}T\d{6}Z"
    pattern = rf"Signature not yet current: {when} is still later than {when} \({when} \+ 15 min\.\)"
    assert re.fullmatch(pattern, answer.text)


@both
def test_a_small_skew_is_let_in(cloud, protocol):
    assert request(cloud, protocol).sign(moved=-10 * 60).send().status == 200
    assert request(cloud, protocol).sign(moved=10 * 60).send().status == 200


@both
def test_the_wrong_service_in_the_scope(cloud, protocol):
    """A signature for another service must not be good here, whatever the router makes of it."""
    spoilt = request(cloud, protocol)
    spoilt.service = "sns"
    answer = spoilt.sign().send()
    assert 400 <= answer.status < 500 or answer.status == 501, answer
    assert b"QueueUrls" not in answer.body and b"ListQueuesResult" not in answer.body


@both
def test_no_signature(cloud, protocol):
    """AWS: SQS takes anonymous requests, for queues whose policy lets everyone in; ListQueues is for nobody."""
    answer = request(cloud, protocol).send()
    assert answer.status in (400, 403), answer
    assert answer.code in (
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AccessDenied",
        "AccessDeniedException",
    ), answer


@both
@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=test",
        "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/sqs, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/sqs/aws4_request, Signature=00",
        "AWS4-HMAC-SHA256 Credential=//// , SignedHeaders=, Signature=",
        "AWS4-HMAC-MD5 Credential=test/20261122/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
        "Basic dGVzdDp0ZXN0",
        "Bearer test",
        "AWS test:c2lnbmF0dXJl",
    ],
)
def test_authorization_headers_that_cannot_be_read(cloud, protocol, header):
    spoilt = request(cloud, protocol).sign()
    spoilt.headers["Authorization"] = header
    answer = spoilt.send()
    assert answer.status in (400, 403), answer
    assert answer.code.removesuffix("Exception") in (
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "UnrecognizedClient",
        "InvalidClientTokenId",
    ), answer


def test_a_presigned_request(cloud, queue):
    path = "/" + queue.split("/", 3)[3]
    query = "Action=SendMessage&MessageBody=presigned&Version=2012-11-05"
    good = Signed(cloud, method="GET", path=path, query=query).presign(expires=60)
    assert good.send().status == 200

    # AWS: outside S3 a presigned request lives at least the 15 minutes of header signatures, and longer when it says so.
    for expires, moved in ((60, -20 * 60), (3600, -61 * 60)):
        late = Signed(cloud, method="GET", path=path, query=query).presign(expires=expires, moved=moved).send()
        assert (late.status, late.code) == (403, "SignatureDoesNotMatch"), late
        assert late.text.startswith("Signature expired: "), late
    old = Signed(cloud, method="GET", path=path, query=query).presign(expires=3600, moved=-1800)
    assert old.send().status == 200

    for change in ("MessageBody=presigned", "X-Amz-Expires=60", "X-Amz-Date=2"):
        altered = Signed(cloud, method="GET", path=path, query=query).presign(expires=60)
        assert change in altered.query, altered.query
        altered.query = altered.query.replace(change, change + "1" if change[-1].isdigit() else change + "X", 1)
        answer = altered.send()
        assert answer.status in (400, 403), answer
        assert answer.code in ("SignatureDoesNotMatch", "IncompleteSignature"), answer
    other_path = Signed(cloud, method="GET", path=path, query=query).presign(expires=60)
    other_path.path = "/000000000000/other"
    assert other_path.send().code == "SignatureDoesNotMatch"


def test_security_tokens(cloud, iam, name):
    """Temporary credentials need their own token: none, another or a changed one is refused."""
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="list", PolicyDocument=policy(allow("sqs:ListQueues")))
    person = Person(cloud, iam, name)
    person.put("assume", allow("sts:AssumeRole"))
    user, sts = person.key, person.service("sts")
    key = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    other = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    assert pair["key"].startswith("ASIA")
    for protocol in ("json", "query"):
        assert request(cloud, protocol).sign(**pair, token=key["SessionToken"]).send().status == 200
        for token in (None, other["SessionToken"], key["SessionToken"][:-4] + "AAAA", "nonsense"):
            answer = request(cloud, protocol).sign(**pair, token=token).send()
            check(answer, protocol, 403, "UnrecognizedClientException", "InvalidClientTokenId", UNKNOWN)
        # A token that was not sent with the signature cannot be added to long-term keys.
        answer = request(cloud, protocol).sign(key=user["AccessKeyId"], secret=user["SecretAccessKey"], token="x").send()
        check(answer, protocol, 403, "UnrecognizedClientException", "InvalidClientTokenId", UNKNOWN)


def test_signatures_of_iam_over_query(cloud):
    """The plain query services answer 403 with the query codes."""
    for spoil, code in (({"key": "AKIAIOSFODNN7EXAMPLE"}, "InvalidClientTokenId"), ({"secret": "no"}, "SignatureDoesNotMatch")):
        answer = Signed.form(cloud, "GetUser", {}, service="iam", version="2010-05-08").sign(**spoil).send()
        assert (answer.status, answer.code) == (403, code), answer
    answer = Signed.form(cloud, "GetCallerIdentity", {}, service="sts", version="2011-06-15").send()
    assert (answer.status, answer.code) == (403, "MissingAuthenticationToken"), answer
