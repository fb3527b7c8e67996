"""Lists: prefixes, delimiters, pages, encodings, versions; held against a naive model."""

import random

import pytest
from asserting import Prefix, refused


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def model(keys, prefix, delimiter, after):
    """Keys and common prefixes in order, as S3 documents them."""
    lines = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix):]
        end = rest.find(delimiter) if delimiter else -1
        line = prefix + rest[: end + len(delimiter)] if end >= 0 else key
        if line.encode() > after.encode() and line not in lines:
            lines.append(line)
    return lines


def all_pages(call, key, **asked):
    lines, marker = [], {}
    while True:
        page = call(**asked, **marker)
        lines.append(
            sorted(
                [entry["Key"] for entry in page.get("Contents", [])]
                + [entry["Prefix"] for entry in page.get("CommonPrefixes", [])],
                key=str.encode,
            )
        )
        if not page["IsTruncated"]:
            return lines
        marker = {"ContinuationToken": page["NextContinuationToken"]} if key == 2 else {"Marker": page.get("NextMarker") or lines[-1][-1]}


def test_lists_against_the_model(s3, bucket):
    rng = random.Random(7)
    parts = ["a", "b", "ab", "/", "-", "é", " ", "+"]
    keys = {"".join(rng.choices(parts, k=rng.randint(1, 5))) for _ in range(120)}
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for _ in range(60):
        prefix = "".join(rng.choices(parts, k=rng.randint(0, 2)))
        delimiter = rng.choice(["", "/", "ab", "-"])
        size = rng.choice([1, 2, 7, 1000])
        asked = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": size, **({"Delimiter": delimiter} if delimiter else {})}
        expected = model(keys, prefix, delimiter, "")
        for call, version in ((s3.list_objects_v2, 2), (s3.list_objects, 1)):
            pages = all_pages(call, version, **asked)
            assert [line for page in pages for line in page] == expected, (asked, version)
            assert all(len(page) <= size for page in pages)
    start = sorted(keys)[10]
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, StartAfter=start).get("Contents", [])]
    assert listed == [key for key in sorted(keys, key=str.encode) if key.encode() > start.encode()]


def test_odd_arguments(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    empty = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert empty["KeyCount"] == 0 and not empty["IsTruncated"]
    with refused("InvalidArgument", "The continuation token provided is incorrect", 400):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="nonsense")
    with refused("InvalidArgument", status=400):
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)


def test_versions(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] and marker["VersionId"] not in (first, second)
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("MethodNotAllowed", "The specified method is not allowed against this resource.", 405):
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    for version, body in [(first, b"1"), (second, b"2"), ("null", b"0")]:
        assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == body
    listed = s3.list_object_versions(Bucket=bucket)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(second, False), (first, False), ("null", False)]
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    ids, more = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1, **more)
        ids += [entry["VersionId"] for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert ids == [marker["VersionId"], second, first, "null"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    with refused("BucketNotEmpty", Prefix("The bucket you tried to delete is not empty. You must delete all versions"), 409):
        s3.delete_bucket(Bucket=bucket)


def test_suspended_versioning_replaces_the_null_version(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"] == "null"
    s3.put_object(Bucket=bucket, Key="k", Body=b"3")
    ids = [version["VersionId"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]]
    assert ids == ["null", kept]
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [kept] and listed["DeleteMarkers"][0]["VersionId"] == "null"
    with refused("NoSuchVersion", "The specified version does not exist.", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=kept[:-1] + ("A" if kept[-1] != "A" else "Q"))
    with refused("InvalidArgument", "Invalid version id specified", 400):
        s3.get_object(Bucket=bucket, Key="k", VersionId="nonsense")


def test_an_empty_delimiter_is_none(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"")
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions, s3.list_multipart_uploads):
        page = call(Bucket=bucket, Delimiter="")
        assert "Delimiter" not in page and "CommonPrefixes" not in page
        assert call(Bucket=bucket, Delimiter="/")["Delimiter"] == "/"


def test_versions_removed_page_by_page_are_all_found(s3, bucket):
    """Whoever empties a bucket removes what a page names and goes on behind it, also behind the version `null` that is gone."""
    def versioning(status):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    versioning("Enabled")
    older = [s3.put_object(Bucket=bucket, Key="a", Body=b"%d" % at)["VersionId"] for at in range(3)]
    versioning("Suspended")
    s3.put_object(Bucket=bucket, Key="a", Body=b"null")
    versioning("Enabled")
    newest = s3.put_object(Bucket=bucket, Key="a", Body=b"new")["VersionId"]
    last = s3.put_object(Bucket=bucket, Key="b", Body=b"")["VersionId"]
    removed, more = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1, **more)
        [one] = page["Versions"]
        assert one["IsLatest"]
        removed.append(one["VersionId"])
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert removed == [newest, "null", *reversed(older), last]


def test_old_versions_do_not_stand_in_the_way(s3, bucket):
    """Pages of every size over keys with many versions, some of which are gone: the same objects as in one page."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for at, key in enumerate(["a", "a/b", "a/c", "aa", "b", "c", "d/e"]):
        for _ in range(1 + 2 * (at % 3)):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for key in ("aa", "c", "never"):
        s3.delete_object(Bucket=bucket, Key=key)

    def listed(size, **asked):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size}, **asked)
        found = [[*(one["Key"] for one in page.get("Contents", [])), *(one["Prefix"] for one in page.get("CommonPrefixes", []))] for page in pages]
        return sorted(sum(found, []))

    for size in (1, 2, 3, 1000):
        assert listed(size) == ["a", "a/b", "a/c", "b", "d/e"]
        assert listed(size, Delimiter="/") == ["a", "a/", "b", "d/"]
        assert listed(size, Prefix="a/") == ["a/b", "a/c"]
        assert listed(size, StartAfter="a/b") == ["a/c", "b", "d/e"]
