"""Archived objects: kept, listed, and read only as restored copies, which come and go by the cloud's clock."""

import datetime
import time
from email.utils import parsedate_to_datetime

import pytest
from asserting import Prefix, refused
from people import Person, allow

UNREADABLE = "The operation is not valid for the object's storage class"
STARTED = 'ongoing-request="true"'


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def archive(s3, bucket, key="k", body=b"frozen", kind="GLACIER", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, StorageClass=kind, **more)


def restore(s3, bucket, key="k", days=None, tier=None, **more):
    """Asks for a copy. Gives the HTTP status."""
    request = ({"Days": days} if days else {}) | ({"GlacierJobParameters": {"Tier": tier}} if tier else {})
    answer = s3.restore_object(Bucket=bucket, Key=key, RestoreRequest=request, **more)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def expiry(header):
    """When a copy goes, of the header `x-amz-restore`."""
    start, end = 'ongoing-request="false", expiry-date="', '"'
    assert header.startswith(start) and header.endswith(end), header
    return parsedate_to_datetime(header[len(start) : -len(end)])


def unreadable(s3, bucket, key="k", kind="GLACIER"):
    with refused("InvalidObjectState", UNREADABLE, 403) as caught:
        s3.get_object(Bucket=bucket, Key=key)
    assert caught.value.response["Error"]["StorageClass"] == kind


def test_what_is_archived_is_not_read(cloud, s3, bucket):
    archive(s3, bucket)
    unreadable(s3, bucket)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["ContentLength"]) == ("GLACIER", 6) and "Restore" not in head
    source = "Operation is not valid for the source object's storage class"
    with refused("InvalidObjectState", source, 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    with refused("InvalidObjectState", source, 403):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="STANDARD")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    with refused("InvalidObjectState", source, 403):
        s3.upload_part_copy(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/k")
    assert s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["StorageClass", "ObjectSize"])["StorageClass"] == "GLACIER"
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    # What is at hand is read beside it: the other colder classes, and what is tiered.
    for kind in ["GLACIER_IR", "INTELLIGENT_TIERING", "STANDARD_IA"]:
        archive(s3, bucket, kind, kind=kind)
        got = s3.get_object(Bucket=bucket, Key=kind)
        assert (got["Body"].read(), got["StorageClass"]) == (b"frozen", kind)
    listed = {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == {"k": "GLACIER", "GLACIER_IR": "GLACIER_IR", "INTELLIGENT_TIERING": "INTELLIGENT_TIERING", "STANDARD_IA": "STANDARD_IA"}
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize(
    ("kind", "tier", "early", "rest"),
    [
        ("GLACIER", "Expedited", "4m", "2m"),
        ("GLACIER", None, "4h", "2h"),
        ("GLACIER", "Bulk", "11h", "2h"),
        ("DEEP_ARCHIVE", "Standard", "11h", "2h"),
        ("DEEP_ARCHIVE", "Bulk", "47h", "2h"),
    ],
)
def test_a_copy_comes_when_its_tier_says(cloud, s3, bucket, kind, tier, early, rest):
    archive(s3, bucket, kind=kind)
    assert restore(s3, bucket, days=2, tier=tier) == 202
    cloud.advance(early)
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"] == STARTED
    unreadable(s3, bucket, kind=kind)
    cloud.advance(rest)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["StorageClass"]) == (b"frozen", kind)
    now = datetime.datetime.fromisoformat(cloud.command("clock", "now", json_output=True)["now"].replace("Z", "+00:00"))
    goes = expiry(got["Restore"])
    assert goes.strftime("%H:%M:%S") == "00:00:00" and datetime.timedelta(days=1) < goes - now <= datetime.timedelta(days=3)
    assert expiry(s3.head_object(Bucket=bucket, Key="k")["Restore"]) == goes


def test_a_copy_goes_and_may_be_kept_longer(cloud, s3, bucket):
    archive(s3, bucket)
    assert restore(s3, bucket, days=1, tier="Expedited") == 202
    cloud.advance("6m")
    first = expiry(s3.head_object(Bucket=bucket, Key="k")["Restore"])
    assert restore(s3, bucket, days=5) == 200
    assert expiry(s3.head_object(Bucket=bucket, Key="k")["Restore"]) - first == datetime.timedelta(days=4)
    cloud.advance("72h")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"frozen"
    # A permanent one is a copy in a class that is at hand.
    s3.copy_object(Bucket=bucket, Key="thawed", CopySource=f"{bucket}/k")
    cloud.advance("96h")
    unreadable(s3, bucket)
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="thawed")["Body"].read() == b"frozen"
    assert restore(s3, bucket, days=1) == 202


def test_a_restore_under_way_is_not_begun_again_but_made_faster(cloud, s3, bucket):
    archive(s3, bucket)
    assert restore(s3, bucket, days=3, tier="Bulk") == 202
    for tier in ["Bulk"]:
        with refused("RestoreAlreadyInProgress", "Object restore is already in progress", 409):
            restore(s3, bucket, days=3, tier=tier)
    assert restore(s3, bucket, tier="Expedited") == 202
    with refused("RestoreAlreadyInProgress", status=409):
        restore(s3, bucket, days=3)
    cloud.advance("6m")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"frozen"


