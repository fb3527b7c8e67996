"""A real browser, headless: a page of one origin uploads into a bucket that lets it, and is stopped at one that does not."""

import functools
import http.server
import json
import os
import queue
import shutil
import subprocess
import threading

import pytest
from botocore.config import Config

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
# A browser on a busy machine takes its time to start.
PATIENCE_S = 120
PAGE = """<!doctype html><script>
const jobs = %s;
async function run(job) {
  try {
    let body = job.body;
    if (job.fields) {
      body = new FormData();
      for (const [name, value] of Object.entries(job.fields)) body.append(name, value);
      body.append("file", new Blob([job.body]), "file");
    }
    const answer = await fetch(job.url, {method: job.method, body});
    return {status: answer.status, etag: answer.headers.get("etag"), text: await answer.text()};
  } catch (error) {
    return {error: error.name};
  }
}
(async () => {
  const done = {};
  for (const job of jobs) done[job.name] = await run(job);
  await fetch("/done", {method: "POST", body: JSON.stringify(done)});
})();
</script>"""


class Site(http.server.BaseHTTPRequestHandler):
    """Serves the page, and hears what it found out."""

    def __init__(self, site, *args):
        self.site = site
        super().__init__(*args)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.site.page.encode())

    def do_POST(self):
        self.site.heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def browse(tmp_path):
    """Opens a page with these jobs in the browser. Gives what the page saw of each, by name."""
    if not CHROMIUM:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")

    class Here:
        heard = queue.Queue()
        page = ""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, Here))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://localhost:{server.server_port}"

    def run(jobs):
        Here.page = PAGE % json.dumps(jobs(origin))
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}/profile",
            "--remote-debugging-port=0", origin,
        ]  # fmt: skip
        environ = {**os.environ, "HOME": str(tmp_path)}
        with open(tmp_path / "browser.log", "w") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)
        try:
            return Here.heard.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError((tmp_path / "browser.log").read_text()[-2000:]) from None
        finally:
            os.killpg(browser.pid, 9)
            browser.wait()

    yield run
    server.shutdown()


def test_a_page_uploads_where_it_may(cloud, browse, name):
    # Version 2, boto3's own choice for presigned URLs here, signs the content type, which the browser sets.
    s3 = cloud.client("s3", config=Config(signature_version="s3v4"))
    open_bucket, shut = f"{name}-open", f"{name}-shut"
    for bucket in (open_bucket, shut):
        s3.create_bucket(Bucket=bucket)

    def jobs(origin):
        rule = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT", "POST", "GET"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]}
        s3.put_bucket_cors(Bucket=open_bucket, CORSConfiguration={"CORSRules": [rule]})
        listed = []
        for bucket in (open_bucket, shut):
            put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "put"})
            listed.append({"name": f"put {bucket}", "url": put, "method": "PUT", "body": "from a page"})
            form = s3.generate_presigned_post(bucket, "form")
            listed.append({"name": f"form {bucket}", "url": form["url"], "method": "POST", "fields": form["fields"], "body": "a form's file"})
        get = s3.generate_presigned_url("get_object", Params={"Bucket": open_bucket, "Key": "put"})
        listed.append({"name": "get", "url": get, "method": "GET"})
        altered = get.replace("/put?", "/form?")
        listed.append({"name": "altered", "url": altered, "method": "GET"})
        return listed

    seen = browse(jobs)
    assert seen[f"put {open_bucket}"]["status"] == 200 and seen[f"put {open_bucket}"]["etag"]
    assert seen[f"form {open_bucket}"]["status"] == 204
    assert seen["get"] == {"status": 200, "etag": seen["get"]["etag"], "text": "from a page"}
    assert seen["altered"]["status"] == 403 and "SignatureDoesNotMatch" in seen["altered"]["text"]
    # Without a rule the browser does not even send the PUT, and shows the page nothing of the form's answer.
    assert seen[f"put {shut}"] == {"error": "TypeError"} and seen[f"form {shut}"] == {"error": "TypeError"}
    keys = lambda bucket: [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert keys(open_bucket) == ["form", "put"]
    assert keys(shut) == ["form"], "a form needs no preflight: it was sent, and only its answer was kept from the page"
