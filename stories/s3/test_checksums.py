"""The additional checksums that S3 has known since 2026, in every place where it takes or shows one.

Seen against an independent xxhash. Its numbers have their highest byte first: the tests of AWS's own library say so
(https://github.com/awslabs/aws-checksums), as does an object that was uploaded to AWS
(https://github.com/aws/aws-sdk-go-v2/issues/3404). Composite or of the whole:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

import base64
import hashlib

import pytest
import xxhash
from asserting import refused

MIB = 1024 * 1024
HASHES = {
    "SHA512": hashlib.sha512,
    "MD5": hashlib.md5,
    "XXHASH64": xxhash.xxh64,
    "XXHASH3": xxhash.xxh3_64,
    "XXHASH128": xxhash.xxh3_128,
}
KNOWN = pytest.mark.parametrize("algorithm", HASHES)


def total(algorithm, body):
    return base64.b64encode(HASHES[algorithm](body).digest()).decode()


def wrong(algorithm):
    return total(algorithm, b"something else")


def mismatch(algorithm):
    return f"The {algorithm} you specified did not match the calculated checksum."


def kinds(wanted, given):
    return f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: {given}"


def told(answer):
    """The checksum members of an answer."""
    return {name: value for name, value in answer.items() if name.startswith("Checksum")}


@pytest.fixture
def trail(send):
    """Uploads a body whose checksum comes behind it."""

    def trailed(path, body, name, value, query="", **more):
        framed = b"%x\r\n%s\r\n0\r\n%s:%s\r\n\r\n" % (len(body), body, name.encode(), value.encode())
        head = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_trailer": name, "content_encoding": "aws-chunked"}
        return send("PUT", path, query, framed, x_amz_decoded_content_length=str(len(body)), **head, **more)

    return trailed


def test_known_values(send):
    """Hello world, as AWS's library counts it; hello world, as somebody sent it to AWS."""
    for header, body, value in [
        ("xxhash64", b"Hello world", "c500b0c912b376d8"),
        ("xxhash3", b"Hello world", "b6acb9d84a38ff74"),
        ("xxhash128", b"Hello world", "7351f89812f97382b91d05b31e04dd7f"),
        ("xxhash64", b"hello world", base64.b64decode("RatnNLIeaWg=").hex()),
    ]:
        text = base64.b64encode(bytes.fromhex(value)).decode()
        answer = send("PUT", "/a", "", body, **{f"x_amz_checksum_{header}": text})
        assert (answer.status, answer.headers[f"x-amz-checksum-{header}"]) == (200, text)
        turned = base64.b64encode(bytes.fromhex(value)[::-1]).decode()
        assert send("PUT", "/a", "", body, **{f"x_amz_checksum_{header}": turned}).code == "BadDigest"


