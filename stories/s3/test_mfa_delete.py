"""MFA delete: what is gone for good was removed by the root user with its device at hand."""

import pytest
from asserting import refused
from people import Person, allow
from totp import Authenticator

MISSING = "Mfa Authentication must be used for this request"
NOT_OWNER = "This operation may only be performed by the bucket owner"


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def device(iam, name):
    """A new device of the root user. A code counts once, so each is good for one request."""
    made = []

    def header():
        one = Authenticator(iam, f"{name}-{len(made)}")
        one.enable(iam, "000000000000")
        made.append(one)
        return f"{one.serial} {one.code(1)}"

    yield header
    for one in made:
        iam.deactivate_mfa_device(UserName="000000000000", SerialNumber=one.serial)
        iam.delete_virtual_mfa_device(SerialNumber=one.serial)


def version(s3, bucket, **configuration):
    more = {"MFA": configuration.pop("MFA")} if "MFA" in configuration else {}
    return s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", **configuration}, **more)


def test_versions_go_with_a_code_alone(cloud, iam, s3, bucket, device, name):
    version(s3, bucket)
    assert "MFADelete" not in s3.get_bucket_versioning(Bucket=bucket)
    with refused("AccessDenied", MISSING, 403):
        version(s3, bucket, MFADelete="Enabled")
    version(s3, bucket, MFADelete="Enabled", MFA=device())
    assert s3.get_bucket_versioning(Bucket=bucket)["MFADelete"] == "Enabled"
    kept = [s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(3)]
    target = {"Bucket": bucket, "Key": "k", "VersionId": kept[0]}
    code = device()
    serial, digits = code.split(" ")
    wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
    with refused("AccessDenied", MISSING, 403):
        s3.delete_object(**target)
    for bad in [f"{serial} {wrong}", f"{serial}-none {digits}"]:
        with refused("AccessDenied", MISSING, 403):
            s3.delete_object(**target, MFA=bad)
    with refused("InvalidArgument", "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}", 400):
        s3.delete_object(**target, MFA=digits)
    # Somebody who may do everything, with a device of her own, is not the root user.
    person = Person(cloud, iam, name)
    person.put("all", allow("*"))
    own = Authenticator(iam, name)
    own.enable(iam, name)
    with refused("AccessDenied", NOT_OWNER, 403):
        person.service("s3").delete_object(**target, MFA=f"{own.serial} {own.code(1)}")
    s3.delete_object(**target, MFA=code)
    with refused("NoSuchVersion", status=404):
        s3.get_object(**target)
    with refused("AccessDenied", MISSING, 403):
        s3.delete_object(**{**target, "VersionId": kept[1]}, MFA=code)
    # Hiding is not removing.
    assert s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    several = {"Objects": [{"Key": "k", "VersionId": kept[1]}, {"Key": "k", "VersionId": kept[2]}, {"Key": "other"}]}
    with refused("AccessDenied", MISSING, 403):
        s3.delete_objects(Bucket=bucket, Delete=several)
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    removed = s3.delete_objects(Bucket=bucket, Delete=several, MFA=device())
    assert len(removed["Deleted"]) == 3 and "Errors" not in removed
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_versioning_changes_with_a_code_alone(cloud, iam, s3, bucket, device, name):
    person = Person(cloud, iam, name)
    person.put("all", allow("*"))
    with refused("AccessDenied", NOT_OWNER, 403):
        version(person.service("s3"), bucket, MFADelete="Enabled", MFA=device())
    version(s3, bucket, MFADelete="Enabled", MFA=device())
    for change in [{"Status": "Suspended"}, {"MFADelete": "Disabled"}]:
        with refused("AccessDenied", MISSING, 403):
            version(s3, bucket, **change)
    rule = {"ID": "one", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    lifecycle = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": [rule]}}
    with refused("InvalidBucketState", status=409):
        s3.put_bucket_lifecycle_configuration(**lifecycle)
    version(s3, bucket, Status="Suspended", MFADelete="Disabled", MFA=device())
    answer = s3.get_bucket_versioning(Bucket=bucket)
    assert (answer["Status"], answer["MFADelete"]) == ("Suspended", "Disabled")
    version(s3, bucket)
    s3.put_bucket_lifecycle_configuration(**lifecycle)
    with refused("InvalidBucketState", status=409):
        version(s3, bucket, MFADelete="Enabled", MFA=device())
    with refused("MalformedXML", status=400):
        version(s3, bucket, MFADelete="enabled")
