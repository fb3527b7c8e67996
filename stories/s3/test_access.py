"""Who may do what with buckets and objects: each allowed case beside the denied one."""

import urllib.error
import urllib.request

from asserting import Prefix, refused
from people import Person, allow, deny, policy


def get(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_identity_policies(cloud, iam, s3, bucket, name):
    reader = Person(cloud, iam, name)
    client = reader.service("s3")
    text = (
        f'User: {reader.arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/k" '
        "because no identity-based policy allows the s3:GetObject action"
    )
    with refused("AccessDenied", text, 403):
        client.get_object(Bucket=bucket, Key="k")
    reader.put("read", allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", Prefix(f"User: {reader.arn} is not authorized to perform: s3:PutObject"), 403):
        client.put_object(Bucket=bucket, Key="k", Body=b"y")
    # Who may not list is not told whether a key is there.
    with refused("AccessDenied", Prefix(f"User: {reader.arn} is not authorized to perform: s3:ListBucket"), 403):
        client.get_object(Bucket=bucket, Key="absent")
    reader.put("list", allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition={"StringEquals": {"s3:prefix": "home/"}}))
    client.list_objects_v2(Bucket=bucket, Prefix="home/")
    with refused("AccessDenied", status=403):
        client.list_objects_v2(Bucket=bucket)


def test_every_operation_is_refused_to_a_stranger(cloud, iam, bucket, name):
    s3 = Person(cloud, iam, name).service("s3")
    one, copy = {"Bucket": bucket, "Key": "k"}, {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    tags, upload = {"Tagging": {"TagSet": []}}, {"UploadId": "0" * 64}
    block = {"PublicAccessBlockConfiguration": {}}
    calls = [
        (s3.create_bucket, {"Bucket": f"{name}-new"}), (s3.delete_bucket, {"Bucket": bucket}), (s3.head_bucket, {"Bucket": bucket}),
        (s3.list_buckets, {}), (s3.get_bucket_location, {"Bucket": bucket}), (s3.list_objects, {"Bucket": bucket}),
        (s3.list_objects_v2, {"Bucket": bucket}), (s3.list_object_versions, {"Bucket": bucket}),
        (s3.put_bucket_versioning, {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}),
        (s3.get_bucket_versioning, {"Bucket": bucket}), (s3.get_bucket_ownership_controls, {"Bucket": bucket}),
        (s3.put_bucket_tagging, {"Bucket": bucket, **tags}), (s3.get_bucket_tagging, {"Bucket": bucket}),
        (s3.delete_bucket_tagging, {"Bucket": bucket}), (s3.put_bucket_policy, {"Bucket": bucket, "Policy": "{}"}),
        (s3.get_bucket_policy, {"Bucket": bucket}), (s3.delete_bucket_policy, {"Bucket": bucket}),
        (s3.get_bucket_policy_status, {"Bucket": bucket}), (s3.put_public_access_block, {"Bucket": bucket, **block}),
        (s3.get_public_access_block, {"Bucket": bucket}), (s3.delete_public_access_block, {"Bucket": bucket}),
        (s3.put_object, {**one, "Body": b""}), (s3.get_object, one), (s3.head_object, one),
        (s3.get_object_attributes, {**one, "ObjectAttributes": ["ETag"]}), (s3.copy_object, copy), (s3.delete_object, one),
        (s3.get_object_tagging, one), (s3.put_object_tagging, {**one, **tags}), (s3.delete_object_tagging, one),
        (s3.create_multipart_upload, one), (s3.upload_part, {**one, **upload, "PartNumber": 1, "Body": b""}),
        (s3.upload_part_copy, {**copy, **upload, "PartNumber": 1}),
        (s3.complete_multipart_upload, {**one, **upload, "MultipartUpload": {"Parts": [{"ETag": "0", "PartNumber": 1}]}}),
        (s3.abort_multipart_upload, {**one, **upload}), (s3.list_parts, {**one, **upload}),
        (s3.list_multipart_uploads, {"Bucket": bucket}),
    ]
    for call, asked in calls:
        with refused(("AccessDenied", "403"), status=403):
            call(**asked)
    outcome = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert [error["Code"] for error in outcome["Errors"]] == ["AccessDenied"] and "Deleted" not in outcome
    assert cloud.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_bucket_policies_across_accounts(cloud, s3, bucket):
    other = cloud.client("s3", key="111122223333")
    with refused("AccessDenied", status=403):
        other.get_object(Bucket=bucket, Key="k")
    grant = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(grant))
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", status=403):
        other.put_object(Bucket=bucket, Key="k", Body=b"y")
    stop = deny("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(grant, stop))
    with refused("AccessDenied", status=403):
        other.get_object(Bucket=bucket, Key="k")
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="k")
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucketPolicy", "The bucket policy does not exist", 404):
        s3.get_bucket_policy(Bucket=bucket)


def test_a_policy_is_its_own_accounts_and_locks_no_root_user_out(cloud, iam, s3, bucket, name):
    other = cloud.client("s3", key="111122223333")
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    person = Person(cloud, iam, name)
    person.put("p", allow("s3:*"))
    document = policy({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": both})
    s3.put_bucket_policy(Bucket=bucket, Policy=document)
    calls = [("get_bucket_policy", {}), ("put_bucket_policy", {"Policy": document}), ("delete_bucket_policy", {})]
    for call, more in calls:
        with refused("MethodNotAllowed", "The specified method is not allowed against this resource.", 405):
            getattr(other, call)(Bucket=bucket, **more)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == document
    locked = policy({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both})
    s3.put_bucket_policy(Bucket=bucket, Policy=locked)
    for call, more in [*calls, ("get_bucket_acl", {}), ("list_objects_v2", {})]:
        with refused("AccessDenied", status=403):
            getattr(person.service("s3"), call)(Bucket=bucket, **more)
        with refused("AccessDenied", status=403):
            getattr(other, call)(Bucket=bucket, **more)
    for call in (s3.get_bucket_acl, s3.list_objects_v2):
        with refused("AccessDenied", status=403):
            call(Bucket=bucket)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == locked
    s3.put_bucket_policy(Bucket=bucket, Policy=locked)
    s3.delete_bucket_policy(Bucket=bucket)
    assert person.service("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_what_is_no_bucket_policy(cloud, s3, bucket):
    for text, message in [
        ("{", None),
        (policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")), None),
        (policy(allow("s3:GetObject", "arn:aws:s3:::other/*", Principal="*")), "Policy has invalid resource"),
        (policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": "arn:aws:iam::000000000000:user/nobody"})), "Invalid principal in policy"),
    ]:
        with refused("MalformedPolicy", message, 400):
            s3.put_bucket_policy(Bucket=bucket, Policy=text)


def test_public_access(cloud, s3, bucket):
    url = f"{cloud.url}/{bucket}/k"
    everybody = policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*"))
    assert get(url)[0] == 403
    with refused("AccessDenied", status=403):
        s3.put_bucket_policy(Bucket=bucket, Policy=everybody)
    off = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=off)
    s3.put_bucket_policy(Bucket=bucket, Policy=everybody)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert get(url) == (200, b"x")
    assert get(f"{cloud.url}/{bucket}/absent")[0] == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**off, "RestrictPublicBuckets": True})
    assert get(url)[0] == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_presigned_urls(cloud, s3, bucket):
    from botocore.config import Config

    s3 = cloud.client("s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert get(url) == (200, b"x")
    assert get(url.replace("/k?", "/other?"))[0] == 403
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"}, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(put, data=b"body", method="PUT")) as answer:
        assert answer.status == 200
    assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"body"
    assert get(put)[0] == 403


def test_tags_as_conditions(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    client = person.service("s3")
    public = {"StringEquals": {"s3:ExistingObjectTag/class": "open"}}
    person.put("read", allow("s3:GetObject", "*", Condition=public))
    with refused("AccessDenied", status=403):
        client.get_object(Bucket=bucket, Key="k")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "class", "Value": "open"}]})
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def tags(**values):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in values.items()]}


