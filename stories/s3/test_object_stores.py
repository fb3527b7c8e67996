"""Large bodies in a bucket elsewhere (`yakumo up --bodies`): everything works, nothing is half, and nothing stays behind."""

import hashlib
import os
import signal
import subprocess
import threading
import time

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import cloud as clouds
from durability.test_postgres import postgres  # noqa: F401 (a fixture)
from people import allow, deny
from s3.object_stores import BODIES, BUCKET, ON_BUCKET, ON_OBJECTS, PREFIX, OfMoto, of_yakumo, until
from s3.test_bodies import Endless, resident_mib, send

MIB = 1024 * 1024
STREAM_MIB = int(os.environ.get("YAKUMO_STREAM_MIB", "256"))
DATA, LOCKED = 5, 4


@pytest.fixture(params=["yakumo", "moto"])
def any_backing(request, workshop):
    if request.param == "yakumo":
        yield of_yakumo(workshop)[0]
        return
    there = OfMoto()
    yield there.backing
    there.stop()


@pytest.fixture
def backing(workshop):
    return of_yakumo(workshop)[0]


def bucket_in(home):
    s3 = home.client("s3", config=clouds.CONFIG.merge(Config(signature_version="s3v4")))
    s3.create_bucket(Bucket="bodies")
    return s3


