"""Requests as programs write them by hand: digests, checksums, sub-resources, arguments, odd keys. No SDK stands between.

What S3 answers is seldom in AWS's papers; each story names where it was seen.
"""

import base64
import hashlib
import zlib
from urllib.parse import quote

import pytest
from asserting import refused
from signed import S3Request, tag, tags

CRC32 = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


DIGEST = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
# Seen: https://github.com/versity/versitygw/issues/1301, https://github.com/aws/aws-sdk-cpp/issues/91
DEMANDING = {
    ("POST", "", "delete"): b"<Delete><Object><Key>k</Key></Object></Delete>",
    ("PUT", "", "cors"): b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
    ("PUT", "", "tagging"): b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    ("PUT", "", "lifecycle"): b"<LifecycleConfiguration><Rule><ID>1</ID><Filter/><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>",
}


@pytest.mark.parametrize("request_line", DEMANDING, ids=lambda line: line[2])
def test_documents_that_must_come_with_a_digest(s3, bucket, send, request_line):
    body = DEMANDING[request_line]
    answer = send(*request_line, body)
    assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", DIGEST)
    # The name of an algorithm is no digest.
    assert send(*request_line, body, x_amz_checksum_algorithm="CRC32").text == DIGEST
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert send(*request_line, body, content_md5=md5(b"x")).code == "BadDigest"
    # As on AWS, tags are set without content: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html
    taken = 204 if request_line[2] == "tagging" else 200
    assert send(*request_line, body, content_md5=md5(body)).status == taken
    crc32 = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    assert send(*request_line, body, x_amz_checksum_crc32=crc32).status == taken


def test_what_locks_must_come_with_a_digest(cloud, s3, name):
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=name, Key="k", Body=b"x", ContentMD5=md5(b"x"))
    body = b"<LegalHold><Status>ON</Status></LegalHold>"
    headers = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
    answer = S3Request(cloud, "PUT", f"/{name}/k", "legal-hold", headers, body).sign().send()
    assert (answer.status, answer.text) == (400, DIGEST)
    headers["content-md5"] = md5(body)
    assert S3Request(cloud, "PUT", f"/{name}/k", "legal-hold", headers, body).sign().send().status == 200


def test_documents_that_need_no_digest(send):
    """The models have SDKs send one, S3 takes these without: curl users rely on it."""
    for path, query, body in [
        ("", "versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        ("/k", "tagging", b"<Tagging><TagSet/></Tagging>"),
        ("", "publicAccessBlock", b"<PublicAccessBlockConfiguration/>"),
        ("", "ownershipControls", b"<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"),
    ]:
        assert send("PUT", path, query, body).status == 200, query


def test_one_checksum_of_an_upload(s3, bucket, send):
    """Seen: https://github.com/versity/versitygw/issues/1593 and 1598 and 1104."""
    mismatch = "Value for x-amz-sdk-checksum-algorithm header is invalid."
    missing = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
    for headers, text in [
        ({"x_amz_sdk_checksum_algorithm": "FOO"}, missing),
        ({"x_amz_sdk_checksum_algorithm": "CRC32"}, missing),
        ({"x_amz_sdk_checksum_algorithm": "FOO", "x_amz_checksum_crc32": CRC32}, mismatch),
        ({"x_amz_sdk_checksum_algorithm": "SHA256", "x_amz_checksum_crc32": CRC32}, mismatch),
        ({"x_amz_checksum_foo": CRC32}, "The algorithm type you specified in x-amz-checksum- header is invalid."),
        ({"x_amz_checksum_crc32": "bad"}, "Value for x-amz-checksum-crc32 header is invalid."),
        (
            {"x_amz_checksum_crc32": CRC32, "x_amz_checksum_crc32c": CRC32},
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ),
    ]:
        answer = send("PUT", "/sum", "", b"hello", **headers)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", text), headers
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="sum")
    answer = send("PUT", "/sum", "", b"hello", x_amz_sdk_checksum_algorithm="crc32", x_amz_checksum_crc32=CRC32)
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, CRC32)


def test_algorithms_that_are_none(s3, bucket, send):
    """Seen, with fewer algorithms: https://github.com/versity/versitygw/issues/1345."""
    text = (
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, "
        "MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"
    )
    for method, path, query, more in [("POST", "/m", "uploads", {}), ("PUT", "/c", "", {"x_amz_copy_source": f"/{bucket}/k"})]:
        answer = send(method, path, query, x_amz_checksum_algorithm="FOO", **more)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", text)
        assert send(method, path, query, x_amz_checksum_algorithm="xxhash128", **more).status == 200
        assert send(method, path, query, x_amz_checksum_algorithm="sha256", **more).status == 200
    answer = send("POST", "/m", "uploads", x_amz_checksum_algorithm="CRC32", x_amz_checksum_type="PARTIAL")
    assert (answer.status, answer.text) == (400, "Value for x-amz-checksum-type header is invalid.")
    answer = send("POST", "/m", "uploads", x_amz_checksum_algorithm="crc32", x_amz_checksum_type="full_object")
    assert (answer.headers["x-amz-checksum-algorithm"], answer.headers["x-amz-checksum-type"]) == ("CRC32", "FULL_OBJECT")
    answer = send("GET", "/k", x_amz_checksum_mode="sometimes")
    assert (answer.status, answer.text) == (400, "Value for x-amz-checksum-mode header is invalid.")