def test_tags_as_conditions_of_tagging_and_lists(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    client = person.service("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("secret", "open"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=f"class={key}")
    version = {key: s3.head_object(Bucket=bucket, Key=key)["VersionId"] for key in ("secret", "open")}
    secret = {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}
    given = {"StringEquals": {"s3:RequestObjectTag/class": "admin"}}
    person.put("p", allow("s3:*"), deny("s3:*", Condition=secret), deny("s3:*", Condition=given))
    calls = [
        (client.get_object_tagging, {}), (client.get_object_acl, {}), (client.put_object_acl, {"ACL": "bucket-owner-full-control"}),
        (client.put_object_tagging, {"Tagging": tags(**{"class": "open"})}), (client.delete_object_tagging, {}),
    ]
    for call, more in calls:
        for which in (lambda key: {}, lambda key: {"VersionId": version[key]}):
            with refused("AccessDenied", status=403):
                call(Bucket=bucket, Key="secret", **which("secret"), **more)
            call(Bucket=bucket, Key="open", **which("open"), **more)
    assert s3.get_object_tagging(Bucket=bucket, Key="secret")["TagSet"] == tags(**{"class": "secret"})["TagSet"]
    with refused("AccessDenied", status=403):
        client.put_object_tagging(Bucket=bucket, Key="open", Tagging=tags(**{"class": "admin"}))
    client.put_object_tagging(Bucket=bucket, Key="open", Tagging=tags(**{"class": "user"}))


def test_tags_are_copied_by_who_may_read_and_write_them(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    client = person.service("s3")
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="class=open")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/tagged"}
    base = allow(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:ListBucket"])
    for missing, version, *granted in [
        ("s3:GetObjectTagging", ""), ("s3:PutObjectTagging", "", "s3:GetObjectTagging"),
        ("s3:GetObjectVersionTagging", "?versionId=null", "s3:GetObjectTagging", "s3:PutObjectTagging"),
    ]:
        person.put("p", base, *([allow(granted)] if granted else []))
        wanted = {**copy, "CopySource": f"{bucket}/tagged{version}"}
        with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: {missing} on resource"), 403):
            client.copy_object(**wanted)
        person.put("p", base, allow([*granted, missing, "s3:PutObjectTagging"]))
        client.copy_object(**wanted)
        assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == tags(**{"class": "open"})["TagSet"]
    # Where no tags are copied nobody is asked.
    person.put("p", base)
    client.copy_object(**copy, TaggingDirective="REPLACE")
    client.copy_object(**{**copy, "CopySource": f"{bucket}/k"})
    with refused("AccessDenied", status=403):
        client.copy_object(**copy, TaggingDirective="COPY")


def test_a_bucket_with_tags_needs_the_permission_to_tag(cloud, iam, name):
    person = Person(cloud, iam, name)
    s3 = person.service("s3")
    person.put("make", allow("s3:CreateBucket"))
    tagged = {"CreateBucketConfiguration": {"Tags": [{"Key": "team", "Value": "red"}]}}
    with refused("AccessDenied", Prefix(f"User: {person.arn} is not authorized to perform: s3:TagResource"), 403):
        s3.create_bucket(Bucket=name, **tagged)
    person.put("tag", allow("s3:TagResource", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}}))
    with refused("AccessDenied", status=403):
        s3.create_bucket(Bucket=name, **tagged)
    tagged["CreateBucketConfiguration"]["Tags"][0]["Value"] = "blue"
    s3.create_bucket(Bucket=name, **tagged)
    assert cloud.client("s3").get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "team", "Value": "blue"}]


