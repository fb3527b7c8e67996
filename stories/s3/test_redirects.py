"""A bucket in another region: what clients are told, and that they find it."""

import urllib.error
import urllib.request

import boto3
import pytest
from asserting import refused
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials


@pytest.fixture(scope="module")
def bucket(cloud):
    client = cloud.client("s3", region="eu-central-1")
    client.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.put_object(Bucket="far-away", Key="k", Body=b"x")
    return "far-away"


def client(cloud, **more):
    return boto3.client("s3", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", **more)


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_boto3_follows(cloud, bucket, style):
    s3 = client(cloud, config=Config(s3={"addressing_style": style}))
    if style == "virtual":
        send_to_loopback(s3, cloud)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "eu-central-1"
    s3.put_object(Bucket=bucket, Key="new", Body=b"y")
    assert {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {"k", "new"}
    s3.delete_object(Bucket=bucket, Key="new")


def send_to_loopback(s3, cloud):
    """Names below localhost do not resolve everywhere."""
    port = cloud.url.rsplit(":", 1)[1]

    def direct(request, **_):
        host = request.url.split("/")[2]
        request.headers["Host"] = host
        request.url = request.url.replace(host, f"127.0.0.1:{port}", 1)

    s3.meta.events.register("before-send.s3", direct)


def test_the_redirect_itself(cloud, bucket):
    def send(method, path, host=None, region="us-east-1"):
        request = AWSRequest(method, cloud.url + path, headers={"Host": host} if host else {})
        S3SigV4Auth(Credentials("test", "test"), "s3", region).add_auth(request)
        plain = urllib.request.Request(request.url, method=method, headers=dict(request.headers))
        try:
            with urllib.request.urlopen(plain) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    for method, path in (("GET", f"/{bucket}/k"), ("HEAD", f"/{bucket}"), ("HEAD", f"/{bucket}/k"), ("DELETE", f"/{bucket}/k")):
        status, headers, body = send(method, path)
        assert (status, headers["x-amz-bucket-region"]) == (301, "eu-central-1"), method
        assert method == "HEAD" or "<Code>PermanentRedirect</Code>" in body and f"<Bucket>{bucket}</Bucket>" in body
    # The bucket's own endpoint has nowhere to send anybody.
    status, headers, body = send("GET", "/k", f"{bucket}.s3.eu-central-1.amazonaws.com")
    assert (status, headers["x-amz-bucket-region"]) == (400, "eu-central-1")
    assert "the region 'us-east-1' is wrong; expecting 'eu-central-1'" in body and "<Region>eu-central-1</Region>" in body
    assert send("GET", "/k", f"{bucket}.s3.eu-central-1.amazonaws.com", "eu-central-1")[0] == 200
    # Who is not let in learns where it is, as on AWS, and nothing else.
    stranger = cloud.client("s3", key="111122223333", region="eu-central-1")
    with refused("403", status=403) as caught:
        stranger.head_bucket(Bucket=bucket)
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-central-1"


def test_without_a_signature(cloud, bucket):
    """No region is named, so the bucket's counts; and nobody is let in."""
    try:
        urllib.request.urlopen(f"{cloud.url}/{bucket}/k")
        raise AssertionError("everybody may read")
    except urllib.error.HTTPError as error:
        assert (error.code, error.headers["x-amz-bucket-region"]) == (403, "eu-central-1")


def test_copies_come_from_other_regions(cloud, s3, bucket, name):
    """AWS: "Both the Region that you want to copy the object from and the Region that you want to copy the object to must be
    enabled", and are; the request goes to where the copy is made."""
    here = f"{name}-here"
    s3.create_bucket(Bucket=here)
    s3.copy_object(Bucket=here, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert s3.get_object(Bucket=here, Key="copy")["Body"].read() == b"x"
    upload = {"Bucket": here, "Key": "parts", "UploadId": s3.create_multipart_upload(Bucket=here, Key="parts")["UploadId"]}
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "k"})["CopyPartResult"]["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert s3.get_object(Bucket=here, Key="parts")["Body"].read() == b"x"
    # Who may not read there does not copy from there, and a bucket is still made and written in its own region alone.
    stranger = cloud.client("s3", key="111122223333")
    theirs = f"{name}-theirs"
    stranger.create_bucket(Bucket=theirs)
    with refused("AccessDenied", status=403):
        stranger.copy_object(Bucket=theirs, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    with refused("AccessDenied", status=403):
        s3.copy_object(Bucket=here, Key="c", CopySource={"Bucket": bucket, "Key": "k"}, ExpectedSourceBucketOwner="111122223333")
