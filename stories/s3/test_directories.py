"""Directory buckets (S3 Express One Zone): sessions, which boto3, the CLI and Terraform open by themselves."""

import json
import os
import subprocess
import time
import zlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from asserting import Prefix, refused
from botocore.config import Config
from people import Person, allow, assume, deny, make_role, policy, session, trust
from signed import send
from terraform import prepare, tell, terraform  # noqa: F401

import cloud as clouds

ZONE = "use1-az4"
ACCOUNT = "000000000000"
SESSION = "s3express:CreateSession"
ALONE = clouds.CONFIG.merge(Config(s3={"disable_s3_express_session_auth": True}))


def arn(bucket):
    return f"arn:aws:s3express:us-east-1:{ACCOUNT}:bucket/{bucket}"


def make(s3, bucket, zone=ZONE, **more):
    configuration = {
        "Location": {"Type": "AvailabilityZone", "Name": zone},
        "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
        **more,
    }
    return s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=configuration)


@pytest.fixture
def bucket(s3, name):
    made = f"{name}--{ZONE}--x-s3"
    make(s3, made)
    return made


@pytest.fixture
def person(cloud, iam, name):
    return Person(cloud, iam, name)


def of_session(cloud, credentials):
    """A client that signs with a session that was opened by hand, and opens none itself."""

    def token(request, **_):
        request.headers["x-amz-s3session-token"] = credentials["SessionToken"]

    client = cloud.client(
        "s3", key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"], config=ALONE
    )
    client.meta.events.register("before-sign.s3", token)
    return client


def test_made_listed_and_removed(cloud, s3, name):
    bucket = f"{name}--{ZONE}--x-s3"
    made = make(s3, bucket, Tags=[{"Key": "team", "Value": "a"}])
    assert made["Location"] == f"https://{bucket}.s3express-{ZONE}.us-east-1.amazonaws.com/"
    assert made["BucketArn"] == arn(bucket)
    head = s3.head_bucket(Bucket=bucket)
    assert (head["BucketLocationType"], head["BucketLocationName"]) == ("AvailabilityZone", ZONE)
    assert (head["BucketRegion"], head["BucketArn"], head["AccessPointAlias"]) == ("us-east-1", arn(bucket), False)
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    with refused("BucketAlreadyOwnedByYou", status=409):
        make(s3, bucket)
    stranger = cloud.client("s3", key="111122223333", config=ALONE)
    with refused("BucketAlreadyExists", status=409):
        make(stranger, bucket)
    assert stranger.list_directory_buckets()["Buckets"] == []
    elsewhere = cloud.client("s3", region="eu-west-1")
    assert elsewhere.list_directory_buckets()["Buckets"] == []
    with refused(("NoSuchBucket", "404"), status=404):
        elsewhere.head_bucket(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)
    with refused("NoSuchBucket", status=404):
        s3.put_object(Bucket=bucket, Key="k")


def test_lists_of_buckets_have_pages(cloud, name):
    s3 = cloud.client("s3", key="222222222222")
    names = [f"{name}-{i}--{ZONE}--x-s3" for i in range(5)]
    for one in names:
        make(s3, one)
    pages = [
        [bucket["Name"] for bucket in page["Buckets"]]
        for page in s3.get_paginator("list_directory_buckets").paginate(PaginationConfig={"PageSize": 2})
    ]
    assert [len(page) for page in pages] == [2, 2, 1] and sum(pages, []) == names


def test_names_and_places(cloud, name):
    s3 = cloud.client("s3", config=ALONE)
    good = f"{name}--{ZONE}--x-s3"
    with refused("InvalidLocationConstraint"):
        make(s3, f"{name}--usw2-az1--x-s3", "usw2-az1")
    with refused("InvalidBucketName"):
        make(s3, good, "use1-az5")
    for wrong in ["Big", "a.b", "a_b", "-a", "a" * 60]:
        with refused("InvalidBucketName", "The specified bucket is not valid."):
            make(s3, f"{wrong}--{ZONE}--x-s3")
    with refused("MalformedXML"):
        make(s3, good, LocationConstraint="us-west-2")
    with refused("MalformedXML"):
        s3.create_bucket(Bucket=good)
    with refused("NotImplemented", status=501):
        s3.create_bucket(
            Bucket=good,
            ACL="public-read",
            CreateBucketConfiguration={
                "Location": {"Type": "AvailabilityZone", "Name": ZONE},
                "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
            },
        )
    # What makes a directory bucket makes no other.
    with refused("MalformedXML"):
        make(s3, name)


