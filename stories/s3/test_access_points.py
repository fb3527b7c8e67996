"""Access points: a bucket under other names, each with a policy of its own that counts beside the bucket's."""

import json

import pytest
from asserting import Prefix, refused
from people import Person, allow, deny
from signed import send

OWNER, OTHER, REGION = "000000000000", "111122223333", "us-east-1"
OFF = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)


@pytest.fixture(scope="module")
def s3(cloud):
    return cloud.client("s3", endpoint_url=cloud.named_url, config=cloud.by_proxy())


@pytest.fixture(scope="module")
def control(cloud):
    return cloud.client("s3control")


@pytest.fixture
def point(control, bucket, name):
    """The ARN of an access point of the bucket; both have one name."""
    return control.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket)["AccessPointArn"]


def through(cloud, person):
    """A person's S3 that reaches the hosts of access points."""
    return person.service("s3", endpoint_url=cloud.named_url, config=cloud.by_proxy())


def statement(effect, principal, action, resource, **condition):
    more = {"Condition": condition} if condition else {}
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def delegated(bucket, account=OWNER):
    """A bucket policy that leaves everything to the access points of an account."""
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return document(statement("Allow", {"AWS": "*"}, "s3:*", both, StringEquals={"s3:DataAccessPointAccount": account}))


def test_made_found_listed_removed(cloud, s3, control, bucket, name):
    made = control.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket)
    arn = f"arn:aws:s3:{REGION}:{OWNER}:accesspoint/{name}"
    assert made["AccessPointArn"] == arn
    assert made["Alias"].endswith("-s3alias") and len(made["Alias"]) <= 63
    found = control.get_access_point(AccountId=OWNER, Name=name)
    assert (found["Name"], found["Bucket"], found["NetworkOrigin"]) == (name, bucket, "Internet")
    assert (found["Alias"], found["AccessPointArn"], found["BucketAccountId"]) == (made["Alias"], arn, OWNER)
    assert all(found["PublicAccessBlockConfiguration"].values())
    with refused("AccessPointAlreadyOwnedByYou", status=409):
        control.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket)
    control.create_access_point(AccountId=OWNER, Name=f"{name}-2", Bucket=bucket)
    first = control.list_access_points(AccountId=OWNER, Bucket=bucket, MaxResults=1)
    assert [point["Name"] for point in first["AccessPointList"]] == [name]
    rest = control.list_access_points(AccountId=OWNER, Bucket=bucket, MaxResults=1, NextToken=first["NextToken"])
    assert [point["Name"] for point in rest["AccessPointList"]] == [f"{name}-2"] and "NextToken" not in rest
    elsewhere = cloud.client("s3control", region="eu-west-1")
    assert elsewhere.list_access_points(AccountId=OWNER)["AccessPointList"] == []
    with refused("NoSuchAccessPoint", "The specified accesspoint does not exist", 404):
        elsewhere.get_access_point(AccountId=OWNER, Name=name)
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("BucketHasAccessPointsAttached", "Bucket has access points attached and cannot be deleted.", 400):
        s3.delete_bucket(Bucket=bucket)
    for one in (name, f"{name}-2"):
        control.delete_access_point(AccountId=OWNER, Name=one)
    with refused("NoSuchAccessPoint", status=404):
        control.delete_access_point(AccountId=OWNER, Name=name)
    with refused("NoSuchBucket", status=404):
        s3.list_objects_v2(Bucket=made["Alias"])
    s3.delete_bucket(Bucket=bucket)


def test_what_cannot_be_made(control, bucket, name):
    with refused("InvalidRequest", status=400):
        control.create_access_point(AccountId=OWNER, Name="Under_Score", Bucket=bucket)
    with refused("NoSuchBucket", status=404):
        control.create_access_point(AccountId=OWNER, Name=name, Bucket=f"{bucket}-absent")
    with refused("AccessDenied", status=403):
        control.create_access_point(AccountId=OTHER, Name=name, Bucket=bucket)


