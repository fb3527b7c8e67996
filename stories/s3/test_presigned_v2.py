"""Presigned URLs of Signature Version 2, which boto3 makes by default for S3's oldest regions."""

import re
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from people import Person, allow


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def s3(cloud):
    """boto3 as it comes: nothing says which signature to use."""
    return boto3.client("s3", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a key/ä+1", Body=b"x")
    return name


def sign(s3, operation, method=None, expires=60, **params):
    url = s3.generate_presigned_url(operation, Params=params, ExpiresIn=expires, HttpMethod=method)
    assert "AWSAccessKeyId=" in url and "X-Amz-Signature" not in url
    return url


def test_reading(s3, bucket):
    url = sign(s3, "get_object", Bucket=bucket, Key="a key/ä+1")
    assert fetch(url) == (200, "x")
    status, body = fetch(url.replace("/a%20key", "/another"))
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in body and "<StringToSign>GET" in body
    assert "CanonicalRequest" not in body
    assert fetch(url, "DELETE")[0] == 403
    assert fetch(url + "&acl")[0] == 403
    assert fetch(url + "&response-content-type=text/html")[0] == 403
    url = sign(s3, "get_object", Bucket=bucket, Key="a key/ä+1", ResponseContentType="text/plain", ResponseContentDisposition="attachment; filename=a b")
    with urllib.request.urlopen(url) as answer:
        assert (answer.headers["content-type"], answer.headers["content-disposition"]) == ("text/plain", "attachment; filename=a b")
    assert fetch(sign(s3, "head_object", Bucket=bucket, Key="a key/ä+1"), "HEAD")[0] == 200
    assert "<Key>a+key/%C3%A4%2B1</Key>" in fetch(sign(s3, "list_objects", Bucket=bucket))[1]


def test_writing(s3, bucket):
    url = sign(s3, "put_object", Bucket=bucket, Key="new", ContentType="text/css", Metadata={"colour": "red"})
    assert fetch(url, "PUT", b"body", {"Content-Type": "text/css"})[0] == 200
    found = s3.head_object(Bucket=bucket, Key="new")
    assert (found["ContentType"], found["Metadata"], found["ContentLength"]) == ("text/css", {"colour": "red"}, 4)
    plain = sign(s3, "put_object", Bucket=bucket, Key="plain")
    assert fetch(plain, "PUT", b"body", {"Content-Type": "text/css"})[0] == 403, "a type that was not signed"
    assert fetch(plain, "PUT", b"body", {"Content-Type": "", "x-amz-acl": "private"})[0] == 403, "a header that was not signed"
    assert fetch(sign(s3, "delete_object", Bucket=bucket, Key="new"), "DELETE")[0] == 204
    assert fetch(sign(s3, "get_object", Bucket=bucket, Key="new"))[0] == 404


def test_parts(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    url = sign(s3, "upload_part", Bucket=bucket, Key="m", UploadId=upload, PartNumber=1)
    assert fetch(url.replace("partNumber=1", "partNumber=2"), "PUT", b"part", {"Content-Type": ""})[0] == 403
    request = urllib.request.Request(url, data=b"part", method="PUT", headers={"Content-Type": ""})
    with urllib.request.urlopen(request) as answer:
        tag = answer.headers["etag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"ETag": tag, "PartNumber": 1}]})


def test_the_end(s3, bucket):
    url = sign(s3, "get_object", Bucket=bucket, Key="a key/ä+1")
    status, body = fetch(re.sub(r"Expires=\d+", f"Expires={int(time.time()) - 10}", url))
    assert status == 403 and "<Message>Request has expired</Message>" in body and "<ServerTime>" in body
    status, body = fetch(re.sub(r"Expires=\d+", f"Expires={int(time.time()) + 9999}", url))
    assert status == 403 and "SignatureDoesNotMatch" in body
    status, body = fetch(re.sub(r"Expires=\d+", "Expires=soon", url))
    assert status == 403 and "Invalid date (should be seconds since epoch): soon" in body


def test_temporary_credentials(cloud, s3, bucket):
    iam = cloud.client("iam")
    person = Person(cloud, iam, f"{bucket}-u")
    person.put("read", allow("s3:GetObject", "*"))
    session = person.service("sts").get_session_token()["Credentials"]
    client = boto3.client(
        "s3", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"],
    )
    url = sign(client, "get_object", Bucket=bucket, Key="a key/ä+1")
    assert fetch(url) == (200, "x")
    assert fetch(re.sub(r"x-amz-security-token=[^&]+", "x-amz-security-token=other", url))[0] in (400, 403)
    assert fetch(sign(client, "delete_object", Bucket=bucket, Key="a key/ä+1"), "DELETE")[0] == 403


def test_regions(cloud, s3, name):
    """The region is the bucket's, and must be one that ever had this signature."""
    old, new = f"{name}-old", f"{name}-new"
    for region, bucket in (("eu-west-1", old), ("eu-central-1", new)):
        client = cloud.client("s3", region=region)
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        client.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert fetch(sign(s3, "get_object", Bucket=old, Key="k")) == (200, "x")
    status, body = fetch(sign(s3, "get_object", Bucket=new, Key="k"))
    assert status == 400 and "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256." in body


def test_a_virtual_host(cloud, s3, bucket):
    client = boto3.client(
        "s3", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}),
    )
    url = sign(client, "get_object", Bucket=bucket, Key="k")
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = url.replace(f"/{bucket}/", "/")
    host = f"{bucket}.s3.us-east-1.amazonaws.com"
    assert fetch(url, headers={"Host": host}) == (200, "x")
    assert fetch(url, headers={"Host": f"other.{host}"})[0] == 403
