"""Uploads by forms: what a browser posts with a policy that somebody else signed."""

import base64
import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
import zlib

import pytest
import xxhash
from asserting import refused
from botocore.config import Config
from people import Person, allow, policy


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def post(url, fields, data=b"bytes", filename="photo.png", file="file", headers=None):
    edge = "----edge7MA4YWxkTrZu0gW"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file:
        parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="{file}"; filename="{filename}"\r\nContent-Type: image/png\r\n\r\n'.encode() + data + b"\r\n")
    body = b"".join(parts) + f"--{edge}--\r\n".encode()
    request = urllib.request.Request(url, data=body, method="POST", headers={"Content-Type": f"multipart/form-data; boundary={edge}", **(headers or {})})
    try:
        with urllib.request.build_opener(NoRedirect).open(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_checksums(s3, bucket):
    hashes = {"CRC32": zlib.crc32, "SHA512": hashlib.sha512, "MD5": hashlib.md5, "XXHASH64": xxhash.xxh64, "XXHASH3": xxhash.xxh3_64, "XXHASH128": xxhash.xxh3_128}
    for algorithm, hash in hashes.items():
        field = f"x-amz-checksum-{algorithm.lower()}"
        for body, status in [(b"other", 400), (b"bytes", 204)]:
            digest = hash(body).to_bytes(4, "big") if algorithm == "CRC32" else hash(body).digest()
            value = base64.b64encode(digest).decode()
            form = s3.generate_presigned_post(bucket, "f", Fields={field: value}, Conditions=[{field: value}])
            outcome = post(form["url"], form["fields"])
            assert outcome[0] == status, outcome
            if status == 204:
                assert (outcome[1][field], outcome[1]["x-amz-checksum-type"]) == (value, "FULL_OBJECT")
            assert status == 204 or f"<Message>The {algorithm} you specified did not match the calculated checksum.</Message>" in outcome[2]
        assert s3.head_object(Bucket=bucket, Key="f", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == value


def test_boto3s_forms(cloud, s3, bucket):
    signer = cloud.client("s3", config=Config(signature_version="s3v4"))
    form = signer.generate_presigned_post(
        bucket, "user/${filename}", Fields={"acl": "private", "Content-Type": "image/png", "x-amz-meta-colour": "red"},
        Conditions=[{"acl": "private"}, ["starts-with", "$Content-Type", "image/"], {"x-amz-meta-colour": "red"}, ["content-length-range", 2, 10]],
    )
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    status, headers, body = post(form["url"], form["fields"])
    assert (status, body) == (204, "") and headers["location"].endswith(f"/{bucket}/user/photo.png")
    found = s3.get_object(Bucket=bucket, Key="user/photo.png")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"bytes", "image/png", {"colour": "red"})
    assert headers["etag"] == found["ETag"]
    # Without a choice S3 calculates one, and tells it.
    assert (headers["x-amz-checksum-type"], len(base64.b64decode(headers["x-amz-checksum-crc64nvme"]))) == ("FULL_OBJECT", 8)

    def denied(text, code="AccessDenied", status=403, data=b"bytes", filename="other.png", **change):
        fields = {name.replace("_", "-"): value for name, value in {**form["fields"], **change}.items() if value is not None}
        outcome = post(form["url"], fields, data, filename)
        assert outcome[0] == status and f"<Code>{code}</Code>" in outcome[2], outcome
        assert text in outcome[2].replace("&quot;", '"'), outcome[2]
        with refused("404", status=404):
            s3.head_object(Bucket=bucket, Key="user/other.png")

    denied('Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]', acl="public-read")
    denied('Policy Condition failed: ["starts-with", "$key", "user/"]', key="else/${filename}")
    denied('Policy Condition failed: ["starts-with", "$Content-Type", "image/"]', **{"Content-Type": "text/html"})
    denied("Invalid according to Policy: Extra input fields: x-amz-meta-more", **{"x-amz-meta-more": "1"})
    denied("Your proposed upload exceeds the maximum allowed size", "EntityTooLarge", 400, data=b"x" * 11)
    denied("Your proposed upload is smaller than the minimum allowed size", "EntityTooSmall", 400, data=b"x")
    changed = form["fields"]["policy"][:-8] + base64.b64encode(b"}     ").decode()
    denied("The request signature we calculated does not match", "SignatureDoesNotMatch", policy=changed)
    denied("The AWS Access Key Id you provided does not exist in our records.", "InvalidAccessKeyId", **{"x-amz-credential": form["fields"]["x-amz-credential"].replace("test", "AKIAIOSFODNN7EXAMPLE")})
    denied("Bucket POST must contain a field named 'key'.", "InvalidArgument", 400, key=None)
    status, _, body = post(form["url"], form["fields"], file=None)
    assert status == 400 and "POST requires exactly one file upload per request." in body


def test_the_answer(s3, bucket):
    def form(**fields):
        return s3.generate_presigned_post(bucket, "a b&c", Fields=fields, Conditions=[{name: value} for name, value in fields.items()])

    made = form(success_action_status="201")
    status, headers, body = post(made["url"], made["fields"])
    assert status == 201 and f"<Bucket>{bucket}</Bucket><Key>a b&amp;c</Key><ETag>&quot;" in body, body
    assert post(*form(success_action_status="200").values())[0] == 200
    assert post(*form(success_action_status="418").values())[0] == 204
    made = form(success_action_redirect="http://app.example/done?x=1")
    status, headers, _ = post(made["url"], made["fields"])
    told = urllib.parse.urlparse(headers["location"])
    assert status == 303 and told.netloc == "app.example"
    assert dict(urllib.parse.parse_qsl(told.query)) == {"x": "1", "bucket": bucket, "key": "a b&c", "etag": s3.head_object(Bucket=bucket, Key="a b&c")["ETag"]}


def test_the_maker_of_the_policy_must_be_allowed(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    made = person.service("s3").generate_presigned_post(bucket, "k")
    status, _, body = post(made["url"], made["fields"])
    assert status == 403 and f"User: {person.arn} is not authorized to perform: s3:PutObject" in body
    person.put("write", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    assert post(made["url"], made["fields"])[0] == 204
    session = person.service("sts").get_session_token()["Credentials"]
    client = cloud.client("s3", key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"])
    made = client.generate_presigned_post(bucket, "k2")
    assert post(made["url"], made["fields"])[0] == 204
    assert post(made["url"], {**made["fields"], "x-amz-security-token": "other"})[0] in (400, 403)


def test_the_end_of_a_policy(s3, bucket):
    made = s3.generate_presigned_post(bucket, "k", ExpiresIn=-5)
    status, _, body = post(made["url"], made["fields"])
    assert status == 403 and "Invalid according to Policy: Policy expired." in body


def test_version_2(cloud, s3, bucket):
    """The older proof: an access key id, and HMAC-SHA1 over the policy."""
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = base64.b64encode(json.dumps({"expiration": end, "conditions": [{"bucket": bucket}, ["starts-with", "$key", ""]]}).encode()).decode()
    signature = base64.b64encode(hmac.new(b"test", document.encode(), hashlib.sha1).digest()).decode()
    fields = {"key": "old", "AWSAccessKeyId": "test", "policy": document, "signature": signature}
    assert post(f"{cloud.url}/{bucket}", fields)[0] == 204
    assert post(f"{cloud.url}/", fields, headers={"Host": f"{bucket}.s3.amazonaws.com"})[0] == 204
    status, _, body = post(f"{cloud.url}/{bucket}", {**fields, "signature": signature[:-4] + "AAA="})
    assert status == 403 and "SignatureDoesNotMatch" in body
    other = f"{bucket}-other"
    s3.create_bucket(Bucket=other)
    status, _, body = post(f"{cloud.url}/{other}", fields)
    assert status == 403 and f'["eq", "$bucket", "{bucket}"]' in body.replace("&quot;", '"')


def test_everybodys_form(cloud, s3, bucket):
    """Without a policy document nobody posts, unless the bucket lets everybody write."""
    fields = {"key": "open/${filename}"}
    status, _, body = post(f"{cloud.url}/{bucket}", fields)
    assert status == 403 and "<Code>AccessDenied</Code><Message>Access Denied</Message>" in body, body
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/open/*", Principal="*")))
    assert post(f"{cloud.url}/{bucket}", fields)[0] == 204
    assert post(f"{cloud.url}/{bucket}", {"key": "shut/x"})[0] == 403
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == "open/photo.png"


def test_a_large_file(s3, bucket):
    made = s3.generate_presigned_post(bucket, "large", Fields={"success_action_status": "201"}, Conditions=[{"success_action_status": "201"}])
    data = bytes(range(256)) * 4096 * 32 + b"\r\n--not-the-edge"
    assert post(made["url"], made["fields"], data)[0] == 201
    found = s3.get_object(Bucket=bucket, Key="large")
    assert hashlib.sha256(found["Body"].read()).digest() == hashlib.sha256(data).digest()


def test_what_is_no_form(cloud, s3, bucket):
    def send(body, content_type="multipart/form-data; boundary=XX"):
        request = urllib.request.Request(f"{cloud.url}/{bucket}", data=body, headers={"Content-Type": content_type})
        try:
            return urllib.request.urlopen(request).status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    for body in (b"", b"x", b"--XX\r\n\r\n", b"--XX\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk"):
        status, text = send(body)
        assert status == 400 and "MalformedPOSTRequest" in text, body
    assert send(b"--XX--", "multipart/form-data")[0] == 400
    long = b"--XX\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n" + b"k" * 30000 + b"\r\n--XX--"
    status, text = send(long)
    assert status == 400 and "Your POST request fields preceding the upload file were too large." in text
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_the_policy_says_holds_for_what_is_written(cloud, s3, bucket, name):
    other = f"{name}-other"
    s3.create_bucket(Bucket=other)
    form = s3.generate_presigned_post(bucket, "k", Fields={"x-amz-meta-role": "user"}, Conditions=[{"x-amz-meta-role": "user"}])
    # A field does not say to which bucket a form is posted, its URL does.
    status, _, body = post(f"{cloud.url}/{other}", {**form["fields"], "bucket": bucket})
    assert (status, f'Policy Condition failed: ["eq", "$bucket", "{bucket}"]' in body.replace("&quot;", '"')) == (403, True), body
    with refused("404", status=404):
        s3.head_object(Bucket=other, Key="k")
    # Nor does a second field of a name say more than the first, which the policy was held against.
    status, _, body = post(form["url"], {**form["fields"], "X-Amz-Meta-Role": "admin"})
    assert status == 204, body
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"role": "user"}