def test_objects_through_arn_and_alias(s3, control, bucket, point, name):
    alias = control.get_access_point(AccountId=OWNER, Name=name)["Alias"]
    s3.put_object(Bucket=point, Key="a b/c", Body=b"through", Tagging="t=1")
    assert s3.get_object(Bucket=bucket, Key="a b/c")["Body"].read() == b"through"
    assert s3.get_object(Bucket=alias, Key="a b/c")["Body"].read() == b"through"
    assert s3.get_object_tagging(Bucket=point, Key="a b/c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert s3.head_bucket(Bucket=alias)["AccessPointAlias"] is True
    assert s3.head_bucket(Bucket=bucket)["AccessPointAlias"] is False
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=point)["Contents"]] == ["a b/c", "k"]
    upload = s3.create_multipart_upload(Bucket=point, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=point, Key="parts", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=alias, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.copy_object(Bucket=alias, Key="copy", CopySource=f"{point}/object/parts")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"p"
    gone = s3.delete_objects(Bucket=point, Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
    assert len(gone["Deleted"]) == 2
    # AWS: a bucket is not set through its access points.
    for call in (s3.get_bucket_versioning, s3.delete_bucket_policy, s3.delete_bucket):
        with refused("MethodNotAllowed", status=405):
            call(Bucket=alias)


def test_an_access_point_has_one_arn(cloud, iam, s3, bucket, point, name):
    """What a policy says of copies from an access point is not passed by with another partition in front of its name."""
    person = Person(cloud, iam, name)
    copying = {"StringLike": {"s3:x-amz-copy-source": f"{point}/*"}}
    person.put("p", allow("s3:*"), deny("s3:PutObject", Condition=copying))
    client = person.service("s3")
    with refused("AccessDenied", status=403):
        client.copy_object(Bucket=bucket, Key="c", CopySource=f"{point}/object/k")
    for wrong in (point.replace("arn:aws:", "arn:x:"), point.replace("arn:aws:", "arn:aws-cn:")):
        with refused("InvalidArgument", status=400):
            client.copy_object(Bucket=bucket, Key="c", CopySource=f"{wrong}/object/k")
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{point}/object/k")


def test_both_policies_must_allow(cloud, iam, s3, control, bucket, point, name):
    person = Person(cloud, iam, name)
    client = through(cloud, person)
    read = lambda: client.get_object(Bucket=point, Key="k")["Body"].read()  # noqa: E731
    shown = f'"{point}/object/k"'
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:GetObject on resource: {shown}"), 403):
        read()
    policy = document(statement("Allow", {"AWS": person.arn}, "s3:GetObject", f"{point}/object/k"))
    control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=policy)
    text = Prefix(f'User: {person.arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/k"')
    with refused("AccessDenied", text, 403):
        read()
    s3.put_bucket_policy(Bucket=bucket, Policy=delegated(bucket))
    assert read() == b"x"
    with refused("AccessDenied", status=403):
        client.get_object(Bucket=bucket, Key="k")
    with refused("AccessDenied", status=403):
        client.put_object(Bucket=point, Key="k", Body=b"y")
    # What the bucket allows, the access point can deny.
    person.put("all", allow("s3:*"))
    client.put_object(Bucket=point, Key="k", Body=b"x")
    denied = statement("Deny", "*", "s3:GetObject", f"{point}/object/*")
    control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=document(denied))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    text = Prefix(f"User: {person.arn} is not authorized to perform: s3:GetObject on resource: {shown} with an explicit deny")
    with refused("AccessDenied", text, 403):
        read()


