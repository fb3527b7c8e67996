"""Object lock: what is locked stays, whoever asks, until its time has passed on the cloud's clock."""

import base64
import datetime
import hashlib
import threading
import urllib.error
import urllib.request

import pytest
from asserting import Prefix, refused
from botocore.config import Config
from botocore.exceptions import ClientError
from people import Person, allow, deny, policy
from terraform import prepare, tell, terraform  # noqa: F401

LOCKED = "Access Denied because object protected by object lock."
MISSING = "Bucket is missing Object Lock Configuration"
NO_LOCK = "The specified object does not have a ObjectLock configuration"
SUM = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {} requests with Object Lock parameters"


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def now(cloud):
    """The cloud's time."""
    text = cloud.command("clock", json_output=True)["now"]
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def later(cloud, **more):
    """A time after the cloud's, in whole seconds."""
    return now(cloud).replace(microsecond=0) + datetime.timedelta(**more)


def default(s3, bucket, mode="GOVERNANCE", **period):
    rule = {"Rule": {"DefaultRetention": {"Mode": mode, **period}}} if period else {}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **rule})


def put(s3, bucket, key="k", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more)["VersionId"]


def retain(s3, bucket, version, mode, until, **more):
    retention = {"Mode": mode, "RetainUntilDate": until} if mode else {}
    s3.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=retention, **more)


def test_the_lock_of_a_bucket(s3, bucket, name):
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    read = lambda: s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]  # noqa: E731
    assert read() == {"ObjectLockEnabled": "Enabled"}
    for rule in [{"Mode": "COMPLIANCE", "Days": 36500}, {"Mode": "GOVERNANCE", "Years": 100}]:
        given = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=given)
        assert read() == given
    default(s3, bucket)
    assert read() == {"ObjectLockEnabled": "Enabled"}
    text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
    with refused("InvalidBucketState", text, 409):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def test_a_bucket_that_keeps_versions_is_given_a_lock(cloud, s3, name):
    s3.create_bucket(Bucket=name)
    with refused("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket", 404):
        s3.get_object_lock_configuration(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"old")
    with refused("InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration", 409):
        default(s3, name, Days=1)
    for call in [s3.get_object_retention, s3.get_object_legal_hold]:
        with refused("InvalidRequest", MISSING, 400):
            call(Bucket=name, Key="k")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    default(s3, name, Days=1)
    with refused("NoSuchObjectLockConfiguration", NO_LOCK, 404):
        s3.get_object_retention(Bucket=name, Key="k")
    # What was there before can be held too, and is not written over: versions are kept.
    s3.put_object_legal_hold(Bucket=name, Key="k", VersionId="null", LegalHold={"Status": "ON"})
    put(s3, name)
    with refused("AccessDenied", LOCKED, 403):
        s3.delete_object(Bucket=name, Key="k", VersionId="null")
    assert s3.get_object(Bucket=name, Key="k", VersionId="null")["Body"].read() == b"old"


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({}, "InvalidArgument", "Default retention period must be a positive integer value."),
        ({"Days": 36501}, "InvalidArgument", None),
        ({"Days": None, "Years": 101}, "InvalidArgument", None),
        ({"Years": 1, "Days": 1}, "MalformedXML", None),
        ({"Days": None}, "MalformedXML", None),
        ({"Days": 1, "Mode": "SOFT"}, "MalformedXML", None),
        ({"Days": 1, "Mode": None}, "MalformedXML", None),
    ],
)
def test_rules_that_are_none(s3, bucket, given, code, text):
    rule = {key: value for key, value in {"Mode": "GOVERNANCE", "Days": 0, **given}.items() if value is not None}
    with refused(code, text, 400):
        s3.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
        )
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    with refused("MalformedXML", status=400):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={})


