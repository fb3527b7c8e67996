"""Access control lists and ownership: what they allow, to whom, and what overrules them."""

import urllib.error
import urllib.request

import pytest
from asserting import Prefix, refused
from people import Person, allow, deny, policy

OTHER = "111122223333"


@pytest.fixture(scope="module")
def other(cloud):
    return cloud.client("s3", key=OTHER)


@pytest.fixture(scope="module")
def ids(s3, other):
    """The canonical user ids of the two accounts."""
    return s3.list_buckets()["Owner"]["ID"], other.list_buckets()["Owner"]["ID"]


@pytest.fixture
def bucket(s3, name):
    """A bucket in which lists count, and that may be public."""
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name


def get(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_new_bucket_has_no_lists(s3, ids, name):
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    grant = {"Grantee": {"ID": ids[0], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    assert s3.get_bucket_acl(Bucket=name)["Grants"] == [grant] and s3.get_object_acl(Bucket=name, Key="k")["Owner"]["ID"] == ids[0]
    for call, asked in [(s3.put_bucket_acl, {}), (s3.put_object_acl, {"Key": "k"}), (s3.put_object, {"Key": "n", "Body": b""})]:
        with refused("AccessControlListNotSupported", "The bucket does not allow ACLs", 400):
            call(Bucket=name, ACL="public-read", **asked)


def test_what_a_bucket_without_lists_takes(s3, ids, name):
    """s3cmd writes back the list that it has read: AWS takes it when it says that the owner has full control."""
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    read = s3.get_object_acl(Bucket=name, Key="k")
    own = {"Owner": read["Owner"], "Grants": read["Grants"]}
    s3.put_object_acl(Bucket=name, Key="k", AccessControlPolicy=own)
    s3.put_object_acl(Bucket=name, Key="k", ACL="bucket-owner-full-control")
    s3.put_bucket_acl(Bucket=name, AccessControlPolicy=own)
    more = {**own, "Grants": own["Grants"] + [{"Grantee": {"Type": "CanonicalUser", "ID": ids[1]}, "Permission": "READ"}]}
    for call, asked in [(s3.put_object_acl, {"Key": "k"}), (s3.put_bucket_acl, {})]:
        for given in ({"AccessControlPolicy": more}, {"ACL": "private"}):
            with refused("AccessControlListNotSupported", "The bucket does not allow ACLs", 400):
                call(Bucket=name, **asked, **given)


def test_ownership_controls(s3, bucket):
    def controls(rule):
        return {"Bucket": bucket, "OwnershipControls": {"Rules": [{"ObjectOwnership": rule}]}}

    s3.put_bucket_ownership_controls(**controls("BucketOwnerPreferred"))
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"] == "BucketOwnerPreferred"
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with refused("InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting", 400):
        s3.put_bucket_ownership_controls(**controls("BucketOwnerEnforced"))
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_bucket_ownership_controls(**controls("BucketOwnerEnforced"))
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", 404):
        s3.get_bucket_ownership_controls(Bucket=bucket)
    with refused("MalformedXML", status=400):
        s3.put_bucket_ownership_controls(**controls("Nobody"))


def test_everybody(cloud, s3, bucket):
    url = f"{cloud.url}/{bucket}/k"
    assert get(url) == 403
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert get(url) == 200 and get(f"{cloud.url}/{bucket}") == 403
    # A list is one more allow: a Deny overrules it.
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(deny("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*")))
    assert get(url) == 403
    s3.delete_bucket_policy(Bucket=bucket)
    assert get(url) == 200
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert get(url) == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert get(url) == 200, "what is there stays"
    for call, asked in [(s3.put_object_acl, {"Key": "k"}), (s3.put_bucket_acl, {}), (s3.put_object, {"Key": "n", "Body": b""})]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, ACL="public-read", **asked)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert get(f"{cloud.url}/{bucket}") == 200
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert get(url) == 403
    # A list on one object opens no other.
    s3.put_object(Bucket=bucket, Key="*", Body=b"star", ACL="public-read")
    assert get(f"{cloud.url}/{bucket}/*") == 200 and get(url) == 403


def test_everybody_with_a_name(cloud, s3, other, bucket):
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="authenticated-read")
    assert get(f"{cloud.url}/{bucket}/k") == 403
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        other.get_object_acl(Bucket=bucket, Key="k")


def test_another_account(s3, other, ids, bucket):
    for call in (lambda: other.get_object(Bucket=bucket, Key="k"), lambda: other.list_objects_v2(Bucket=bucket), lambda: other.put_object(Bucket=bucket, Key="n")):
        with refused("AccessDenied", status=403):
            call()
    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'id="{ids[1]}"')
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        other.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'id="{ids[1]}"', GrantWriteACP=f'id="{ids[1]}", id="{ids[0]}"')
    assert other.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    with refused("AccessDenied", status=403):
        other.get_bucket_acl(Bucket=bucket)
    other.put_bucket_acl(Bucket=bucket, ACL="private")
    with refused("AccessDenied", status=403):
        other.list_objects_v2(Bucket=bucket)
    for asked, text in [({"GrantRead": 'id="nobody"'}, "Invalid id"), ({"GrantRead": 'uri="http://x"'}, "Invalid group uri"), ({"GrantRead": "who"}, "Argument format not recognized")]:
        with refused("InvalidArgument", text, 400):
            s3.put_bucket_acl(Bucket=bucket, **asked)