def run(*arguments, environ):
    """Runs a command that ends. Gives its exit code and all that it wrote."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
    done = subprocess.run(
        [clouds.BINARY, *map(str, arguments)], capture_output=True, text=True, env=kept | environ, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def whole(home, backing):
    """What `yakumo fsck` says of a stopped cloud."""
    code, said = run("fsck", "--data-dir", home.data_dir, environ=backing.environ)
    assert (code, "whole" in said) == (0, True), said


def read(s3, key, **more):
    return s3.get_object(Bucket="bodies", Key=key, **more)["Body"].read()


def test_everything_with_bodies_elsewhere(workshop, any_backing):
    backing = any_backing
    home = backing.front(workshop)
    s3 = bucket_in(home)
    bodies = {f"k{size}": os.urandom(size) for size in (100, 32 * 1024, 40_000, 700_000, 5 * MIB, 13 * MIB + 7)}
    for key, body in bodies.items():
        s3.put_object(Bucket="bodies", Key=key, Body=body)
    for key, body in bodies.items():
        assert read(s3, key) == body
        for first, last in ((0, 0), (65_535, 65_537), (len(body) // 3, len(body) // 2), (len(body) - 5, len(body) - 1)):
            if last < len(body):
                assert read(s3, key, Range=f"bytes={first}-{last}") == body[first : last + 1]
    # Small bodies are records; a large one is one object, encrypted, and no file.
    assert len(backing.keys()) == 4
    assert not [path for path in home.data_dir.rglob("*") if {"blobs", "uploads"} & set(path.parts)]
    for key in backing.keys():
        there = backing.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert not any(body[:64] in there for body in bodies.values())
    status = home.command("status", json_output=True)
    assert status["bodies"] == f"{BODIES} at {backing.url}"

    upload = s3.create_multipart_upload(Bucket="bodies", Key="parts")["UploadId"]
    parts = [bodies["k5242880"], bodies["k40000"]]
    tags = [
        {"PartNumber": i, "ETag": s3.upload_part(Bucket="bodies", Key="parts", UploadId=upload, PartNumber=i, Body=part)["ETag"]}
        for i, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(Bucket="bodies", Key="parts", UploadId=upload, MultipartUpload={"Parts": tags})
    assert read(s3, "parts") == b"".join(parts)
    assert read(s3, "parts", Range="bytes=5242870-5242889") == b"".join(parts)[5242870:5242890]
    s3.copy_object(Bucket="bodies", Key="copy", CopySource={"Bucket": "bodies", "Key": "k700000"})
    assert read(s3, "copy") == bodies["k700000"]
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="bodies", Key="bad", Body=bodies["k700000"], ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    s3.put_bucket_versioning(Bucket="bodies", VersioningConfiguration={"Status": "Enabled"})
    old = s3.get_object(Bucket="bodies", Key="k40000")["VersionId"]
    s3.put_object(Bucket="bodies", Key="k40000", Body=bodies["k700000"])
    s3.delete_object(Bucket="bodies", Key="k40000")
    assert read(s3, "k40000", VersionId=old) == bodies["k40000"]

    code, said = run("fsck", "--endpoint", home.url, environ={})
    assert (code, "whole" in said) == (0, True), said
    home.stop()
    whole(home, backing)
    # It remembers where its bodies are.
    home.args = []
    home.start()
    s3 = home.client("s3")
    assert read(s3, "parts") == b"".join(parts)
    for one in s3.list_object_versions(Bucket="bodies")["Versions"]:
        s3.delete_object(Bucket="bodies", Key=one["Key"], VersionId=one["VersionId"])
    until(lambda: not backing.keys())
    home.stop()
    whole(home, backing)


def test_what_lies_in_the_bucket_is_compared_both_ways(workshop, backing):
    home = backing.front(workshop)
    s3 = bucket_in(home)
    for name in ("lost", "damaged", "fine"):
        s3.put_object(Bucket="bodies", Key=name, Body=os.urandom(100_000))
        if name == "lost":
            lost = backing.keys()[0]
        if name == "damaged":
            (damaged,) = set(backing.keys()) - {lost}
    home.stop()
    whole(home, backing)
    backing.s3.delete_object(Bucket=BUCKET, Key=lost)
    body = bytearray(backing.s3.get_object(Bucket=BUCKET, Key=damaged)["Body"].read())
    body[50_000] ^= 1
    backing.s3.put_object(Bucket=BUCKET, Key=damaged, Body=bytes(body))
    shelf = damaged.rsplit("/", 1)[0]
    backing.s3.put_object(Bucket=BUCKET, Key=f"{shelf}/{'a' * 32}", Body=b"nobody's")
    backing.s3.create_multipart_upload(Bucket=BUCKET, Key=f"{shelf}/{'b' * 32}")
    code, said = run("fsck", "--data-dir", home.data_dir, environ=backing.environ)
    assert code == 1 and said.count("wrong") == 4, said
    for text in ("lost", "is missing", "damaged: ", f"bytes of blob {'a' * 32}", f"upload to blob {'b' * 32}"):
        assert text in said
    code, said = run("fsck", "--data-dir", home.data_dir, "--repair", environ=backing.environ)
    assert code == 1 and said.count("removed") == 2 and said.count("wrong") == 2, said
    assert backing.uploads() == [] and len(backing.keys()) == 2
    home.start()
    s3 = home.client("s3")
    assert len(read(s3, "fine")) == 100_000
    with pytest.raises(ClientError) as lost_body:
        read(s3, "lost")
    assert lost_body.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    with pytest.raises((ClientError, BotoCoreError)):
        read(s3, "damaged")


def test_an_interrupted_upload_leaves_nothing_there(workshop, any_backing):
    backing = any_backing
    home = backing.front(workshop)
    s3 = bucket_in(home)
    s3.put_object(Bucket="bodies", Key="k", Body=b"before")
    connection = send(home, s3, "k", Endless(16), 64 * MIB)
    until(backing.uploads)
    connection.close()
    until(lambda: not backing.uploads() and not backing.keys())
    assert read(s3, "k") == b"before"


def test_a_kill_during_uploads_leaves_nothing_there(workshop, any_backing):
    backing = any_backing
    home = backing.front(workshop)
    s3, kept = bucket_in(home), os.urandom(6 * MIB)
    s3.put_object(Bucket="bodies", Key="kept", Body=kept)
    connections = [send(home, s3, f"k{i}", Endless(8), 64 * MIB) for i in range(4)]
    until(lambda: len(backing.uploads()) == 4)
    home.kill()
    for connection in connections:
        connection.close()
    assert len(backing.uploads()) == 4
    home.start()
    until(lambda: not backing.uploads())
    assert len(backing.keys()) == 1
    s3 = home.client("s3")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bodies")["Contents"]] == ["kept"]
    assert read(s3, "kept") == kept
    home.stop()
    whole(home, backing)


def test_memory_stays_flat(workshop, backing):
    home = backing.front(workshop)
    s3, sizes = bucket_in(home), []
    s3.put_object(Bucket="bodies", Key="warm", Body=os.urandom(16 * MIB))
    before = resident_mib(home)
    body = Endless(STREAM_MIB, lambda: sizes.append(resident_mib(home)))
    began = time.monotonic()
    with send(home, s3, "large", body, body.length) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    sent, digest = time.monotonic(), hashlib.sha256()
    for number, block in enumerate(s3.get_object(Bucket="bodies", Key="large")["Body"].iter_chunks(MIB)):
        digest.update(block)
        if number % 32 == 0:
            sizes.append(resident_mib(home))
    assert digest.digest() == body.digest.digest()
    rates = f"{STREAM_MIB / (sent - began):.0f} MiB/s in, {STREAM_MIB / (time.monotonic() - sent):.0f} MiB/s out"
    print(f"resident MiB: {before:.0f} before, at most {max(sizes):.0f}; {rates}")
    assert max(sizes) < before + 96


def work(home, number, done, written, strange):
    """Writes and reads until it is over. `written` gets what was acknowledged, `strange` what nobody may answer."""
    s3, i = home.client("s3"), 0
    while not done.is_set():
        key, body = f"w{number}-{i}", os.urandom(60_000 + 700_000 * (i % 3))
        i += 1
        try:
            s3.put_object(Bucket="bodies", Key=key, Body=body)
            written[key] = hashlib.sha256(body).digest()
            if hashlib.sha256(read(s3, key)).digest() != written[key]:
                strange.append(f"{key} is torn")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                strange.append(str(error))
            time.sleep(0.1)
        except BotoCoreError:
            time.sleep(0.1)  # An answer that was cut short.


def test_the_object_store_goes_away_and_comes_back(workshop):
    backing, there = of_yakumo(workshop)
    home = backing.front(workshop)
    s3, written, strange, done = bucket_in(home), {}, [], threading.Event()
    s3.put_object(Bucket="bodies", Key="large", Body=b"l" * MIB)
    s3.put_object(Bucket="bodies", Key="gone", Body=b"g" * MIB)
    workers = [threading.Thread(target=work, args=(home, i, done, written, strange)) for i in range(4)]
    for worker in workers:
        worker.start()
    until(lambda: len(written) > 20)
    there.kill()
    backing.door.shut()
    with pytest.raises(ClientError) as put:
        s3.put_object(Bucket="bodies", Key="new", Body=b"n" * MIB)
    with pytest.raises(ClientError) as get:
        read(s3, "large")
    for answer in (put.value, get.value):
        assert answer.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert answer.response["Error"]["Code"] == "ServiceUnavailable"
    # What is kept in records goes on, and what is deleted is gone for everybody at once.
    s3.put_object(Bucket="bodies", Key="small", Body=b"s")
    assert read(s3, "small") == b"s"
    s3.delete_object(Bucket="bodies", Key="gone")
    with pytest.raises(s3.exceptions.NoSuchKey):
        read(s3, "gone")
    there.start()
    backing.door.target = there.port
    backing.s3 = there.client("s3")
    until(lambda: try_put(s3), 120)
    before = len(written)
    until(lambda: len(written) > before + 20)
    done.set()
    for worker in workers:
        worker.join()
    assert strange == []
    with pytest.raises(ClientError, match="NoSuchKey"):
        read(s3, "new")
    for key, digest in written.items():
        assert hashlib.sha256(read(s3, key)).digest() == digest
    # What could not be removed while it was away is removed by itself: neither orphans nor uploads stay.
    large = 1 + sum(one["Size"] > 32_768 for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bodies") for one in page["Contents"] if one["Key"] != "large")
    until(lambda: not backing.uploads() and len(backing.keys()) == large, 120)
    home.stop()
    whole(home, backing)


def try_put(s3):
    try:
        s3.put_object(Bucket="bodies", Key="again", Body=b"a" * MIB)
    except ClientError:
        return False
    return True


def refused(workshop, args, environ, *texts, code=DATA, directory=None):
    got, said = run("up", "--port", 0, "--data-dir", directory or workshop.directory(), *args, environ=environ)
    assert got == code, said
    for text in texts:
        assert text in said, said


def test_a_start_without_its_bodies_says_what_to_do(workshop):
    backing, _ = of_yakumo(workshop)
    args, environ, person = backing.args, backing.environ, backing.person
    refused(workshop, args, environ | {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY")
    missing = ["--bodies", "s3://not-there/x", "--bodies-endpoint", backing.url]
    person.put("all", allow("s3:*"))
    refused(workshop, missing, environ, "NoSuchBucket", f"aws --endpoint-url {backing.url} s3 mb s3://not-there")
    person.drop("all")
    for action in ON_OBJECTS[:3] + ON_BUCKET:
        person.put("no", deny(action))
        refused(workshop, args, environ, f"{action} was denied (AccessDenied", f"{BUCKET}/{PREFIX}/*")
    person.drop("no")
    directory = workshop.directory()
    home = backing.front(workshop, data_dir=directory)
    bucket_in(home).put_object(Bucket="bodies", Key="k", Body=b"k" * 100_000)
    home.stop()
    elsewhere = ["--bodies", f"s3://{BUCKET}/else", "--bodies-endpoint", backing.url]
    refused(workshop, elsewhere, environ, f"are kept in {BODIES} at {backing.url}, not in", directory=directory)
    backing.door.shut()
    refused(workshop, [], environ, "which cannot be used", "--bodies-endpoint", directory=directory)
    with_records = workshop.cloud(data_dir=workshop.directory())
    bucket_in(with_records).put_object(Bucket="bodies", Key="k", Body=b"k" * 100_000)
    with_records.stop()
    other = of_yakumo(workshop)[0]
    refused(workshop, other.args, other.environ, "keeps bodies with its records", directory=with_records.data_dir)
    # Another object store, in which a bucket of the same name happens to be.
    refused(workshop, other.args, other.environ, "it is another bucket of that name", directory=directory)
    refused(workshop, ["--ephemeral", "--bodies", BODIES], {}, "--ephemeral", code=2)


def test_the_way_to_the_bodies_is_encrypted_when_asked(workshop):
    backing, there = of_yakumo(workshop)
    authority = there.data_dir / "tls" / "ca.pem"
    with pytest.raises(BotoCoreError, match="CERTIFICATE_VERIFY_FAILED"):
        there.client("s3", endpoint_url=there.url.replace("http:", "https:")).list_buckets()
    args = ["--bodies", BODIES, "--bodies-endpoint", backing.url.replace("http:", "https:")]
    refused(workshop, args, backing.environ, "invalid peer certificate")
    home = backing.front(workshop, args=args, environ=backing.environ | {"AWS_CA_BUNDLE": str(authority)})
    s3 = bucket_in(home)
    s3.put_object(Bucket="bodies", Key="k", Body=b"k" * 6 * MIB)
    assert read(s3, "k") == b"k" * 6 * MIB and len(backing.keys()) == 1


def test_snapshots_and_forks_have_their_own_bodies(workshop, backing):
    home = backing.front(workshop)
    s3 = bucket_in(home)
    s3.put_object(Bucket="bodies", Key="k", Body=b"1" * MIB)
    home.command("snapshot", "save", "one")
    s3.put_object(Bucket="bodies", Key="k", Body=b"2" * MIB)
    s3.put_object(Bucket="bodies", Key="later", Body=b"3" * MIB)
    home.command("snapshot", "load", "one")
    assert read(s3, "k") == b"1" * MIB
    with pytest.raises(s3.exceptions.NoSuchKey):
        read(s3, "later")
    assert len(backing.keys()) == 1
    # The fork's process inherits the credentials, and knows where its bodies are.
    forked = home.command(
        "snapshot", "fork", "one", "--port", "0", "--data-dir", str(workshop.directory() / "fork"), json_output=True
    )
    try:
        theirs = home.client("s3", endpoint_url=forked["endpoint"])
        assert read(theirs, "k") == b"1" * MIB
        assert len({key.split("/")[2] for key in backing.keys()}) == 2
        theirs.put_object(Bucket="bodies", Key="k", Body=b"4" * MIB)
        assert read(s3, "k") == b"1" * MIB
        code, said = run("reset", "--yes", "--endpoint", forked["endpoint"], environ={})
        assert code == 0, said
    finally:
        os.kill(forked["pid"], signal.SIGTERM)
    assert len(backing.keys()) == 1 and read(s3, "k") == b"1" * MIB
    home.command("reset", "--yes")
    assert backing.keys() == [] and backing.uploads() == []


def test_another_front_takes_over(workshop, backing, postgres):  # noqa: F811
    """Records in PostgreSQL and bodies in a bucket: nothing of a cloud is on the host that dies."""
    args = ["--store", postgres, *backing.args]
    first = backing.front(workshop, args=args)
    s3 = bucket_in(first)
    s3.put_object(Bucket="bodies", Key="k", Body=b"k" * 9 * MIB)
    # One at a time: several fronts over one cloud are not part of this release.
    refused(workshop, args, backing.environ, "is in use by", code=LOCKED)
    connection = send(first, s3, "half", Endless(8), 64 * MIB)
    until(backing.uploads)
    first.kill()
    connection.close()
    second = backing.front(workshop, args=["--store", postgres], tries=60)
    assert read(second.client("s3"), "k") == b"k" * 9 * MIB
    assert backing.uploads() == [] and len(backing.keys()) == 1
    second.command("reset", "--yes")
    second.stop()
    assert backing.keys() == []