@pytest.mark.parametrize(
    "key, value, wrong",
    [
        ("s3:DataAccessPointArn", "arn:aws:s3:us-east-1:000000000000:accesspoint/{name}", "arn:aws:s3:us-east-1:000000000000:accesspoint/x"),
        ("s3:DataAccessPointAccount", OWNER, OTHER),
        ("s3:AccessPointNetworkOrigin", "Internet", "VPC"),
    ],
)
def test_the_bucket_is_told_of_the_access_point(cloud, iam, s3, bucket, point, name, key, value, wrong):
    person = Person(cloud, iam, name)
    person.put("point", allow("s3:GetObject", f"{point}/object/*"))
    client = through(cloud, person)
    for given, is_right in ((wrong, False), (value.format(name=name), True)):
        one = statement("Allow", {"AWS": person.arn}, "s3:GetObject", f"arn:aws:s3:::{bucket}/*", StringEquals={key: given})
        s3.put_bucket_policy(Bucket=bucket, Policy=document(one))
        if is_right:
            assert client.get_object(Bucket=point, Key="k")["Body"].read() == b"x"
        else:
            with refused("AccessDenied", status=403):
                client.get_object(Bucket=point, Key="k")
    with refused("AccessDenied", status=403):
        client.get_object(Bucket=bucket, Key="k")


def test_policies(control, point, name):
    with refused("NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist", 404):
        control.get_access_point_policy(AccountId=OWNER, Name=name)
    policy = document(statement("Allow", {"AWS": OWNER}, "s3:GetObject", f"{point}/object/*"))
    control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=policy)
    assert json.loads(control.get_access_point_policy(AccountId=OWNER, Name=name)["Policy"]) == json.loads(policy)
    status = control.get_access_point_policy_status(AccountId=OWNER, Name=name)["PolicyStatus"]
    assert status == {"IsPublic": False}
    other = policy.replace(f"accesspoint/{name}", "accesspoint/other")
    with refused("MalformedPolicy", "Policy has invalid resource"):
        control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=other)
    public = document(statement("Allow", "*", "s3:GetObject", f"{point}/object/*"))
    with refused("AccessDenied", Prefix("User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutAccessPointPolicy"), 403):
        control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=public)
    control.delete_access_point_policy(AccountId=OWNER, Name=name)
    with refused("NoSuchAccessPointPolicy", status=404):
        control.get_access_point_policy_status(AccountId=OWNER, Name=name)


