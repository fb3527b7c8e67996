"""What reaches a port in the real world: garbage, half requests, floods. The process lives and goes on answering."""

import os
import socket
import ssl
import threading
import time
import urllib.request

import h2.config
import h2.connection
import h2.events
import pytest

from signed import Fast, Signed


@pytest.fixture(autouse=True)
def still_there(cloud):
    """After every one of these stories the cloud must still do its work."""
    yield
    assert cloud.alive(), "".join(cloud.log)[-4000:]
    assert Signed.json(cloud, "ListQueues", {}).sign().send().status == 200


def talk(cloud, data, read=True, timeout=20):
    """Sends raw bytes, half-closes, and gives what came back until the server closed."""
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=timeout) as raw:
        try:
            raw.sendall(data)
            if not read:
                return b""
            raw.shutdown(socket.SHUT_WR)
            answer = b""
            while part := raw.recv(65536):
                answer += part
            return answer
        except (ConnectionResetError, BrokenPipeError):
            return b""


GARBAGE = {
    "zeros": b"\x00" * 4096,
    "random": os.urandom(65536),
    "newlines": b"\r\n" * 1000,
    "no version": b"GET /\r\n\r\n",
    "http/0.9": b"GET / HTTP/0.9\r\n\r\n",
    "bad version": b"POST / HTTP/7.3\r\nHost: x\r\n\r\n",
    "bad header": b"POST / HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
    "bad length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "huge chunk size": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "tls of nobody": b"\x16\x03\x01\x02\x00" + os.urandom(512),
    "tls cut": b"\x16\x03\x01",
    "http2 preface and garbage": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(4096),
    "half preface": b"PRI * HTTP/2.0\r\n",
    "half head": b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Tar",
    "half body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
    "encoded path": b"GET /%00%ff%2e%2e/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "not utf-8": b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\nX-Amz-Target: \xff\xfe\r\n\r\n",
    "absolute form": b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
    "connect": b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage(cloud, data):
    answer = talk(cloud, data)
    if answer.startswith(b"HTTP/1.1"):
        status = int(answer.split()[1])
        assert 400 <= status < 600 and status != 500, answer[:500]


@pytest.mark.parametrize("headers", [200, 2000])
def test_many_headers(cloud, headers):
    lines = "".join(f"X-H-{i}: {i}\r\n" for i in range(headers))
    answer = talk(cloud, f"POST / HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    assert answer == b"" or 400 <= int(answer.split()[1]) < 500


def test_a_very_long_header_and_a_very_long_path(cloud):
    for request in (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 10_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 10_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        answer = talk(cloud, request)
        assert answer == b"" or 400 <= int(answer.split()[1]) < 500


def test_a_huge_body_is_refused_not_held(cloud):
    """A gigabyte is announced and begun; the answer, or the end, comes without all of it being taken in."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"
    block = b"x" * (1 << 20)
    for framing in (b"Content-Length: 1073741824\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=20) as raw:
            raw.sendall(head + framing)
            try:
                for _ in range(200):
                    raw.sendall(b"100000\r\n" + block + b"\r\n" if b"chunked" in framing else block)
                pytest.fail("200 MiB of an unsigned request were taken in")
            except (ConnectionResetError, BrokenPipeError, TimeoutError):
                pass
    assert resident_mib(cloud) < 300


def resident_mib(cloud):
    for line in open(f"/proc/{cloud.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmRSS")


def test_a_signed_body_above_the_limit_names_it(cloud):
    answer = Signed.json(cloud, "SendMessage", {"QueueUrl": "x", "MessageBody": "y" * 30_000_000}).sign()
    try:
        got = answer.send()
        assert 400 <= got.status < 500, got
    except (ConnectionResetError, BrokenPipeError):
        pass


def test_deep_json_and_odd_json(cloud):
    for body in (
        "[" * 200_000,
        '{"QueueUrl":' * 100_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        "null",
        "[]",
        '"text"',
        "{",
        "",
        '{"QueueUrl": 5}',
        '{"QueueUrl": {"a": []}}',
        '{"QueueUrl": "\\ud800"}',
        '{"MaxResults": 1e400}',
        '{"MaxResults": 99999999999999999999}',
    ):
        request = Signed.json(cloud, "GetQueueAttributes", {})
        request.body = body.encode()
        answer = request.sign().send()
        assert 400 <= answer.status < 500, (body[:60], answer)
        assert answer.headers["x-amzn-requestid"] and answer.code, answer


def test_odd_forms(cloud):
    for body in (
        "Action",
        "Action=",
        "Action=ListQueues&Action=ListQueues&Version=2012-11-05",
        "Action=SendMessage&MessageAttribute.x.Name=a&Version=2012-11-05",
        "Action=SendMessage&MessageAttribute.99999999999.Name=a&Version=2012-11-05",
        "Action=CreateQueue&QueueName=%zz%&Version=2012-11-05",
        "Action=CreateQueue&Version=1999-01-01",
        "&" * 100_000,
        "a.b." * 10_000 + "=1",
    ):
        request = Signed.form(cloud, "ListQueues", {})
        request.body = body.encode()
        answer = request.sign().send()
        assert answer.status < 500 or answer.status == 501, (body[:60], answer)


def test_slow_senders_do_not_hold_up_others(cloud):
    """Fifty connections that say one byte and wait; others are served meanwhile."""
    slow = [socket.create_connection(("127.0.0.1", cloud.port), timeout=20) for _ in range(50)]
    try:
        for raw in slow:
            raw.sendall(b"P")
        for _ in range(20):
            assert Signed.json(cloud, "ListQueues", {}).sign().send().status == 200
    finally:
        for raw in slow:
            raw.close()


def test_a_thousand_connections(cloud):
    idle = []
    try:
        for _ in range(1000):
            idle.append(socket.create_connection(("127.0.0.1", cloud.port), timeout=20))
        assert Signed.json(cloud, "ListQueues", {}).sign().send().status == 200
    finally:
        for raw in idle:
            raw.close()


def test_clients_that_leave_before_the_answer(cloud, queue):
    """A long poll whose client is gone must not swallow the next message."""
    for _ in range(30):
        request = Signed.json(cloud, "ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20}).sign()
        head = "POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=20) as raw:
            raw.sendall((head + f"Content-Length: {len(request.body)}\r\n\r\n").encode() + request.body)
    # What is handed out in the very moment of leaving is in flight, as on AWS; so let the server see that they have left.
    time.sleep(1)
    fast = Fast(cloud.port)
    fast.call("SendMessage", {"QueueUrl": queue, "MessageBody": "for the living"})
    _, got = fast.call("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 10})
    assert got["Messages"][0]["Body"] == "for the living"


def test_pipelined_requests_are_answered_in_order(cloud):
    requests = b""
    for operation in ("ListQueues", "GetQueueUrl", "ListQueues"):
        one = Signed.json(cloud, operation, {"QueueName": "absent"} if operation == "GetQueueUrl" else {}).sign()
        head = "POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in one.headers.items())
        requests += (head + f"Content-Length: {len(one.body)}\r\n\r\n").encode() + one.body
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=20) as raw:
        raw.sendall(requests)
        answer = b""
        while answer.count(b"HTTP/1.1 ") < 3 or not answer.endswith(b"}"):
            part = raw.recv(65536)
            assert part, answer
            answer += part
    statuses = [int(part.split()[0]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 400, 200]


def test_expect_100_continue(cloud):
    request = Signed.json(cloud, "ListQueues", {}).sign()
    head = "POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=20) as raw:
        raw.sendall((head + f"Expect: 100-continue\r\nContent-Length: {len(request.body)}\r\n\r\n").encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 100")
        raw.sendall(request.body)
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")


def test_many_at_once(cloud, queue):
    """Two hundred threads' worth of sends at once: every acknowledged one is there, once."""
    acknowledged, failures = [], []

    def work(number):
        fast = Fast(cloud.port)
        for i in range(10):
            status, answer = fast.call("SendMessage", {"QueueUrl": queue, "MessageBody": f"{number}-{i}"})
            (acknowledged if status == 200 else failures).append(answer)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len({a["MessageId"] for a in acknowledged}) == 1000
    fast, seen = Fast(cloud.port), set()
    while messages := fast.call("ReceiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 10})[1].get("Messages"):
        seen.update(m["MessageId"] for m in messages)
    assert seen == {a["MessageId"] for a in acknowledged}


def test_tls_on_the_same_port(cloud):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"https://127.0.0.1:{cloud.port}/_localstack/health", context=context) as answer:
        assert answer.status == 200
    sqs = cloud.client("sqs", endpoint_url=f"https://127.0.0.1:{cloud.port}", verify=False)
    assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("tls", [False, True])
def test_http2_on_the_same_port(cloud, tls):
    """Prior knowledge in clear text, ALPN over TLS."""
    raw = socket.create_connection(("127.0.0.1", cloud.port), timeout=20)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        raw = context.wrap_socket(raw, server_hostname="localhost")
        assert raw.selected_alpn_protocol() == "h2"
    request = Signed.json(cloud, "ListQueues", {}).sign()
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    fields = [
        (":method", "POST"),
        (":path", "/"),
        (":scheme", "https" if tls else "http"),
        (":authority", request.headers["Host"]),
    ]
    fields += [(k.lower(), v) for k, v in request.headers.items() if k.lower() != "host"]
    for stream in (1, 3, 5):
        connection.send_headers(stream, fields)
        connection.send_data(stream, request.body, end_stream=True)
    raw.sendall(connection.data_to_send())
    statuses, ended = {}, set()
    while len(ended) < 3:
        for event in connection.receive_data(raw.recv(65536)):
            if isinstance(event, h2.events.ResponseReceived):
                named = {k.decode() if isinstance(k, bytes) else k: v for k, v in event.headers}
                status = named[":status"]
                statuses[event.stream_id] = int(status)
            elif isinstance(event, h2.events.StreamEnded):
                ended.add(event.stream_id)
        raw.sendall(connection.data_to_send())
    raw.close()
    assert statuses == {1: 200, 3: 200, 5: 200}
