"""What happens to objects is told to queues: whose policy decides each time, in AWS's format, even after `kill -9`."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from asserting import Prefix, refused
from people import Person, allow, policy

UNABLE = "Unable to validate the following destination configurations"
NOT_LET_IN = "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def from_s3(bucket, account="000000000000"):
    """A queue policy that lets S3 in for one bucket of one account."""
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}, "StringEquals": {"aws:SourceAccount": account}}
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": condition,
        }
    )


class Queue:
    """A queue and its ARN; `take` gives what arrives next."""

    def __init__(self, sqs, bucket, name=None, **more):
        self.sqs = sqs
        attributes = {"Policy": from_s3(bucket, **more)} if bucket else {}
        self.url = sqs.create_queue(QueueName=name or f"q-{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def let_in(self, document):
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": document})

    def take(self, wait_s=20):
        got = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=wait_s, MaxNumberOfMessages=10).get("Messages", [])
        for one in got:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]

    def records(self, count):
        """The next so many events, in the order in which they arrive."""
        records = []
        for _ in range(count + 5):
            if len(records) >= count:
                break
            for body in self.take():
                records.extend(body["Records"])
        assert len(records) == count, records
        return records


def about(queue, *events, **more):
    return {"QueueArn": queue.arn, "Events": list(events) or ["s3:ObjectCreated:*"], **more}


def only(prefix=None, suffix=None):
    rules = [{"Name": n, "Value": v} for n, v in (("prefix", prefix), ("suffix", suffix)) if v is not None]
    return {"Key": {"FilterRules": rules}}


def put(s3, bucket, *queues, **more):
    return s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(queues)}, **more
    )


def test_the_test_event_and_the_message(cloud, s3, sqs, bucket, iam):
    queue = Queue(sqs, bucket)
    answer = put(s3, bucket, about(queue, Id="all"))
    [test] = queue.take()
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    assert test["RequestId"] == answer["ResponseMetadata"]["RequestId"]

    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    written = ada.service("s3").put_object(Bucket=bucket, Key="a b/ü+.txt", Body=b"hello")
    [record] = queue.records(1)
    assert record["eventVersion"] == "2.1" and record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == "us-east-1" and record["eventName"] == "ObjectCreated:Put"
    assert record["eventTime"].endswith("Z") and len(record["eventTime"]) == 24
    user_id = iam.get_user(UserName=ada.name)["User"]["UserId"]
    assert record["userIdentity"] == {"principalId": f"AWS:{user_id}"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert record["responseElements"]["x-amz-request-id"] == written["ResponseMetadata"]["RequestId"]
    told = record["s3"]
    assert (told["s3SchemaVersion"], told["configurationId"]) == ("1.0", "all")
    assert told["bucket"]["name"] == bucket and told["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert told["bucket"]["ownerIdentity"]["principalId"].startswith("A")
    assert told["object"]["key"] == "a+b/%C3%BC%2B.txt"
    assert (told["object"]["size"], told["object"]["eTag"]) == (5, written["ETag"].strip('"'))
    assert "versionId" not in told["object"]
    # What was refused did not happen: the next event is of the next change.
    with refused("AccessDenied", status=403):
        ada.service("s3").delete_object(Bucket=bucket, Key="a b/ü+.txt")
    s3.put_object(Bucket=bucket, Key="next", Body=b"")
    [after] = queue.records(1)
    assert after["s3"]["object"]["key"] == "next"
    assert after["s3"]["object"]["sequencer"] > told["object"]["sequencer"]


def test_every_kind_of_change(s3, sqs, bucket):
    queue = Queue(sqs, bucket)
    put(s3, bucket, about(queue, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put"))
    queue.take()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    form = s3.generate_presigned_post(bucket, "form")
    posted = urllib3.request("POST", form["url"], fields={**form["fields"], "file": ("f", b"y")})
    assert posted.status == 204, posted.data
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"z")["ETag"]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k")
    # Nothing was there, nothing happened.
    s3.delete_object(Bucket=bucket, Key="nothing")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="v", Body=b"1")["VersionId"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "v"}, {"Key": "v", "VersionId": version}]})
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object_acl(Bucket=bucket, Key="copy", ACL="public-read")
    s3.put_object_acl(Bucket=bucket, Key="copy", ACL="public-read")
    s3.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    records = queue.records(12)
    names = [(one["eventName"], one["s3"]["object"]["key"], one["eventVersion"]) for one in records]
    assert names == [
        ("ObjectCreated:Put", "k", "2.1"),
        ("ObjectCreated:Post", "form", "2.1"),
        ("ObjectCreated:Copy", "copy", "2.1"),
        ("ObjectCreated:CompleteMultipartUpload", "parts", "2.1"),
        ("ObjectTagging:Put", "k", "2.3"),
        ("ObjectTagging:Delete", "k", "2.3"),
        ("ObjectRemoved:Delete", "k", "2.1"),
        ("ObjectCreated:Put", "v", "2.1"),
        ("ObjectRemoved:DeleteMarkerCreated", "v", "2.1"),
        ("ObjectRemoved:Delete", "v", "2.1"),
        ("ObjectAcl:Put", "copy", "2.3"),
        ("ObjectTagging:Put", "copy", "2.3"),
    ]
    assert records[7]["s3"]["object"]["versionId"] == version == records[9]["s3"]["object"]["versionId"]


def test_filters(s3, sqs, bucket):
    images, logs = Queue(sqs, bucket), Queue(sqs, bucket)
    put(s3, bucket, about(images, Filter=only("img/", ".png")), about(logs, Filter=only("logs/")))
    images.take(), logs.take()
    for key in ("img/a.jpg", "img/a.png", "x.png", "logs/a.png"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert [one["s3"]["object"]["key"] for one in images.records(1)] == ["img/a.png"]
    assert [one["s3"]["object"]["key"] for one in logs.records(1)] == ["logs/a.png"]
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [one["Filter"]["Key"]["FilterRules"] for one in shown] == [
        [{"Name": "Prefix", "Value": "img/"}, {"Name": "Suffix", "Value": ".png"}],
        [{"Name": "Prefix", "Value": "logs/"}],
    ]
    assert all(one["Id"] for one in shown)
    put(s3, bucket)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ([{"Events": ["s3:ObjectMoved:*"]}], "A specified event is not supported for notifications."),
        ([{}, {}], "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
        ([{"Filter": only("a")}, {"Filter": only("ab")}], Prefix("Configuration is ambiguously defined.")),
        ([{"Filter": only(suffix="pg")}, {"Filter": only(suffix="jpg")}], Prefix("Configuration is ambiguously defined.")),
        ([{"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}] * 2}}}],
         "Cannot specify more than one prefix rule in a filter."),
        ([{"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:q"}],
         "The notification destination service region is not valid for the bucket location constraint"),
        ([{"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}], "FIFO SQS queues are not supported"),
        ([{"QueueArn": "arn:aws:sns:us-east-1:000000000000:q"}], "The ARN is not well formed"),
    ],
)
def test_what_is_no_configuration(s3, sqs, bucket, more, text):
    queue = Queue(sqs, bucket)
    with refused("InvalidArgument", text, 400):
        put(s3, bucket, *(about(queue) | one for one in more))
    assert queue.take(wait_s=0) == []
    # The twin that differs in what was wrong.
    put(s3, bucket, about(queue, Filter=only("a")), about(queue, Filter=only("b")))


@pytest.mark.parametrize(
    "configuration",
    [
        {"TopicConfigurations": [{"TopicArn": "arn:aws:sns:us-east-1:000000000000:t", "Events": ["s3:ObjectCreated:*"]}]},
        {"LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f", "Events": ["s3:ObjectCreated:*"]}]},
        {"EventBridgeConfiguration": {}},
    ],
)
def test_what_has_no_room_yet(s3, bucket, configuration):
    with refused("NotImplemented", Prefix("yakumo does not implement notifications to "), 501):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_the_queue_decides_when_it_is_configured(s3, sqs, bucket):
    queue = Queue(sqs, None)
    wrong = [None, from_s3("another-bucket"), from_s3(bucket, account="111122223333")]
    for document in wrong:
        if document:
            queue.let_in(document)
        with refused("InvalidArgument", UNABLE, 400) as caught:
            put(s3, bucket, about(queue))
        error = caught.value.response["Error"]
        assert (error["ArgumentName1"], error["ArgumentValue1"]) == (queue.arn, NOT_LET_IN)
    missing = {**about(queue), "QueueArn": queue.arn + "-missing"}
    with refused("InvalidArgument", UNABLE, 400):
        put(s3, bucket, missing)
    put(s3, bucket, missing, SkipDestinationValidation=True)
    queue.let_in(from_s3(bucket))
    put(s3, bucket, about(queue))
    assert [one["Event"] for one in queue.take()] == ["s3:TestEvent"]


def test_the_queue_decides_at_each_event(s3, sqs, bucket):
    queue = Queue(sqs, bucket)
    witness = Queue(sqs, bucket)
    put(s3, bucket, about(queue, Filter=only("a")), about(witness, Filter=only("b")))
    queue.take(), witness.take()
    # The policy is lost, or names another bucket: nothing arrives, and what was not taken then never comes.
    for document in (from_s3("another-bucket"), from_s3(bucket, account="111122223333"), ""):
        queue.let_in(document)
        s3.put_object(Bucket=bucket, Key="a-lost", Body=b"")
        s3.put_object(Bucket=bucket, Key="b-seen", Body=b"")
        witness.records(1)
    queue.let_in(from_s3(bucket))
    s3.put_object(Bucket=bucket, Key="a-back", Body=b"")
    assert [one["s3"]["object"]["key"] for one in queue.records(1)] == ["a-back"]


def test_who_may_configure(cloud, s3, sqs, bucket, iam):
    queue = Queue(sqs, bucket)
    ada = Person(cloud, iam, f"ada-{bucket}")
    ada.put("p", allow("s3:GetBucketNotification", f"arn:aws:s3:::{bucket}"))
    ada.service("s3").get_bucket_notification_configuration(Bucket=bucket)
    with refused("AccessDenied", status=403):
        put(ada.service("s3"), bucket, about(queue))
    assert queue.take(wait_s=0) == []
    ada.put("p", allow("s3:PutBucketNotification", f"arn:aws:s3:::{bucket}"))
    put(ada.service("s3"), bucket, about(queue))
    with refused("AccessDenied", status=403):
        ada.service("s3").get_bucket_notification_configuration(Bucket=bucket)


def test_a_queue_of_another_account(cloud, s3, bucket):
    queue = Queue(cloud.client("sqs", key="111122223333"), bucket)
    put(s3, bucket, about(queue))
    queue.take()
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert queue.records(1)[0]["s3"]["object"]["key"] == "k"


def test_lifecycle_events(cloud, s3, sqs, bucket):
    queue = Queue(sqs, bucket)
    put(s3, bucket, about(queue, "s3:LifecycleExpiration:*", "s3:LifecycleTransition", "s3:ObjectRemoved:*"))
    queue.take()
    s3.put_object(Bucket=bucket, Key="old", Body=b"x")
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x" * 200_000)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "end", "Status": "Enabled", "Filter": {"Prefix": "old"}, "Expiration": {"Days": 1}},
        {"ID": "move", "Status": "Enabled", "Filter": {"Prefix": "cold"}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}]},
    ]})
    cloud.advance("72h")
    records = {one["eventName"]: one for one in queue.records(2)}
    assert set(records) == {"LifecycleExpiration:Delete", "LifecycleTransition"}
    assert records["LifecycleTransition"]["lifecycleEventData"] == {"transitionEventData": {"destinationStorageClass": "GLACIER_IR"}}
    assert records["LifecycleExpiration:Delete"]["userIdentity"] == {"principalId": "s3.amazonaws.com"}


def test_restore_events(cloud, s3, sqs, bucket):
    queue = Queue(sqs, bucket)
    put(s3, bucket, about(queue, "s3:ObjectRestore:*"))
    queue.take()
    s3.put_object(Bucket=bucket, Key="cold", Body=b"ice", StorageClass="GLACIER")
    s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 1})
    assert [one["eventName"] for one in queue.records(1)] == ["ObjectRestore:Post"]
    cloud.advance("6h")
    [done] = queue.records(1)
    assert (done["eventName"], done["eventVersion"]) == ("ObjectRestore:Completed", "2.1")
    told = done["glacierEventData"]["restoreEventData"]
    assert told["lifecycleRestoreStorageClass"] == "GLACIER"
    # Prolonged: the copy goes when it is now said to go, and not before.
    s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 5})
    cloud.advance("72h")
    s3.get_object(Bucket=bucket, Key="cold")["Body"].read()
    assert queue.take(wait_s=3) == []
    cloud.advance("96h")
    [gone] = queue.records(1)
    assert (gone["eventName"], gone["eventVersion"]) == ("ObjectRestore:Delete", "2.3")
    with refused("InvalidObjectState", status=403):
        s3.get_object(Bucket=bucket, Key="cold")


def test_an_event_survives_kill_9(workshop):
    directory = workshop.directory()
    cloud = workshop.cloud(data_dir=directory)
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket="bucket")
    queue = Queue(sqs, "bucket", name="q")
    put(s3, "bucket", about(queue))
    queue.take()
    keys = [f"k{number:03}" for number in range(120)]
    # Many writers are faster than the one who delivers, so that some events wait when the process dies.
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda key: s3.put_object(Bucket="bucket", Key=key, Body=b"x"), keys))
    cloud.kill()
    cloud = workshop.cloud(data_dir=directory)
    queue.sqs = cloud.client("sqs")
    seen = []
    for _ in range(400):
        if set(seen) >= set(keys):
            break
        seen += [record["s3"]["object"]["key"] for body in queue.take() for record in body["Records"]]
    # At least once: whatever was acknowledged arrives, and nothing else does.
    assert set(seen) == set(keys)