def test_what_cannot_be_restored(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    with refused("InvalidObjectState", "Restore is not allowed for the object's current storage class", 403) as caught:
        restore(s3, bucket, "plain", days=1)
    assert caught.value.response["Error"]["StorageClass"] == "STANDARD"
    archive(s3, bucket, "tiered", kind="INTELLIGENT_TIERING")
    with refused("ObjectAlreadyInActiveTierError", "This action is not allowed against this storage tier", 403):
        restore(s3, bucket, "tiered")
    with refused("InvalidArgument", Prefix("INTELLIGENT_TIERING objects are not subject to restore expiry."), 400):
        restore(s3, bucket, "tiered", days=1)
    archive(s3, bucket)
    archive(s3, bucket, "deep", kind="DEEP_ARCHIVE")
    with refused("InvalidArgument", "Retrieval option is not supported by this storage class", 400):
        restore(s3, bucket, "deep", days=1, tier="Expedited")
    for wrong in [{}, {"Days": -1}, {"Days": 1, "GlacierJobParameters": {"Tier": "Quick"}}]:
        with refused(("MalformedXML", "InvalidArgument"), status=400):
            s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=wrong)
    archive(s3, bucket, "long")
    restore(s3, bucket, "long", days=2**31 - 1, tier="Expedited")
    cloud.advance("6m")
    assert expiry(s3.head_object(Bucket=bucket, Key="long")["Restore"]).year == 9999
    for absent in [{"Type": "SELECT", "Tier": "Standard"}, {"Days": 1, "Description": "mine"}]:
        with refused("NotImplemented", Prefix("yakumo does not implement "), 501):
            s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=absent)
    with refused("NoSuchKey", status=404):
        restore(s3, bucket, "absent", days=1)
    unreadable(s3, bucket)
    for kind in ["OUTPOSTS", "SNOW"]:
        with refused("NotImplemented", status=501):
            archive(s3, bucket, kind=kind)
    with refused("InvalidStorageClass", status=400):
        archive(s3, bucket, kind="ICE")


def test_versions_are_restored_one_by_one(cloud, iam, s3, bucket, name):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old, new = [archive(s3, bucket, body=body)["VersionId"] for body in [b"old", b"new"]]
    person = Person(cloud, iam, name)
    mine = person.service("s3")
    person.put("read", allow(["s3:GetObject", "s3:GetObjectVersion"], f"arn:aws:s3:::{bucket}/*"))
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:RestoreObject "), 403):
        restore(mine, bucket, days=1, tier="Expedited", VersionId=old)
    person.put("restore", allow("s3:RestoreObject", f"arn:aws:s3:::{bucket}/*"))
    assert restore(mine, bucket, days=1, tier="Expedited", VersionId=old) == 202
    cloud.advance("6m")
    assert mine.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"
    with refused("InvalidObjectState", status=403):
        mine.get_object(Bucket=bucket, Key="k", VersionId=new)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("MethodNotAllowed", status=405):
        restore(s3, bucket, days=1, VersionId=marker)
    with refused("NoSuchKey", status=404):
        restore(s3, bucket, days=1)


def test_lists_tell_of_copies_when_asked(cloud, s3, bucket):
    for key in ["absent", "here", "ongoing"]:
        archive(s3, bucket, key)
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    restore(s3, bucket, "here", days=1, tier="Expedited")
    cloud.advance("6m")
    restore(s3, bucket, "ongoing", days=1, tier="Bulk")
    goes = expiry(s3.head_object(Bucket=bucket, Key="here")["Restore"])
    wanted = {
        "absent": None,
        "here": {"IsRestoreInProgress": False, "RestoreExpiryDate": goes},
        "ongoing": {"IsRestoreInProgress": True},
        "plain": None,
    }
    for call, member in [(s3.list_objects_v2, "Contents"), (s3.list_objects, "Contents"), (s3.list_object_versions, "Versions")]:
        found = call(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])[member]
        assert {one["Key"]: one.get("RestoreStatus") for one in found} == wanted
        assert not any("RestoreStatus" in one for one in call(Bucket=bucket)[member])
        with refused("InvalidArgument", status=400):
            call(Bucket=bucket, OptionalObjectAttributes=["Colour"])


def test_lifecycle_archives(cloud, s3, bucket):
    for key, size in [("large", 131_072), ("small", 1)]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    steps = [{"Days": 1, "StorageClass": "INTELLIGENT_TIERING"}, {"Days": 4, "StorageClass": "GLACIER"}, {"Days": 100, "StorageClass": "DEEP_ARCHIVE"}]
    rule = {"ID": "one", "Status": "Enabled", "Filter": {}, "Transitions": steps}
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}, TransitionDefaultMinimumObjectSize="varies_by_storage_class"
    )
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["Transitions"] == steps

    def classes():
        return {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    for days, wanted in [
        (2, {"large": "INTELLIGENT_TIERING", "small": "STANDARD"}),
        (3, {"large": "GLACIER", "small": "GLACIER"}),
        (100, {"large": "DEEP_ARCHIVE", "small": "DEEP_ARCHIVE"}),
    ]:
        cloud.advance(f"{24 * days}h")
        until(lambda: classes() == wanted)  # noqa: B023
    unreadable(s3, bucket, "large", "DEEP_ARCHIVE")


def until(holds):
    """The background work is waited for, for as long as it may take."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    assert holds()


def test_parts_and_forms_archive_too(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", StorageClass="DEEP_ARCHIVE")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    named = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=named)
    unreadable(s3, bucket, kind="DEEP_ARCHIVE")
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/source", StorageClass="GLACIER")
    unreadable(s3, bucket, "copy")


def test_a_copy_is_there_after_a_kill(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    archive(s3, name)
    archive(s3, name, "other")
    restore(s3, name, days=3, tier="Expedited")
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    assert s3.head_object(Bucket=name, Key="k")["Restore"] == STARTED
    cloud.advance("6m")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"frozen"
    unreadable(s3, name, "other")