def test_the_expected_owner(s3, bucket):
    s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner="000000000000")
    with refused("AccessDenied", "Access Denied", 403):
        s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner="111122223333")


def test_policies_that_would_say_nothing_are_refused(s3, bucket):
    arn = f"arn:aws:s3:::{bucket}"

    def put(action, resource, **condition):
        text = policy(deny(action, resource, Principal="*", **({"Condition": condition} if condition else {})))
        s3.put_bucket_policy(Bucket=bucket, Policy=text)

    with refused("MalformedPolicy", "Policy has invalid action", 400):
        put("s3:GetObjects", f"{arn}/*")
    with refused("MalformedPolicy", "Policy has invalid action", 400):
        put("sqs:SendMessage", f"{arn}/*")
    for action, resource in (("s3:GetObject", arn), ("s3:ListBucket", f"{arn}/*"), (["s3:PutObject", "s3:ListBucket"], f"{arn}/*")):
        with refused("MalformedPolicy", "Action does not apply to any resource(s) in statement", 400):
            put(action, resource)
    with refused("MalformedPolicy", "Policy has an invalid condition key", 400):
        put("s3:GetObject", f"{arn}/*", StringEquals={"s3:nonsense": "x"})
    put(["s3:GetObject", "s3:ListBucket", "s3:Put*"], [arn, f"{arn}/*"], StringEquals={"s3:ExistingObjectTag/a": "b"})