def test_half_of_a_part_is_no_object(s3, bucket, send):
    """Seen: https://github.com/versity/versitygw/issues/1236 and 1237 and 1226."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for more in ({}, {"x_amz_copy_source": f"/{bucket}/k"}):
        answer = send("PUT", "/m", f"uploadId={upload}", b"" if more else b"part", **more)
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "MethodNotAllowed", "DELETE, POST, GET")
        assert answer.text == "The specified method is not allowed against this resource."
        assert (tag(answer.body, "Method"), tag(answer.body, "ResourceType")) == ("PUT", "UPLOAD")
        answer = send("PUT", "/m", "partNumber=1", b"" if more else b"part", **more)
        assert (answer.status, answer.code) == (400, "InvalidArgument")
        assert answer.text == "This operation does not accept partNumber without uploadId"
        assert (tag(answer.body, "ArgumentName"), tag(answer.body, "ArgumentValue")) == ("partNumber", "partNumber")
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="m")
    for number in ("0", "10001", "one", "1.0"):
        answer = send("PUT", "/m", f"partNumber={number}&uploadId={upload}", b"part")
        assert (answer.status, answer.text) == (400, "Part number must be an integer between 1 and 10000, inclusive")
    assert send("PUT", "/m", f"partNumber=1&uploadId={upload}", b"part").status == 200
    assert send("GET", "/m", f"uploadId={upload}").status == 200
    assert send("GET", "/m", f"partNumber=1&uploadId={upload}").headers["allow"] == "PUT"


def test_sub_resources_are_not_the_whole(s3, bucket, send):
    """What removes a sub-resource that cannot be removed must not remove the object, or the bucket. Seen:
    https://github.com/brekkylab/backlot/issues/230."""
    for method, path, query, kind, allowed in [
        ("DELETE", "/k", "acl", "ACL", "GET, PUT"),
        ("DELETE", "/k", "legal-hold", "OBJECT_LOCK_LEGALHOLD", "GET, PUT"),
        ("DELETE", "", "versioning", "VERSIONING", "GET, PUT"),
        ("PUT", "", "location", "LOCATION", "GET"),
        ("PUT", "/new", "uploads", "UPLOADS", "POST, GET"),
    ]:
        answer = send(method, path, query)
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "MethodNotAllowed", allowed), query
        assert (tag(answer.body, "Method"), tag(answer.body, "ResourceType")) == (method, kind)
    for path, query, allowed in [
        ("", "acl", "GET, PUT"), ("", "tagging", "DELETE, GET, PUT"), ("", "uploads", "POST, GET"), ("", "versions", "GET"),
        ("/k", "tagging", "DELETE, GET, PUT"), ("/k", "uploadId=1", "DELETE, POST, GET"),
    ]:
        answer = send("HEAD", path, query)
        assert (answer.status, answer.headers["allow"], answer.body) == (405, allowed, b""), query
    for query in ("versioning&acl", "acl&versioning"):
        answer = send("GET", "", query)
        assert (answer.status, answer.text) == (400, "Conflicting query string parameters: acl, versioning")
        assert (tag(answer.body, "ArgumentName"), tag(answer.body, "ArgumentValue")) == ("ResourceType", "acl")
    for query, text in [("partNumber=1", "Object must have a valid key name."), ("uploadId=1", "A key must be specified")]:
        answer = send("GET", "", query)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", text)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # The value of a sub-resource does not matter, nor do parameters that name none.
    assert send("GET", "", "versioning=1&foo=bar").status == 200
    assert send("DELETE", "/k", "foo=bar").status == 204


