"""Objects as boto3 writes and reads them: what went in comes out, and what does not fit is refused."""

import hashlib
import io
import os

import pytest
from asserting import Prefix, refused
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from cloud import CONFIG
from signed import Signed


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 32 * 1024 + 1, 1_000_000, 9_000_000])
def test_bodies_of_every_size_come_back(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["ContentLength"] == size and got["Body"].read() == body
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey", "The specified key does not exist.", 404):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("key", ["a b", "ä/ö", "a+b&c=d", "a//b", "./a/../b", "%2F", "emoji-🙂", "a\nb", "x" * 1024])
def test_keys_of_every_kind(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_key_that_is_too_long(s3, bucket):
    with refused("KeyTooLongError", "Your key is too long", 400):
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")
    # No delete marker bears one, either.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with refused("KeyTooLongError", "Your key is too long", 400):
        s3.delete_object(Bucket=bucket, Key="x" * 1025)
    errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "x" * 1025}, {"Key": "x" * 1024}]})["Errors"]
    assert [error["Code"] for error in errors] == ["KeyTooLongError"]
    markers = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    assert [len(marker["Key"]) for marker in markers] == [1024]


def test_ranges(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    for asked, got in [("bytes=2-4", b"234"), ("bytes=-3", b"789"), ("bytes=7-", b"789"), ("bytes=0-99", b"0123456789")]:
        answer = s3.get_object(Bucket=bucket, Key="k", Range=asked)
        assert answer["Body"].read() == got and answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"].endswith("/10")
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=4-2")["ResponseMetadata"]["HTTPStatusCode"] == 200
    with refused("InvalidRange", "The requested range is not satisfiable", 416):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")


def test_head_and_metadata_are_kept(s3, bucket):
    given = {
        "CacheControl": "no-store",
        "ContentDisposition": "attachment",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/plain",
        "Metadata": {"colour": "green"},
        "StorageClass": "STANDARD_IA",
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **given)
    for answer in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert {name: answer[name] for name in given} == given
    other = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="text/html")
    assert other["ContentType"] == "text/html"
    with refused("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2048})


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"
    with refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    with refused("304", status=304):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)


