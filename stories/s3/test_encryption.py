"""Encryption: at rest with the cloud's keys and with the customer's; what a bucket is set to."""

import base64
import hashlib
import os

import pytest
from asserting import Prefix, refused
from cloud import Cloud
from people import Person, allow


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def unblock(s3, bucket, to="NONE"):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BlockedEncryptionTypes": {"EncryptionType": [to]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def customer(key, prefix=""):
    return {
        f"{prefix}SSECustomerAlgorithm": "AES256",
        f"{prefix}SSECustomerKey": base64.b64encode(key).decode(),
        f"{prefix}SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }


@pytest.fixture
def open_bucket(s3, bucket):
    unblock(s3, bucket)
    return bucket


def files_with(folder, text):
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                if text in file.read():
                    found.append(name)
    return found


def test_nothing_of_a_body_is_on_the_disk(tmp_path):
    secret = b"a text that nobody else writes 0123456789"
    cloud = Cloud(data_dir=tmp_path / "data")
    try:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="at-rest")
        s3.put_object(Bucket="at-rest", Key="plain-name", Body=secret)
        s3.put_object(Bucket="at-rest", Key="large", Body=secret * 10_000)
        assert s3.get_object(Bucket="at-rest", Key="large")["Body"].read() == secret * 10_000
        cloud.stop()
        assert files_with(tmp_path, b"plain-name"), "names are not encrypted, so the search finds what is there"
        assert files_with(tmp_path, secret) == []
        cloud.start()
        assert cloud.client("s3").get_object(Bucket="at-rest", Key="plain-name")["Body"].read() == secret
    finally:
        cloud.stop()


def test_each_content_of_a_cloud_has_its_own_key(workshop):
    home = workshop.cloud(data_dir=workshop.directory())
    s3 = home.client("s3")
    bodies = {"small": os.urandom(4096), "large": os.urandom(100_000)}

    def put():
        s3.create_bucket(Bucket="bucket")
        for key, body in bodies.items():
            s3.put_object(Bucket="bucket", Key=key, Body=body)

    def check():
        assert {key: s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in bodies} == bodies

    put()
    home.command("snapshot", "save", "first")
    home.command("reset", "--yes")
    put()
    check()
    home.command("snapshot", "load", "first")
    check()
    s3.put_object(Bucket="bucket", Key="small", Body=bodies["small"])
    home.kill()
    home.start()
    s3 = home.client("s3")
    check()


def test_ranges_begin_anywhere(s3, bucket):
    body = os.urandom(100_000)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for first, last in [(0, 0), (1, 40), (15, 16), (16, 31), (33_000, 70_001), (99_999, 99_999)]:
        part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")
        assert part["Body"].read() == body[first : last + 1]
        assert part["ServerSideEncryption"] == "AES256"


