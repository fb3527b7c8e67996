"""Inventories: lists of what is in a bucket, made when a day of the cloud's clock begins, if the destination lets S3 in."""

import base64
import csv
import gzip
import hashlib
import io
import json
import re
import time
import urllib.parse

import pytest
from asserting import refused
from people import Person, allow, deny, policy
from terraform import prepare, tell, terraform  # noqa: F401


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def lets_in(destination, source, account="000000000000"):
    """The policy that AWS's guide shows for destination buckets."""
    condition = {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
        "StringEquals": {"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"},
    }
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{destination}/*",
            "Condition": condition,
        }
    )


@pytest.fixture
def destination(s3, bucket):
    s3.create_bucket(Bucket=f"{bucket}-to")
    s3.put_bucket_policy(Bucket=f"{bucket}-to", Policy=lets_in(f"{bucket}-to", bucket))
    return f"{bucket}-to"


def configuration(destination, id="all", versions="All", frequency="Daily", format="CSV", where=None, **more):
    return {
        "Id": id,
        "IsEnabled": True,
        "IncludedObjectVersions": versions,
        "Schedule": {"Frequency": frequency},
        "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{destination}", "Format": format, **(where or {})}},
        **more,
    }


def put(s3, bucket, given, id=None):
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id=id or given["Id"], InventoryConfiguration=given)


def manifests(s3, destination, count=1):
    """The manifests, when there are so many; the background work is waited for, for as long as it may take."""
    for _ in range(300):
        found = [one["Key"] for one in s3.list_objects_v2(Bucket=destination).get("Contents", [])]
        # The checksum is written last.
        if sum(key.endswith("manifest.checksum") for key in found) >= count:
            return sorted(key for key in found if key.endswith("manifest.json"))
        time.sleep(0.1)
    pytest.fail(f"these objects only: {found}")


def read(s3, destination, key):
    return s3.get_object(Bucket=destination, Key=key)["Body"].read()


def rows(s3, destination, manifest):
    names = [name.strip() for name in manifest["fileSchema"].split(",")]
    found = []
    for file in manifest["files"]:
        packed = read(s3, destination, file["key"])
        assert (len(packed), hashlib.md5(packed).hexdigest()) == (file["size"], file["MD5checksum"])
        text = gzip.decompress(packed).decode()
        found += [dict(zip(names, row, strict=True)) for row in csv.reader(io.StringIO(text))]
    return found


def test_a_list_of_all_versions(cloud, s3, bucket, destination):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    md5 = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    first = s3.put_object(Bucket=bucket, Key='p/a "b" ü.txt', Body=b"hello", ChecksumMD5=md5)
    second = s3.put_object(Bucket=bucket, Key='p/a "b" ü.txt', Body=b"hi", StorageClass="STANDARD_IA")
    s3.put_object(Bucket=bucket, Key="p/gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="p/gone")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    fields = ["StorageClass", "Size", "LastModifiedDate", "ETag", "IsMultipartUploaded", "EncryptionStatus", "ChecksumAlgorithm"]
    given = configuration(destination, where={"Prefix": "lists", "Encryption": {"SSES3": {}}}, Filter={"Prefix": "p/"}, OptionalFields=fields)
    put(s3, bucket, given)
    assert s3.get_bucket_inventory_configuration(Bucket=bucket, Id="all")["InventoryConfiguration"] == given
    assert "Contents" not in s3.list_objects_v2(Bucket=destination)
    cloud.advance("24h")
    [key] = manifests(s3, destination)
    assert re.fullmatch(rf"lists/{bucket}/all/\d{{4}}-\d\d-\d\dT\d\d-\d\dZ/manifest.json", key)
    text = read(s3, destination, key)
    assert read(s3, destination, key.replace(".json", ".checksum")).decode() == hashlib.md5(text).hexdigest()
    manifest = json.loads(text)
    assert (manifest["sourceBucket"], manifest["destinationBucket"]) == (bucket, f"arn:aws:s3:::{destination}")
    assert (manifest["version"], manifest["fileFormat"]) == ("2016-11-30", "CSV")
    assert manifest["creationTimestamp"].isdigit()
    assert manifest["fileSchema"] == (
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, "
        "IsMultipartUploaded, EncryptionStatus, ChecksumAlgorithm"
    )
    found = rows(s3, destination, manifest)
    told = [(urllib.parse.unquote_plus(row["Key"]), row["IsLatest"], row["IsDeleteMarker"], row["Size"], row["StorageClass"]) for row in found]
    assert told == [
        ('p/a "b" ü.txt', "true", "false", "2", "STANDARD_IA"),
        ('p/a "b" ü.txt', "false", "false", "5", "STANDARD"),
        ("p/gone", "true", "true", "", ""),
        ("p/gone", "false", "false", "1", "STANDARD"),
    ]
    assert [row["VersionId"] for row in found[:2]] == [second["VersionId"], first["VersionId"]]
    assert (found[0]["ETag"], found[0]["EncryptionStatus"]) == (second["ETag"].strip('"'), "SSE-S3")
    assert [row["ChecksumAlgorithm"] for row in found[:2]] == ["CRC32", "MD5"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found[0]["LastModifiedDate"])
    [hive] = [one["Key"] for one in s3.list_objects_v2(Bucket=destination)["Contents"] if "/hive/" in one["Key"]]
    assert re.fullmatch(rf"lists/{bucket}/all/hive/dt=\d{{4}}-\d\d-\d\d-\d\d-\d\d/symlink.txt", hive)
    assert read(s3, destination, hive).decode() == "\n".join(f"s3://{destination}/{file['key']}" for file in manifest["files"])


def test_current_versions_every_day_and_every_week(cloud, s3, bucket, destination):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    put(s3, bucket, configuration(destination, id="daily", versions="Current"))
    put(s3, bucket, configuration(destination, id="weekly", versions="Current", frequency="Weekly"))
    put(s3, bucket, configuration(destination, id="off", versions="Current") | {"IsEnabled": False})
    cloud.advance("24h")
    assert [key.split("/")[1] for key in manifests(s3, destination, 2)] == ["daily", "weekly"]
    # A week, wherever it begins, has one Sunday: one list more of the week, and one for the day on which it is looked at.
    cloud.advance("168h")
    names = [key.split("/")[1] for key in manifests(s3, destination, 4)]
    assert (names.count("daily"), names.count("weekly"), names.count("off")) == (2, 2, 0)
    manifest = json.loads(read(s3, destination, manifests(s3, destination)[0]))
    assert manifest["fileSchema"] == "Bucket, Key"
    assert rows(s3, destination, manifest) == [{"Bucket": bucket, "Key": "k"}]


def test_the_destination_decides_at_each_delivery(cloud, s3, bucket, destination):
    witness = f"{bucket}-w"
    s3.create_bucket(Bucket=witness)
    s3.put_bucket_policy(Bucket=witness, Policy=lets_in(witness, bucket))
    put(s3, bucket, configuration(destination, id="one"))
    put(s3, bucket, configuration(witness, id="two"))
    for count, document in enumerate((None, lets_in(destination, "another"), lets_in(destination, bucket, account="111122223333")), 1):
        s3.delete_bucket_policy(Bucket=destination)
        if document:
            s3.put_bucket_policy(Bucket=destination, Policy=document)
        cloud.advance("24h")
        manifests(s3, witness, count)
    assert "Contents" not in s3.list_objects_v2(Bucket=destination)
    s3.put_bucket_policy(Bucket=destination, Policy=lets_in(destination, bucket))
    cloud.advance("24h")
    manifests(s3, destination)


def test_lists_of_configurations(s3, bucket, destination):
    with refused("NoSuchConfiguration", "The specified configuration does not exist.", 404):
        s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="none")
    ids = [f"i-{number:03}" for number in range(103)]
    for id in ids:
        put(s3, bucket, configuration(destination, id=id))
    page = s3.list_bucket_inventory_configurations(Bucket=bucket)
    rest = s3.list_bucket_inventory_configurations(Bucket=bucket, ContinuationToken=page["NextContinuationToken"])
    assert (page["IsTruncated"], rest["IsTruncated"], len(page["InventoryConfigurationList"])) == (True, False, 100)
    assert [one["Id"] for one in page["InventoryConfigurationList"] + rest["InventoryConfigurationList"]] == ids
    s3.delete_bucket_inventory_configuration(Bucket=bucket, Id=ids[0])
    with refused("NoSuchConfiguration", status=404):
        s3.get_bucket_inventory_configuration(Bucket=bucket, Id=ids[0])
    s3.get_bucket_inventory_configuration(Bucket=bucket, Id=ids[1])


def test_what_is_no_configuration(cloud, s3, bucket, destination):
    west = cloud.client("s3", region="eu-west-1")
    west.create_bucket(Bucket=f"{bucket}-west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for given, code, status in [
        (configuration(destination, format="ORC"), "NotImplemented", 501),
        (configuration(destination, format="Parquet"), "NotImplemented", 501),
        (configuration(destination, where={"Encryption": {"SSEKMS": {"KeyId": "k"}}}), "NotImplemented", 501),
        (configuration(destination, OptionalFields=["ObjectAccessControlList"]), "NotImplemented", 501),
        (configuration(destination, OptionalFields=["Colour"]), "MalformedXML", 400),
        (configuration(destination, format="TSV"), "MalformedXML", 400),
        (configuration(destination, frequency="Hourly"), "MalformedXML", 400),
        (configuration(destination, versions="Old"), "MalformedXML", 400),
        (configuration(f"{bucket}-west"), "InvalidS3DestinationBucket", 400),
        (configuration(f"{bucket}-none"), "InvalidS3DestinationBucket", 400),
        (configuration(destination, id="a/b"), "InvalidArgument", 400),
    ]:
        with refused(code, status=status):
            put(s3, bucket, given)
    with refused("InvalidArgument", status=400):
        put(s3, bucket, configuration(destination), id="other")
    assert "InventoryConfigurationList" not in s3.list_bucket_inventory_configurations(Bucket=bucket)
    put(s3, bucket, configuration(destination))


def test_who_may_configure(cloud, s3, bucket, destination, iam):
    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:GetInventoryConfiguration", f"arn:aws:s3:::{bucket}"))
    ada.service("s3").list_bucket_inventory_configurations(Bucket=bucket)
    with refused("AccessDenied", status=403):
        put(ada.service("s3"), bucket, configuration(destination))
    with refused("AccessDenied", status=403):
        ada.service("s3").delete_bucket_inventory_configuration(Bucket=bucket, Id="all")
    ada.put("p", allow("s3:PutInventoryConfiguration", f"arn:aws:s3:::{bucket}"))
    put(ada.service("s3"), bucket, configuration(destination))
    ada.service("s3").delete_bucket_inventory_configuration(Bucket=bucket, Id="all")


PROJECT = """
resource "aws_s3_bucket" "source" {
  bucket        = "%(name)s"
  force_destroy = true
}

resource "aws_s3_bucket" "logs" {
  bucket        = "%(name)s-logs"
  force_destroy = true
}

resource "aws_sqs_queue" "events" {
  name   = "%(name)s"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "*"
      Condition = { ArnEquals = { "aws:SourceArn" = aws_s3_bucket.source.arn } }
    }]
  })
}

resource "aws_s3_bucket_notification" "events" {
  bucket = aws_s3_bucket.source.id
  queue {
    queue_arn     = aws_sqs_queue.events.arn
    events        = ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]
    filter_prefix = "in/"
    filter_suffix = ".csv"
  }
}

resource "aws_s3_bucket_logging" "log" {
  bucket        = aws_s3_bucket.source.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "log/"
  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }
}

resource "aws_s3_bucket_request_payment_configuration" "pays" {
  bucket = aws_s3_bucket.source.id
  payer  = "Requester"
}

resource "aws_s3_bucket_inventory" "list" {
  bucket                   = aws_s3_bucket.source.id
  name                     = "EntireBucketDaily"
  included_object_versions = "All"
  optional_fields          = ["Size", "ETag"]
  filter {
    prefix = "in/"
  }
  schedule {
    frequency = "Daily"
  }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.logs.arn
      prefix     = "inventory"
      encryption {
        sse_s3 {}
      }
    }
  }
}

output "queue" {
  value = aws_sqs_queue.events.url
}
"""


def test_terraform(cloud, s3, terraform, name):
    prepare(terraform, PROJECT % {"name": name})
    for outputs in tell(terraform):
        [queue] = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
        assert sorted(queue["Events"]) == ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]
        assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "Requester"
        assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]["TargetPrefix"] == "log/"
        assert len(s3.list_bucket_inventory_configurations(Bucket=name)["InventoryConfigurationList"]) == 1
        assert outputs["queue"].endswith(name)


def test_policies_limit_what_a_list_tells(cloud, iam, s3, bucket, destination, name):
    """As in https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-s3-inventory-3"""
    person = Person(cloud, iam, name)
    mine = person.service("s3")
    others = {"ForAnyValue:StringNotEquals": {"s3:InventoryAccessibleOptionalFields": ["Size", "StorageClass"]}}
    person.put("p", allow("s3:PutInventoryConfiguration"), deny("s3:PutInventoryConfiguration", Condition=others))
    with refused("AccessDenied", status=403):
        put(mine, bucket, configuration(destination, OptionalFields=["Size", "ETag"]))
    put(mine, bucket, configuration(destination, OptionalFields=["Size"]))
    put(mine, bucket, configuration(destination))