def test_what_has_not_changed_is_told_as_caches_need_it(s3, bucket):
    """RFC 9110, section 15.4.5; a content type in such an answer would replace the one that a cache has kept."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/css", CacheControl="max-age=60")
    head = s3.head_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]
    for call in (s3.get_object, s3.head_object):
        with refused("304", status=304) as caught:
            call(Bucket=bucket, Key="k", IfNoneMatch=head["etag"])
        told = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        for name in ("etag", "last-modified", "cache-control"):
            assert told[name] == head[name]
        assert "content-type" not in told


def test_delete_markers_say_what_they_are(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"x")
    marker = s3.delete_object(**place)["VersionId"]
    for call in (s3.get_object, s3.head_object):
        with refused(("NoSuchKey", "404"), status=404) as caught:
            call(**place)
        told = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert (told["x-amz-delete-marker"], told["x-amz-version-id"]) == ("true", marker)
        with refused(("MethodNotAllowed", "405"), status=405) as caught:
            call(**place, VersionId=marker)
        told = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert told["x-amz-delete-marker"] == "true" and told["allow"] == "DELETE" and "last-modified" in told
        with refused(("NoSuchKey", "404"), status=404) as caught:
            call(Bucket=bucket, Key="never")
        assert "x-amz-delete-marker" not in caught.value.response["ResponseMetadata"]["HTTPHeaders"]


def test_a_path_that_is_no_text_names_nothing(cloud, s3, bucket):
    for path in ("%FF", "a%C3b"):
        answer = Signed(cloud, "s3", "PUT", f"/{bucket}/{path}", body=b"x").sign().send()
        assert (answer.status, answer.code, answer.text) == (400, "InvalidURI", "Couldn't parse the specified URI.")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a\u00e4\U0001f600", Body=b"x")


def test_numbers_that_no_part_has(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for number in (0, 10_001):
        with refused("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400):
            s3.get_object(Bucket=bucket, Key="k", PartNumber=number)


def test_conditional_writes(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)
    with refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first)
    with refused("NoSuchKey", status=404):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"3", IfMatch=first)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[member] == put[member] and got["ChecksumType"] == "FULL_OBJECT"
    wrong = {"CRC32": "AAAAAA==", "SHA1": "A" * 27 + "=", "SHA256": "A" * 43 + "="}[algorithm]
    with refused("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", **{member: wrong})
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 100_000


def test_a_wrong_md5_changes_nothing(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("BadDigest", "The Content-MD5 you specified did not match what we received.", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    with refused("InvalidDigest", "The Content-MD5 you specified was invalid.", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5="no")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 50_000, Metadata={"a": "1"}, ContentType="text/plain")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "t", "Value": "1"}]})
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    got = s3.get_object(Bucket=bucket, Key="c")
    assert got["Body"].read() == b"x" * 50_000 and got["Metadata"] == {"a": "1"} and got["ContentType"] == "text/plain"
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", Metadata={"b": "2"}
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"b": "2"}
    with refused("InvalidRequest", Prefix("This copy request is illegal because it is trying to copy an object to itself")):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    with refused("NoSuchKey", status=404):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/absent")
    with refused("PreconditionFailed", status=412):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", CopySourceIfMatch='"other"')


def test_a_plus_in_the_name_of_a_source_is_a_blank(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b+c", Body=b"x")

    def copy(source):
        headers = {"x-amz-copy-source": f"{bucket}/{source}", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
        return Signed(cloud, "s3", "PUT", f"/{bucket}/copy", headers=headers).sign().send().status

    assert [copy(source) for source in ("a+b%2Bc", "a%20b%2Bc", "a%20b+c")] == [200, 200, 404]


def test_multi_delete(cloud, s3, bucket):
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x")
    keys = [{"Key": f"k{number}"} for number in range(3)] + [{"Key": "absent"}]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    assert [entry["Key"] for entry in deleted["Deleted"]] == ["k0", "k1", "k2", "absent"] and "Errors" not in deleted
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k3"}], "Quiet": True})
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]
    with refused("MalformedXML", status=400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{n}"} for n in range(1001)]})
    careless = cloud.client("s3", config=CONFIG.merge(Config(parameter_validation=False)))
    with refused("MalformedXML", status=400):
        careless.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k4"}, {"Key": ""}]})
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]


def test_tags_of_objects(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=two%20words")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    eleven = [{"Key": f"k{n}", "Value": ""} for n in range(11)]
    with refused("BadRequest", "Object tags cannot be greater than 10", 400):
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": eleven})


def test_the_transfer_manager(s3, bucket):
    body = os.urandom(30_000_000)
    config = TransferConfig(multipart_threshold=8_000_000, multipart_chunksize=8_000_000)
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", Config=config)
    out = io.BytesIO()
    s3.download_fileobj(bucket, "k", out, Config=config)
    assert out.getvalue() == body
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ETag"].endswith('-4"')
    copied = s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copy", Config=config)
    assert copied is None and s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(body)


@pytest.mark.parametrize(
    "extra",
    [{"ServerSideEncryption": "aws:kms"}, {"StorageClass": "SNOW"}],
)
def test_what_is_not_done_is_not_accepted(s3, bucket, extra):
    with refused("NotImplemented", status=501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **extra)
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize(
    "extra",
    [{"ObjectLockLegalHoldStatus": "ON"}, {"ObjectLockMode": "GOVERNANCE"}, {"ObjectLockRetainUntilDate": "2030-01-01"}],
)
def test_a_lock_that_would_not_hold_is_refused(s3, bucket, extra):
    with refused("InvalidRequest", "Bucket is missing Object Lock Configuration", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **extra)
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_an_empty_body_does_not_hold_up_the_next(cloud, name):
    """boto3 asks before it sends, of nothing too, and takes the next answer on that connection for another one."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    for n in range(3):
        assert s3.put_object(Bucket=name, Key="k", Body=b"x" * n * 100).get("ETag"), n
        assert s3.head_object(Bucket=name, Key="k")["ContentLength"] == n * 100