def test_objects(s3, bucket):
    body = bytes(range(256)) * 1000
    put = s3.put_object(Bucket=bucket, Key="a/b", Body=body, Metadata={"m": "1"}, ContentType="text/plain")
    assert put["ChecksumCRC32"] == b64encode(zlib.crc32(body).to_bytes(4)).decode()
    got = s3.get_object(Bucket=bucket, Key="a/b")
    assert got["Body"].read() == body and got["Metadata"] == {"m": "1"} and "VersionId" not in got
    assert (got["StorageClass"], got["ETag"]) == ("EXPRESS_ONEZONE", put["ETag"])
    assert got["ResponseMetadata"]["HTTPHeaders"]["x-amz-expiration"] == "NotImplemented"
    assert s3.get_object(Bucket=bucket, Key="a/b", Range="bytes=1-3")["Body"].read() == body[1:4]
    # The ETag says nothing of the bytes.
    again = s3.put_object(Bucket=bucket, Key="a/b", Body=body)
    assert again["ETag"] != put["ETag"]
    with refused("PreconditionFailed", status=412):
        s3.put_object(Bucket=bucket, Key="a/b", Body=b"", IfNoneMatch="*")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="a/b", ObjectAttributes=["ObjectSize", "StorageClass"])
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (len(body), "EXPRESS_ONEZONE")
    assert s3.get_object(Bucket=bucket, Key="a/b", VersionId="null")["ContentLength"] == len(body)
    with refused("InvalidArgument", "Invalid version id specified"):
        s3.get_object(Bucket=bucket, Key="a/b", VersionId="3HL4kqtJvjVBH40Nrjfkd")
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="absent")
    with refused("BucketNotEmpty", status=409):
        s3.delete_bucket(Bucket=bucket)
    with refused("PreconditionFailed", status=412):
        s3.delete_object(Bucket=bucket, Key="a/b", IfMatchSize=1)
    s3.delete_object(Bucket=bucket, Key="a/b", IfMatchSize=len(body))
    for key in ["x", "y"]:
        s3.put_object(Bucket=bucket, Key=key)
    with refused("MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": " "}]})
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "x"}, {"Key": "y"}]})["Deleted"]
    assert {one["Key"] for one in deleted} == {"x", "y"}
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_what_objects_cannot_be(s3, bucket):
    for extra in [
        {"ACL": "private"},
        {"Tagging": "a=b"},
        {"WebsiteRedirectLocation": "/x"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"ObjectLockLegalHoldStatus": "ON"},
        {"ContentEncoding": "gzip"},
    ]:
        with refused("NotImplemented", "A header you provided implies functionality that is not implemented", 501):
            s3.put_object(Bucket=bucket, Key="k", Body=b"", **extra)
    with refused("NotImplemented", "This bucket does not support Content Md5 header.", 501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    with refused("InvalidStorageClass", status=400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", StorageClass="STANDARD")
    s3.put_object(Bucket=bucket, Key="k", Body=b"", StorageClass="EXPRESS_ONEZONE")


def test_what_buckets_do_not_have(s3, bucket):
    public = {"BlockPublicAcls": False}
    for call, argument, root in [
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}, "VersioningConfiguration"),
        (s3.put_bucket_tagging, {"Tagging": {"TagSet": []}}, "Tagging"),
        (s3.put_public_access_block, {"PublicAccessBlockConfiguration": public}, "PublicAccessBlockConfiguration"),
        (
            s3.put_bucket_cors,
            {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}},
            "CORSConfiguration",
        ),
        (
            s3.put_bucket_website,
            {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "i"}}},
            "WebsiteConfiguration",
        ),
    ]:
        with refused("InvalidArgument", f"{root} is not valid, expected CreateBucketConfiguration", 400):
            call(Bucket=bucket, **argument)
    for call in [s3.get_bucket_versioning, s3.get_bucket_acl, s3.get_public_access_block]:
        with refused("MethodNotAllowed", status=405):
            call(Bucket=bucket)
    for call, more in [
        (s3.list_objects, {}),
        (s3.list_object_versions, {}),
        (s3.get_object_tagging, {"Key": "k"}),
        (s3.get_object_acl, {"Key": "k"}),
    ]:
        with refused("NotImplemented", "A header you provided implies functionality that is not implemented", 501):
            call(Bucket=bucket, **more)
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_lists(s3, bucket):
    keys = ["a/1", "a/2", "a/c/3", "b/4", "top"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key)
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert sorted(one["Key"] for page in pages for one in page["Contents"]) == keys and len(pages) == 3
    assert {one["StorageClass"] for page in pages for one in page["Contents"]} == {"EXPRESS_ONEZONE"}
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="/")
    assert {one["Key"] for one in listed["Contents"]} == {"a/1", "a/2"}
    assert listed["CommonPrefixes"] == [{"Prefix": "a/c/"}]
    text = "This bucket does not support a prefix that does not end in a delimiter. Specify a prefix path ending with a delimiter and try again."
    with refused("InvalidRequest", text, 400):
        s3.list_objects_v2(Bucket=bucket, Prefix="a")
    with refused("InvalidArgument", status=400):
        s3.list_objects_v2(Bucket=bucket, Delimiter="-")
    with refused("NotImplemented", status=501):
        s3.list_objects_v2(Bucket=bucket, StartAfter="a/1")
    # A prefix in which only an upload has begun is told too, on whatever page it falls.
    upload = s3.create_multipart_upload(Bucket=bucket, Key="az/begun")["UploadId"]
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}):
        found += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        found += [one["Key"] for one in page.get("Contents", [])]
    assert sorted(found) == ["a/", "az/", "b/", "top"]
    s3.abort_multipart_upload(Bucket=bucket, Key="az/begun", UploadId=upload)