def test_an_access_point_of_another_account(cloud, s3, bucket, name):
    theirs = cloud.client("s3control", key=OTHER)
    with refused("AccessDenied", status=403):
        theirs.create_access_point(AccountId=OTHER, Name=name, Bucket=bucket)
    arn = theirs.create_access_point(AccountId=OTHER, Name=name, Bucket=bucket, BucketAccountId=OWNER)["AccessPointArn"]
    client = cloud.client("s3", key=OTHER, endpoint_url=cloud.named_url, config=cloud.by_proxy())
    with refused("AccessDenied", status=403):
        client.get_object(Bucket=arn, Key="k")
    s3.put_bucket_policy(Bucket=bucket, Policy=delegated(bucket, OTHER))
    assert client.get_object(Bucket=arn, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        client.get_object(Bucket=bucket, Key="k")


def test_a_block_of_its_own(cloud, s3, control, bucket, name):
    """The bucket lets everybody in; an access point with the block does not, its twin without does."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OFF)
    everybody = document(statement("Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    s3.put_bucket_policy(Bucket=bucket, Policy=everybody)
    stranger = cloud.client("s3", key=OTHER, endpoint_url=cloud.named_url, config=cloud.by_proxy())
    assert stranger.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    arns = {}
    for kind, block in (("open", OFF), ("shut", OFF | {"RestrictPublicBuckets": True})):
        one = f"{name}-{kind}"
        arns[kind] = control.create_access_point(
            AccountId=OWNER, Name=one, Bucket=bucket, PublicAccessBlockConfiguration=block
        )["AccessPointArn"]
        public = document(statement("Allow", "*", "s3:GetObject", f"{arns[kind]}/object/*"))
        control.put_access_point_policy(AccountId=OWNER, Name=one, Policy=public)
        status = control.get_access_point_policy_status(AccountId=OWNER, Name=one)["PolicyStatus"]["IsPublic"]
        assert status is (kind == "open")
    assert stranger.get_object(Bucket=arns["open"], Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        stranger.get_object(Bucket=arns["shut"], Key="k")
    assert s3.get_object(Bucket=arns["shut"], Key="k")["Body"].read() == b"x"


def test_each_operation_is_an_action_of_its_own(cloud, iam, control, bucket, point, name):
    person = Person(cloud, iam, name)
    client = person.service("s3control")
    policy = document(statement("Allow", {"AWS": OWNER}, "s3:GetObject", f"{point}/object/*"))
    one = {"AccountId": OWNER, "Name": name}
    calls = {
        "ListAccessPoints": ("*", lambda: client.list_access_points(AccountId=OWNER)),
        "GetAccessPoint": ("*", lambda: client.get_access_point(**one)),
        "PutAccessPointPolicy": (point, lambda: client.put_access_point_policy(**one, Policy=policy)),
        "GetAccessPointPolicy": (point, lambda: client.get_access_point_policy(**one)),
        "GetAccessPointPolicyStatus": (point, lambda: client.get_access_point_policy_status(**one)),
        "DeleteAccessPointPolicy": (point, lambda: client.delete_access_point_policy(**one)),
        "DeleteAccessPoint": (point, lambda: client.delete_access_point(**one)),
        "CreateAccessPoint": (point, lambda: client.create_access_point(**one, Bucket=bucket)),
    }
    for action, (resource, call) in calls.items():
        with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:{action} "), 403):
            call()
        person.put("one", allow(f"s3:{action}", resource))
        call()
        person.drop("one")
    # Tags at the making are an action of their own.
    tagged = {"AccountId": OWNER, "Name": f"{name}-t", "Bucket": bucket, "Tags": [{"Key": "a", "Value": "b"}]}
    person.put("one", allow("s3:CreateAccessPoint"))
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:TagResource on"), 403):
        client.create_access_point(**tagged)
    person.put("one", allow(["s3:CreateAccessPoint", "s3:TagResource"]))
    arn = client.create_access_point(**tagged)["AccessPointArn"]
    assert control.list_tags_for_resource(AccountId=OWNER, ResourceArn=arn)["Tags"] == tagged["Tags"]
    control.untag_resource(AccountId=OWNER, ResourceArn=arn, TagKeys=["a"])
    assert control.list_tags_for_resource(AccountId=OWNER, ResourceArn=point)["Tags"] == []


VPC = "vpc-1a2b3c"


def test_an_access_point_of_a_vpc_is_closed_to_all_others(cloud, iam, s3, control, bucket, name):
    """stories/ec2/test_endpoint_packets.py comes from inside of the VPC."""
    arn = control.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket, VpcConfiguration={"VpcId": VPC})["AccessPointArn"]
    found = control.get_access_point(AccountId=OWNER, Name=name)
    assert (found["NetworkOrigin"], found["VpcConfiguration"]) == ("VPC", {"VpcId": VPC})
    control.create_access_point(AccountId=OWNER, Name=f"{name}-2", Bucket=bucket)
    listed = control.list_access_points(AccountId=OWNER, Bucket=bucket)["AccessPointList"]
    assert [(one["NetworkOrigin"], one.get("VpcConfiguration")) for one in listed] == [("VPC", {"VpcId": VPC}), ("Internet", None)]
    assert "VpcConfiguration" not in control.get_access_point(AccountId=OWNER, Name=f"{name}-2")
    # Seen: https://repost.aws/articles/ARIOhwOHPMSOupacb7AbcdAQ
    text = (
        f'User: arn:aws:iam::{OWNER}:root is not authorized to perform: {{}} on resource: "{arn}{{}}" '
        "with an explicit deny in a resource-based policy"
    )
    with refused("AccessDenied", text.format("s3:GetObject", "/object/k"), 403):
        s3.get_object(Bucket=arn, Key="k")
    with refused("AccessDenied", text.format("s3:ListBucket", ""), 403):
        s3.list_objects_v2(Bucket=found["Alias"])
    with refused("AccessDenied", text.format("s3:GetObject", "/object/k"), 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{arn}/object/k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # No policy opens it, and none is public.
    public = document(statement("Allow", "*", "s3:GetObject", f"{arn}/object/*"))
    control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=public)
    assert json.loads(control.get_access_point_policy(AccountId=OWNER, Name=name)["Policy"]) == json.loads(public)
    assert control.get_access_point_policy_status(AccountId=OWNER, Name=name)["PolicyStatus"] == {"IsPublic": False}
    with refused("AccessDenied", text.format("s3:GetObject", "/object/k"), 403):
        s3.get_object(Bucket=arn, Key="k")
    with refused("AccessDenied", Prefix("User: "), 403):
        control.put_access_point_policy(AccountId=OWNER, Name=f"{name}-2", Policy=public.replace(f"/{name}/", f"/{name}-2/"))


def test_who_makes_and_reads_them_is_told_the_origin(cloud, iam, control, bucket, name):
    person = Person(cloud, iam, name)
    client = person.service("s3control")
    person.put("p", allow("s3:*", Condition={"StringEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}), allow("s3:PutAccessPointPolicy"))
    with refused("AccessDenied", status=403):
        client.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket)
    arn = client.create_access_point(AccountId=OWNER, Name=name, Bucket=bucket, VpcConfiguration={"VpcId": VPC})["AccessPointArn"]
    control.create_access_point(AccountId=OWNER, Name=f"{name}-2", Bucket=bucket)
    policy = document(statement("Allow", {"AWS": OWNER}, "s3:GetObject", f"{arn}/object/*"))
    for one, resource in ((f"{name}-2", arn.replace(name, f"{name}-2")), (name, arn)):
        calls = [
            lambda: client.get_access_point(AccountId=OWNER, Name=one),
            lambda: client.put_access_point_policy(AccountId=OWNER, Name=one, Policy=policy.replace(arn, resource)),
            lambda: client.get_access_point_policy(AccountId=OWNER, Name=one),
            lambda: client.get_access_point_policy_status(AccountId=OWNER, Name=one),
            lambda: client.delete_access_point_policy(AccountId=OWNER, Name=one),
            lambda: client.delete_access_point(AccountId=OWNER, Name=one),
        ]
        for number, call in enumerate(calls):
            if one == name or number == 1:
                call()
            else:
                with refused("AccessDenied", status=403):
                    call()


def test_a_set_of_access_points_is_fixed_for_a_bucket_alone(s3, control, bucket, point, name):
    """AWS: "The meaning of public"."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OFF)
    points = arn = point.replace(name, "*")
    for given, is_public in ((points, False), (arn.replace(OWNER, "*"), True)):
        only = {"StringLike": {"s3:DataAccessPointArn": given}}
        s3.put_bucket_policy(Bucket=bucket, Policy=document(statement("Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*", **only)))
        assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is is_public
    public = document(statement("Allow", "*", "s3:GetObject", f"{point}/object/*", StringLike={"s3:DataAccessPointArn": points}))
    with refused("AccessDenied", Prefix("User: "), 403):
        control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=public)


