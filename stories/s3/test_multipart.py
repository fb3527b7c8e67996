"""Multipart uploads, step by step, and what goes wrong in them."""

import base64
import hashlib
import os
import zlib

import pytest
from asserting import refused

MIB = 1024 * 1024


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def put(s3, bucket, upload, number, body, **more):
    answer = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, **more)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(s3, bucket, upload, parts, **more):
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


def test_parts_become_one_object(s3, bucket):
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the end"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"a": "1"}, Tagging="t=1")["UploadId"]
    parts = [put(s3, bucket, upload, number, body) for number, body in zip((1, 5, 10_000), bodies)]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Parts"]] == [(1, 5 * MIB), (5, 5 * MIB), (10_000, 7)]
    done = complete(s3, bucket, upload, parts)
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(bodies) and got["Metadata"] == {"a": "1"} and got["TagCount"] == 1
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=5)
    assert part["Body"].read() == bodies[1] and part["PartsCount"] == 3
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert across["Body"].read() == bodies[0][-2:] + bodies[1][:2]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ObjectSize", "ETag"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3 and attributes["ObjectSize"] == 10 * MIB + 7


def test_a_completion_whose_answer_was_lost_is_sent_again(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = [put(s3, bucket, upload, 1, b"x" * 5 * MIB), put(s3, bucket, upload, 2, b"y")]
    first, again = [complete(s3, bucket, upload, parts, IfNoneMatch="*") for _ in range(2)]
    assert (first["ETag"], first["VersionId"]) == (again["ETag"], again["VersionId"])
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1
    # Another completion of it, and one that comes when the object is another one, find no upload.
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
    with refused("NoSuchUpload", text, status=404):
        complete(s3, bucket, upload, parts[:1])
    with refused("NoSuchUpload", text, status=404):
        s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    with refused("NoSuchUpload", text, status=404):
        complete(s3, bucket, upload, parts)


def test_checksums_of_the_whole_and_of_parts(s3, bucket):
    bodies = [b"a" * 5 * MIB, b"b" * 100]
    crc = lambda body: base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32", ChecksumType=kind)
        upload = upload["UploadId"]
        parts = []
        for number, body in enumerate(bodies, 1):
            parts.append({**put(s3, bucket, upload, number, body, ChecksumCRC32=crc(body)), "ChecksumCRC32": crc(body)})
        wrong = [parts[0], {**parts[1], "ChecksumCRC32": parts[0]["ChecksumCRC32"]}]
        with refused("InvalidPart", status=400):
            complete(s3, bucket, upload, wrong)
        done = complete(s3, bucket, upload, parts)
        sums = b"".join(base64.b64decode(crc(body)) for body in bodies)
        expected = crc(b"".join(bodies)) if kind == "FULL_OBJECT" else f"{crc(sums)}-2"
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == (expected, kind)


def test_what_goes_wrong(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    one, two = put(s3, bucket, upload, 1, b"x" * 1000), put(s3, bucket, upload, 2, b"y")
    with refused("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400):
        complete(s3, bucket, upload, [one, two])
    with refused("InvalidPartOrder", status=400):
        complete(s3, bucket, upload, [two, one])
    with refused("InvalidPart", status=400):
        complete(s3, bucket, upload, [{**one, "ETag": '"0"'}])
    with refused("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400):
        put(s3, bucket, upload, 10_001, b"")
    with refused("NoSuchUpload", status=404):
        put(s3, bucket, "nonsense", 1, b"")
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="k")
    complete(s3, bucket, upload, [two])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


def test_lists_and_aborts_of_uploads(s3, bucket):
    uploads = []
    for key in ("a/1", "a/2", "b", "b"):
        uploads.append((key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]))
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(one["Key"], one["UploadId"]) for one in listed] == uploads
    grouped = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in grouped["CommonPrefixes"]] == ["a/"] and len(grouped["Uploads"]) == 2
    found, more = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **more)
        found += [(one["Key"], one["UploadId"]) for one in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == uploads
    key, upload = uploads[0]
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    with refused("NoSuchUpload", status=404):
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 3
    s3.delete_bucket(Bucket=bucket)


def test_parts_copied_from_objects(s3, bucket):
    body = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    copy = lambda number, **more: s3.upload_part_copy(
        Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, CopySource=f"{bucket}/source", **more
    )["CopyPartResult"]["ETag"]
    parts = [{"PartNumber": 1, "ETag": copy(1)}, {"PartNumber": 2, "ETag": copy(2, CopySourceRange="bytes=0-9")}]
    complete(s3, bucket, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body + body[:10]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with refused("InvalidArgument", status=400):
        copy(1, CopySourceRange="bytes=5-")


def test_many_uploads_are_listed_page_by_page(s3, bucket):
    """Keys with several uploads, common prefixes among them, pages of every size: all pages together are the whole list."""
    wanted = ["a", "a", "b/1", "b/1", "b/2", "b0", "b\U0010ffff", "c/x/y", "c/z", "d"]
    begun = sorted((key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in wanted)

    def pages(size, **asked):
        found, more = [], {}
        while True:
            page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size, **asked, **more)
            uploads = [(one["Key"], one["UploadId"]) for one in page.get("Uploads", [])]
            found += sorted([*uploads, *((one["Prefix"], "") for one in page.get("CommonPrefixes", []))])
            assert len(found) <= len(begun) and (page["IsTruncated"] or "NextKeyMarker" not in page)
            if not page["IsTruncated"]:
                return found
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker", "")}

    grouped = sorted({(key[: key.index("/") + 1], "") if "/" in key else (key, id) for key, id in begun})
    for size in (1, 2, 3, 1000):
        assert pages(size) == begun
        assert pages(size, Prefix="b") == [one for one in begun if one[0].startswith("b")]
        assert pages(size, Delimiter="/") == grouped
        assert pages(size, Prefix="c/", Delimiter="/") == [("c/x/", ""), next(one for one in begun if one[0] == "c/z")]
        assert pages(size, Prefix="e") == []
    late = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="b/1", Delimiter="/")
    assert [one["Prefix"] for one in late["CommonPrefixes"]] == ["b/", "c/"]
    one = begun[0]
    assert s3.list_multipart_uploads(Bucket=bucket, Prefix="a", KeyMarker="a", UploadIdMarker=one[1])["Uploads"][0]["UploadId"] == begun[1][1]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, Prefix="a", KeyMarker="a")