def test_uploads(s3, bucket):
    part = b"p" * (5 << 20)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    named = {"Bucket": bucket, "Key": "big", "UploadId": upload}
    first = s3.upload_part(**named, PartNumber=1, Body=part)["ETag"]
    third = s3.upload_part(**named, PartNumber=3, Body=b"end")["ETag"]
    with refused("InvalidPartOrder"):
        parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 3, "ETag": third}]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    second = s3.upload_part(**named, PartNumber=2, Body=b"end")["ETag"]
    others = [s3.create_multipart_upload(Bucket=bucket, Key="other")["UploadId"] for _ in range(3)]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert sorted(one["UploadId"] for page in pages for one in page.get("Uploads", [])) == sorted([upload, *others])
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket=bucket, Key="big")
    assert got["Body"].read() == part + b"end" and got["ETag"] == done["ETag"]
    s3.delete_object(Bucket=bucket, Key="big")
    # Uploads under way hold the bucket.
    with refused("BucketNotEmpty", status=409):
        s3.delete_bucket(Bucket=bucket)
    for one in others:
        s3.abort_multipart_upload(Bucket=bucket, Key="other", UploadId=one)
    s3.delete_bucket(Bucket=bucket)


def test_appends(s3, bucket, name):
    def append(offset, body, **more):
        return s3.put_object(Bucket=bucket, Key="log", Body=body, WriteOffsetBytes=offset, **more)

    with refused("InvalidWriteOffset", status=400):
        append(5, b"x")
    assert append(0, b"hello")["Size"] == 5
    with refused("InvalidWriteOffset", "The write offset value that you specified does not match the current object size."):
        append(0, b"again")
    second = append(5, b", world")
    assert second["Size"] == 12
    big = b"z" * 200_000
    append(12, big)
    whole = b"hello, world" + big
    got = s3.get_object(Bucket=bucket, Key="log", ChecksumMode="ENABLED")
    assert got["Body"].read() == whole
    assert got["ChecksumCRC32"] == b64encode(zlib.crc32(whole).to_bytes(4)).decode()
    assert got["ChecksumType"] == "FULL_OBJECT"
    with refused("PreconditionFailed", status=412):
        append(len(whole), b"", IfMatch=second["ETag"])
    with refused("InvalidRequest", Prefix("Checksum Type mismatch occurred")):
        append(len(whole), b"x", ChecksumAlgorithm="SHA256")
    assert s3.head_object(Bucket=bucket, Key="log")["ContentLength"] == len(whole)

    # Of many who append at one place one does, and what it says stays.
    def one(text):
        try:
            return append(len(whole), text)["Size"]
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one, [b"%d" % i for i in range(8)]))
    assert sorted(outcomes, key=str) == [len(whole) + 1] + ["InvalidWriteOffset"] * 7, outcomes
    s3.create_bucket(Bucket=name)
    with refused("NotImplemented", status=501):
        s3.put_object(Bucket=name, Key="log", Body=b"", WriteOffsetBytes=0)