def test_compliance_is_shortened_by_nobody(cloud, s3, bucket):
    until = later(cloud, days=2)
    version = put(s3, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    # The client is the root user of the account: nobody is mightier.
    for bypass in [{}, {"BypassGovernanceRetention": True}]:
        with refused("AccessDenied", LOCKED, 403):
            s3.delete_object(Bucket=bucket, Key="k", VersionId=version, **bypass)
        for mode, date in [("COMPLIANCE", until - datetime.timedelta(seconds=1)), ("GOVERNANCE", until), (None, None)]:
            with refused("AccessDenied", LOCKED, 403):
                retain(s3, bucket, version, mode, date, **bypass)
    several = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}, {"Key": "other"}]})
    assert [(one["Code"], one["Message"], one["VersionId"]) for one in several["Errors"]] == [("AccessDenied", LOCKED, version)]
    assert [one["Key"] for one in several["Deleted"]] == ["other"]
    # A delete marker hides it and destroys nothing.
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == version
    with refused("BucketNotEmpty", status=409):
        s3.delete_bucket(Bucket=bucket)
    longer = until + datetime.timedelta(hours=5)
    retain(s3, bucket, version, "COMPLIANCE", longer)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": longer}
    cloud.advance("48h")
    with refused("AccessDenied", LOCKED, 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    cloud.advance("6h")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    with refused("NoSuchVersion", status=404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=version)


def test_governance_yields_to_who_may_pass_over_it(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    mine, objects = person.service("s3"), f"arn:aws:s3:::{bucket}/*"
    until = later(cloud, days=2)
    person.put("all", allow("s3:*", [f"arn:aws:s3:::{bucket}", objects]), deny("s3:BypassGovernanceRetention"))
    version = put(mine, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    retain(mine, bucket, version, "GOVERNANCE", until + datetime.timedelta(days=1))
    for change in [("GOVERNANCE", until), ("COMPLIANCE", until + datetime.timedelta(days=3)), (None, None)]:
        with refused("AccessDenied", LOCKED, 403):
            retain(mine, bucket, version, *change)
        with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:BypassGovernanceRetention"), 403):
            retain(mine, bucket, version, *change, BypassGovernanceRetention=True)
    with refused("AccessDenied", LOCKED, 403):
        mine.delete_object(Bucket=bucket, Key="k", VersionId=version)
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:BypassGovernanceRetention"), 403):
        mine.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    several = {"Objects": [{"Key": "k", "VersionId": version}]}
    denied = mine.delete_objects(Bucket=bucket, Delete=several, BypassGovernanceRetention=True)["Errors"]
    assert [one["Code"] for one in denied] == ["AccessDenied"] and "BypassGovernanceRetention" in denied[0]["Message"]
    person.put("all", allow("s3:*", [f"arn:aws:s3:::{bucket}", objects]))
    # The permission alone is not enough: it must be meant.
    with refused("AccessDenied", LOCKED, 403):
        mine.delete_object(Bucket=bucket, Key="k", VersionId=version)
    retain(mine, bucket, version, "GOVERNANCE", until, BypassGovernanceRetention=True)
    mine.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    versions = [put(mine, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until) for _ in range(2)]
    retain(mine, bucket, versions[0], None, None, BypassGovernanceRetention=True)
    with refused("NoSuchObjectLockConfiguration", NO_LOCK, 404):
        mine.get_object_retention(Bucket=bucket, Key="k", VersionId=versions[0])
    mine.delete_object(Bucket=bucket, Key="k", VersionId=versions[0])
    several = {"Objects": [{"Key": "k", "VersionId": versions[1]}]}
    assert "Errors" not in mine.delete_objects(Bucket=bucket, Delete=several, BypassGovernanceRetention=True)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_a_legal_hold_has_no_end(cloud, s3, bucket):
    version = put(s3, bucket)
    with refused("NoSuchObjectLockConfiguration", NO_LOCK, 404):
        s3.get_object_legal_hold(Bucket=bucket, Key="k")
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"] == {"Status": "ON"}
    cloud.advance("720h")
    with refused("AccessDenied", LOCKED, 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    # It holds this version only, and neither tags nor lists of it.
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    other = put(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=other)
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["VersionId"] == version
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    for given in [{}, {"Status": "on"}]:
        with refused("MalformedXML", status=400):
            s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold=given)


def test_every_way_to_make_an_object_gets_the_default(cloud, s3, bucket, name):
    default(s3, bucket, "COMPLIANCE", Days=3)
    before = now(cloud)
    put(s3, bucket, "put")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/put")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    named = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=named)
    assert post(cloud, bucket, "posted", {"content-md5": base64.b64encode(hashlib.md5(b"x").digest()).decode()}) == 204
    assert post(cloud, bucket, "unsummed", {}) == 400
    after = now(cloud)
    for key in ["put", "copied", "parts", "posted"]:
        found = s3.get_object_retention(Bucket=bucket, Key=key)["Retention"]
        begun = found["RetainUntilDate"] - datetime.timedelta(days=3)
        assert found["Mode"] == "COMPLIANCE" and before <= begun <= after, (key, found, before, after)
        version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
        with refused("AccessDenied", LOCKED, 403):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    # What the request says itself comes first.
    until = later(cloud, hours=1)
    put(s3, bucket, "own", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert s3.get_object_retention(Bucket=bucket, Key="own")["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    default(s3, bucket)
    put(s3, bucket, "free")
    with refused("NoSuchObjectLockConfiguration", status=404):
        s3.get_object_retention(Bucket=bucket, Key="free")


def post(cloud, bucket, key, fields):
    """Posts a form as a browser would. Gives the status."""
    signer = cloud.client("s3", config=Config(signature_version="s3v4"))
    form = signer.generate_presigned_post(bucket, key, Fields=fields, Conditions=[{name: value} for name, value in fields.items()])
    edge = "----edge"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form["fields"].items()]
    file = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--{edge}--\r\n'
    body = ("".join(parts) + file).encode()
    asked = urllib.request.Request(form["url"], body, {"Content-Type": f"multipart/form-data; boundary={edge}"}, method="POST")
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_locks_in_requests_that_make_objects(cloud, s3, bucket):
    until = later(cloud, days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "ON"}
    put(s3, bucket, "source")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/source", **lock)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", **lock)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    named = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=named)
    fields = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-amz-object-lock-legal-hold": "ON",
        "content-md5": base64.b64encode(hashlib.md5(b"x").digest()).decode(),
    }
    assert post(cloud, bucket, "posted", fields) == 204
    for key in ["copied", "parts", "posted"]:
        for read in [s3.head_object, s3.get_object]:
            answer = read(Bucket=bucket, Key=key)
            assert {name: answer[name] for name in lock} == lock, key
    # A copy of what is locked is not.
    s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{bucket}/copied")
    assert "ObjectLockMode" not in s3.head_object(Bucket=bucket, Key="again")


def test_locks_that_are_none_are_refused(cloud, s3, bucket, name):
    until = later(cloud, days=1)
    both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
    for lock, code, text in [
        ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument", both),
        ({"ObjectLockRetainUntilDate": until}, "InvalidArgument", both),
        ({"ObjectLockMode": "SOFT", "ObjectLockRetainUntilDate": until}, "InvalidArgument", "Unknown wormMode directive."),
        ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until - datetime.timedelta(days=2)},
         "InvalidArgument", "The retain until date must be in the future!"),
        ({"ObjectLockLegalHoldStatus": "on"}, "InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'"),
    ]:
        for call, more in [(s3.put_object, {"Body": b"x"}), (s3.create_multipart_upload, {})]:
            with refused(code, text, 400):
                call(Bucket=bucket, Key="k", **lock, **more)
    version = put(s3, bucket)
    for given, code in [
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"RetainUntilDate": until}, "MalformedXML"),
        ({"Mode": "SOFT", "RetainUntilDate": until}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "RetainUntilDate": until - datetime.timedelta(days=2)}, "InvalidArgument"),
    ]:
        with refused(code, status=400):
            s3.put_object_retention(Bucket=bucket, Key="k", Retention=given)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    plain = f"{name}-plain"
    s3.create_bucket(Bucket=plain)
    for lock in [{"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}, {"ObjectLockLegalHoldStatus": "ON"}]:
        with refused("InvalidRequest", MISSING, 400):
            s3.put_object(Bucket=plain, Key="k", Body=b"x", **lock)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("MethodNotAllowed", status=405):
        s3.put_object_legal_hold(Bucket=bucket, Key="k", VersionId=marker, LegalHold={"Status": "ON"})
    with refused("NoSuchKey", status=404):
        s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})


