"""Buckets: names, owners, regions, settings."""

import pytest
from asserting import Prefix, refused


def test_the_life_of_a_bucket(s3, name):
    made = s3.create_bucket(Bucket=name)
    assert made["Location"] == f"/{name}"
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}", "in us-east-1 one's own bucket is made again"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with refused("BucketNotEmpty", "The bucket you tried to delete is not empty", 409):
        s3.delete_bucket(Bucket=name)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    with refused("NoSuchBucket", "The specified bucket does not exist", 404):
        s3.list_objects_v2(Bucket=name)
    with refused("404", status=404):
        s3.head_bucket(Bucket=name)


@pytest.mark.parametrize("bad", ["ab", "Upper", "under_score", "192.168.1.1", "a..b", "-a-b"])
def test_bad_names(s3, bad):
    # The client checks names itself; a request that was not checked reaches the server all the same.
    from botocore import handlers

    s3.meta.events.unregister("before-parameter-build.s3", handlers.validate_bucket_name)
    with refused("InvalidBucketName", "The specified bucket is not valid.", 400):
        s3.create_bucket(Bucket=bad)


def test_names_are_one_space_for_all_accounts(cloud, s3, name):
    s3.create_bucket(Bucket=name)
    other = cloud.client("s3", key="111122223333")
    with refused("BucketAlreadyExists", Prefix("The requested bucket name is not available."), 409):
        other.create_bucket(Bucket=name)
    assert name not in [bucket["Name"] for bucket in other.list_buckets()["Buckets"]]
    with refused("AccessDenied", status=403):
        other.list_objects_v2(Bucket=name)


def test_regions(cloud, s3, name):
    west = cloud.client("s3", region="eu-west-1")
    with refused("IllegalLocationConstraintException", Prefix("The unspecified location constraint"), 400):
        west.create_bucket(Bucket=name)
    configuration = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    with refused("BucketAlreadyOwnedByYou", status=409):
        west.create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    west.put_object(Bucket=name, Key="k", Body=b"x")
    # boto3 is told of the region and goes there.
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


def test_tags_of_buckets(s3, name):
    s3.create_bucket(Bucket=name)
    with refused("NoSuchTagSet", "The TagSet does not exist", 404):
        s3.get_bucket_tagging(Bucket=name)
    tags = [{"Key": "team", "Value": "blue"}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    with refused("InvalidTag", "System tags cannot be added/updated by requester", 400):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})
    s3.delete_bucket_tagging(Bucket=name)
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=name)


def test_settings_of_a_new_bucket(s3, name):
    s3.create_bucket(Bucket=name)
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    with refused("InvalidBucketAclWithObjectOwnership", status=400):
        s3.create_bucket(Bucket=f"{name}-2", ACL="public-read")
    s3.delete_public_access_block(Bucket=name)
    with refused("NoSuchPublicAccessBlockConfiguration", status=404):
        s3.get_public_access_block(Bucket=name)


def test_pages_of_buckets(cloud, name):
    s3 = cloud.client("s3", key="444455556666")
    names = [f"{name}-{number}" for number in range(5)]
    for one in names:
        s3.create_bucket(Bucket=one)
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert [b["Name"] for b in s3.list_buckets(Prefix=f"{name}-3")["Buckets"]] == [f"{name}-3"]


def test_buckets_outlive_a_restart(workshop, name):
    directory = workshop.directory()
    cloud = workshop.cloud(data_dir=directory)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="small", Body=b"x")
    s3.put_object(Bucket=name, Key="large", Body=b"y" * 1_000_000)
    upload = s3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
    cloud.kill()
    s3 = workshop.cloud(data_dir=directory).client("s3")
    assert s3.get_object(Bucket=name, Key="small")["Body"].read() == b"x"
    assert s3.get_object(Bucket=name, Key="large")["Body"].read() == b"y" * 1_000_000
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=name)["Uploads"]] == [upload]