def test_renames(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="old name", Body=b"body", Metadata={"m": "1"})
    before = s3.head_object(Bucket=bucket, Key="old name")

    def rename(source, key, **more):
        return s3.rename_object(Bucket=bucket, Key=key, RenameSource=source, **more)

    with refused("NoSuchKey", status=404):
        rename("/absent", "x")
    with refused("PreconditionFailed", status=412):
        rename("/old%20name", "x", SourceIfMatch='"other"')
    with refused("InvalidArgument"):
        rename("/old%20name", "folder/")
    rename("/old%20name", "new", ClientToken="token-1", SourceIfMatch=put["ETag"])
    after = s3.head_object(Bucket=bucket, Key="new")
    assert all(after[field] == before[field] for field in ["ETag", "LastModified", "Metadata", "ContentLength"])
    with refused(("404", "NoSuchKey")):
        s3.head_object(Bucket=bucket, Key="old name")
    # Asked again with its token it is done; with other words it is not.
    rename("/old%20name", "new", ClientToken="token-1", SourceIfMatch=put["ETag"])
    with refused("IdempotencyParameterMismatch", status=400):
        rename("/old%20name", "newer", ClientToken="token-1")
    s3.put_object(Bucket=bucket, Key="there", Body=b"other")
    with refused("PreconditionFailed", status=412):
        rename(f"/{bucket}/new", "there", DestinationIfNoneMatch="*")
    rename(f"/{bucket}/new", "there")
    assert s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"body"
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["there"]


def test_copies(s3, bucket, name):
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="general", Body=b"g")
    s3.put_object(Bucket=name, Key="tagged", Body=b"t", Tagging="a=b")
    s3.copy_object(Bucket=bucket, Key="in", CopySource={"Bucket": name, "Key": "general"})
    s3.copy_object(Bucket=bucket, Key="within", CopySource={"Bucket": bucket, "Key": "in"})
    s3.copy_object(Bucket=name, Key="out", CopySource={"Bucket": bucket, "Key": "within"})
    assert s3.get_object(Bucket=name, Key="out")["Body"].read() == b"g"
    assert "StorageClass" not in s3.head_object(Bucket=name, Key="out")
    assert s3.head_object(Bucket=bucket, Key="in")["StorageClass"] == "EXPRESS_ONEZONE"
    with refused("NotImplemented", status=501):
        s3.copy_object(Bucket=bucket, Key="no", CopySource={"Bucket": name, "Key": "tagged"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="made")["UploadId"]
    named = {"Bucket": bucket, "Key": "made", "UploadId": upload}
    part = s3.upload_part_copy(**named, PartNumber=1, CopySource={"Bucket": name, "Key": "out"})["CopyPartResult"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="made")["Body"].read() == b"g"


def test_who_may_open_a_session(s3, bucket, person):
    mine = person.service("s3")
    text = Prefix(f"User: {person.arn} is not authorized to perform: {SESSION} on resource: \"{arn(bucket)}\" because no identity-based policy allows")
    with refused("AccessDenied", text, 403):
        mine.put_object(Bucket=bucket, Key="k", Body=b"")
    # S3's own actions are not those of directory buckets.
    person.put("p", allow("s3:*"))
    with refused("AccessDenied", text, 403):
        mine.put_object(Bucket=bucket, Key="k", Body=b"")
    person.put("p", allow(SESSION, arn(bucket)))
    mine.put_object(Bucket=bucket, Key="k", Body=b"v")
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    # A session is for objects, and for its own bucket.
    for call in [mine.get_bucket_policy, mine.delete_bucket, mine.get_bucket_lifecycle_configuration]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket)
    with refused("AccessDenied", status=403):
        mine.list_directory_buckets()
    person.put("p", allow(["s3express:ListAllMyDirectoryBuckets", "s3express:GetBucketPolicy"]))
    assert bucket in [one["Name"] for one in mine.list_directory_buckets()["Buckets"]]
    with refused("NoSuchBucketPolicy", status=404):
        mine.get_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucket", status=404):
        make(mine, bucket.replace("t-", "u-"))
    with refused("AccessDenied", status=403):
        make(person.service("s3", config=ALONE), bucket.replace("t-", "u-"))
    fresh = person.service("s3")
    with refused("AccessDenied", text, 403):
        fresh.get_object(Bucket=bucket, Key="k")


