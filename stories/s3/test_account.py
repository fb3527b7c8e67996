"""S3 Control: the public access block of an account acts on all of its buckets; tags by ARN."""

import json

import pytest
from asserting import Prefix, refused
from botocore import UNSIGNED
from botocore.config import Config
from people import Person, allow

OWNER, OTHER = "000000000000", "111122223333"
ALL = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
OFF = dict.fromkeys(ALL, False)


@pytest.fixture(scope="module")
def control(cloud):
    return cloud.client("s3control")


@pytest.fixture(scope="module")
def stranger(cloud):
    """S3 as somebody from outside the owner's account."""
    return cloud.client("s3", key=OTHER)


@pytest.fixture
def block(control):
    """Sets members of the account's block; it is gone behind the test."""

    def put(**members):
        control.put_public_access_block(AccountId=OWNER, PublicAccessBlockConfiguration=OFF | members)

    yield put
    control.delete_public_access_block(AccountId=OWNER)


def opened(bucket):
    """A policy that lets everybody read."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def bucket(s3, name):
    """A bucket that blocks nothing itself, with lists, open to everybody by its policy."""
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OFF)
    s3.put_bucket_policy(Bucket=name, Policy=opened(name))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name


def test_what_is_set_is_read_and_removed(control):
    text = "The public access block configuration was not found"
    with refused("NoSuchPublicAccessBlockConfiguration", text, 404):
        control.get_public_access_block(AccountId=OWNER)
    control.put_public_access_block(AccountId=OWNER, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    found = control.get_public_access_block(AccountId=OWNER)["PublicAccessBlockConfiguration"]
    assert found == OFF | {"BlockPublicAcls": True}
    control.delete_public_access_block(AccountId=OWNER)
    with refused("NoSuchPublicAccessBlockConfiguration", status=404):
        control.get_public_access_block(AccountId=OWNER)
    control.delete_public_access_block(AccountId=OWNER)


def test_the_account_shuts_a_public_bucket(cloud, s3, stranger, bucket, block):
    nobody = cloud.client("s3", config=Config(signature_version=UNSIGNED))
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    block(RestrictPublicBuckets=True)
    for client in (stranger, nobody):
        with refused("AccessDenied", status=403):
            client.get_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x", "the owner's account is let in"
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == OFF, "the bucket's own stays"
    block()
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_the_account_refuses_public_policies(s3, bucket, block):
    block(BlockPublicPolicy=True)
    text = Prefix("User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutBucketPolicy")
    with refused("AccessDenied", text, 403):
        s3.put_bucket_policy(Bucket=bucket, Policy=opened(bucket))
    closed = opened(bucket).replace('"*"', f'{{"AWS": "{OTHER}"}}', 1)
    s3.put_bucket_policy(Bucket=bucket, Policy=closed)


def test_the_account_refuses_and_ignores_public_lists(s3, stranger, bucket, block):
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    block(IgnorePublicAcls=True)
    with refused("AccessDenied", status=403):
        stranger.get_object(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    block(BlockPublicAcls=True)
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x", "what is there still counts"
    with refused("AccessDenied", Prefix("User: arn:aws:iam::000000000000:root is not authorized"), 403):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")


def test_other_accounts_are_not_touched(cloud, control, stranger, name, block):
    block(**ALL)
    stranger.create_bucket(Bucket=name)
    stranger.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OFF)
    stranger.put_bucket_policy(Bucket=name, Policy=opened(name))
    for call in (control.get_public_access_block, control.delete_public_access_block):
        with refused("AccessDenied", status=403):
            call(AccountId=OTHER)
    with refused("AccessDenied", status=403):
        cloud.client("s3control", key=OTHER).delete_public_access_block(AccountId=OWNER)
    found = control.get_public_access_block(AccountId=OWNER)["PublicAccessBlockConfiguration"]
    assert found == ALL


def test_each_operation_is_an_action_of_its_own(cloud, iam, control, name, block):
    block(**ALL)
    person = Person(cloud, iam, name)
    client = person.service("s3control")
    calls = {
        "GetAccountPublicAccessBlock": lambda: client.get_public_access_block(AccountId=OWNER),
        "PutAccountPublicAccessBlock": lambda: client.put_public_access_block(
            AccountId=OWNER, PublicAccessBlockConfiguration=ALL
        ),
    }
    for action, call in calls.items():
        text = Prefix(f"User: {person.arn} is not authorized to perform: s3:{action}")
        with refused("AccessDenied", text, 403):
            call()
        person.put("one", allow(f"s3:{action}"))
        call()
        person.drop("one")
    # AWS: to remove the block is to put it.
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:PutAccount"), 403):
        client.delete_public_access_block(AccountId=OWNER)


def test_tags_by_arn(cloud, iam, s3, control, bucket, name):
    arn = f"arn:aws:s3:::{bucket}"
    one = [{"Key": "team", "Value": "red"}]
    person = Person(cloud, iam, name)
    client = person.service("s3control")
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:TagResource"), 403):
        client.tag_resource(AccountId=OWNER, ResourceArn=arn, Tags=one)
    person.put("tag", allow(["s3:TagResource", "s3:UntagResource", "s3:ListTagsForResource"], arn,
                            Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}))
    client.tag_resource(AccountId=OWNER, ResourceArn=arn, Tags=one)
    with refused("AccessDenied", status=403):
        client.tag_resource(AccountId=OWNER, ResourceArn=arn, Tags=[{"Key": "other", "Value": "x"}])
    client.tag_resource(AccountId=OWNER, ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "cost", "Value": "1"}, *one]
    client.untag_resource(AccountId=OWNER, ResourceArn=arn, TagKeys=["cost"])
    assert client.list_tags_for_resource(AccountId=OWNER, ResourceArn=arn)["Tags"] == one
    with refused("NoSuchBucket", status=404):
        control.list_tags_for_resource(AccountId=OWNER, ResourceArn=f"{arn}-absent")
    with refused("InvalidTag", "System tags cannot be added/updated by requester"):
        control.tag_resource(AccountId=OWNER, ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])


def test_the_rest_names_itself(control):
    with refused("NotImplemented", status=501):
        control.describe_job(AccountId=OWNER, JobId="0" * 32)
    with refused("NotImplemented", status=501):
        control.list_access_grants_instances(AccountId=OWNER)


def test_a_path_like_s3_controls_is_a_key(s3, name):
    """S3 and S3 Control share their name in signatures."""
    bucket = "v20180820"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="configuration/publicAccessBlock", Body=b"mine")
    assert s3.get_object(Bucket=bucket, Key="configuration/publicAccessBlock")["Body"].read() == b"mine"


def test_it_is_there_after_a_kill(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OFF)
    s3.put_bucket_policy(Bucket=name, Policy=opened(name))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    cloud.client("s3control").put_public_access_block(AccountId=OWNER, PublicAccessBlockConfiguration=ALL)
    cloud.kill()
    cloud.start()
    found = cloud.client("s3control").get_public_access_block(AccountId=OWNER)
    assert found["PublicAccessBlockConfiguration"] == ALL
    with refused("AccessDenied", status=403):
        cloud.client("s3", key=OTHER).get_object(Bucket=name, Key="k")
    assert cloud.client("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"x"
