"""What a browser does for a page: it asks before it sends, and shows the page an answer only when the bucket lets it."""

import urllib.error
import urllib.request

import pytest
from asserting import refused
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from people import Person, allow

PAGE = "http://app.localhost:3000"
RULE = {
    "ID": "app", "AllowedOrigins": [PAGE], "AllowedMethods": ["PUT", "GET"], "AllowedHeaders": ["Authorization", "x-amz-*", "Content-Type"],
    "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3000,
}


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def send(cloud, method, path, headers, data=None):
    request = urllib.request.Request(cloud.url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def preflight(cloud, path, origin, method, headers=None):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return send(cloud, "OPTIONS", path, {**asked, **({"Access-Control-Request-Headers": headers} if headers else {})})


def test_an_upload_from_a_page(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    person.put("write", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    path = f"/{bucket}/photo"
    status, headers, _ = preflight(cloud, path, PAGE, "PUT", "authorization,x-amz-date, X-Amz-Content-Sha256")
    assert status == 200
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-methods"] == "PUT, GET"
    assert headers["access-control-allow-headers"] == "authorization, x-amz-date, x-amz-content-sha256"
    assert headers["access-control-max-age"] == "3000" and headers["access-control-expose-headers"] == "ETag"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

    def put(origin, path=path):
        request = AWSRequest("PUT", cloud.url + path, data=b"pixels", headers={"Origin": origin})
        S3SigV4Auth(Credentials(person.key["AccessKeyId"], person.key["SecretAccessKey"]), "s3", "us-east-1").add_auth(request)
        return send(cloud, "PUT", path, dict(request.headers), b"pixels")

    status, headers, _ = put(PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE) and headers["etag"]
    # A page of another origin: its browser is told no, and an answer to it lets nobody read it.
    status, headers, body = preflight(cloud, path, "http://evil.example", "PUT")
    assert status == 403 and "access-control-allow-origin" not in headers
    assert "<Code>AccessForbidden</Code>" in body and "<Method>PUT</Method><ResourceType>OBJECT</ResourceType>" in body
    assert "This CORS request is not allowed." in body
    status, headers, _ = put("http://evil.example")
    assert status == 200 and "access-control-allow-origin" not in headers, "CORS is the browser's rule, not a permission"
    # What is denied is readable to the page too.
    status, headers, body = put(PAGE, f"/{bucket}-other/photo")
    assert status == 404 and "access-control-allow-origin" not in headers
    person.drop("write")
    status, headers, body = put(PAGE)
    assert (status, headers["access-control-allow-origin"]) == (403, PAGE) and "AccessDenied" in body


def test_preflights_that_are_refused(cloud, s3, bucket):
    refusal = lambda *asked: (lambda answer: (answer[0], answer[2]))(preflight(cloud, *asked))
    status, body = refusal(f"/{bucket}/k", PAGE, "GET")
    assert status == 403 and "CORSResponse: CORS is not enabled for this bucket." in body
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    assert refusal(f"/{bucket}/k", PAGE, "GET")[0] == 200
    assert refusal(f"/{bucket}/k", PAGE, "DELETE")[0] == 403
    assert refusal(f"/{bucket}/k", PAGE, "GET", "x-other")[0] == 403
    assert refusal(f"/{bucket}", PAGE, "DELETE")[1].count("<ResourceType>BUCKET</ResourceType>") == 1
    status, body = refusal(f"/{bucket}/k", PAGE, "PATCH")
    assert status == 400 and "Invalid Access-Control-Request-Method: PATCH" in body
    status, body = refusal("/no-such-bucket-here/k", PAGE, "GET")
    assert status == 403 and "CORSResponse: Bucket not found" in body
    status, _, body = send(cloud, "OPTIONS", f"/{bucket}/k", {"Access-Control-Request-Method": "GET"})
    assert status == 400 and "Insufficient information. Origin request header needed." in body
    status, headers, _ = send(cloud, "OPTIONS", "/k", {"Host": f"{bucket}.s3.localhost", "Origin": PAGE, "Access-Control-Request-Method": "GET"})
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)


def test_everybodys_origin(cloud, s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]})
    status, headers, _ = preflight(cloud, f"/{bucket}/k", "http://any.example", "GET")
    assert (status, headers["access-control-allow-origin"]) == (200, "*") and "access-control-allow-credentials" not in headers


def test_the_configuration(s3, bucket):
    with refused("NoSuchCORSConfiguration", "The CORS configuration does not exist", 404):
        s3.get_bucket_cors(Bucket=bucket)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [RULE]
    for change, code, text in [
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest", "Found unsupported HTTP method in CORS config. Unsupported method is PATCH"),
        ({"AllowedOrigins": ["http://*.*"]}, "InvalidRequest", 'AllowedOrigin "http://*.*" can not have more than one wildcard.'),
        ({"AllowedHeaders": ["*-*"]}, "InvalidRequest", 'AllowedHeader "*-*" can not have more than one wildcard.'),
        ({"ExposeHeaders": ["*"]}, "InvalidRequest", 'ExposeHeader "*" contains wildcard. We currently do not support wildcard for ExposeHeader.'),
        ({"AllowedOrigins": []}, "MalformedXML", None),
    ]:
        with refused(code, text, 400):
            s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{**RULE, **change}]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [RULE]
    s3.delete_bucket_cors(Bucket=bucket)
    with refused("NoSuchCORSConfiguration", status=404):
        s3.get_bucket_cors(Bucket=bucket)


def test_strangers(cloud, iam, bucket, name):
    s3 = Person(cloud, iam, name).service("s3")
    for call, asked in [(s3.get_bucket_cors, {}), (s3.delete_bucket_cors, {}), (s3.put_bucket_cors, {"CORSConfiguration": {"CORSRules": [RULE]}})]:
        with refused("AccessDenied", status=403):
            call(Bucket=bucket, **asked)