def test_sessions_at_the_operations_on_buckets(cloud, iam, s3, bucket, name):
    """SDKs that are told an address send a session there, too: it has the rights of who opened it, and none else."""
    opener = Person(cloud, iam, f"{name}-p")
    opener.put("p", allow("sts:AssumeRole"))
    sts = opener.service("sts")
    role = make_role(iam, name, trust({"AWS": ACCOUNT}), allow("s3express:*"))
    whole = session(cloud, assume(sts, role), "s3")
    whole.put_bucket_policy(Bucket=bucket, Policy=policy({**allow(SESSION, arn(bucket)), "Principal": {"AWS": ACCOUNT}}))
    narrow = session(cloud, assume(sts, role, Policy=policy(allow(SESSION))), "s3")
    assert narrow.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    for call in [narrow.get_bucket_policy, narrow.delete_bucket_policy, narrow.delete_bucket]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket)
    # What was taken from the role is gone from its sessions at once.
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allow(SESSION)))
    with refused("AccessDenied", status=403):
        whole.delete_bucket_policy(Bucket=bucket)


def test_sessions_that_only_read(cloud, s3, bucket, person):
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    reads_only = {"StringEquals": {"s3express:SessionMode": "ReadOnly"}}
    person.put("p", allow(SESSION, arn(bucket), Condition=reads_only))
    alone = person.service("s3", config=ALONE)
    with refused("AccessDenied", status=403):
        alone.create_session(Bucket=bucket, SessionMode="ReadWrite")
    # Without a mode the session may do as much as the policies allow.
    mine = person.service("s3")
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    assert mine.head_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    assert mine.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert mine.list_multipart_uploads(Bucket=bucket)["IsTruncated"] is False
    for call, more in [
        (mine.put_object, {"Key": "k", "Body": b"w"}),
        (mine.delete_object, {"Key": "k"}),
        (mine.create_multipart_upload, {"Key": "k"}),
        (mine.rename_object, {"Key": "l", "RenameSource": "/k"}),
    ]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **more)
    [kept] = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "absent"}]})["Deleted"]
    assert kept["Key"] == "absent"
    assert mine.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Errors"][0]["Code"] == "AccessDenied"
    # The same without a session: the policy is asked at each request.
    assert alone.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    with refused("AccessDenied", status=403):
        alone.put_object(Bucket=bucket, Key="k", Body=b"w")
    # The root user's session reads only, too, when it was opened so.
    opened = s3.create_session(Bucket=bucket, SessionMode="ReadOnly")["Credentials"]
    held = of_session(cloud, opened)
    assert held.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    with refused("AccessDenied", status=403):
        held.put_object(Bucket=bucket, Key="k", Body=b"w")


def test_a_session_hands_on_nothing_but_its_bucket(cloud, s3, bucket, name):
    other = f"{name}-b--{ZONE}--x-s3"
    make(s3, other)
    document = policy({**allow(SESSION, arn(bucket)), "Principal": {"AWS": ACCOUNT}})
    # One that only reads, opened to be handed on, does not do what its opener may do with the bucket.
    reads = of_session(cloud, s3.create_session(Bucket=bucket, SessionMode="ReadOnly")["Credentials"])
    for call, more in [(reads.put_bucket_policy, {"Policy": document}), (reads.get_bucket_policy, {}), (reads.delete_bucket, {})]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **more)
    # Where SDKs send a session to the operations on buckets, it is for its own bucket.
    whole = of_session(cloud, s3.create_session(Bucket=bucket)["Credentials"])
    whole.put_bucket_policy(Bucket=bucket, Policy=document)
    whole.delete_bucket_policy(Bucket=bucket)
    for call, more in [
        (whole.put_bucket_policy, {"Policy": document.replace(bucket, other)}), (whole.delete_bucket, {}), (whole.get_bucket_encryption, {}),
    ]:
        with refused("AccessDenied", status=403):
            call(Bucket=other, **more)
    with refused("AccessDenied", status=403):
        make(whole, f"{name}-c--{ZONE}--x-s3")
    with refused("AccessDenied", status=403):
        whole.list_directory_buckets()
    # As is one for a bucket that is not there yet.
    absent = f"{name}-d--{ZONE}--x-s3"
    early = of_session(cloud, s3.create_session(Bucket=absent)["Credentials"])
    with refused("AccessDenied", status=403):
        early.delete_bucket(Bucket=other)
    with refused("AccessDenied", status=403):
        early.put_object(Bucket=other, Key="k", Body=b"")
    make(early, absent)
    early.put_object(Bucket=absent, Key="k", Body=b"v")
    assert s3.get_object(Bucket=absent, Key="k")["Body"].read() == b"v"


