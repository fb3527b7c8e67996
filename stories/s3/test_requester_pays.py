"""Where who asks pays, other accounts must say that they know, and nobody anonymous is let in."""

import urllib.error
import urllib.request

import pytest
from asserting import refused
from people import Person, allow, policy

OTHER = "111122223333"


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def other(cloud):
    return cloud.client("s3", key=OTHER)


@pytest.fixture
def bucket(s3, name):
    """A bucket that its policy opens to everybody."""
    s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}
    s3.put_bucket_policy(Bucket=name, Policy=policy(everything))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name


def pays(s3, bucket, payer="Requester"):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})


def charged(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-request-charged")


def test_the_setting(cloud, s3, bucket, iam):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    pays(s3, bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    with refused("MalformedXML", status=400):
        pays(s3, bucket, "Nobody")
    s3.delete_bucket_policy(Bucket=bucket)
    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:GetBucketRequestPayment", f"arn:aws:s3:::{bucket}"))
    assert ada.service("s3").get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    with refused("AccessDenied", status=403):
        pays(ada.service("s3"), bucket, "BucketOwner")
    ada.put("p", allow("s3:PutBucketRequestPayment", f"arn:aws:s3:::{bucket}"))
    pays(ada.service("s3"), bucket, "BucketOwner")


def test_another_account_says_that_it_pays(s3, other, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    asks = [
        lambda **more: other.get_object(Bucket=bucket, Key="k", **more),
        lambda **more: other.head_object(Bucket=bucket, Key="k", **more),
        lambda **more: other.list_objects_v2(Bucket=bucket, **more),
        lambda **more: other.list_object_versions(Bucket=bucket, **more),
        lambda **more: other.list_parts(Bucket=bucket, Key="parts", UploadId=upload, **more),
        lambda **more: other.put_object(Bucket=bucket, Key="new", Body=b"", **more),
        lambda **more: other.get_object_tagging(Bucket=bucket, Key="k", **more),
        lambda **more: other.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **more),
        lambda **more: other.delete_object(Bucket=bucket, Key="new", **more),
        lambda **more: other.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}]}, **more),
    ]
    for ask in asks:
        assert charged(ask()) is None
    pays(s3, bucket)
    for ask in asks:
        with refused(("AccessDenied", "403"), status=403) as caught:
            ask()
        assert charged(caught.value.response) is None
    for ask in asks:
        assert charged(ask(RequestPayer="requester")) == "requester"
    # The owner pays for themselves, whether they say it or not.
    assert charged(s3.get_object(Bucket=bucket, Key="k")) is None
    assert charged(s3.get_object(Bucket=bucket, Key="k", RequestPayer="requester")) is None


def test_saying_it_gives_no_permission(s3, other, bucket):
    pays(s3, bucket)
    assert other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")["Body"].read() == b"x"
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("AccessDenied", status=403):
        other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")


def test_the_source_of_a_copy(cloud, s3, other, bucket):
    other.create_bucket(Bucket=f"{bucket}-other")
    pays(s3, bucket)
    with refused("AccessDenied", status=403):
        other.copy_object(Bucket=f"{bucket}-other", Key="k", CopySource=f"{bucket}/k")
    other.copy_object(Bucket=f"{bucket}-other", Key="k", CopySource=f"{bucket}/k", RequestPayer="requester")


def test_nobody_anonymous(cloud, s3, other, bucket):
    def status(url, **headers):
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    url = f"{cloud.url}/{bucket}/k"
    said = {"x-amz-request-payer": "requester"}
    assert status(url) == 200
    pays(s3, bucket)
    assert (status(url), status(url, **said)) == (403, 403)
    # A presigned URL carries it in its query.
    params = {"Bucket": bucket, "Key": "k"}
    assert status(other.generate_presigned_url("get_object", Params=params)) == 403
    paying = other.generate_presigned_url("get_object", Params={**params, "RequestPayer": "requester"})
    assert status(paying, **said) == 200
