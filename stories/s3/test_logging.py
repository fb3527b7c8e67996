"""Server access logs: every request to a bucket becomes a line, which the target bucket's own policy lets in or not."""

import re
import time
import urllib.request
import uuid

import pytest
from asserting import refused
from people import Person, allow, policy

# The fields of a line: plain, in brackets, or in quotation marks.
FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
NAMES = (
    "owner bucket time ip requester request_id operation key uri status error sent size took turn referer agent version"
    " host_id signature cipher authentication host tls access_point acl_required source_region"
).split()


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def lets_in(target, source, account="000000000000"):
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringEquals": {"aws:SourceAccount": account}}
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{target}/*",
            "Condition": condition,
        }
    )


def target_of(s3, bucket, document=True):
    target = f"log-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(Bucket=target)
    if document:
        s3.put_bucket_policy(Bucket=target, Policy=lets_in(target, bucket))
    return target


def log(s3, bucket, target, prefix="", **more):
    enabled = {"TargetBucket": target, "TargetPrefix": prefix, **more}
    return s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def keys(s3, target):
    return [one["Key"] for one in s3.list_objects_v2(Bucket=target).get("Contents", [])]


def lines(s3, target, wanted):
    """All lines, when `wanted` of them are there; the background work is waited for, for as long as it may take."""
    for _ in range(300):
        text = "".join(s3.get_object(Bucket=target, Key=key)["Body"].read().decode() for key in keys(s3, target))
        found = [dict(zip(NAMES, FIELD.findall(line), strict=True)) for line in text.splitlines()]
        if wanted(found):
            return found
        time.sleep(0.1)
    pytest.fail(f"these lines only: {found}")


def of(found, **wanted):
    return [one for one in found if all(one[name] == value for name, value in wanted.items())]


def test_a_line_has_all_fields(cloud, s3, bucket, iam):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    target = target_of(s3, bucket)
    log(s3, bucket, target, "logs/")
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": target, "TargetPrefix": "logs/"}
    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"hello")
    ada.service("s3").get_object(Bucket=bucket, Key="a b/ü.txt", Range="bytes=1-2")["Body"].read()
    with refused("AccessDenied", status=403) as denied:
        ada.service("s3").delete_object(Bucket=bucket, Key="a b/ü.txt")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{cloud.url}/{bucket}/nobody?x=%22", timeout=20)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü.txt"})
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"hello"
    s3.list_objects_v2(Bucket=bucket)
    assert keys(s3, target) == []
    cloud.advance("2m")
    found = lines(s3, target, lambda found: of(found, operation="REST.GET.BUCKET", bucket=bucket))

    [written] = of(found, operation="REST.PUT.OBJECT")
    canonical = s3.list_buckets()["Owner"]["ID"]
    assert (written["owner"], written["requester"]) == (canonical, canonical)
    assert written["request_id"] == put["ResponseMetadata"]["RequestId"]
    assert written["key"] == "a%20b/%C3%BC.txt" and written["ip"] == "127.0.0.1"
    assert written["uri"] == f'"PUT /{bucket}/a%20b/%C3%BC.txt HTTP/1.1"'
    assert (written["status"], written["error"], written["sent"], written["size"]) == ("200", "-", "-", "5")
    assert written["version"] == put["VersionId"]
    assert (written["signature"], written["authentication"]) == ("SigV4", "AuthHeader")
    assert written["host"] == f"127.0.0.1:{cloud.port}" and written["tls"] == written["cipher"] == "-"
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", written["time"])
    assert written["agent"].startswith('"Boto3/') and written["took"].isdigit()

    [part] = of(found, operation="REST.GET.OBJECT", status="206")
    assert (part["sent"], part["size"], part["requester"]) == ("2", "5", ada.arn)
    assert part["turn"].isdigit()
    [no] = of(found, operation="REST.DELETE.OBJECT")
    assert (no["status"], no["error"], no["requester"]) == ("403", "AccessDenied", ada.arn)
    assert no["request_id"] == denied.value.response["ResponseMetadata"]["RequestId"]
    [nobody] = of(found, key="nobody")
    assert (nobody["requester"], nobody["signature"], nobody["authentication"]) == ("-", "-", "-")
    assert nobody["status"] == "403" and nobody["uri"] == f'"GET /{bucket}/nobody?x=%22 HTTP/1.1"'
    [signed] = of(found, authentication="QueryString")
    assert (signed["status"], signed["sent"]) == ("200", "5")
    [_] = of(found, operation="REST.PUT.VERSIONING")
    # The bucket that only takes the log is not logged itself.
    assert {one["bucket"] for one in found} == {bucket}


def test_names_of_log_objects(cloud, s3, bucket):
    target = target_of(s3, bucket)
    moment = r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}"
    place = f"p/000000000000/us-east-1/{bucket}/" + r"\d{4}/\d\d/\d\d/"
    for number, (given, pattern) in enumerate(
        [
            ({"SimplePrefix": {}}, "p/" + moment),
            ({"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}, place + moment),
            ({"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}, place + r"\d{4}-\d\d-\d\d-00-00-00-[0-9A-F]{16}"),
        ]
    ):
        log(s3, bucket, target, "p/", TargetObjectKeyFormat=given)
        assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetObjectKeyFormat"] == given
        s3.get_bucket_location(Bucket=bucket)
        before = len(keys(s3, target))
        cloud.advance("2m")
        for _ in range(300):
            fresh = keys(s3, target)
            if len(fresh) > before:
                break
            time.sleep(0.1)
        assert any(re.fullmatch(pattern, key) for key in fresh), (number, fresh)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_the_target_decides_at_each_delivery(cloud, s3, bucket):
    target = target_of(s3, bucket, document=False)
    witness_bucket = f"w-{bucket}"
    s3.create_bucket(Bucket=witness_bucket)
    witness = target_of(s3, witness_bucket)
    log(s3, bucket, target)
    log(s3, witness_bucket, witness)

    def both(key):
        for one in (bucket, witness_bucket):
            s3.put_object(Bucket=one, Key=key, Body=b"")
        cloud.advance("2m")
        lines(s3, witness, lambda found: of(found, key=key))

    # Without a policy, and with one that is for another bucket or another account, nothing arrives.
    both("none")
    for number, document in enumerate((lets_in(target, "another"), lets_in(target, bucket, account="111122223333"))):
        s3.put_bucket_policy(Bucket=target, Policy=document)
        both(f"wrong-{number}")
    assert keys(s3, target) == []
    s3.put_bucket_policy(Bucket=target, Policy=lets_in(target, bucket))
    both("right")
    assert of(lines(s3, target, lambda found: found), key="right")


def test_a_target_that_became_somebody_elses_gets_nothing(cloud, s3, bucket):
    stranger = cloud.client("s3", key="222222222222")
    target = target_of(s3, bucket)
    witness_bucket = f"w-{bucket}"
    s3.create_bucket(Bucket=witness_bucket)
    witness = target_of(s3, witness_bucket)
    log(s3, bucket, target)
    log(s3, witness_bucket, witness)

    def both(key):
        for one in (bucket, witness_bucket):
            s3.put_object(Bucket=one, Key=key, Body=b"")
        cloud.advance("2m")
        lines(s3, witness, lambda found: of(found, key=key))

    s3.delete_bucket(Bucket=target)
    stranger.create_bucket(Bucket=target)
    stranger.put_bucket_policy(Bucket=target, Policy=lets_in(target, bucket))
    # When the second is delivered, the turn that tried the first has ended.
    both("private-name")
    both("another")
    assert keys(stranger, target) == []
    stranger.delete_bucket(Bucket=target)
    s3.create_bucket(Bucket=target)
    s3.put_bucket_policy(Bucket=target, Policy=lets_in(target, bucket))
    both("own")
    assert of(lines(s3, target, lambda found: of(found, key="own")), key="own")


def test_the_log_delivery_group(cloud, s3, bucket):
    target = f"log-{bucket}"
    s3.create_bucket(Bucket=target, ObjectOwnership="ObjectWriter")
    with refused("InvalidTargetBucketForLogging", "You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket", 400):
        log(s3, bucket, target)
    s3.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    log(s3, bucket, target)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    cloud.advance("2m")
    assert of(lines(s3, target, lambda found: of(found, key="k")), operation="REST.PUT.OBJECT")


def test_what_is_no_target(cloud, s3, bucket):
    def wrong(target, code, text=None, status=400):
        with refused(code, text, status):
            log(s3, bucket, target)

    wrong(f"{bucket}-missing", "InvalidTargetBucketForLogging", "The target bucket for logging does not exist")
    other = cloud.client("s3", key="111122223333")
    other.create_bucket(Bucket=f"{bucket}-other")
    wrong(f"{bucket}-other", "InvalidTargetBucketForLogging", "The owner for the bucket to be logged and the target bucket must be the same.")
    west = cloud.client("s3", region="eu-west-1")
    west.create_bucket(Bucket=f"{bucket}-west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    wrong(f"{bucket}-west", "CrossLocationLoggingProhibitted", status=403)
    target = target_of(s3, bucket)
    with refused("NotImplemented", "yakumo does not implement target grants of access logs of S3.", 501):
        log(s3, bucket, target, TargetGrants=[{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"}])
    with refused("KeyTooLongError"):
        log(s3, bucket, target, prefix="p" * 1025)
    with refused("KeyTooLongError"):
        log(s3, bucket, target, prefix="p" * 1000)
    log(s3, bucket, target, prefix="p" * 980)
    # What holds whatever comes, or lets others pay for it, is no target.
    s3.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "Requester"})
    wrong(target, "InvalidTargetBucketForLogging")
    s3.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    log(s3, bucket, target)
    held = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=target, ObjectLockConfiguration=held)
    wrong(target, "InvalidTargetBucketForLogging")


def test_requests_through_access_points(cloud, s3, bucket):
    target = target_of(s3, bucket)
    log(s3, bucket, target)
    control = cloud.client("s3control")
    made = control.create_access_point(AccountId="000000000000", Name=f"{bucket}-ap", Bucket=bucket)
    by_host = cloud.client("s3", endpoint_url=cloud.named_url, config=cloud.by_proxy())
    by_host.put_object(Bucket=made["AccessPointArn"], Key="by/arn", Body=b"x")
    s3.get_object(Bucket=made["Alias"], Key="by/arn")
    with refused("AccessDenied"):
        cloud.client("s3", key="111122223333").get_object(Bucket=made["Alias"], Key="by/arn")
    s3.get_object(Bucket=bucket, Key="by/arn")
    cloud.advance("2m")
    found = of(lines(s3, target, lambda found: len(of(found, key="by/arn")) == 4), key="by/arn")
    assert [(one["status"], one["access_point"]) for one in found] == [
        ("200", made["AccessPointArn"]),
        ("200", made["AccessPointArn"]),
        ("403", made["AccessPointArn"]),
        ("200", "-"),
    ]
    assert {one["bucket"] for one in found} == {bucket}


def test_who_may_configure(cloud, s3, bucket, iam):
    target = target_of(s3, bucket)
    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:GetBucketLogging", f"arn:aws:s3:::{bucket}"))
    ada.service("s3").get_bucket_logging(Bucket=bucket)
    with refused("AccessDenied", status=403):
        log(ada.service("s3"), bucket, target)
    ada.put("p", allow("s3:PutBucketLogging", f"arn:aws:s3:::{bucket}"))
    log(ada.service("s3"), bucket, target)


def test_lines_survive_a_stop(workshop):
    directory = workshop.directory()
    cloud = workshop.cloud(data_dir=directory)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    target = target_of(s3, "bucket")
    log(s3, "bucket", target)
    s3.put_object(Bucket="bucket", Key="before", Body=b"")
    assert cloud.stop() == 0
    cloud = workshop.cloud(data_dir=directory)
    s3 = cloud.client("s3")
    cloud.advance("2m")
    found = lines(s3, target, lambda found: of(found, key="before"))
    assert len(of(found, key="before", operation="REST.PUT.OBJECT")) == 1