def test_what_a_session_is_not(cloud, s3, bucket, name):
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    other = f"{name}-b--{ZONE}--x-s3"
    make(s3, other)
    s3.put_object(Bucket=other, Key="k", Body=b"v")
    held = of_session(cloud, s3.create_session(Bucket=bucket)["Credentials"])
    assert held.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    with refused("AccessDenied", status=403):
        held.get_object(Bucket=other, Key="k")
    with refused("AccessDenied", "Access Denied", 403):
        held.create_session(Bucket=bucket)
    with refused("AccessDenied", "Access Denied", 403):
        held.copy_object(Bucket=bucket, Key="l", CopySource={"Bucket": bucket, "Key": "k"})
    # Not for anything else in this cloud, and not without its token or with another's.
    opened = s3.create_session(Bucket=bucket)["Credentials"]
    with refused("InvalidClientTokenId", status=403):
        cloud.client("iam", key=opened["AccessKeyId"], secret=opened["SecretAccessKey"], token=opened["SessionToken"]).list_users()
    strange = {**opened, "SessionToken": s3.create_session(Bucket=other)["Credentials"]["SessionToken"]}
    for wrong in [strange, {**opened, "SessionToken": opened["SessionToken"][:-4] + "AAAA"}]:
        with refused("InvalidAccessKeyId", status=403):
            of_session(cloud, wrong).get_object(Bucket=bucket, Key="k")
    with refused("SignatureDoesNotMatch", status=403):
        of_session(cloud, {**opened, "SecretAccessKey": "x"}).get_object(Bucket=bucket, Key="k")
    # A later bucket of the same name is not meant.
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    make(s3, bucket)
    with refused("AccessDenied", status=403):
        held.put_object(Bucket=bucket, Key="k", Body=b"")


def test_policies_of_buckets(cloud, s3, bucket, person):
    mine = person.service("s3", config=ALONE)
    theirs = cloud.client("s3", key="111122223333", config=ALONE)
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")

    def put(*statements):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))

    put({**allow(SESSION, arn(bucket)), "Principal": {"AWS": [person.arn, "111122223333"]}})
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    assert theirs.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    cloud.client("s3", key="111122223333").put_object(Bucket=bucket, Key="k", Body=b"w")
    person.put("p", allow("s3express:*"))
    put({**deny(SESSION, "*"), "Principal": {"AWS": person.arn}})
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: {SESSION}"), 403):
        mine.create_session(Bucket=bucket)
    with refused("AccessDenied", status=403):
        theirs.create_session(Bucket=bucket)
    with refused("AccessDenied", status=403):
        put({**allow(SESSION, arn(bucket)), "Principal": "*"})
    with refused("MalformedPolicy"):
        put({**allow(SESSION, f"{arn(bucket)}/*"), "Principal": {"AWS": ACCOUNT}})
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Effect"] == "Deny"
    s3.delete_bucket_policy(Bucket=bucket)
    mine.create_session(Bucket=bucket)