@KNOWN
def test_in_the_head_of_a_put(s3, bucket, send, algorithm):
    body, member, header = b"z" * 100_000, f"Checksum{algorithm}", f"x_amz_checksum_{algorithm.lower()}"
    value = total(algorithm, body)
    put = s3.put_object(Bucket=bucket, Key="o", Body=body, **{member: value})
    assert told(put) == {member: value, "ChecksumType": "FULL_OBJECT"}
    with refused("BadDigest", mismatch(algorithm), 400):
        s3.put_object(Bucket=bucket, Key="o", Body=b"other", **{member: value})
    answer = send("PUT", "/o", "", b"other", **{header: "AAAA"})
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert answer.text == f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
    answer = send("PUT", "/o", "", b"other", **{header: total(algorithm, b"other")}, x_amz_sdk_checksum_algorithm="CRC32")
    assert (answer.status, answer.text) == (400, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    # What was refused has changed nothing, and who does not ask is not told.
    got = s3.get_object(Bucket=bucket, Key="o", ChecksumMode="ENABLED")
    assert got["Body"].read() == body and told(got) == {member: value, "ChecksumType": "FULL_OBJECT"}
    assert told(s3.head_object(Bucket=bucket, Key="o", ChecksumMode="ENABLED")) == told(got)
    assert not [name for name in send("GET", "/o").headers if name.startswith("x-amz-checksum")]
    part = s3.get_object(Bucket=bucket, Key="o", Range="bytes=0-9", ChecksumMode="ENABLED")
    assert part["Body"].read() == body[:10] and told(part) == {}


def test_an_sdk_that_calculates_by_itself(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="o", Body=b"body", ChecksumAlgorithm="SHA512")
    assert put["ChecksumSHA512"] == total("SHA512", b"body")


@KNOWN
def test_behind_a_body(s3, bucket, trail, algorithm):
    header = f"x-amz-checksum-{algorithm.lower()}"
    answer = trail("/t", b"trailed", header, total(algorithm, b"trailed"))
    assert (answer.status, answer.headers[header]) == (200, total(algorithm, b"trailed"))
    assert s3.head_object(Bucket=bucket, Key="t", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == total(algorithm, b"trailed")
    answer = trail("/t", b"other", header, wrong(algorithm), x_amz_sdk_checksum_algorithm=algorithm)
    assert (answer.status, answer.code, answer.text) == (400, "BadDigest", mismatch(algorithm))
    answer = trail("/t", b"other", header, "AAAA")
    assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", f"Value for {header} trailing header is invalid.")
    answer = trail("/t", b"other", header, wrong(algorithm), x_amz_sdk_checksum_algorithm="CRC32")
    assert (answer.status, answer.text) == (400, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    assert s3.get_object(Bucket=bucket, Key="t")["Body"].read() == b"trailed"


def test_what_stands_behind_a_body_is_chosen_by_that_alone(s3, bucket, trail):
    """The SDK for Go names the algorithm nowhere else: https://github.com/aws/aws-sdk-go-v2/issues/3005."""
    sha = base64.b64encode(hashlib.sha256(b"go").digest()).decode()
    answer = trail("/t", b"go", "x-amz-checksum-sha256", sha)
    assert (answer.status, answer.headers.get("x-amz-checksum-sha256")) == (200, sha)
    assert s3.head_object(Bucket=bucket, Key="t", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u", ChecksumAlgorithm="SHA256")["UploadId"]
    answer = trail("/u", b"go", "x-amz-checksum-sha256", sha, f"partNumber=1&uploadId={upload}")
    assert (answer.status, answer.headers.get("x-amz-checksum-sha256")) == (200, sha)
    answer = trail("/u", b"go", "x-amz-checksum-xxhash64", total("XXHASH64", b"go"), f"partNumber=1&uploadId={upload}")
    assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", kinds("sha256", "xxhash64"))


def test_a_document_with_one(s3, bucket, send):
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    for algorithm in HASHES:
        header = f"x_amz_checksum_{algorithm.lower()}"
        answer = send("PUT", "", "tagging", body, **{header: wrong(algorithm)})
        assert (answer.status, answer.code, answer.text) == (400, "BadDigest", mismatch(algorithm))
        assert send("PUT", "", "tagging", body, **{header: total(algorithm, body)}).status == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]


@KNOWN
def test_of_many_parts(s3, bucket, algorithm):
    """AWS: only CRCs have a checksum of the whole of many parts; all others that of the parts' checksums."""
    member, bodies = f"Checksum{algorithm}", [b"a" * 5 * MIB, b"the end"]
    text = f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
    with refused("InvalidRequest", text, 400):
        s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    begun = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm)
    assert told(begun) == {"ChecksumAlgorithm": algorithm, "ChecksumType": "COMPOSITE"}
    which = {"Bucket": bucket, "Key": "m", "UploadId": begun["UploadId"]}
    [listed] = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert told(listed) == told(begun)
    with refused("BadDigest", mismatch(algorithm), 400):
        s3.upload_part(**which, PartNumber=1, Body=bodies[0], **{member: wrong(algorithm)})
    with refused("InvalidRequest", kinds(algorithm.lower(), "crc32"), 400):
        s3.upload_part(**which, PartNumber=1, Body=bodies[0], ChecksumAlgorithm="CRC32")
    parts = []
    for number, body in enumerate(bodies, 1):
        value = total(algorithm, body)
        put = s3.upload_part(**which, PartNumber=number, Body=body, **{member: value})
        assert told(put) == {member: value}
        parts.append({"PartNumber": number, "ETag": put["ETag"], member: value})
    known = s3.list_parts(**which)
    assert told(known) == told(begun) and [part[member] for part in known["Parts"]] == [part[member] for part in parts]

    def complete(parts=parts, **more):
        return s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts}, **more)

    with refused("InvalidPart", status=400):
        complete([parts[0], {**parts[1], member: wrong(algorithm)}])
    text = (
        f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the checksum for each "
        "part. It was missing for part 2 in the request."
    )
    with refused("InvalidRequest", text, 400):
        complete([parts[0], {name: value for name, value in parts[1].items() if name != member}])
    with refused("BadDigest", mismatch(algorithm), 400):
        complete(**{member: wrong(algorithm)})
    with refused("InvalidRequest", kinds(algorithm.lower(), "crc32c"), 400):
        complete(ChecksumCRC32C="AAAAAA==")
    sums = b"".join(HASHES[algorithm](body).digest() for body in bodies)
    whole = f"{total(algorithm, sums)}-2"
    done = complete(**{member: whole}, ChecksumType="COMPOSITE")
    assert told(done) == {member: whole, "ChecksumType": "COMPOSITE"}
    assert told(s3.head_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")) == told(done)
    attributes = s3.get_object_attributes(Bucket=bucket, Key="m", ObjectAttributes=["Checksum", "ObjectParts"])
    assert attributes["Checksum"] == told(done)
    assert [part[member] for part in attributes["ObjectParts"]["Parts"]] == [part[member] for part in parts]
    # A copy is made at once: its checksum is that of its bytes.
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/m")["CopyObjectResult"]
    assert told(copied) == {member: total(algorithm, b"".join(bodies)), "ChecksumType": "FULL_OBJECT"}


@KNOWN
def test_an_upload_that_did_not_choose_it(s3, bucket, send, algorithm):
    """AWS: these must be chosen when an upload begins; the older ones need not."""
    member = f"Checksum{algorithm}"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    which = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    with refused("InvalidRequest", kinds("null", algorithm.lower()), 400):
        s3.upload_part(**which, PartNumber=1, Body=b"part", **{member: total(algorithm, b"part")})
    put = s3.upload_part(**which, PartNumber=1, Body=b"part", ChecksumAlgorithm="SHA256")
    parts = {"Parts": [{"PartNumber": 1, "ETag": put["ETag"]}]}
    with refused("InvalidRequest", kinds("null", algorithm.lower()), 400):
        s3.complete_multipart_upload(**which, MultipartUpload=parts, **{member: total(algorithm, b"part")})
    with refused("BadDigest", mismatch("CRC64NVME"), 400):
        s3.complete_multipart_upload(**which, MultipartUpload=parts, ChecksumCRC64NVME="AAAAAAAAAAA=")
    done = s3.complete_multipart_upload(**which, MultipartUpload=parts, ChecksumSHA256=base64.b64encode(b"x" * 32).decode())
    assert done["ChecksumType"] == "FULL_OBJECT" and "ChecksumCRC64NVME" in done


def test_a_part_is_silent_about_what_its_upload_chose(s3, bucket, send):
    """Seen: https://github.com/floci-io/floci/pull/3093 and https://github.com/versity/versitygw/issues/1342."""
    for chosen, kind, status in [("XXHASH3", "COMPOSITE", 400), ("CRC32", "COMPOSITE", 400), ("CRC32", "FULL_OBJECT", 200)]:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=chosen, ChecksumType=kind)["UploadId"]
        answer = send("PUT", "/m", f"partNumber=1&uploadId={upload}", b"part")
        assert answer.status == status
        if status == 400:
            assert (answer.code, answer.text) == ("InvalidRequest", kinds(chosen.lower(), "null"))
    parts = {"Parts": [{"PartNumber": 1, "ETag": answer.headers["etag"]}]}
    done = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload=parts)
    assert done["ChecksumType"] == "FULL_OBJECT" and done["ChecksumCRC32"]


@KNOWN
def test_of_copies_and_in_lists(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ChecksumAlgorithm=algorithm)["CopyObjectResult"]
    assert told(copied) == {member: total(algorithm, b"x"), "ChecksumType": "FULL_OBJECT"}
    again = s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/c")["CopyObjectResult"]
    assert told(again) == told(copied)
    attributes = s3.get_object_attributes(Bucket=bucket, Key="c", ObjectAttributes=["Checksum"])
    assert attributes["Checksum"] == told(copied)
    shown = {"ChecksumAlgorithm": [algorithm], "ChecksumType": "FULL_OBJECT"}
    for listed in (
        s3.list_objects_v2(Bucket=bucket, Prefix="c")["Contents"],
        s3.list_objects(Bucket=bucket, Prefix="c")["Contents"],
        s3.list_object_versions(Bucket=bucket, Prefix="c")["Versions"],
    ):
        assert [told(one) for one in listed] == [shown]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm)["UploadId"]
    part = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/k")["CopyPartResult"]
    assert told(part) == {member: total(algorithm, b"x")}