def test_browsers_and_anybody_through_an_access_point(cloud, name):
    """The bucket's rules for browsers count, and a request that names no region is where the bucket is."""
    s3, control = cloud.client("s3", region="eu-west-1"), cloud.client("s3control", region="eu-west-1")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://app.example"]}]})
    made = control.create_access_point(AccountId=OWNER, Name=name, Bucket=name, PublicAccessBlockConfiguration=OFF)
    s3.put_bucket_policy(Bucket=name, Policy=document(statement("Allow", "*", "s3:GetObject", f"arn:aws:s3:::{name}/*")))
    point = document(statement("Allow", "*", "s3:GetObject", f"{made['AccessPointArn']}/object/*"))
    control.put_access_point_policy(AccountId=OWNER, Name=name, Policy=point)
    alias, asked = made["Alias"], {"Origin": "http://app.example", "Access-Control-Request-Method": "GET"}
    for host, path in [
        (f"127.0.0.1:{cloud.port}", f"/{alias}/k"), (f"{alias}.s3.eu-west-1.amazonaws.com", "/k"),
        (f"{name}-{OWNER}.s3-accesspoint.eu-west-1.amazonaws.com", "/k"),
    ]:
        preflight = send(cloud.port, "OPTIONS", path, {"Host": host, **asked})
        assert (preflight.status, preflight.headers.get("access-control-allow-origin")) == (200, "http://app.example"), host
        assert send(cloud.port, "OPTIONS", path, {"Host": host, **asked, "Origin": "http://else.example"}).status == 403
        found = send(cloud.port, "GET", path, {"Host": host, "Origin": "http://app.example"})
        assert (found.status, found.body, found.headers.get("access-control-allow-origin")) == (200, b"x", "http://app.example"), host
    assert send(cloud.port, "OPTIONS", "/absent-s3alias/k", {"Host": f"127.0.0.1:{cloud.port}", **asked}).status == 403
    s3.delete_bucket_policy(Bucket=name)
    assert send(cloud.port, "GET", f"/{alias}/k", {"Host": f"127.0.0.1:{cloud.port}"}).status == 403


