"""A bucket that is set to nothing reads whole: auditors and Terraform find AWS's "nothing is configured"."""

import base64
import hashlib
import zlib

import pytest
from asserting import refused
from people import Person, allow
from signed import Signed
from terraform import prepare, tell, terraform  # noqa: F401


@pytest.fixture
def bucket(cloud, name):
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def named(s3):
    """The action, the read and the list of each configuration that a bucket has several of, by name."""
    return [
        ("GetAnalyticsConfiguration", s3.get_bucket_analytics_configuration, s3.list_bucket_analytics_configurations),
        ("GetInventoryConfiguration", s3.get_bucket_inventory_configuration, s3.list_bucket_inventory_configurations),
        ("GetMetricsConfiguration", s3.get_bucket_metrics_configuration, s3.list_bucket_metrics_configurations),
        (
            "GetIntelligentTieringConfiguration",
            s3.get_bucket_intelligent_tiering_configuration,
            s3.list_bucket_intelligent_tiering_configurations,
        ),
    ]


def test_documents_are_held_against_their_digests(cloud, bucket):
    """What was damaged on its way deletes nothing and sets nothing."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    delete = "<Delete><Object><Key>k</Key></Object></Delete>"
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    encode = lambda digest: base64.b64encode(digest).decode()
    wrong = {
        "Content-MD5": ("BadDigest", encode(hashlib.md5(b"other").digest())),
        "content-md5": ("InvalidDigest", "nonsense"),
        "x-amz-checksum-crc32": ("BadDigest", encode(zlib.crc32(b"other").to_bytes(4, "big"))),
        "x-amz-checksum-sha256": ("BadDigest", encode(hashlib.sha256(b"other").digest())),
        "x-amz-checksum-sha1": ("InvalidRequest", "nonsense"),
    }

    def ask(method, query, body, headers):
        headers = {**headers, "X-Amz-Content-Sha256": hashlib.sha256(body.encode()).hexdigest()}
        return Signed(cloud, "s3", method, f"/{bucket}", query, headers, body).sign().send()

    for method, query, body in (("POST", "delete", delete), ("PUT", "tagging", tagging), ("PUT", "versioning", versioning)):
        for name, (code, value) in wrong.items():
            answer = ask(method, query, body, {name: value})
            assert (answer.status, answer.code) == (400, code), (query, name, answer)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    with refused("NoSuchTagSet", status=404):
        s3.get_bucket_tagging(Bucket=bucket)
    right = {"x-amz-checksum-crc32": encode(zlib.crc32(delete.encode()).to_bytes(4, "big"))}
    assert ask("POST", "delete", delete, right).status == 200
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_document_of_another_name_sets_nothing(cloud, bucket):
    s3 = cloud.client("s3")
    block = "<BlockPublicAcls>true</BlockPublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"

    def put(query, body):
        digest = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
        headers = {"Content-MD5": digest, "X-Amz-Content-Sha256": hashlib.sha256(body.encode()).hexdigest()}
        request = Signed(cloud, "s3", "PUT", f"/{bucket}", query, headers, body)
        return request.sign().send()

    before = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    for query, name in [("publicAccessBlock=", "a"), ("publicAccessBlock=", "BucketLoggingStatus"), ("logging=", "a"), ("notification=", "b")]:
        answer = put(query, f"<{name}>{block}</{name}>")
        assert (answer.status, answer.code) == (400, "MalformedXML"), (query, answer)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == before
    named = "PublicAccessBlockConfiguration"
    assert put("publicAccessBlock=", f"<{named}>{block}</{named}>").status == 200
    after = s3.get_public_access_block(Bucket=bucket)[named]
    assert after["BlockPublicAcls"] and not after["RestrictPublicBuckets"] and before["RestrictPublicBuckets"]


def test_nothing_is_configured(cloud, bucket):
    s3 = cloud.client("s3")
    for call, code, text in [
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
    ]:
        with refused(code, text, 404):
            call(Bucket=bucket)
    for call in [s3.get_bucket_logging, s3.get_bucket_notification_configuration, s3.get_bucket_accelerate_configuration]:
        answer = call(Bucket=bucket)
        del answer["ResponseMetadata"]
        assert answer == {}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
            "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
        }
    ]
    for _, read, listed in named(s3):
        with refused("NoSuchConfiguration", "The specified configuration does not exist.", 404):
            read(Bucket=bucket, Id="one")
        assert listed(Bucket=bucket)["IsTruncated"] is False
    with refused("NoSuchBucket", status=404):
        s3.get_bucket_logging(Bucket=f"{bucket}-absent")


def test_what_would_only_be_stored_is_refused(cloud, bucket):
    s3 = cloud.client("s3")
    for call, asked in [
        (s3.put_bucket_accelerate_configuration, {"AccelerateConfiguration": {"Status": "Enabled"}}),
        (s3.put_bucket_metrics_configuration, {"Id": "one", "MetricsConfiguration": {"Id": "one"}}),
    ]:
        with refused("NotImplemented", status=501):
            call(Bucket=bucket, **asked)


def test_each_read_is_an_action_of_its_own(cloud, iam, bucket, name):
    person = Person(cloud, iam, name)
    s3, arn = person.service("s3"), f"arn:aws:s3:::{bucket}"
    reads = {
        "GetLifecycleConfiguration": (s3.get_bucket_lifecycle_configuration, {}),
        "GetReplicationConfiguration": (s3.get_bucket_replication, {}),
        "GetBucketObjectLockConfiguration": (s3.get_object_lock_configuration, {}),
        "GetBucketLogging": (s3.get_bucket_logging, {}),
        "GetBucketNotification": (s3.get_bucket_notification_configuration, {}),
        "GetBucketRequestPayment": (s3.get_bucket_request_payment, {}),
        "GetAccelerateConfiguration": (s3.get_bucket_accelerate_configuration, {}),
        "GetEncryptionConfiguration": (s3.get_bucket_encryption, {}),
        **{action: (read, {"Id": "one"}) for action, read, _ in named(s3)},
    }
    lists = [listed for _, _, listed in named(s3)]
    for call, asked in reads.values():
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **asked)
    for call in lists:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket)
    person.put("read", allow([f"s3:{action}" for action in reads], arn))
    for call, asked in reads.values():
        try:
            call(Bucket=bucket, **asked)
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] != "AccessDenied"
    for call in lists:
        call(Bucket=bucket)


BUCKET = """
resource "aws_s3_bucket" "it" {
  bucket        = "%(name)s"
  force_destroy = true
  tags          = { team = "blue" }
}
resource "aws_s3_bucket_versioning" "it" {
  bucket = aws_s3_bucket.it.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_public_access_block" "it" {
  bucket                  = aws_s3_bucket.it.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_policy" "it" {
  bucket = aws_s3_bucket.it.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Sid = "NotNobody", Effect = "Deny", Principal = "*", Action = "s3:*"
      Resource  = [aws_s3_bucket.it.arn, "${aws_s3_bucket.it.arn}/*"]
      Condition = { StringEquals = { "aws:userid" = "AIDANOBODY" } }
    }]
  })
}
resource "aws_s3_object" "it" {
  bucket  = aws_s3_bucket_versioning.it.bucket
  key     = "folder/one.txt"
  content = "hello"
  tags    = { kind = "text" }
}
output "etag" { value = aws_s3_object.it.etag }
"""


def test_terraform_reads_a_bucket_whole(cloud, terraform, name):
    prepare(terraform, BUCKET % {"name": name})
    for outputs in tell(terraform):
        assert outputs["etag"] == "5d41402abc4b2a76b9719d911017c592"
        assert cloud.client("s3").get_object(Bucket=name, Key="folder/one.txt")["Body"].read() == b"hello"
    with refused("404", status=404):
        cloud.client("s3").head_bucket(Bucket=name)
