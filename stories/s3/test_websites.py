"""A bucket as a website: what a browser sees of it, and what it does not."""

import urllib.error
import urllib.request

import pytest
from asserting import refused
from people import Person, allow, policy


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture
def look(cloud):
    port = cloud.url.rsplit(":", 1)[1]

    def look(bucket, path="/", method="GET", host=None, **headers):
        host = host or f"{bucket}.s3-website.localhost:{port}"
        request = urllib.request.Request(cloud.url + path, method=method, headers={"Host": host, **headers})
        try:
            with urllib.request.build_opener(NoRedirect).open(request) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    return look


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    for key, body in (("index.html", b"<h1>home</h1>"), ("docs/index.html", b"docs"), ("error.html", b"sorry"), ("a b.txt", b"spaced")):
        s3.put_object(Bucket=name, Key=key, Body=body, ContentType="text/html")
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.delete_public_access_block(Bucket=name)
    return name


def open_up(s3, bucket, *actions):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        allow(["s3:GetObject"], f"arn:aws:s3:::{bucket}/*", Principal="*"),
        *([allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Principal="*")] if "list" in actions else []),
    ))


def test_only_what_everybody_may_read_is_shown(s3, bucket, look):
    status, headers, body = look(bucket)
    assert status == 403 and headers["content-type"] == "text/html; charset=utf-8" and headers["x-amz-error-code"] == "AccessDenied"
    assert "<title>403 Forbidden</title>" in body and "<li>Code: AccessDenied</li>\n<li>Message: Access Denied</li>" in body
    open_up(s3, bucket)
    status, headers, body = look(bucket)
    assert (status, headers["content-type"], body) == (200, "text/html", "<h1>home</h1>")
    assert look(bucket, "/a%20b.txt")[2] == "spaced"
    assert look(bucket, "/docs/")[2] == "docs"
    status, headers, _ = look(bucket, "/docs")
    assert (status, headers["location"]) == (302, "/docs/")
    status, _, body = look(bucket, "/index.html", "HEAD")
    assert (status, body) == (200, "")
    assert look(bucket, "/index.html", Range="bytes=0-3")[0::2] == (206, "<h1>")
    etag = look(bucket)[1]["etag"]
    status, headers, _ = look(bucket, **{"If-None-Match": etag})
    assert (status, headers["etag"], "content-type" in headers) == (304, etag, False)
    for host in ("s3-website-us-east-1.amazonaws.com", "s3-website.us-east-1.amazonaws.com", "s3-website.localhost"):
        assert look(bucket, host=f"{bucket}.{host}")[0] == 200, host
    for method in ("PUT", "POST", "DELETE"):
        status, _, body = look(bucket, "/index.html", method)
        assert status == 405 and "MethodNotAllowed" in body
    assert s3.head_object(Bucket=bucket, Key="index.html")["ContentLength"] == 13
    # A policy that names everybody and then shuts them out.
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert look(bucket)[0] == 403


def test_what_is_not_there(s3, bucket, look):
    open_up(s3, bucket)
    assert look(bucket, "/absent")[0] == 403, "who may not list is not told"
    open_up(s3, bucket, "list")
    status, headers, body = look(bucket, "/absent")
    assert status == 404 and headers["x-amz-error-code"] == "NoSuchKey" and headers["x-amz-error-detail-key"] == "absent"
    assert "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: absent</li>" in body
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}})
    status, _, body = look(bucket, "/%22gone%22")
    assert (status, body) == (404, "sorry")
    s3.delete_object(Bucket=bucket, Key="error.html")
    status, _, body = look(bucket, "/%3Cscript%3E")
    assert status == 404 and "An Error Occurred While Attempting to Retrieve a Custom Error Document" in body and "<script>" not in body
    status, _, body = look("no-such-bucket-at-all")
    assert status == 404 and "<li>Code: NoSuchBucket</li>" in body and "<li>BucketName: no-such-bucket-at-all</li>" in body
    s3.delete_bucket_website(Bucket=bucket)
    status, _, body = look(bucket)
    assert status == 404 and "NoSuchWebsiteConfiguration" in body
    with refused("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration", 404):
        s3.get_bucket_website(Bucket=bucket)


def test_rules(s3, bucket, look):
    open_up(s3, bucket, "list")
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {"Condition": {"KeyPrefixEquals": "images/", "HttpErrorCodeReturnedEquals": "404"}, "Redirect": {
            "HostName": "api.example", "Protocol": "https", "HttpRedirectCode": "307", "ReplaceKeyPrefixWith": "resize?key=images/"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"ReplaceKeyWith": "error.html", "HttpRedirectCode": "302"}},
    ]
    configuration = {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": rules}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    found = s3.get_bucket_website(Bucket=bucket)
    assert found["RoutingRules"] == rules and found["IndexDocument"] == {"Suffix": "index.html"}
    status, headers, _ = look(bucket, "/old/index.html")
    assert status == 301 and headers["location"].endswith("/docs/index.html") and f"{bucket}.s3-website" in headers["location"]
    # The picture that is made when it is first asked for.
    status, headers, _ = look(bucket, "/images/300x300/cat.png")
    assert (status, headers["location"]) == (307, "https://api.example/resize?key=images/300x300/cat.png")
    s3.put_object(Bucket=bucket, Key="images/300x300/cat.png", Body=b"cat")
    assert look(bucket, "/images/300x300/cat.png")[0::2] == (200, "cat")
    status, headers, _ = look(bucket, "/other")
    assert status == 302 and headers["location"].endswith("/error.html")


def test_everything_elsewhere(s3, bucket, look):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "www.example.com", "Protocol": "https"}})
    status, headers, _ = look(bucket, "/a%20b?c")
    assert (status, headers["location"]) == (301, "https://www.example.com/a%20b")


def test_an_object_that_sends_on(s3, bucket, look):
    open_up(s3, bucket)
    s3.put_object(Bucket=bucket, Key="moved", Body=b"x", WebsiteRedirectLocation="/index.html")
    status, headers, _ = look(bucket, "/moved")
    assert (status, headers["location"]) == (301, "/index.html")
    assert s3.get_object(Bucket=bucket, Key="moved")["Body"].read() == b"x"


def test_the_wrong_region(s3, bucket, look):
    open_up(s3, bucket)
    status, _, body = look(bucket, host=f"{bucket}.s3-website.eu-west-1.amazonaws.com")
    assert status == 400 and "IncorrectEndpoint" in body


def test_configurations_that_are_refused(s3, bucket):
    index = {"IndexDocument": {"Suffix": "index.html"}}
    redirect = {"HostName": "x.example"}
    for configuration, code, text in [
        ({}, "InvalidArgument", "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
        ({**index, "RedirectAllRequestsTo": redirect}, "InvalidRequest", "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."),
        ({**index, "RoutingRules": [{"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": redirect}]}, "InvalidRequest", "The provided HTTP error code (200) is not valid. Valid codes are 4XX or 5XX."),
        ({**index, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "300"}}]}, "InvalidRequest", "The provided HTTP redirect code (300) is not valid. Valid codes are 3XX except 300."),
        ({**index, "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]}, "InvalidRequest", "You can only define ReplaceKeyPrefix or ReplaceKey but not both."),
    ]:
        with refused(code, text, 400):
            s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)


def test_strangers(cloud, iam, bucket, name):
    s3 = Person(cloud, iam, name).service("s3")
    website = {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "index.html"}}}
    for call, asked in [(s3.get_bucket_website, {}), (s3.delete_bucket_website, {}), (s3.put_bucket_website, website)]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **asked)