def test_what_becomes_locked_comes_with_a_sum(cloud, s3, bucket):
    bare = cloud.client("s3", config=Config(request_checksum_calculation="when_required", retries={"total_max_attempts": 1}))
    put(bare, bucket)
    upload = bare.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    with refused("InvalidRequest", SUM.format("Object"), 400):
        put(bare, bucket, ObjectLockLegalHoldStatus="ON")
    default(s3, bucket, Days=1)
    with refused("InvalidRequest", SUM.format("Object"), 400):
        put(bare, bucket)
    with refused("InvalidRequest", SUM.format("Part"), 400):
        bare.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    md5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    put(bare, bucket, ContentMD5=md5)
    put(bare, bucket, ChecksumAlgorithm="SHA256")
    bare.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x", ContentMD5=md5)


def test_each_lock_is_a_permission_of_its_own(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    mine, arn = person.service("s3"), f"arn:aws:s3:::{bucket}"
    until = later(cloud, days=1)
    retention = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    hold = {"ObjectLockLegalHoldStatus": "ON"}
    source = put(s3, bucket, "source")
    makes = [
        lambda **lock: put(mine, bucket, **lock),
        lambda **lock: mine.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **lock),
        lambda **lock: mine.create_multipart_upload(Bucket=bucket, Key="k", **lock),
    ]
    calls = {
        "PutObjectRetention": lambda: mine.put_object_retention(
            Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}),
        "PutObjectLegalHold": lambda: mine.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"}),
        "GetObjectRetention": lambda: mine.get_object_retention(Bucket=bucket, Key="k"),
        "GetObjectLegalHold": lambda: mine.get_object_legal_hold(Bucket=bucket, Key="k"),
        "GetBucketObjectLockConfiguration": lambda: mine.get_object_lock_configuration(Bucket=bucket),
        "PutBucketObjectLockConfiguration": lambda: default(mine, bucket),
    }
    person.put("plain", allow(["s3:PutObject", "s3:GetObject"], f"{arn}/*"))
    for make in makes:
        make()
        for lock, action in [(retention, "PutObjectRetention"), (hold, "PutObjectLegalHold")]:
            with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:{action} "), 403):
                make(**lock)
    for action, call in calls.items():
        with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:{action} "), 403):
            call()
    # Answers tell of locks only what the reader may read.
    put(s3, bucket, **retention, **hold)
    assert not {*retention, *hold} & {*mine.head_object(Bucket=bucket, Key="k")}
    person.put("more", allow("s3:GetObjectRetention", f"{arn}/*"))
    assert {*retention, *hold} & {*mine.get_object(Bucket=bucket, Key="k")} == {*retention}
    person.put("more", allow([f"s3:{action}" for action in calls], [arn, f"{arn}/*"]))
    assert {*retention, *hold} <= {*mine.head_object(Bucket=bucket, Key="k")}
    for make in makes:
        make(**retention, **hold)
    for call in calls.values():
        call()
    assert source
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:CreateBucket "), 403):
        mine.create_bucket(Bucket=f"{name}-mine", ObjectLockEnabledForBucket=True)
    person.put("create", allow("s3:CreateBucket"))
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:PutBucketObjectLock"), 403):
        mine.create_bucket(Bucket=f"{name}-mine", ObjectLockEnabledForBucket=True)
    person.put("create", allow(["s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]))
    mine.create_bucket(Bucket=f"{name}-mine", ObjectLockEnabledForBucket=True)


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ({"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}}, {"mode": "COMPLIANCE"}, {"mode": "GOVERNANCE"}),
        ({"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "10"}}, {"days": 10}, {"days": 10, "minutes": 9}),
        ({"DateLessThan": {"s3:object-lock-retain-until-date": "LIMIT"}}, {"days": 1}, {"days": 100}),
    ],
)
def test_conditions_on_retention(cloud, iam, s3, bucket, name, condition, good, bad):
    limit = later(cloud, days=50).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {operator: {key: value.replace("LIMIT", limit) for key, value in keys.items()} for operator, keys in condition.items()}
    person = Person(cloud, iam, name)
    mine, arn = person.service("s3"), f"arn:aws:s3:::{bucket}/*"
    person.put("all", allow(["s3:PutObject"], arn), allow("s3:PutObjectRetention", arn, Condition=condition))
    version = put(mine, bucket)

    def lock(mode="COMPLIANCE", days=1, **more):
        return {"Mode": mode, "RetainUntilDate": later(cloud, days=days, **more)}

    for given, is_good in [(good, True), (bad, False)]:
        retention = lock(**given)
        headers = {"ObjectLockMode": retention["Mode"], "ObjectLockRetainUntilDate": retention["RetainUntilDate"]}
        for call in [
            lambda: mine.put_object_retention(Bucket=bucket, Key="k", VersionId=version, Retention=retention),  # noqa: B023
            lambda: put(mine, bucket, "other", **headers),  # noqa: B023
        ]:
            if is_good:
                call()
            else:
                with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:PutObjectRetention"), 403):
                    call()


def test_a_bucket_policy_wants_a_legal_hold(s3, bucket):
    statement = deny("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal="*",
                     Condition={"StringNotEquals": {"s3:object-lock-legal-hold": "ON"}})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    put(s3, bucket, ObjectLockLegalHoldStatus="ON")
    for lock in [{}, {"ObjectLockLegalHoldStatus": "OFF"}]:
        with refused("AccessDenied", status=403):
            put(s3, bucket, **lock)


def test_lifecycle_waits_for_locks(cloud, s3, bucket):
    held = put(s3, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(cloud, days=6))
    put(s3, bucket)
    put(s3, bucket)
    rule = {"ID": "one", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    versions = lambda: [one["VersionId"] for one in s3.list_object_versions(Bucket=bucket)["Versions"]]  # noqa: E731
    newest = versions()[0]
    cloud.advance("72h")
    until(lambda: versions() == [newest, held])
    cloud.advance("120h")
    until(lambda: versions() == [newest])


def until(holds):
    """The background work is waited for, for as long as it may take."""
    import time

    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    assert holds()


def test_locks_hold_after_a_kill(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    default(s3, name, "COMPLIANCE", Days=5)
    until = later(cloud, days=9)
    held = put(s3, name)
    longer = put(s3, name, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    hold = put(s3, name, "hold")
    s3.put_object_legal_hold(Bucket=name, Key="hold", LegalHold={"Status": "ON"})
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"] == {
        "DefaultRetention": {"Mode": "COMPLIANCE", "Days": 5}
    }
    for key, version in [("k", held), ("k", longer), ("hold", hold)]:
        with refused("AccessDenied", LOCKED, 403):
            s3.delete_object(Bucket=name, Key=key, VersionId=version)
    assert s3.get_object_retention(Bucket=name, Key="k", VersionId=longer)["Retention"]["RetainUntilDate"] == until
    s3.delete_object(Bucket=name, Key="k", VersionId=longer, BypassGovernanceRetention=True)


def test_a_lock_that_was_acknowledged_is_never_outrun(cloud, s3, bucket):
    """One client locks while another deletes: either the lock finds nothing, or the version stays."""
    lockers, outcomes = [cloud.client("s3") for _ in range(2)], {"held": 0, "gone": 0}
    until = later(cloud, days=1)
    for number in range(60):
        version, said = put(s3, bucket), {}
        gate = threading.Barrier(2)

        def attempt(who, call):
            gate.wait()  # noqa: B023
            try:
                call()
                said[who] = "done"  # noqa: B023
            except ClientError as error:
                said[who] = error.response["Error"]["Code"]  # noqa: B023

        target = {"Bucket": bucket, "Key": "k", "VersionId": version}
        if number % 2:
            lock = lambda: lockers[0].put_object_legal_hold(**target, LegalHold={"Status": "ON"})  # noqa: E731, B023
        else:
            lock = lambda: lockers[0].put_object_retention(  # noqa: E731
                **target, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})  # noqa: B023
        delete = lambda: lockers[1].delete_object(**target)  # noqa: E731, B023
        threads = [threading.Thread(target=attempt, args=pair) for pair in [("lock", lock), ("delete", delete)]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if said["lock"] == "done":
            assert said["delete"] == "AccessDenied", said
            s3.head_object(**target)
            outcomes["held"] += 1
        else:
            assert said == {"lock": "NoSuchVersion", "delete": "done"}
            outcomes["gone"] += 1
    assert sum(outcomes.values()) == 60


LOCKED_BUCKET = """
resource "aws_s3_bucket" "it" {
  bucket              = "%(name)s"
  object_lock_enabled = true
  force_destroy       = true
}
resource "aws_s3_bucket_object_lock_configuration" "it" {
  bucket = aws_s3_bucket.it.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 5
    }
  }
}
resource "aws_s3_object" "it" {
  bucket                        = aws_s3_bucket_object_lock_configuration.it.bucket
  key                           = "one.txt"
  content                       = "hello"
  storage_class                 = "%(class)s"
  object_lock_mode              = "GOVERNANCE"
  object_lock_retain_until_date = "%(until)s"
  object_lock_legal_hold_status = "ON"
  force_destroy                 = true
}
resource "aws_s3_bucket" "later" {
  bucket        = "%(name)s-later"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "later" {
  bucket = aws_s3_bucket.later.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_object_lock_configuration" "later" {
  bucket = aws_s3_bucket_versioning.later.bucket
  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = 1
    }
  }
}
output "version" { value = aws_s3_object.it.version_id }
"""


def test_terraform_locks(cloud, s3, terraform, name):
    until = later(cloud, days=3).strftime("%Y-%m-%dT%H:%M:%SZ")
    prepare(terraform, LOCKED_BUCKET % {"name": name, "until": until, "class": "DEEP_ARCHIVE"})
    for outputs in tell(terraform):
        with refused("AccessDenied", LOCKED, 403):
            s3.delete_object(Bucket=name, Key="one.txt", VersionId=outputs["version"], BypassGovernanceRetention=True)
    with refused("NoSuchBucket"):
        s3.list_object_versions(Bucket=name)
