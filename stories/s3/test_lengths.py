"""What is uploaded has a length, which is known before. Seen: https://github.com/Automattic/knox/issues/43 and
https://github.com/chilts/awssum/issues/30 (in chunks of HTTP), https://github.com/jclouds/legacy-jclouds/issues/1297 and
https://github.com/versity/versitygw/issues/1248 (without anything)."""

import base64
import hashlib
import http.client
import socket
import zlib

import h2.config
import h2.connection
import h2.events
import pytest
from asserting import refused
from signed import Answer, S3Request, tag


def connect(cloud, request, headers, body):
    """Sends the bytes of a body as they are, below a head with nothing but its headers and these."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in {**request.headers, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = Answer(answer.status, answer.getheaders(), answer.read())
    connection.close()
    return found


def chunks(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture
def put(cloud, bucket):
    """An upload whose head says what it is told to say of the length."""

    def sent(path, body, headers, query="", **signed):
        signed = {name.replace("_", "-"): value for name, value in {"x_amz_content_sha256": "UNSIGNED-PAYLOAD", **signed}.items()}
        request = S3Request(cloud, "PUT", f"/{bucket}{path}", query, signed).sign()
        return connect(cloud, request, headers, body)

    return sent


CHUNKED = {"Transfer-Encoding": "chunked"}


def implied(answer):
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert answer.text == "A header you provided implies functionality that is not implemented"
    assert tag(answer.body, "Header") == "Transfer-Encoding"


def missing(answer):
    told = (answer.status, answer.code, answer.text)
    assert told == (411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def test_objects_and_parts(s3, bucket, put):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for path, query in (("/n", ""), ("/m", f"partNumber=1&uploadId={upload}")):
        implied(put(path, chunks(b"hello"), CHUNKED, query))
        implied(put(path, chunks(), CHUNKED, query))
        missing(put(path, b"", {}, query))
    with refused("NoSuchKey", status=404):
        s3.get_object(Bucket=bucket, Key="n")
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="m", UploadId=upload)
    # Empty is a length.
    assert put("/n", b"", {"Content-Length": "0"}).status == 200
    assert put("/m", b"hello", {"Content-Length": "5"}, f"partNumber=1&uploadId={upload}").status == 200


def test_who_may_not_write_learns_nothing_of_it(cloud, s3, bucket):
    request = S3Request(cloud, "PUT", f"/{bucket}/n", "", {}).sign()
    request.headers["Authorization"] = request.headers["Authorization"][:-4] + "beef"
    answer = connect(cloud, request, {}, b"")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_body_whose_own_chunks_tell_the_length(s3, bucket, put):
    """`aws-chunked`, in chunks of HTTP: so the CLI and SDKs stream to AWS."""
    crc = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    framed = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % crc.encode()
    said = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_trailer": "x-amz-checksum-crc32"}
    answer = put("/n", chunks(framed[:3], framed[3:]), CHUNKED, x_amz_decoded_content_length="5", **said)
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, crc)
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"hello"
    answer = put("/n", chunks(framed), CHUNKED, x_amz_decoded_content_length="6", **said)
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    implied(put("/n", chunks(framed), CHUNKED, **said))
    missing(put("/n", framed, {"Content-Length": str(len(framed))}, **said))
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"hello"


def test_what_is_no_upload_needs_none(s3, bucket, send, cloud):
    """Documents are read whole; copies have no body."""
    copy = S3Request(cloud, "PUT", f"/{bucket}/copy", "", {"x-amz-copy-source": f"/{bucket}/k"}).sign()
    assert connect(cloud, copy, {}, b"").status == 200
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    tags = S3Request(cloud, "PUT", f"/{bucket}/k", "tagging", {"content-md5": digest}, body).sign()
    assert connect(cloud, tags, CHUNKED, chunks(body)).status == 200
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]


def by_http2(cloud, request, body, **more):
    """The status and the body of an answer to a request by HTTP/2 with prior knowledge."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=30) as raw:
        connection.initiate_connection()
        head = {":method": request.method, ":path": request.target, ":scheme": "http", ":authority": request.headers["Host"]}
        own = {name.lower(): value for name, value in request.headers.items() if name != "Host"}
        connection.send_headers(1, list({**head, **own, **more}.items()), end_stream=not body)
        if body:
            connection.send_data(1, body, end_stream=True)
        raw.sendall(connection.data_to_send())
        status, found = None, b""
        while True:
            for event in connection.receive_data(raw.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    found += event.data
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    return Answer(status, [], found)
            raw.sendall(connection.data_to_send())


def test_by_http2(cloud, s3, bucket):
    """AWS does not speak it; here it is held to the same."""
    request = lambda: S3Request(cloud, "PUT", f"/{bucket}/n", "", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}).sign()  # noqa: E731
    missing(by_http2(cloud, request(), b"hello"))
    missing(by_http2(cloud, request(), b""))
    assert by_http2(cloud, request(), b"hello", **{"content-length": "5"}).status == 200
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"hello"
    assert by_http2(cloud, request(), b"", **{"content-length": "0"}).status == 200