def test_a_session_ends(workshop, name):
    directory = workshop.directory()
    cloud = workshop.cloud(data_dir=directory)
    bucket = f"{name}--{ZONE}--x-s3"
    s3 = cloud.client("s3")
    make(s3, bucket)
    opened = s3.create_session(Bucket=bucket)["Credentials"]
    of_session(cloud, opened).put_object(Bucket=bucket, Key="k", Body=b"v")
    cloud.kill()
    cloud = workshop.cloud(data_dir=directory)
    held = of_session(cloud, opened)
    assert held.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    cloud.advance("4m")
    assert held.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    cloud.advance("61s")
    with refused("ExpiredToken", status=400):
        held.get_object(Bucket=bucket, Key="k")
    assert cloud.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    # Lifecycle ends objects once the bucket's policy lets it in.
    s3 = cloud.client("s3", config=ALONE)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    with refused("InvalidRequest"):
        moves = {**rule, "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]}
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [moves]})
    other = f"{name}-b--{ZONE}--x-s3"
    make(s3, other)
    s3.put_object(Bucket=other, Key="k", Body=b"v")
    lets_in = {**allow(SESSION, arn(other)), "Principal": {"Service": "lifecycle.s3.amazonaws.com"}}
    s3.put_bucket_policy(Bucket=other, Policy=policy(lets_in))
    s3.put_bucket_lifecycle_configuration(Bucket=other, LifecycleConfiguration={"Rules": [rule]})
    cloud.advance("72h")
    for _ in range(300):
        if s3.list_objects_v2(Bucket=other)["KeyCount"] == 0:
            break
        time.sleep(0.1)
    assert s3.list_objects_v2(Bucket=other)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_presigned_urls_and_hosts(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert "X-Amz-S3session-Token" in url
    target = url.removeprefix(cloud.url)
    answer = send(cloud.port, "GET", target, {"Host": f"127.0.0.1:{cloud.port}"})
    assert (answer.status, answer.body) == (200, b"v"), answer
    # The cloud as its own proxy: the hosts are AWS's.
    named = cloud.client("s3", endpoint_url=None, use_ssl=False, config=cloud.by_proxy())
    assert named.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    assert bucket in [one["Name"] for one in named.list_directory_buckets()["Buckets"]]
    below = cloud.client("s3", endpoint_url=cloud.named_url, config=cloud.by_proxy())
    assert below.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    answer = send(cloud.port, "GET", f"/{bucket}/k", {"Host": f"127.0.0.1:{cloud.port}"})
    assert (answer.status, answer.code) == (404, "NoSuchBucket")


def test_tags(cloud, s3, bucket, person):
    control = cloud.client("s3control")
    name = {"AccountId": ACCOUNT, "ResourceArn": arn(bucket)}
    control.tag_resource(**name, Tags=[{"Key": "team", "Value": "blue"}])
    assert control.list_tags_for_resource(**name)["Tags"] == [{"Key": "team", "Value": "blue"}]
    mine = person.service("s3", config=ALONE)
    person.put("p", allow(SESSION, Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
    with refused("AccessDenied", status=403):
        mine.create_session(Bucket=bucket)
    person.put("p", allow(SESSION, Condition={"StringEquals": {"s3express:BucketTag/team": "blue"}}))
    mine.create_session(Bucket=bucket)
    with refused("AccessDenied", status=403):
        person.service("s3control").untag_resource(**name, TagKeys=["team"])
    control.untag_resource(**name, TagKeys=["team"])
    assert control.list_tags_for_resource(**name)["Tags"] == []


def test_the_command_line(cloud, bucket, tmp_path):
    (tmp_path / "file").write_bytes(b"bytes" * 3_000_000)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud.url,
    }

    def aws(*args):
        done = subprocess.run(["aws", *args], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("s3", "cp", "file", f"s3://{bucket}/folder/file")
    assert "folder/" in aws("s3", "ls", f"s3://{bucket}/")
    aws("s3", "cp", f"s3://{bucket}/folder/file", "back")
    assert (tmp_path / "back").read_bytes() == b"bytes" * 3_000_000
    aws("s3", "rm", "--recursive", f"s3://{bucket}/folder/")
    assert "Contents" not in json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket) or "{}")


PROJECT = """
resource "aws_s3_directory_bucket" "b" {
  bucket = "%(name)s--use1-az4--x-s3"
  location {
    name = "use1-az4"
  }
}

resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_directory_bucket.b.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "s3express:CreateSession"
      Resource  = aws_s3_directory_bucket.b.arn
      Principal = { AWS = "111122223333" }
    }]
  })
}

resource "aws_s3_object" "o" {
  bucket  = aws_s3_directory_bucket.b.bucket
  key     = "a/b"
  content = "terraform"
}

output "arn" {
  value = aws_s3_directory_bucket.b.arn
}
"""


def test_terraform(cloud, s3, terraform, name):
    prepare(terraform, PROJECT % {"name": name})
    bucket = f"{name}--{ZONE}--x-s3"
    for outputs in tell(terraform):
        assert outputs["arn"] == arn(bucket)
        assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"terraform"
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket)
