"""Replication between buckets, regions and accounts by a role that S3 really assumes: what it may not do is not done."""

import base64
import json
import time

import pytest
from asserting import Prefix, refused
from people import Person, allow, deny, policy, trust
from terraform import prepare, terraform  # noqa: F401

OWNER, OTHER = "000000000000", "111122223333"
SERVICE = {"Service": "s3.amazonaws.com"}


@pytest.fixture(scope="module")
def far(cloud):
    """S3 where the replicas go."""
    return cloud.client("s3", region="eu-west-1")


def keeping(client, name, region=None):
    """A new bucket that keeps versions. Gives its name."""
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region else {}
    client.create_bucket(Bucket=name, **where)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def rights(source, target, *more):
    """What AWS's guide gives the role of a replication."""
    here, there = f"arn:aws:s3:::{source}", f"arn:aws:s3:::{target}"
    read = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    write = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"]
    return [allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], here), allow(read, f"{here}/*"), allow(write, f"{there}/*"), *more]


def role_for(iam, name, *statements):
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(SERVICE))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
    return role


def rule(target, number=1, **more):
    base = {
        "ID": f"rule-{number}",
        "Priority": number,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    return {key: value for key, value in (base | more).items() if value is not None}


def configure(client, source, role, *rules):
    client.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": list(rules)})


@pytest.fixture
def pair(s3, far, name):
    """The names of a bucket and of one in another region."""
    return keeping(s3, name), keeping(far, f"{name}-far", "eu-west-1")


@pytest.fixture
def set_up(iam, s3, pair, name):
    """A pair with one rule for everything. Gives source, target and the role."""
    role = role_for(iam, name, *rights(*pair))
    configure(s3, pair[0], role, rule(pair[1]))
    return *pair, role


def settled(client, bucket, key, **which):
    """The status of a version when it is no longer waiting."""
    for _ in range(600):
        status = client.head_object(Bucket=bucket, Key=key, **which).get("ReplicationStatus")
        if status != "PENDING":
            return status
        time.sleep(0.05)
    raise AssertionError(f"{key} is still PENDING")


def until(found):
    """Waits for what comes by itself, such as a delete marker, which has no status that could be read."""
    for _ in range(600):
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_replica_is_like_its_source(s3, far, set_up):
    source, target, _ = set_up
    put = s3.put_object(
        Bucket=source, Key="a/b", Body=b"body", Metadata={"m": "1"}, Tagging="t=1", ContentType="text/x", CacheControl="no-store"
    )
    assert settled(s3, source, "a/b") == "COMPLETED"
    found = far.get_object(Bucket=target, Key="a/b", ChecksumMode="ENABLED")
    known = s3.get_object(Bucket=source, Key="a/b", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"body" and found["ReplicationStatus"] == "REPLICA"
    for what in ("VersionId", "ETag", "Metadata", "ContentType", "CacheControl", "LastModified", "TagCount", "ChecksumCRC32"):
        assert found[what] == known[what], what
    assert found["VersionId"] == put["VersionId"]
    assert far.get_object_tagging(Bucket=target, Key="a/b")["TagSet"] == [{"Key": "t", "Value": "1"}]
    xxh = base64.b64encode(bytes.fromhex("c500b0c912b376d8")).decode()
    s3.put_object(Bucket=source, Key="x", Body=b"Hello world", ChecksumXXHASH64=xxh)
    assert settled(s3, source, "x") == "COMPLETED"
    found = far.head_object(Bucket=target, Key="x", ChecksumMode="ENABLED")
    assert (found["ChecksumXXHASH64"], found["ChecksumType"]) == (xxh, "FULL_OBJECT")
    # Each has a body of its own.
    s3.delete_object(Bucket=source, Key="a/b", VersionId=put["VersionId"])
    assert far.get_object(Bucket=target, Key="a/b")["Body"].read() == b"body", "AWS: what is removed for good stays there"


def test_parts_copies_and_large_bodies(s3, far, set_up):
    source, target, _ = set_up
    upload = s3.create_multipart_upload(Bucket=source, Key="parts")["UploadId"]
    bodies = [b"a" * 5 * 1024 * 1024, b"b" * 1024]
    parts = [
        {"ETag": s3.upload_part(Bucket=source, Key="parts", UploadId=upload, PartNumber=n, Body=body)["ETag"], "PartNumber": n}
        for n, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(Bucket=source, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    s3.put_object(Bucket=source, Key="empty", Body=b"")
    s3.copy_object(Bucket=source, Key="copy", CopySource=f"{source}/parts")
    for key in ("parts", "empty", "copy"):
        assert settled(s3, source, key) == "COMPLETED", key
        here, there = s3.get_object(Bucket=source, Key=key), far.get_object(Bucket=target, Key=key)
        assert there["ETag"] == here["ETag"] and there["Body"].read() == here["Body"].read()
    assert far.get_object(Bucket=target, Key="parts", PartNumber=2)["Body"].read() == bodies[1]


def test_rules_choose(iam, s3, far, pair, name):
    source, target = pair
    second = keeping(s3, f"{name}-second")
    role = role_for(iam, name, *rights(source, target), *rights(source, second))
    both = {"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "yes"}]}}
    cold = {"Bucket": f"arn:aws:s3:::{target}", "StorageClass": "STANDARD_IA"}
    configure(
        s3, source, role,
        rule(target, 1, Filter={"Prefix": "docs/"}),
        rule(target, 2, Filter={"Prefix": "docs/cold/"}, Destination=cold),
        rule(second, 3, Filter=both),
        rule(target, 4, Filter={"Prefix": "off/"}, Status="Disabled"),
    )
    for key, tagging in [("docs/1", ""), ("docs/cold/1", ""), ("logs/1", "keep=yes&x=y"), ("logs/2", "keep=no"), ("off/1", ""), ("other", "")]:
        s3.put_object(Bucket=source, Key=key, Body=b"x", Tagging=tagging)
    statuses = {key: settled(s3, source, key) for key in ("docs/1", "docs/cold/1", "logs/1", "logs/2", "off/1", "other")}
    assert statuses == {"docs/1": "COMPLETED", "docs/cold/1": "COMPLETED", "logs/1": "COMPLETED", "logs/2": None, "off/1": None, "other": None}
    assert {one["Key"]: one["StorageClass"] for one in far.list_objects_v2(Bucket=target)["Contents"]} == {
        "docs/1": "STANDARD", "docs/cold/1": "STANDARD_IA"
    }
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=second)["Contents"]] == ["logs/1"]


def test_delete_markers(iam, s3, far, pair, name):
    source, target = pair
    role = role_for(iam, name, *rights(source, target))
    configure(
        s3, source, role,
        rule(target, 1, Filter={"Prefix": "with/"}, DeleteMarkerReplication={"Status": "Enabled"}),
        rule(target, 2, Filter={"Prefix": "without/"}),
    )
    for key in ("with/k", "without/k"):
        s3.put_object(Bucket=source, Key=key, Body=b"x")
        assert settled(s3, source, key) == "COMPLETED"
    s3.delete_object(Bucket=source, Key="without/k")
    marker = s3.delete_object(Bucket=source, Key="with/k")["VersionId"]
    markers = until(lambda: far.list_object_versions(Bucket=target).get("DeleteMarkers"))
    assert [(one["Key"], one["VersionId"]) for one in markers] == [("with/k", marker)]
    assert far.get_object(Bucket=target, Key="without/k")["Body"].read() == b"x"
    # A role that may not replicate deletes leaves them away.
    iam.put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=policy(deny("s3:ReplicateDelete")))
    s3.put_object(Bucket=source, Key="with/2", Body=b"x")
    assert settled(s3, source, "with/2") == "COMPLETED"
    s3.delete_object(Bucket=source, Key="with/2")
    s3.put_object(Bucket=source, Key="with/3", Body=b"x")
    assert settled(s3, source, "with/3") == "COMPLETED"
    assert [one["Key"] for one in far.list_object_versions(Bucket=target)["DeleteMarkers"]] == ["with/k"]


@pytest.mark.parametrize(
    "action, tagging, expected",
    [
        ("s3:GetReplicationConfiguration", "", "FAILED"),
        ("s3:GetObjectVersionForReplication", "", "FAILED"),
        ("s3:GetObjectVersionAcl", "", "FAILED"),
        ("s3:ReplicateObject", "", "FAILED"),
        ("s3:ReplicateTags", "t=1", "FAILED"),
        ("s3:GetObjectVersionTagging", "t=1", "FAILED"),
        ("s3:ReplicateTags", "", "COMPLETED"),
    ],
)
def test_what_the_role_may_not_do_fails(iam, s3, far, set_up, name, action, tagging, expected):
    source, target, _ = set_up
    iam.put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=policy(deny(action)))
    s3.put_object(Bucket=source, Key="k", Body=b"x", Tagging=tagging)
    assert settled(s3, source, "k") == expected
    assert ("Contents" in far.list_objects_v2(Bucket=target)) is (expected == "COMPLETED")
    # AWS: what has failed stays so; what comes after goes.
    iam.delete_role_policy(RoleName=name, PolicyName="deny")
    s3.put_object(Bucket=source, Key="k2", Body=b"x", Tagging=tagging)
    assert settled(s3, source, "k2") == "COMPLETED"
    assert settled(s3, source, "k") == expected


def test_the_role_must_trust_s3(iam, s3, far, set_up, name):
    source, target, role = set_up
    s3.put_object(Bucket=source, Key="before", Body=b"x")
    assert settled(s3, source, "before") == "COMPLETED"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    assert settled(s3, source, "k") == "FAILED"
    # Trust with the confused deputy in mind: only for this bucket, and for another.
    for arn, expected in ((f"arn:aws:s3:::{source}", "COMPLETED"), ("arn:aws:s3:::another", "FAILED")):
        document = trust(SERVICE, StringEquals={"aws:SourceAccount": OWNER}, ArnLike={"aws:SourceArn": arn})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        s3.put_object(Bucket=source, Key=f"k-{expected}", Body=b"x")
        assert settled(s3, source, f"k-{expected}") == expected
    found = [one["Key"] for one in far.list_objects_v2(Bucket=target)["Contents"]]
    assert found == ["before", "k-COMPLETED"]


def test_conditions_of_the_destination(iam, s3, far, set_up, name):
    """The destination's policy is asked too, and told how the replica is encrypted."""
    source, target, role = set_up
    for value, expected in (("AES256", "COMPLETED"), ("aws:kms", "FAILED")):
        denied = {
            "Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:ReplicateObject", "Resource": f"arn:aws:s3:::{target}/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": value}},
        }
        far.put_bucket_policy(Bucket=target, Policy=policy(denied))
        s3.put_object(Bucket=source, Key=value, Body=b"x")
        assert settled(s3, source, value) == expected