def test_arguments_of_lists(send):
    """Seen: https://github.com/brekkylab/backlot/issues/335."""
    range_text = "not an integer or within integer range"
    for query, text, name in [
        ("list-type=2&max-keys=abc", f"Provided max-keys {range_text}", "max-keys"),
        ("max-keys=2147483648", f"Provided max-keys {range_text}", "max-keys"),
        ("max-keys=-1", "Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys"),
        ("versions&max-keys=-1", "max-keys cannot be negative", "max-keys"),
        ("uploads&max-uploads=x", f"Provided max-uploads {range_text}", "max-uploads"),
        ("uploads&max-uploads=-1", "Argument max-uploads must be an integer between 0 and 2147483647", "max-uploads"),
        ("list-type=2&encoding-type=base64", "Invalid Encoding Method specified in Request", "encoding-type"),
        ("list-type=2&continuation-token=", "The continuation token provided is incorrect", "continuation-token"),
        ("list-type=2&marker=a", "Marker unsupported with REST.GET.BUCKET in list-type=2", "marker"),
        ("continuation-token=a", "continuation-token only supported in REST.GET.BUCKET with list-type=2", "continuation-token"),
        ("list-type=1&start-after=a", "startAfter only supported in REST.GET.BUCKET with list-type=2", "start-after"),
        ("versions&version-id-marker=null", "A version-id marker cannot be specified without a key marker.", "version-id-marker"),
        ("versions&key-marker=k&version-id-marker=", "A version-id marker cannot be empty.", "version-id-marker"),
    ]:
        answer = send("GET", "", query)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidArgument", text), query
        assert tag(answer.body, "ArgumentName") == name
    for query, echoed in [("max-keys=", "1000"), ("max-keys=05", "5"), ("list-type=2&max-keys=0", "0")]:
        answer = send("GET", "", query)
        assert (answer.status, tag(answer.body, "MaxKeys")) == (200, echoed), query
    assert tag(send("GET", "", "encoding-type=URL").body, "EncodingType") == "URL"


def test_arguments_of_objects(send):
    for query, text in [("versionId=", "Version id cannot be the empty string"), ("versionId=x", "Invalid version id specified")]:
        answer = send("GET", "/k", query)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidArgument", text)
    answer = send("GET", "/k", "partNumber=2")
    assert (answer.status, answer.code) == (416, "InvalidPartNumber")
    assert (tag(answer.body, "PartNumberRequested"), tag(answer.body, "ActualPartCount")) == ("2", "1")
    answer = send("GET", "/k", "partNumber=1", Range="bytes=0-1")
    assert (answer.status, answer.text) == (400, "Cannot specify both Range header and partNumber query parameter")


def test_characters_that_xml_does_not_have(s3, bucket, send):
    """Seen: https://github.com/aws/aws-sdk-php/issues/169, https://github.com/boto/botocore/issues/3496,
    https://github.com/basho/riak_cs/issues/974."""
    odd = "odd/\x01\x1b\x7f\ufffe<&>\t"
    coded = quote(odd, safe="")
    assert send("PUT", f"/{quote(odd)}", "", b"x").status == 200
    written = "odd/&#x1;&#x1b;\x7f&#xfffe;&lt;&amp;&gt;\t".encode()
    for query, element in [
        ("list-type=2&prefix=odd", b"Key"), ("prefix=odd", b"Key"), ("versions&prefix=odd", b"Key"),
        (f"list-type=2&prefix={coded}", b"Prefix"), (f"marker={coded}", b"Marker"),
        (f"versions&key-marker={coded}", b"KeyMarker"), (f"list-type=2&start-after={coded}", b"StartAfter"),
    ]:
        answer = send("GET", "", query)
        assert b"<%b>%b</%b>" % (element, written, element) in answer.body, query
    listed = send("GET", "", "list-type=2&encoding-type=url&prefix=odd")
    assert tags(listed.body, "Key") == ["odd/%01%1B%7F%EF%BF%BE%3C%26%3E%09"]
    upload = send("POST", f"/{quote(odd)}", "uploads")
    assert b"<Key>%b</Key>" % written in upload.body
    assert b"<Key>%b</Key>" % written in send("GET", "", "uploads").body
    assert b"<Key>%b</Key>" % written in send("GET", f"/{quote(odd + 'absent')}").body.replace(b"absent", b"")
    # No document can hold them, so they are removed one by one.
    for character in ("&#x1;", "\x01"):
        body = f"<Delete><Object><Key>odd/{character}</Key></Object></Delete>".encode()
        answer = send("POST", "", "delete", body, content_md5=md5(body))
        assert (answer.status, answer.code) == (400, "MalformedXML")
    assert send("DELETE", f"/{quote(odd)}").status == 204
    assert s3.list_objects_v2(Bucket=bucket, Prefix="odd")["KeyCount"] == 0


