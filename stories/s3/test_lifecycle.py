"""Lifecycle rules act at midnight of the cloud's clock."""

import datetime
import time

import pytest
from asserting import Prefix, refused
from people import Person, allow


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def rule(**more):
    more.setdefault("Filter", {"Prefix": ""})
    return {"ID": "one", "Status": "Enabled", **more}


LATER = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def moves(**days):
    return [{"Days": after, "StorageClass": name} for name, after in days.items()]


def put(s3, bucket, *rules):
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def until(found, wanted):
    """The background work is waited for, for as long as it may take; what it made is compared."""
    for _ in range(300):
        if found() == wanted:
            return
        time.sleep(0.1)
    assert found() == wanted


def keys(s3, bucket):
    return sorted(one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []))


def versions(s3, bucket):
    listed = s3.list_object_versions(Bucket=bucket)
    return len(listed.get("Versions", [])), len(listed.get("DeleteMarkers", []))


def test_rules_come_back_as_they_were_written(s3, bucket):
    with refused("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    rules = [
        rule(Expiration={"Days": 40}, Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}]),
        rule(ID="two", Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"Date": datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)}),
        rule(ID="three", Filter={"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 5}},
             NoncurrentVersionExpiration={"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}),
        rule(ID="four", Status="Disabled", Filter={"Prefix": "x"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7},
             Expiration={"ExpiredObjectDeleteMarker": True}),
    ]
    assert put(s3, bucket, *rules)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    for one in got["Rules"]:
        if "Date" in one.get("Expiration", {}):
            one["Expiration"]["Date"] = one["Expiration"]["Date"].astimezone(datetime.timezone.utc)
    assert got["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", status=404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    ("rules", "code", "text"),
    [
        ([], "MalformedXML", None),
        ([rule()], "InvalidRequest", "At least one action needs to be specified in a rule"),
        ([rule(Expiration={"Days": 0})], "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ([rule(Expiration={"Date": datetime.datetime(2030, 1, 1, 1)})], "InvalidArgument", "'Date' must be at midnight GMT"),
        ([rule(Expiration={"Days": 1})] * 2, "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"),
        ([rule(ID="x" * 256, Expiration={"Days": 1})], "InvalidArgument", "ID length should not exceed allowed limit of 255"),
        ([rule(Status="enabled", Expiration={"Days": 1})], "MalformedXML", None),
        ([rule(Transitions=[{"Days": 1, "StorageClass": "STANDARD_IA"}])], "InvalidArgument",
         "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'"),
        ([rule(Expiration={"Days": 30}, Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}])], "InvalidArgument",
         Prefix("'Days' in the Expiration action for filter '(prefix=)' must be greater")),
        ([rule(Transitions=[{"Days": 1, "StorageClass": "ICE"}])], "MalformedXML", None),
        ([rule(NoncurrentVersionExpiration={"NoncurrentDays": 0})], "InvalidArgument",
         "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"),
        ([rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})], "InvalidArgument",
         "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"),
        ([rule(Filter={"Tag": {"Key": "k", "Value": "v"}}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})],
         "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags."),
        ([rule(Filter={"And": {"Prefix": "one"}}, Expiration={"Days": 1})], "MalformedXML", None),
        ([rule(Transitions=moves(GLACIER=30) * 2)], "InvalidRequest",
         "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'"),
        ([rule(Transitions=[*moves(STANDARD_IA=30), {"Date": LATER, "StorageClass": "GLACIER"}])], "InvalidRequest",
         "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '(prefix=)'"),
        ([rule(Expiration={"Date": LATER}, Transitions=moves(GLACIER=30))], "InvalidRequest",
         "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '(prefix=)'"),
        ([rule(Filter={}, Transitions=moves(GLACIER=30, DEEP_ARCHIVE=119))], "InvalidArgument",
         "'Days' in the 'Transition' action for StorageClass 'DEEP_ARCHIVE' for filter '()' must be 90 days more than 'filter '()'' in the "
         "'Transition' action for StorageClass 'GLACIER'"),
        ([rule(Transitions=moves(GLACIER=10, STANDARD_IA=90))], "InvalidArgument",
         Prefix("'Days' in the 'Transition' action for StorageClass 'GLACIER' for filter '(prefix=)' must be 30 days more than")),
        ([rule(Expiration={"Date": LATER}, Transitions=[{"Date": LATER, "StorageClass": "GLACIER"}])], "InvalidArgument",
         Prefix("'Date' in the Expiration action for filter '(prefix=)' must be greater")),
        ([rule(NoncurrentVersionExpiration={"NoncurrentDays": 10}, NoncurrentVersionTransitions=[{"NoncurrentDays": 10, "StorageClass": "GLACIER"}])],
         "InvalidArgument",
         "'NoncurrentDays' in the NoncurrentVersionExpiration action must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action"),
    ],
)
def test_what_is_no_rule(s3, bucket, rules, code, text):
    with refused(code, text) if text else refused(code):
        put(s3, bucket, *rules)