@pytest.mark.parametrize("key", ["aws:ResourceTag/env", "s3:AccessPointTag/env"])
def test_tags_as_conditions(cloud, iam, control, bucket, name, key):
    """AWS: for access points access control by tags is on: https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging.html"""
    tagged = {"AccountId": OWNER, "Name": name}
    control.create_access_point(**tagged, Bucket=bucket, Tags=[{"Key": "env", "Value": "prod"}])
    person = Person(cloud, iam, name)
    client = person.service("s3control")
    calls = [client.get_access_point, client.delete_access_point_policy, client.delete_access_point]
    person.put("p", allow("s3:*"), deny("s3:*", Condition={"StringEquals": {key: "prod"}}))
    for call in calls:
        with refused("AccessDenied", status=403):
            call(**tagged)
    person.put("p", allow("s3:*"), deny("s3:*", Condition={"StringEquals": {key: "test"}}))
    for call in calls:
        call(**tagged)


def test_tags_are_set_where_they_were_asked_for(cloud, iam, control, point, name):
    person = Person(cloud, iam, f"{name}-tagger")
    client = cloud.client("s3control", key=person.key["AccessKeyId"], secret=person.key["SecretAccessKey"])
    person.put("p", allow("s3:*"), deny("s3:*", point))
    call = {"AccountId": OWNER, "Tags": [{"Key": "a", "Value": "b"}]}
    with refused("AccessDenied", status=403):
        client.tag_resource(ResourceArn=point, **call)
    # The region of another endpoint, or another partition: those are not the names of this access point.
    for wrong, code in [
        (point.replace("us-east-1", "eu-west-1"), "NoSuchAccessPoint"),
        (point.replace("arn:aws:", "arn:aws-cn:"), "NotImplemented"), (point.replace("arn:aws:", "arn:x:"), "NotImplemented"),
    ]:
        with refused(code):
            client.tag_resource(ResourceArn=wrong, **call)
        with refused(code):
            client.list_tags_for_resource(AccountId=OWNER, ResourceArn=wrong)
    assert control.list_tags_for_resource(AccountId=OWNER, ResourceArn=point)["Tags"] == []
    control.tag_resource(ResourceArn=point, **call)


def test_it_is_there_after_a_kill(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    made = cloud.client("s3control").create_access_point(AccountId=OWNER, Name=name, Bucket=name)
    denied = document(statement("Deny", "*", "s3:PutObject", f"{made['AccessPointArn']}/object/*"))
    cloud.client("s3control").put_access_point_policy(AccountId=OWNER, Name=name, Policy=denied)
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    assert s3.get_object(Bucket=made["Alias"], Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=made["Alias"], Key="k", Body=b"y")
    s3.put_object(Bucket=name, Key="k", Body=b"y")