def test_buckets_refuse_customer_keys_until_told_otherwise(s3, bucket):
    key = customer(os.urandom(32))
    text = Prefix("User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutObject on resource")
    for call in (s3.put_object, s3.create_multipart_upload):
        with refused("AccessDenied", text, 403):
            call(Bucket=bucket, Key="k", **key)
    unblock(s3, bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", **key)["SSECustomerAlgorithm"] == "AES256"
    unblock(s3, bucket, "SSE-C")
    with refused("AccessDenied", text, 403):
        s3.put_object(Bucket=bucket, Key="k", **key)
    assert s3.get_object(Bucket=bucket, Key="k", **key)["Body"].read() == b"x"


def test_only_the_customers_key_reads(s3, open_bucket):
    key, other = customer(os.urandom(32)), customer(os.urandom(32))
    one = {"Bucket": open_bucket, "Key": "k"}
    for body in (b"", b"small", b"large" * 20_000):
        put = s3.put_object(**one, Body=body, **key)
        assert put["SSECustomerKeyMD5"] == key["SSECustomerKeyMD5"] and "ServerSideEncryption" not in put
        got = s3.get_object(**one, **key)
        assert got["Body"].read() == body and got["SSECustomerAlgorithm"] == "AES256" and "ServerSideEncryption" not in got
        text = (
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
        with refused("InvalidRequest", text, 400):
            s3.get_object(**one)
        with refused("AccessDenied", "Access Denied", 403):
            s3.get_object(**one, **other)
        with refused("400", status=400):
            s3.head_object(**one)
        s3.head_object(**one, **key)
    s3.put_object(**one, Body=b"x")
    with refused("InvalidRequest", "The encryption parameters are not applicable to this object.", 400):
        s3.get_object(**one, **key)


def test_headers_of_customer_keys(s3, open_bucket):
    key = os.urandom(32)
    good = customer(key)
    start = "Requests specifying Server Side Encryption with Customer provided keys must provide"
    for wrong, code, text in [
        ({"SSECustomerKeyMD5": customer(b"x" * 32)["SSECustomerKeyMD5"]}, "InvalidArgument",
         "The calculated MD5 hash of the key did not match the hash that was provided."),
        (customer(b"short"), "InvalidArgument", "The secret key was invalid for the specified algorithm."),
        ({"SSECustomerAlgorithm": "AES128"}, "InvalidEncryptionAlgorithmError",
         "The encryption request you specified is not valid. The valid value is AES256."),
    ]:
        with refused(code, text, 400):
            s3.put_object(Bucket=open_bucket, Key="k", **{**good, **wrong})
    with refused("InvalidArgument", f"{start} an appropriate secret key.", 400):
        s3.put_object(Bucket=open_bucket, Key="k", SSECustomerAlgorithm="AES256")
    with refused("InvalidArgument", Prefix("Server Side Encryption with Customer provided key is incompatible"), 400):
        s3.put_object(Bucket=open_bucket, Key="k", ServerSideEncryption="AES256", **good)


def test_copies_change_keys(s3, open_bucket):
    one, two = os.urandom(32), os.urandom(32)
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"body", **customer(one))
    source = {"Bucket": open_bucket, "CopySource": f"{open_bucket}/k"}
    with refused("InvalidRequest", Prefix("The object was stored using a form of Server Side Encryption"), 400):
        s3.copy_object(**source, Key="c")
    with refused("AccessDenied", "Access Denied", 403):
        s3.copy_object(**source, Key="c", **customer(two, "CopySource"))
    copied = s3.copy_object(**source, Key="c", **customer(one, "CopySource"), **customer(two))
    assert copied["SSECustomerKeyMD5"] == customer(two)["SSECustomerKeyMD5"]
    assert s3.get_object(Bucket=open_bucket, Key="c", **customer(two))["Body"].read() == b"body"
    s3.copy_object(**source, Key="k", **customer(one, "CopySource"))
    assert s3.get_object(Bucket=open_bucket, Key="k")["Body"].read() == b"body"


def test_uploads_with_a_customers_key(s3, open_bucket):
    key, other = customer(os.urandom(32)), customer(os.urandom(32))
    one = {"Bucket": open_bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**one, **key)["UploadId"]
    part = {**one, "UploadId": upload, "PartNumber": 1, "Body": b"a" * 5_242_880}
    with refused("InvalidRequest", Prefix("The multipart upload initiate requested encryption."), 400):
        s3.upload_part(**part)
    text = "The provided encryption parameters did not match the ones used originally."
    with refused("InvalidRequest", text, 400):
        s3.upload_part(**part, **other)
    parts = [{"PartNumber": 1, "ETag": s3.upload_part(**part, **key)["ETag"]}]
    last = s3.upload_part(**{**part, "PartNumber": 2, "Body": b"end"}, **key)
    parts.append({"PartNumber": 2, "ETag": last["ETag"]})
    done = s3.complete_multipart_upload(**one, UploadId=upload, MultipartUpload={"Parts": parts})
    assert "ServerSideEncryption" not in done
    assert s3.get_object(**one, Range="bytes=5242879-", **key)["Body"].read() == b"aend"
    with refused("AccessDenied", "Access Denied", 403):
        s3.get_object(**one, **other)


def test_the_encryption_of_a_bucket(cloud, iam, s3, bucket, name):
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
            "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
        }
    ]

    def put(client=s3, **default):
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    put(SSEAlgorithm="AES256")
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"]
    with refused("NotImplemented", status=501):
        put(SSEAlgorithm="aws:kms")
    with refused("InvalidArgument", Prefix("a KMSMasterKeyID is not applicable"), 400):
        put(SSEAlgorithm="AES256", KMSMasterKeyID="key")
    with refused("MalformedXML", status=400):
        put(SSEAlgorithm="ROT13")
    person = Person(cloud, iam, name)
    mine = person.service("s3")
    for call in (lambda: put(mine, SSEAlgorithm="AES256"), lambda: mine.delete_bucket_encryption(Bucket=bucket)):
        with refused("AccessDenied", status=403):
            call()
    person.put("write", allow("s3:PutEncryptionConfiguration", f"arn:aws:s3:::{bucket}"))
    put(mine, SSEAlgorithm="AES256")
    mine.delete_bucket_encryption(Bucket=bucket)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["BucketKeyEnabled"] is False