def test_what_is_far_enough_apart(s3, bucket):
    for days in (dict(STANDARD_IA=30, GLACIER=60, DEEP_ARCHIVE=150), dict(DEEP_ARCHIVE=90, GLACIER=0)):
        put(s3, bucket, rule(Filter={}, Transitions=moves(**days), Expiration={"Days": 151}))
    early = datetime.datetime(2029, 1, 1, tzinfo=datetime.timezone.utc)
    put(s3, bucket, rule(Expiration={"Date": LATER}, Transitions=[{"Date": early, "StorageClass": "GLACIER"}]))


def test_rules_that_meet_on_one_day(cloud, s3, bucket):
    """AWS: "S3 Lifecycle transitions your objects to the lower-cost storage class"; INTELLIGENT_TIERING before all but the archives."""
    wanted = {"a": ("STANDARD_IA", "GLACIER"), "b": ("GLACIER", "STANDARD_IA"), "c": ("GLACIER_IR", "INTELLIGENT_TIERING"), "d": ("INTELLIGENT_TIERING", "GLACIER")}
    rules = [
        rule(ID=f"{key}{at}", Filter={"Prefix": key}, Transitions=moves(**{name: 30})) for key, names in wanted.items() for at, name in enumerate(names)
    ]
    for key in wanted:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * 131_072)
    put(s3, bucket, *rules)
    cloud.advance("768h")
    until(
        lambda: {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]},
        {"a": "GLACIER", "b": "GLACIER", "c": "INTELLIGENT_TIERING", "d": "GLACIER"},
    )


def test_a_move_comes_before_a_delete_marker_of_the_same_day(cloud, s3, bucket, name):
    """AWS: "Permanent deletion takes precedence over transition. Transition takes precedence over creation of delete markers." """
    plain = f"{name}-plain"
    s3.create_bucket(Bucket=plain)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for each in (bucket, plain):
        s3.put_object(Bucket=each, Key="k", Body=b"x" * 131_072)
        put(s3, each, rule(Expiration={"Days": 3}), rule(ID="two", Transitions=moves(GLACIER_IR=3)))

    def seen(each):
        page = s3.list_object_versions(Bucket=each)
        return [one["StorageClass"] for one in page.get("Versions", [])], len(page.get("DeleteMarkers", []))

    cloud.advance("96h")
    until(lambda: (seen(bucket), seen(plain)), ((["GLACIER_IR"], 0), ([], 0)))
    cloud.advance("24h")
    until(lambda: seen(bucket), (["GLACIER_IR"], 1))


def test_who_may_not_write_rules(cloud, s3, bucket, name):
    person = Person(cloud, cloud.client("iam"), name)
    mine = person.service("s3")
    for call in (lambda: put(mine, bucket, rule(Expiration={"Days": 1})), lambda: mine.delete_bucket_lifecycle(Bucket=bucket)):
        with refused("AccessDenied", status=403):
            call()
    person.put("write", allow("s3:PutLifecycleConfiguration", f"arn:aws:s3:::{bucket}"))
    put(mine, bucket, rule(Expiration={"Days": 1}))
    mine.delete_bucket_lifecycle(Bucket=bucket)


def test_objects_end(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="logs/old", Body=b"x")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="end=yes")
    s3.create_multipart_upload(Bucket=bucket, Key="never")
    put(
        s3, bucket,
        rule(Filter={"Prefix": "logs/"}, Expiration={"Days": 2}),
        rule(ID="tags", Filter={"Tag": {"Key": "end", "Value": "yes"}}, Expiration={"Days": 1}),
        rule(ID="uploads", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2}),
    )
    head = s3.head_object(Bucket=bucket, Key="logs/old")["Expiration"]
    assert head.startswith('expiry-date="') and head.endswith('00:00:00 GMT", rule-id="one"')
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="kept")
    cloud.advance("48h")
    until(lambda: keys(s3, bucket), ["kept", "logs/old"])
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    cloud.advance("24h")
    until(lambda: keys(s3, bucket), ["kept"])
    until(lambda: s3.list_multipart_uploads(Bucket=bucket).get("Uploads"), None)


def test_versions_end(cloud, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for i in range(4):
        s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % i)
    put(
        s3, bucket,
        rule(Expiration={"Days": 1}),
        rule(ID="behind", NoncurrentVersionExpiration={"NoncurrentDays": 5, "NewerNoncurrentVersions": 1}),
    )
    cloud.advance("48h")
    until(lambda: versions(s3, bucket), (4, 1))
    assert keys(s3, bucket) == []
    cloud.advance("192h")
    until(lambda: versions(s3, bucket), (1, 1))
    body = s3.list_object_versions(Bucket=bucket)["Versions"][0]["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=body)["Body"].read() == b"3"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=body)
    put(s3, bucket, rule(Expiration={"ExpiredObjectDeleteMarker": True}))
    until(lambda: versions(s3, bucket), (0, 0))


def test_large_objects_move(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 131_072)
    s3.put_object(Bucket=bucket, Key="small", Body=b"x")
    put(s3, bucket, rule(Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER_IR"}]))

    def classes():
        return {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    cloud.advance("768h")
    until(classes, {"large": "STANDARD_IA", "small": "STANDARD"})
    cloud.advance("768h")
    until(classes, {"large": "GLACIER_IR", "small": "STANDARD"})
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b"x" * 131_072