def test_a_denial_holds_where_a_public_policy_does_not(s3, other, ids, bucket):
    """RestrictPublicBuckets takes a public policy's grants from strangers, not its denials."""
    everybody = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Principal="*")
    stop = deny("s3:ListBucket", f"arn:aws:s3:::{bucket}", Principal="*", Condition={"StringEquals": {"s3:prefix": "secret/"}})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(everybody, stop))
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'id="{ids[1]}"')
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert other.list_objects_v2(Bucket=bucket, Prefix="k")["KeyCount"] == 1, "the list allows it"
    with refused("AccessDenied", status=403):
        other.list_objects_v2(Bucket=bucket, Prefix="secret/")


def test_whoever_writes_owns(cloud, s3, other, ids, bucket):
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{ids[1]}"', GrantFullControl=f'id="{ids[0]}"')
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    assert {one["Owner"]["ID"] for one in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]} == set(ids)
    # The bucket's owner cannot read it, and its policy cannot give it away; but deny and delete it can.
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="theirs")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*")))
    assert get(f"{cloud.url}/{bucket}/k") == 200 and get(f"{cloud.url}/{bucket}/theirs") == 403
    assert other.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"y"
    assert other.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"] == ids[1]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(deny("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": OTHER})))
    with refused("AccessDenied", status=403):
        other.get_object(Bucket=bucket, Key="theirs")
    s3.delete_bucket_policy(Bucket=bucket)
    # Shared, but still theirs; handed over only where the bucket prefers it.
    other.put_object(Bucket=bucket, Key="shared", Body=b"z", ACL="bucket-owner-full-control")
    assert s3.get_object(Bucket=bucket, Key="shared")["Body"].read() == b"z"
    assert s3.get_object_acl(Bucket=bucket, Key="shared")["Owner"]["ID"] == ids[1]
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    other.put_object(Bucket=bucket, Key="given", Body=b"z", ACL="bucket-owner-full-control")
    assert s3.get_object_acl(Bucket=bucket, Key="given")["Owner"]["ID"] == ids[0]
    # With the owner enforced everything is the owner's, at once.
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"y"
    with refused("AccessDenied", status=403):
        other.get_object(Bucket=bucket, Key="theirs")
    s3.delete_object(Bucket=bucket, Key="theirs")


def test_lists_as_bodies(s3, ids, bucket):
    grants = [
        {"Grantee": {"ID": ids[0], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"URI": "http://acs.amazonaws.com/groups/s3/LogDelivery", "Type": "Group"}, "Permission": "WRITE"},
    ]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": ids[0]}, "Grants": grants})
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == grants
    with refused("AccessDenied", "Access Denied", 403):
        s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": ids[1]}, "Grants": grants})
    with refused("MalformedACLError", status=400):
        s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": ids[0]}, "Grants": [{"Permission": "READ"}]})
    with refused("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed", 400):
        s3.put_bucket_acl(Bucket=bucket, ACL="private", GrantRead=f"id={ids[0]}")
    with refused("MissingSecurityHeader", status=400):
        s3.put_bucket_acl(Bucket=bucket)


def test_condition_keys(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    client = person.service("s3")
    person.put("write", allow(["s3:PutObject", "s3:PutObjectAcl"], "*", Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}))
    client.put_object(Bucket=bucket, Key="n", Body=b"", ACL="bucket-owner-full-control")
    for asked in ({}, {"ACL": "public-read"}):
        with refused("AccessDenied", status=403):
            client.put_object(Bucket=bucket, Key="n", Body=b"", **asked)
    person.put("write", allow("s3:PutObject", "*"))
    client.put_object(Bucket=bucket, Key="n", Body=b"")
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:PutObjectAcl"), 403):
        client.put_object(Bucket=bucket, Key="n", Body=b"", ACL="private")


def test_parts_and_copies(cloud, s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ACL="public-read")["UploadId"]
    tag = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"ETag": tag, "PartNumber": 1}]})
    assert get(f"{cloud.url}/{bucket}/m") == 200
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/m")
    assert get(f"{cloud.url}/{bucket}/c") == 403, "a list is not copied"
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ACL="public-read")
    assert get(f"{cloud.url}/{bucket}/c") == 200


def test_making_a_bucket(s3, name):
    with refused("InvalidBucketAclWithObjectOwnership", status=400):
        s3.create_bucket(Bucket=name, ACL="log-delivery-write")
    with refused("InvalidBucketAclWithBlockPublicAccessError", "Bucket cannot have public ACLs set with BlockPublicAccess enabled", 400):
        s3.create_bucket(Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")
    s3.create_bucket(Bucket=name, ACL="log-delivery-write", ObjectOwnership="BucketOwnerPreferred")
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 3


def test_strangers(cloud, iam, bucket, name):
    s3 = Person(cloud, iam, name).service("s3")
    rules = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}
    for call, asked in [
        (s3.get_bucket_acl, {}), (s3.put_bucket_acl, {"ACL": "private"}), (s3.get_object_acl, {"Key": "k"}), (s3.put_object_acl, {"Key": "k", "ACL": "private"}),
        (s3.put_bucket_ownership_controls, rules), (s3.delete_bucket_ownership_controls, {}), (s3.create_bucket, {"ACL": "private"}),
    ]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **asked)
