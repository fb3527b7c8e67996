"""Through the `yakumo` command: status, clock, snapshots, requests, why, reset, and the endpoints other tools expect."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

import cloud as clouds
from asserting import refused
from people import Person, allow


def get(cloud, path, headers=None):
    request = urllib.request.Request(cloud.url + path, headers=headers or {})
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.read()


def status_of(cloud, path, headers=None, method="GET"):
    request = urllib.request.Request(cloud.url + path, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_status_and_env(cloud):
    status = cloud.command("status", json_output=True)
    assert status["endpoint"].endswith(str(cloud.port)), status
    exports = cloud.command("env")
    assert f"AWS_ENDPOINT_URL={cloud.url}" in exports.replace('"', "").replace("'", "")
    assert "AWS_ACCESS_KEY_ID=test" in exports.replace('"', "").replace("'", "")


def test_services_say_what_is_real(cloud):
    text = json.dumps(cloud.command("services", "sqs", json_output=True))
    assert "StartMessageMoveTask" in text
    everything = json.dumps(cloud.command("services", json_output=True))
    assert "dynamodb" in everything and "sqs" in everything


def test_health_is_open_and_the_rest_is_not(cloud):
    assert status_of(cloud, "/_yakumo/health") == 200
    # No web page can drive it: a custom header and a known Host are needed.
    assert status_of(cloud, "/_yakumo/reset", method="POST") in (401, 403)
    assert status_of(cloud, "/_yakumo/status") in (401, 403)
    assert status_of(cloud, "/_yakumo/status", headers={"Host": "evil.example"}) in (400, 401, 403)
    assert status_of(cloud, "/_yakumo/reset", method="POST", headers={"Origin": "http://evil.example"}) in (401, 403)


def test_what_other_local_clouds_tooling_asks(cloud):
    health = json.loads(get(cloud, "/_localstack/health")[1])
    assert health["services"]["sqs"] in ("available", "running")
    assert "edition" in health and "version" in health
    assert "dynamodb" not in health["services"] or health["services"]["dynamodb"] == "disabled"
    info = json.loads(get(cloud, "/_localstack/info")[1])
    assert {"version", "edition"} <= set(info)
    init = json.loads(get(cloud, "/_localstack/init")[1])
    assert init["completed"]["READY"] is True
    assert "scripts" in init


def test_metrics_speak_prometheus(cloud, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    text = get(cloud, "/metrics")[1].decode()
    assert "# TYPE " in text and "SendMessage" in text


def test_reset_empties_the_cloud(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    person = Person(cloud, iam, "somebody")
    cloud.command("reset", "--yes")
    assert "QueueUrls" not in sqs.list_queues()
    assert iam.list_users()["Users"] == []
    with refused("InvalidClientTokenId"):
        person.service("sqs").list_queues()
    sqs.create_queue(QueueName="q")
    assert "Messages" not in sqs.receive_message(QueueUrl=url), "the old messages stay gone"
    cloud.kill()
    cloud.start()
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1


@pytest.fixture(params=["ephemeral", "durable"])
def own_cloud(request, workshop):
    """A cloud for one test, in memory and on disk."""
    return workshop.cloud(data_dir=workshop.directory() if request.param == "durable" else None)


def test_a_snapshot_brings_back_what_was(own_cloud):
    cloud = own_cloud
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    iam.create_user(UserName="before")
    cloud.command("snapshot", "save", "before-attack")

    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="after")
    iam.delete_user(UserName="before")
    iam.create_user(UserName="after")
    late = Person(cloud, iam, "late")

    cloud.command("snapshot", "load", "before-attack")
    bodies = [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(bodies) == ["one", "three", "two"]
    assert [u["UserName"] for u in iam.list_users()["Users"]] == ["before"]
    with refused("InvalidClientTokenId"):
        late.service("sqs").list_queues()
    listed = json.dumps(cloud.command("snapshot", "list", json_output=True))
    assert "before-attack" in listed
    # It can be loaded again, after it was loaded.
    sqs.purge_queue(QueueUrl=url)
    cloud.command("snapshot", "load", "before-attack")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "3"


def test_a_fork_is_another_cloud(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="common")
    cloud.command("snapshot", "save", "s")
    forked = cloud.command(
        "snapshot", "fork", "s", "--port", "0", "--data-dir", str(workshop.directory() / "fork"), json_output=True
    )
    try:
        theirs = cloud.client("sqs", endpoint_url=forked["endpoint"])
        their_url = theirs.get_queue_url(QueueName="q")["QueueUrl"]
        theirs.send_message(QueueUrl=their_url, MessageBody="theirs")
        sqs.send_message(QueueUrl=url, MessageBody="ours")
        mine = [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
        other = [m["Body"] for m in theirs.receive_message(QueueUrl=their_url, MaxNumberOfMessages=10)["Messages"]]
        assert sorted(mine) == ["common", "ours"] and sorted(other) == ["common", "theirs"]
    finally:
        subprocess.run(["kill", str(forked["pid"])], check=True)


def test_a_frozen_clock_stands_and_an_advanced_one_moves(workshop):
    cloud = workshop.cloud()
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    cloud.command("clock", "freeze")
    first = cloud.command("clock", "now", json_output=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2), "no time passes in a frozen cloud"
    assert cloud.command("clock", "now", json_output=True)["now"] == first["now"]
    cloud.advance("1s")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=30, MessageSystemAttributeNames=["All"])["Messages"]
    sent = int(message["Attributes"]["SentTimestamp"])
    assert int(message["Attributes"]["ApproximateFirstReceiveTimestamp"]) - sent == 1000
    cloud.command("clock", "resume")
    cloud.advance("31s")
    assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_a_waiting_receive_wakes_when_the_clock_is_advanced(workshop):
    cloud = workshop.cloud()
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=600)
    answers = []

    def wait():
        answers.append(cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20))

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(0.5)
    cloud.advance("601s")
    waiter.join(20)
    assert answers[0].get("Messages"), "the message became visible while somebody waited for it"


def test_a_clock_that_begins_elsewhere(workshop):
    cloud = workshop.cloud(args=["--clock", "2031-05-06T07:08:09Z"])
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    created = int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])["Attributes"]["CreatedTimestamp"])
    assert 1935817689 <= created < 1935817689 + 600, "signatures keep the host's time, records the cloud's"


def test_requests_and_why(cloud, iam, queue, name, sqs):
    person = Person(cloud, iam, name)
    person.put("list", allow("sqs:ListQueues"))
    person.service("sqs").list_queues()
    with refused("AccessDenied") as caught:
        person.service("sqs").purge_queue(QueueUrl=queue)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    lines = cloud.command("requests", json_output=True)["requests"]
    (denied,) = [line for line in lines if line["id"] == request_id]
    text = json.dumps(denied)
    assert "PurgeQueue" in text and person.arn in text and denied["verdict"] == "denied" and denied["status"] == 403
    why = cloud.command("why", request_id)
    assert "DENIED" in why and "sqs:PurgeQueue" in why and person.arn in why
    person.put("no", {"Effect": "Deny", "Sid": "NoPurge", "Action": "sqs:Purge*", "Resource": "*"})
    with refused("AccessDenied") as caught:
        person.service("sqs").purge_queue(QueueUrl=queue)
    explained = json.dumps(cloud.command("why", caught.value.response["ResponseMetadata"]["RequestId"], json_output=True))
    assert "NoPurge" in explained, "the statement that decided is named"
    allowed = person.service("sqs").list_queues()["ResponseMetadata"]["RequestId"]
    assert "allowed" in cloud.command("why", allowed)


def test_two_processes_cannot_share_a_data_directory(workshop):
    directory = workshop.directory()
    first = workshop.cloud(data_dir=directory)
    done = subprocess.run(
        [str(clouds.BINARY), "up", "--port", "0", "--data-dir", str(directory)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 4, done
    assert str(directory) in done.stderr + done.stdout
    assert first.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    first.kill()
    second = workshop.cloud(data_dir=directory)
    assert second.alive(), "a killed owner leaves no lock behind"


def test_a_taken_port_is_said_plainly(cloud):
    done = subprocess.run(
        [str(clouds.BINARY), "up", "--port", str(cloud.port), "--ephemeral"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3, done
    assert str(cloud.port) in done.stderr + done.stdout


def test_scripts_in_ready_d_run_with_credentials(workshop):
    directory = workshop.directory()
    scripts, mark = directory / "scripts", directory / "mark"
    scripts.mkdir()
    script = scripts / "10-first.sh"
    script.write_text(f'#!/bin/sh\necho "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID" > {mark}\n')
    script.chmod(0o755)
    cloud = workshop.cloud(args=["--ready-dir", str(scripts)])
    for _ in range(200):
        if mark.exists() and mark.read_text().endswith("\n"):
            break
        time.sleep(0.05)
    assert mark.read_text() == f"{cloud.url} test\n"


def test_ephemeral_clouds_keep_nothing_and_do_not_meet(workshop):
    one, two = workshop.cloud(), workshop.cloud()
    one.client("sqs").create_queue(QueueName="q")
    assert "QueueUrls" not in two.client("sqs").list_queues()
    one.stop()
    one.start()
    assert "QueueUrls" not in one.client("sqs").list_queues()
