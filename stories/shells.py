"""An instance that does what a story asks: its user data serves a port where Python is posted, and what that prints comes back."""

import json
import time
import urllib.request

# How a program inside signs and sends a request with nothing but Python's own library.
LIBRARY = '''
import datetime, hashlib, hmac, json, socket, urllib.error, urllib.request

IMDS = "http://169.254.169.254"


def ask(path, method="GET", **headers):
    """Status, text and headers of an answer of the metadata service."""
    headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    request = urllib.request.Request(IMDS + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def token(ttl=60):
    return ask("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=ttl)[1]


def get(path):
    return ask("/latest/" + path, X_aws_ec2_metadata_token=token())[1]


def role():
    return json.loads(get("meta-data/iam/security-credentials/" + get("meta-data/iam/security-credentials/")))


def aws(service, target, body, access, secret, session=None, region="us-east-1", kind="application/x-amz-json-1.0"):
    """Status and answer of a signed request to AWS by its real name, with certificates checked."""
    host = f"{service}.{region}.amazonaws.com"
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    payload = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": kind, "host": host, "x-amz-date": now}
    if target:
        headers["x-amz-target"] = target
    if session:
        headers["x-amz-security-token"] = session
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\\n" for name in sorted(headers))
    digest = hashlib.sha256(payload.encode()).hexdigest()
    canonical = "\\n".join(["POST", "/", "", lines, names, digest])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    request = urllib.request.Request(f"https://{host}/", payload.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def as_role(service, target, body, **more):
    own = role()
    return aws(service, target, body, own["AccessKeyId"], own["SecretAccessKey"], own["Token"], **more)
'''

SHELL = f"""#!/bin/sh
mkdir -p /srv && cd /srv
cat >aws.py <<'END'
{LIBRARY}
END
cat >shell.py <<'END'
import http.server, subprocess, sys

class Shell(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        script = "from aws import *\\n" + self.rfile.read(int(self.headers["Content-Length"])).decode()
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        body = (done.stdout + done.stderr).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 80), Shell).serve_forever()
END
python3 shell.py &
"""


def does(address, script):
    """What a script prints inside the instance of that public address."""
    end = time.monotonic() + 60
    while True:
        try:
            asked = urllib.request.Request(f"http://{address}/", script.encode(), method="POST")
            return urllib.request.urlopen(asked, timeout=60).read().decode().strip()
        except urllib.error.URLError:
            assert time.monotonic() < end, "the instance does not answer"
            time.sleep(0.1)


def gives(address, expression):
    """The value of an expression inside, as far as JSON has it."""
    text = does(address, f"print(json.dumps({expression}))")
    try:
        return json.loads(text)
    except ValueError:
        raise AssertionError(text) from None