def test_ranges_of_copied_parts(s3, bucket, send):
    """Seen: https://github.com/versity/versitygw/issues/610 and 1122."""
    s3.put_object(Bucket=bucket, Key="five", Body=b"hello")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    form = (
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of "
        "the first and last bytes to copy"
    )
    outside = "Range specified is not valid for source object of size: 5"
    for given, text in [
        ("bytes=0-", form), ("bytes=-3", form), ("0-1", form), ("bytes=0-1,2-3", form), ("bytes=a-b", form), ("bytes=3-1", form),
        ("bytes=0-5", outside), ("bytes=5-5", outside), ("bytes=10-12", outside),
    ]:
        headers = {"x_amz_copy_source": f"/{bucket}/five", "x_amz_copy_source_range": given}
        answer = send("PUT", "/m", f"partNumber=1&uploadId={upload}", **headers)
        assert (answer.status, answer.code, answer.text) == (400, "InvalidArgument", text), given
        assert tag(answer.body, "ArgumentName") == "x-amz-copy-source-range"
    headers["x_amz_copy_source_range"] = "bytes=1-4"
    answer = send("PUT", "/m", f"partNumber=1&uploadId={upload}", **headers)
    assert tag(answer.body, "ETag") == f'"{hashlib.md5(b"ello").hexdigest()}"'


def test_words_where_numbers_belong(s3, bucket, send):
    """In a document they make it malformed."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    body = b"<CompleteMultipartUpload><Part><PartNumber>one</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    assert send("POST", "/m", f"uploadId={upload}", body).code == "MalformedXML"
    body = b"<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>ten</Days></Expiration></Rule></LifecycleConfiguration>"
    assert send("PUT", "", "lifecycle", body, content_md5=md5(body)).code == "MalformedXML"


def test_dates_that_are_none_are_no_conditions(send):
    """RFC 9110, sections 13.1.3 and 13.1.4."""
    assert send("GET", "/k", if_modified_since="yesterday").status == 200
    assert send("HEAD", "/k", if_unmodified_since="0").status == 200
    assert send("GET", "/k", if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT").status in (200, 304)
    assert send("GET", "/k", if_unmodified_since="Mon, 01 Jan 2001 00:00:00 GMT").status == 412


def test_directives_of_copies(bucket, send):
    for what in ("metadata", "tagging"):
        answer = send("PUT", "/c", x_amz_copy_source=f"/{bucket}/k", **{f"x_amz_{what}_directive": "MERGE"})
        assert (answer.status, answer.code, answer.text) == (400, "InvalidArgument", f"Unknown {what} directive.")
        assert tag(answer.body, "ArgumentName") == f"x-amz-{what}-directive"


def test_keys_that_climb_out_of_their_bucket(s3, bucket, send):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: relative elements are never more than the others."""
    for path in ("/../k", "/a/../../k", "/a/b/../../../k", "/.."):
        answer = send("PUT", path, "", b"x")
        assert (answer.status, answer.code) == (400, "InvalidURI"), path
    for path in ("/a/../k", "/videos/2014/../../video1.wmv", "/..k", "/a//../.."):
        assert send("PUT", path, "", b"x").status == 200, path
        assert s3.get_object(Bucket=bucket, Key=path[1:])["Body"].read() == b"x"


def test_headers_that_are_not_for_the_operation(s3, bucket, send):
    """Seen: https://github.com/irods/irods_resource_plugin_s3/issues/1838. The guide says it of GET and HEAD, too."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for method, path, query in [("PUT", "/m", f"partNumber=1&uploadId={upload}"), ("GET", "/k", "")]:
        answer = send(method, path, query, x_amz_server_side_encryption="AES256")
        assert (answer.status, answer.code) == (400, "InvalidArgument")
        assert answer.text == "x-amz-server-side-encryption header is not supported for this operation."
        assert tag(answer.body, "ArgumentName") == "x-amz-server-side-encryption"
    assert send("HEAD", "/k", x_amz_server_side_encryption="AES256").status == 400
    assert send("PUT", "/k", "", b"x", x_amz_server_side_encryption="AES256").status == 200


def test_attributes_that_are_asked_for(send):
    missing = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
    answer = send("GET", "/k", "attributes")
    assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", missing)
    answer = send("GET", "/k", "attributes", x_amz_object_attributes="ETag,Colour")
    assert (answer.status, answer.text, tag(answer.body, "ArgumentValue")) == (400, "Invalid attribute name specified.", "Colour")
    answer = send("GET", "/k", "attributes", x_amz_object_attributes="ObjectSize, ETag,")
    assert (answer.status, tag(answer.body, "ObjectSize")) == (200, "1")


def test_a_wrong_digest_is_told_as_aws_tells_it(send):
    """The digest that was sent in hexadecimal, the calculated one in Base64, as OpenStack Swift's tests saw of AWS."""
    for method, path, query, body in [("PUT", "/k2", "", b"x"), ("POST", "", "delete", b"<Delete/>")]:
        answer = send(method, path, query, body, content_md5=md5(b"other"))
        assert (answer.status, answer.code) == (400, "BadDigest")
        assert tag(answer.body, "ExpectedDigest") == hashlib.md5(b"other").hexdigest()
        assert tag(answer.body, "CalculatedDigest") == md5(body)