def test_to_another_account(cloud, iam, s3, name):
    theirs = cloud.client("s3", key=OTHER)
    source, target = keeping(s3, name), keeping(theirs, f"{name}-theirs")
    role = role_for(iam, name, *rights(source, target))
    owned = {"Bucket": f"arn:aws:s3:::{target}", "Account": OTHER, "AccessControlTranslation": {"Owner": "Destination"}}
    configure(s3, source, role, rule(target, Destination=owned))
    s3.put_object(Bucket=source, Key="denied", Body=b"x")
    assert settled(s3, source, "denied") == "FAILED"
    let_in = {"Effect": "Allow", "Principal": {"AWS": role}, "Resource": f"arn:aws:s3:::{target}/*"}
    theirs.put_bucket_policy(Bucket=target, Policy=policy(let_in | {"Action": ["s3:ReplicateObject"]}))
    s3.put_object(Bucket=source, Key="not handed over", Body=b"x")
    assert settled(s3, source, "not handed over") == "FAILED"
    theirs.put_bucket_policy(Bucket=target, Policy=policy(let_in | {"Action": ["s3:ReplicateObject", "s3:ObjectOwnerOverrideToBucketOwner"]}))
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    assert settled(s3, source, "k") == "COMPLETED"
    assert theirs.get_object(Bucket=target, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=target, Key="k")


