"""What S3 tells policies of a request beyond names and tags: how it was signed and sent, and what it asks for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policy-s3-sigv4-conditions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
"""

import urllib.error
import urllib.request

import pytest
from asserting import Prefix, refused
from botocore.config import Config
from people import Person, allow, deny, policy
from signed import Signed


@pytest.fixture
def forbid(s3, bucket):
    """Denies everybody what meets a condition, in the bucket's policy."""

    def put(action, **conditions):
        everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        statement = deny(action, everything, Principal="*", Condition=conditions)
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))

    return put


def status(url, method="GET", body=None, headers=None):
    try:
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def presigned(cloud, bucket, method="get_object"):
    """A URL of Signature Version 4."""
    signer = cloud.client("s3", config=Config(signature_version="s3v4"))
    return signer.generate_presigned_url(method, Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=3600)


def test_presigned_urls_can_be_forbidden(cloud, s3, bucket, forbid):
    url = presigned(cloud, bucket)
    assert status(url) == 200
    forbid("s3:GetObject", StringNotEquals={"s3:authType": "REST-HEADER"})
    assert status(url) == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    forbid("s3:GetObject", StringEquals={"s3:authType": "REST-HEADER"})
    assert status(url) == 200
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="k")


def test_presigned_urls_can_be_made_to_end_sooner(cloud, s3, bucket, forbid):
    forbid("s3:GetObject", NumericGreaterThan={"s3:signatureAge": "600000"})

    def url(moved):
        unsigned = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
        request = Signed(cloud, "s3", "GET", f"/{bucket}/k", headers=unsigned)
        return request.presign(expires=3600, moved=moved).send().status

    assert (url(0), url(-540), url(-660)) == (200, 200, 403)
    # AWS: it is an age of presigned URLs.
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_bodies_can_be_made_to_be_signed(cloud, s3, bucket, forbid):
    forbid("s3:PutObject", StringEquals={"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert status(presigned(cloud, bucket, "put_object"), "PUT", b"y") == 403
    signing = Config(s3={"payload_signing_enabled": True}, request_checksum_calculation="when_required")
    cloud.client("s3", config=signing).put_object(Bucket=bucket, Key="k", Body=b"y")
    forbid("s3:PutObject", StringNotLike={"s3:x-amz-content-sha256": "UNSIGNED-*"})
    with refused("AccessDenied", status=403):
        cloud.client("s3", config=signing).put_object(Bucket=bucket, Key="k", Body=b"z")
    assert status(presigned(cloud, bucket, "put_object"), "PUT", b"z") == 200


def test_versions_of_signatures_and_of_tls(cloud, s3, bucket, forbid):
    old = cloud.client("s3", config=Config(signature_version="s3"))
    url = old.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert status(url) == 200
    forbid("s3:GetObject", StringEquals={"s3:signatureversion": "AWS"})
    assert status(url) == 403 and status(presigned(cloud, bucket)) == 200
    forbid("s3:GetObject", StringNotEquals={"s3:signatureversion": "AWS"})
    assert status(url) == 200 and status(presigned(cloud, bucket)) == 403
    s3.delete_bucket_policy(Bucket=bucket)
    # Without TLS there is no version of it.
    forbid("s3:GetObject", Null={"s3:TlsVersion": "true"})
    assert status(presigned(cloud, bucket)) == 403
    secure = cloud.client("s3", endpoint_url=f"https://localhost:{cloud.port}", verify=False)
    assert secure.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    forbid("s3:GetObject", NumericGreaterThanEquals={"s3:TlsVersion": "1.2"})
    with refused("AccessDenied", status=403):
        secure.get_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_forms_are_a_way_to_sign(cloud, s3, bucket, forbid):
    def post():
        form = s3.generate_presigned_post(bucket, "form")
        fields = "".join(f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form["fields"].items())
        body = f'{fields}--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--b--\r\n'
        return status(form["url"], "POST", body.encode(), {"Content-Type": "multipart/form-data; boundary=b"})

    assert post() == 204
    forbid("s3:PutObject", StringEquals={"s3:authType": "POST"})
    assert post() == 403
    s3.put_object(Bucket=bucket, Key="form", Body=b"")


def test_resource_accounts(cloud, iam, s3, bucket, name):
    user = Person(cloud, iam, name)
    condition = {"StringEquals": {"s3:ResourceAccount": "111111111111"}}
    user.put("mine", allow("s3:GetObject", "*", Condition=condition))
    with refused("AccessDenied", status=403):
        user.service("s3").get_object(Bucket=bucket, Key="k")
    user.put("mine", allow("s3:GetObject", "*", Condition={"StringEquals": {"s3:ResourceAccount": "000000000000"}}))
    assert user.service("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_buckets_that_take_conditional_writes_only(s3, bucket, forbid):
    """AWS's example: parts and the beginning of an upload carry no conditions, and are let in."""
    forbid("s3:PutObject", Null={"s3:if-none-match": "true"}, Bool={"s3:ObjectCreationOperation": "true"})
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="new", Body=b"1")
    with refused("AccessDenied", status=403):
        s3.copy_object(Bucket=bucket, Key="new", CopySource=f"{bucket}/k")
    s3.put_object(Bucket=bucket, Key="new", Body=b"1", IfNoneMatch="*")
    place = {"Bucket": bucket, "Key": "large"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    etag = s3.upload_part(**place, PartNumber=1, Body=b"1")["ETag"]
    s3.upload_part_copy(**place, PartNumber=2, CopySource=f"{bucket}/k")
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with refused("AccessDenied", status=403):
        s3.complete_multipart_upload(**place, MultipartUpload=parts)
    s3.complete_multipart_upload(**place, MultipartUpload=parts, IfNoneMatch="*")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    forbid("s3:PutObject", Null={"s3:if-match": "true"})
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    forbid("s3:DeleteObject", Null={"s3:if-match": "true"})
    with refused("AccessDenied", status=403):
        s3.delete_object(Bucket=bucket, Key="k")
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Errors"][0]["Code"] == "AccessDenied"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch="*")


def test_who_compares_an_etag_must_be_allowed_to_read(cloud, iam, s3, bucket, name):
    user = Person(cloud, iam, name)
    client, place = user.service("s3"), {"Bucket": bucket, "Key": "k"}
    user.put("write", allow(["s3:PutObject", "s3:DeleteObject"], f"arn:aws:s3:::{bucket}/*"))
    etag = s3.head_object(**place)["ETag"]
    text = Prefix(f"User: {user.arn} is not authorized to perform: s3:GetObject on resource")
    with refused("AccessDenied", text, 403):
        client.put_object(**place, Body=b"y", IfMatch=etag)
    with refused("AccessDenied", text, 403):
        client.delete_object(**place, IfMatch=etag)
    upload = {**place, "UploadId": client.create_multipart_upload(**place)["UploadId"]}
    parts = {"Parts": [{"PartNumber": 1, "ETag": client.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]}]}
    with refused("AccessDenied", text, 403):
        client.complete_multipart_upload(**upload, MultipartUpload=parts, IfMatch=etag)
    # Whether there is an object at all may be asked without.
    with refused("PreconditionFailed", status=412):
        client.put_object(**place, Body=b"y", IfNoneMatch="*")
    user.put("read", allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    etag = client.complete_multipart_upload(**upload, MultipartUpload=parts, IfMatch=etag)["ETag"]
    etag = client.put_object(**place, Body=b"y", IfMatch=etag)["ETag"]
    client.delete_object(**place, IfMatch=etag)


def test_what_new_objects_ask_for_is_told_however_they_are_made(s3, bucket, forbid):
    make = {
        "put": lambda **more: s3.put_object(Bucket=bucket, Key="new", Body=b"1", **more),
        "copy": lambda **more: s3.copy_object(Bucket=bucket, Key="new", CopySource=f"{bucket}/k", **more),
        "upload": lambda **more: s3.create_multipart_upload(Bucket=bucket, Key="new", **more),
    }
    for condition, good, bad in [
        ({"s3:x-amz-storage-class": "STANDARD_IA"}, {"StorageClass": "GLACIER_IR"}, {"StorageClass": "STANDARD_IA"}),
        ({"s3:x-amz-server-side-encryption": "AES256"}, {}, {"ServerSideEncryption": "AES256"}),
        ({"s3:x-amz-website-redirect-location": "/x"}, {"WebsiteRedirectLocation": "/y"}, {"WebsiteRedirectLocation": "/x"}),
    ]:
        forbid("s3:PutObject", StringEquals=condition)
        for call in make.values():
            call(**good)
            with refused("AccessDenied", status=403):
                call(**bad)


@pytest.mark.parametrize(
    "key, given",
    [("s3:x-amz-server-side-encryption", {"ServerSideEncryption": "AES256"}), ("s3:x-amz-acl", {"ACL": "bucket-owner-full-control"})],
)
def test_parts_are_told_what_their_upload_was_begun_with(s3, bucket, forbid, key, given):
    """Seen: https://github.com/aws/aws-cli/issues/1674. Parts cannot say it again."""
    one, value = {"Bucket": bucket, "Key": "m"}, next(iter(given.values()))
    early = {**one, "UploadId": s3.create_multipart_upload(**one)["UploadId"]}
    forbid("s3:PutObject", StringNotEquals={key: value})
    with refused("AccessDenied", status=403):
        s3.create_multipart_upload(**one)
    upload = {**one, "UploadId": s3.create_multipart_upload(**one, **given)["UploadId"]}
    source = {"CopySource": f"{bucket}/k", "PartNumber": 1}
    s3.upload_part_copy(**upload, **source)
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]
    parts = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    with refused("AccessDenied", status=403):
        s3.upload_part(**early, PartNumber=1, Body=b"part")
    with refused("AccessDenied", status=403):
        s3.upload_part_copy(**early, **source)
    with refused("AccessDenied", status=403):
        s3.complete_multipart_upload(**early, **parts)
    s3.complete_multipart_upload(**upload, **parts)
    assert s3.get_object(**one)["Body"].read() == b"part"