def test_replicas_belong_to_the_source_where_lists_count(cloud, iam, s3, name):
    theirs = cloud.client("s3", key=OTHER)
    source, target = keeping(s3, name), f"{name}-theirs"
    theirs.create_bucket(Bucket=target, ObjectOwnership="ObjectWriter")
    theirs.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    role = role_for(iam, name, *rights(source, target))
    theirs.put_bucket_policy(
        Bucket=target,
        Policy=policy({"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:Replicate*", "Resource": f"arn:aws:s3:::{target}/*"}),
    )
    configure(s3, source, role, rule(target))
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    assert settled(s3, source, "k") == "COMPLETED"
    assert s3.get_object(Bucket=target, Key="k")["Body"].read() == b"x", "AWS: it is the source's owner's"
    with refused("AccessDenied", status=403):
        theirs.get_object(Bucket=target, Key="k")


def test_what_comes_back_stays_whose_it_was(cloud, iam, s3, name):
    theirs, their_iam = cloud.client("s3", key=OTHER), cloud.client("iam", key=OTHER)
    source, target = name, keeping(theirs, f"{name}-theirs")
    s3.create_bucket(Bucket=source, ObjectOwnership="ObjectWriter")
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    role, back = role_for(iam, name, *rights(source, target)), role_for(their_iam, name, *rights(target, source))
    for client, bucket, who in [(s3, source, back), (theirs, target, role)]:
        let_in = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:Replicate*", "Resource": f"arn:aws:s3:::{bucket}/*"}
        client.put_bucket_policy(Bucket=bucket, Policy=policy(let_in))
    configure(s3, source, role, rule(target))
    configure(theirs, target, back, rule(source, SourceSelectionCriteria={"ReplicaModifications": {"Status": "Enabled"}}))
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    assert settled(s3, source, "k") == "COMPLETED"
    owner = s3.get_object_acl(Bucket=source, Key="k")["Owner"]
    theirs.put_object_tagging(Bucket=target, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    until(lambda: s3.head_object(Bucket=source, Key="k").get("TagCount"))
    assert s3.get_object(Bucket=source, Key="k")["Body"].read() == b"x"
    assert s3.get_object_acl(Bucket=source, Key="k")["Owner"] == owner


def test_changes_follow_and_replicas_stay(iam, s3, far, set_up, name):
    source, target, role = set_up
    configure(far, target, role_for(iam, f"{name}-back", *rights(target, source)), rule(source))
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    assert settled(s3, source, "k") == "COMPLETED"
    s3.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert settled(s3, source, "k") == "COMPLETED"
    assert far.get_object_tagging(Bucket=target, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    # A replica is not replicated, and its own changes go back only where the rule says so.
    far.put_object_tagging(Bucket=target, Key="k", Tagging={"TagSet": [{"Key": "only", "Value": "there"}]})
    far.put_object(Bucket=target, Key="back", Body=b"y")
    assert settled(far, target, "back") == "COMPLETED"
    assert s3.get_object(Bucket=source, Key="back")["ReplicationStatus"] == "REPLICA"
    assert len(s3.list_object_versions(Bucket=source)["Versions"]) == len(far.list_object_versions(Bucket=target)["Versions"]) == 2
    assert s3.get_object_tagging(Bucket=source, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    criteria = {"ReplicaModifications": {"Status": "Enabled"}}
    configure(far, target, f"arn:aws:iam::{OWNER}:role/{name}-back", rule(source, SourceSelectionCriteria=criteria))
    far.put_object_tagging(Bucket=target, Key="k", Tagging={"TagSet": [{"Key": "both", "Value": "sides"}]})
    until(lambda: s3.get_object_tagging(Bucket=source, Key="k")["TagSet"] == [{"Key": "both", "Value": "sides"}])
    assert s3.head_object(Bucket=source, Key="k")["ReplicationStatus"] == "COMPLETED"
    assert far.head_object(Bucket=target, Key="k")["ReplicationStatus"] == "REPLICA"


def test_replicas_are_held_by_the_rule_of_their_own_bucket(s3, far, set_up):
    source, target, _ = set_up
    held = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 3}}}
    far.put_object_lock_configuration(Bucket=target, ObjectLockConfiguration=held)
    version = s3.put_object(Bucket=source, Key="k", Body=b"x")["VersionId"]
    assert settled(s3, source, "k") == "COMPLETED"
    assert far.get_object_retention(Bucket=target, Key="k")["Retention"]["Mode"] == "COMPLIANCE"
    with refused("AccessDenied", "Access Denied because object protected by object lock.", 403):
        far.delete_object(Bucket=target, Key="k", VersionId=version)
    s3.delete_object(Bucket=source, Key="k", VersionId=version)
    assert far.get_object(Bucket=target, Key="k")["Body"].read() == b"x"


def test_what_is_held_goes_only_where_it_is_held_and_with_permission(iam, s3, far, set_up, name):
    source, target, _ = set_up
    lock = {"ObjectLockEnabled": "Enabled"}
    held = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z", "ObjectLockLegalHoldStatus": "ON"}
    s3.put_object_lock_configuration(Bucket=source, ObjectLockConfiguration=lock)
    s3.put_object(Bucket=source, Key="nowhere", Body=b"x")
    assert settled(s3, source, "nowhere") == "FAILED", "the other bucket has no object lock"
    far.put_object_lock_configuration(Bucket=target, ObjectLockConfiguration=lock)
    s3.put_object(Bucket=source, Key="free", Body=b"x")
    assert settled(s3, source, "free") == "COMPLETED"
    reads = []
    for action in ("s3:GetObjectRetention", "s3:GetObjectLegalHold"):
        s3.put_object(Bucket=source, Key=action, Body=b"x", **held)
        assert settled(s3, source, action) == "FAILED"
        reads.append(action)
        more = allow(reads, f"arn:aws:s3:::{source}/*")
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*rights(source, target), more))
    s3.put_object(Bucket=source, Key="held", Body=b"x", **held)
    assert settled(s3, source, "held") == "COMPLETED"
    found = far.head_object(Bucket=target, Key="held")
    assert found["ObjectLockMode"] == "GOVERNANCE" and found["ObjectLockLegalHoldStatus"] == "ON"
    # What is set later follows, but nothing makes it shorter.
    longer = {"Mode": "GOVERNANCE", "RetainUntilDate": "2100-01-01T00:00:00Z"}
    s3.put_object_retention(Bucket=source, Key="held", Retention=longer)
    s3.put_object_legal_hold(Bucket=source, Key="held", LegalHold={"Status": "OFF"})
    s3.put_object_tagging(Bucket=source, Key="held", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    until(lambda: far.get_object_legal_hold(Bucket=target, Key="held")["LegalHold"]["Status"] == "OFF")
    assert far.get_object_retention(Bucket=target, Key="held")["Retention"]["RetainUntilDate"].year == 2100
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": "2090-01-01T00:00:00Z"}
    s3.put_object_retention(Bucket=source, Key="held", Retention=shorter, BypassGovernanceRetention=True)
    assert settled(s3, source, "held") == "COMPLETED"
    assert far.get_object_retention(Bucket=target, Key="held")["Retention"]["RetainUntilDate"].year == 2100
    # Nor without the permission that it needs.
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*rights(source, target)))
    s3.put_object_legal_hold(Bucket=source, Key="held", LegalHold={"Status": "ON"})
    assert settled(s3, source, "held") == "FAILED"
    assert far.get_object_legal_hold(Bucket=target, Key="held")["LegalHold"]["Status"] == "OFF"


def test_what_was_there_before_stays_where_it_is(iam, s3, far, pair, name):
    source, target = pair
    s3.put_object(Bucket=source, Key="old", Body=b"x")
    role = role_for(iam, name, *rights(source, target))
    configure(s3, source, role, rule(target))
    s3.put_object_tagging(Bucket=source, Key="old", Tagging={"TagSet": []})
    s3.put_object(Bucket=source, Key="new", Body=b"x")
    assert settled(s3, source, "new") == "COMPLETED"
    assert settled(s3, source, "old") is None
    assert [one["Key"] for one in far.list_objects_v2(Bucket=target)["Contents"]] == ["new"]
    s3.delete_bucket_replication(Bucket=source)
    s3.put_object(Bucket=source, Key="later", Body=b"x")
    assert settled(s3, source, "later") is None


def test_the_configuration_is_read_as_written(iam, s3, set_up):
    source, target, role = set_up
    rules = [
        rule(target, 1, Filter={"Tag": {"Key": "a", "Value": "b"}}, SourceSelectionCriteria={"ReplicaModifications": {"Status": "Disabled"}}),
        rule(target, 2, Filter={"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}]}}, Status="Disabled"),
    ]
    configure(s3, source, role, *rules)
    assert s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"] == {"Role": role, "Rules": rules}
    first = {"ID": "v1", "Prefix": "x", "Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}
    configure(s3, source, role, first)
    assert s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]["Rules"] == [first]
    text = "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration."
    with refused("InvalidBucketState", text, 409):
        s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_replication(Bucket=source)
    with refused("ReplicationConfigurationNotFoundError", "The replication configuration was not found", 404):
        s3.get_bucket_replication(Bucket=source)
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Suspended"})


def test_configurations_that_are_refused(cloud, iam, s3, set_up, name):
    source, target, role = set_up
    plain = f"{name}-plain"
    s3.create_bucket(Bucket=plain)
    arn = f"arn:aws:s3:::{target}"
    for asked, code, text in [
        (rule(f"{name}-absent"), "InvalidRequest", "Destination bucket must exist."),
        (rule(plain), "InvalidRequest", "Destination bucket must have versioning enabled."),
        (rule(source), "InvalidRequest", None),
        (rule(target, Priority=-1), "MalformedXML", None),
        (rule(target, Priority=None), "InvalidRequest", Prefix("Priority must be specified for this version")),
        (rule(target, DeleteMarkerReplication=None), "InvalidRequest", Prefix("DeleteMarkerReplication must be specified for this version")),
        (rule(target, Filter={"Tag": {"Key": "a", "Value": "b"}}, DeleteMarkerReplication={"Status": "Enabled"}), "InvalidRequest",
         Prefix("Delete marker replication is not supported if any Tag filter is specified.")),
        (rule(target, ExistingObjectReplication={"Status": "Enabled"}), "MalformedXML", None),
        (rule(target, Destination={"Bucket": arn, "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}}), "NotImplemented",
         "yakumo does not implement replication time control of S3."),
        (rule(target, Destination={"Bucket": arn, "Metrics": {"Status": "Enabled"}}), "NotImplemented", None),
        (rule(target, SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}}), "NotImplemented", None),
        (rule(target, Destination={"Bucket": arn, "AccessControlTranslation": {"Owner": "Destination"}}), "InvalidRequest", None),
        (rule(target, Destination={"Bucket": arn, "Account": OTHER}), "InvalidRequest", "Destination bucket must exist."),
    ]:
        with refused(code, text):
            configure(s3, source, role, asked)
    with refused("InvalidArgument"):
        configure(s3, source, role, rule(target), rule(target, 2, ID="rule-1"))
    with refused("InvalidRequest"):
        configure(s3, source, role, rule(target), rule(target, ID="other"))
    with refused("InvalidRequest", "Versioning must be 'Enabled' on the bucket to apply a replication configuration"):
        configure(s3, plain, role, rule(target))
    for wrong in ["role", f"{role}-absent", role.replace("iam::", "iam:us-east-1:"), f"arn:aws:iam::{OWNER}:role/"]:
        with refused("InvalidArgument", "Invalid Role ARN"):
            configure(s3, source, wrong, rule(target))
    # Nobody passes a role of another account.
    with refused("AccessDenied", status=403):
        configure(s3, source, role.replace(OWNER, OTHER), rule(target))
    assert s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]["Rules"] == [rule(target)], "nothing has changed"


def test_who_sets_a_role_must_be_allowed_to_pass_it(cloud, iam, set_up, name):
    source, target, role = set_up
    person = Person(cloud, iam, name)
    client = person.service("s3")
    text = f"User: {person.arn} is not authorized to perform: "
    with refused("AccessDenied", Prefix(f"{text}s3:PutReplicationConfiguration"), 403):
        configure(client, source, role, rule(target))
    with refused("AccessDenied", Prefix(f"{text}s3:PutReplicationConfiguration"), 403):
        client.delete_bucket_replication(Bucket=source)
    person.put("put", allow("s3:PutReplicationConfiguration"))
    with refused("AccessDenied", Prefix(f"{text}iam:PassRole on resource: {role}"), 403):
        configure(client, source, role, rule(target))
    for service, is_right in (("ec2.amazonaws.com", False), ("s3.amazonaws.com", True)):
        person.put("pass", allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": service}}))
        if is_right:
            configure(client, source, role, rule(target))
        else:
            with refused("AccessDenied", Prefix(f"{text}iam:PassRole"), 403):
                configure(client, source, role, rule(target))
    client.delete_bucket_replication(Bucket=source)


def test_nothing_that_waits_is_lost_by_a_kill(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    iam, s3 = cloud.client("iam"), cloud.client("s3")
    source, target = keeping(s3, name), keeping(s3, f"{name}-2")
    configure(s3, source, role_for(iam, name, *rights(source, target)), rule(target))
    ids = {f"k{n}": s3.put_object(Bucket=source, Key=f"k{n}", Body=b"x" * n * 4000)["VersionId"] for n in range(40)}
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    assert {key: settled(s3, source, key) for key in ids} == dict.fromkeys(ids, "COMPLETED")
    found = s3.list_object_versions(Bucket=target)["Versions"]
    assert {one["Key"]: one["VersionId"] for one in found} == ids
    for n in (0, 1, 39):
        assert s3.get_object(Bucket=target, Key=f"k{n}")["Body"].read() == b"x" * n * 4000


TERRAFORM = """
resource "aws_s3_account_public_access_block" "all" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket" "source" { bucket = "%(name)s-tf" }
resource "aws_s3_bucket" "target" { bucket = "%(name)s-tf-target" }

resource "aws_s3_bucket_versioning" "source" {
  bucket = aws_s3_bucket.source.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_versioning" "target" {
  bucket = aws_s3_bucket.target.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_iam_role" "copies" {
  name = "%(name)s-tf"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "copies" {
  role   = aws_iam_role.copies.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}

resource "aws_s3_bucket_replication_configuration" "copies" {
  depends_on = [aws_s3_bucket_versioning.source, aws_s3_bucket_versioning.target]
  bucket     = aws_s3_bucket.source.id
  role       = aws_iam_role.copies.arn

  rule {
    id       = "docs"
    priority = 1
    status   = "Enabled"
    filter { prefix = "docs/" }
    delete_marker_replication { status = "Enabled" }
    destination {
      bucket        = aws_s3_bucket.target.arn
      storage_class = "STANDARD_IA"
    }
  }
}

resource "aws_s3_access_point" "point" {
  name   = "%(name)s-tf"
  bucket = aws_s3_bucket.source.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "000000000000" }
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:us-east-1:000000000000:accesspoint/%(name)s-tf/object/*"
    }]
  })
}

output "alias" { value = aws_s3_access_point.point.alias }
"""


def test_terraform(cloud, s3, terraform, name):
    """S3 Control's clients put the account in front of the host; where such names do not resolve, a proxy finds the cloud."""
    terraform.environ |= {"HTTP_PROXY": cloud.url, "NO_PROXY": "registry.terraform.io"}
    prepare(terraform, TERRAFORM % {"name": name})
    found = terraform.place / "provider.tf"
    found.write_text(found.read_text().replace(cloud.url, cloud.named_url))
    terraform("apply", "-auto-approve", "-input=false")
    terraform("plan", "-detailed-exitcode", "-input=false")
    s3.put_object(Bucket=f"{name}-tf", Key="docs/k", Body=b"x")
    assert settled(s3, f"{name}-tf", "docs/k") == "COMPLETED"
    assert s3.head_object(Bucket=f"{name}-tf-target", Key="docs/k")["StorageClass"] == "STANDARD_IA"
    alias = json.loads(terraform("output", "-json").stdout)["alias"]["value"]
    assert s3.get_object(Bucket=alias, Key="docs/k")["Body"].read() == b"x"
    for bucket in (f"{name}-tf", f"{name}-tf-target"):
        for one in s3.list_object_versions(Bucket=bucket)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    terraform("destroy", "-auto-approve", "-input=false")
