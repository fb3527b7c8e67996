"""Methods that nothing takes, sub-resources of a bucket at the paths of keys, and documents that are not there.

AWS's papers say nothing of the first two. Seen: https://github.com/brekkylab/backlot/issues/230, 267, 312 and 335, and
what that project measured in backlot/routers/s3.py.
"""

import pytest
from asserting import refused
from people import Person, allow
from signed import S3Request, tag

TEXT = "The specified method is not allowed against this resource."
OF_BUCKETS, OF_KEYS = "HEAD, DELETE, POST, GET, PUT", "HEAD, DELETE, GET, PUT"


def not_allowed(answer, method, kind, allowed):
    assert (answer.status, answer.headers["allow"]) == (405, allowed), answer
    if method != "HEAD":
        told = [tag(answer.body, name) for name in ("Code", "Message", "Method", "ResourceType")]
        assert told == ["MethodNotAllowed", TEXT, method, kind]


@pytest.fixture
def ask(cloud, bucket):
    """As `send`, with the whole path, and by nobody when it is so said."""

    def asked(method, path, query="", is_signed=True, **headers):
        request = S3Request(cloud, method, path, query, {"content-length": "0", **headers})
        return (request.sign() if is_signed else request).send()

    return asked


def test_methods_that_nothing_takes(bucket, ask):
    for method in ("PATCH", "PUT", "POST", "DELETE", "HEAD"):
        not_allowed(ask(method, "/"), method, "SERVICE", "GET")
    # Whether there is such a bucket or key is not told.
    for name in (bucket, f"{bucket}-absent"):
        not_allowed(ask("PATCH", f"/{name}"), "PATCH", "BUCKET", OF_BUCKETS)
        not_allowed(ask("PATCH", f"/{name}/k"), "PATCH", "OBJECT", OF_KEYS)
        not_allowed(ask("PATCH", f"/{name}/k", is_signed=False), "PATCH", "OBJECT", OF_KEYS)
        not_allowed(ask("POST", f"/{name}/k"), "POST", "OBJECT", OF_KEYS)
        not_allowed(ask("POST", f"/{name}/k", "publicAccessBlock"), "POST", "OBJECT", OF_KEYS)
        answer = ask("POST", f"/{name}")
        assert (answer.status, answer.code) == (412, "PreconditionFailed")
        assert tag(answer.body, "Condition") == "Bucket POST must be of the enclosure-type multipart/form-data"
    for method in ("FOO", "PROPFIND", "patch"):
        answer = ask(method, f"/{bucket}/k")
        assert (answer.status, answer.code, answer.text) == (400, "BadRequest", "An error occurred when parsing the HTTP request.")


def test_the_kinds_of_sub_resources(bucket, ask):
    for name, kind, allowed in [
        ("abac", "BUCKET_ABAC", "GET, PUT"),
        ("accelerate", "ACCELERATE", "GET, PUT"),
        ("acl", "ACL", "GET, PUT"),
        ("analytics", "ANALYTICS", "DELETE, GET, PUT"),
        ("cors", "CORS", "DELETE, GET, PUT"),
        ("delete", "MULTI_OBJECT_DELETE", "POST"),
        ("encryption", "ENCRYPTION", "DELETE, GET, PUT"),
        ("intelligent-tiering", "INTELLIGENT_TIERING", "DELETE, GET, PUT"),
        ("inventory", "INVENTORY", "DELETE, GET, PUT"),
        ("lifecycle", "LIFECYCLE", "DELETE, GET, PUT"),
        ("location", "LOCATION", "GET"),
        ("logging", "LOGGING_STATUS", "GET, PUT"),
        ("metadataAnnotationTable", "BUCKET_METADATA_ANNOTATION_TABLE_CONFIGURATION", "PUT"),
        ("metadataConfiguration", "BUCKET_METADATA_CONFIGURATION", "DELETE, POST, GET"),
        ("metadataTable", "BUCKET_METADATA_TABLE_CONFIGURATION", "DELETE, POST, GET"),
        ("metrics", "METRICS", "DELETE, GET, PUT"),
        ("notification", "NOTIFICATION", "GET, PUT"),
        ("object-lock", "OBJECT_LOCK_CONFIGURATION", "GET, PUT"),
        ("ownershipControls", "OWNERSHIP_CONTROLS", "DELETE, GET, PUT"),
        ("policy", "BUCKETPOLICY", "DELETE, GET, PUT"),
        ("policyStatus", "POLICY_STATUS", "GET"),
        ("publicAccessBlock", "PUBLIC_ACCESS_BLOCK", "DELETE, GET, PUT"),
        ("replication", "REPLICATION", "DELETE, GET, PUT"),
        ("requestPayment", "REQUEST_PAYMENT", "GET, PUT"),
        ("tagging", "TAGGING", "DELETE, GET, PUT"),
        ("uploads", "UPLOADS", "POST, GET"),
        ("versioning", "VERSIONING", "GET, PUT"),
        ("versions", "BUCKETVERSIONS", "GET"),
        ("website", "WEBSITE", "DELETE, GET, PUT"),
    ]:
        not_allowed(ask("PATCH", f"/{bucket}", name), "PATCH", kind, allowed)
        not_allowed(ask("HEAD", f"/{bucket}", name), "HEAD", kind, allowed)
    for name, kind, allowed in [
        ("acl", "ACL", "GET, PUT"),
        ("attributes", "OBJECT_ATTRIBUTES", "GET"),
        ("encryption", "OBJECT_ENCRYPTION", "PUT"),
        ("legal-hold", "OBJECT_LOCK_LEGALHOLD", "GET, PUT"),
        ("restore", "RESTORE", "POST"),
        ("retention", "OBJECT_LOCK_RETENTION", "GET, PUT"),
        ("select&select-type=2", "SELECT", "POST"),
        ("tagging", "OBJECT_TAGGING", "DELETE, GET, PUT"),
        ("uploadId=1", "UPLOAD", "DELETE, POST, GET"),
        ("uploadId=1&partNumber=1", "PART", "PUT"),
        ("uploads", "UPLOADS", "POST, GET"),
    ]:
        not_allowed(ask("PATCH", f"/{bucket}/k", name), "PATCH", kind, allowed)
        not_allowed(ask("HEAD", f"/{bucket}/k", name), "HEAD", kind, allowed)
    answer = ask("PATCH", f"/{bucket}", "acl&cors")
    assert (answer.status, answer.text) == (400, "Conflicting query string parameters: acl, cors")


AT_KEYS = {
    "accelerate": "GET, PUT",
    "cors": "DELETE, GET, PUT",
    "inventory": "DELETE, GET, PUT",
    "lifecycle": "DELETE, GET, PUT",
    "location": "GET",
    "notification": "GET, PUT",
    "policy": "DELETE, GET, PUT",
    "replication": "DELETE, GET, PUT",
    "requestPayment": "GET, PUT",
    "versioning": "GET, PUT",
    "website": "DELETE, GET, PUT",
}


def told(answer):
    """Status and body, whatever the request's id."""
    body = answer.body if answer.status == 200 else answer.body.replace(tag(answer.body, "RequestId").encode(), b"")
    return answer.status, body


def test_sub_resources_of_a_bucket_at_a_key(cloud, bucket, ask):
    """The key is not asked, nor whether there is one."""
    host = {"Host": f"{bucket}.s3.localhost:{cloud.port}"}
    for name, allowed in AT_KEYS.items():
        own = ask("GET", f"/{bucket}", name)
        for answer in (
            ask("GET", f"/{bucket}/k", name),
            ask("GET", f"/{bucket}/a/b", f"{name}=1&x-id=GetObject"),
            ask("GET", "/k", name, **host),
        ):
            assert told(answer) == told(own), name
        not_allowed(ask("HEAD", f"/{bucket}/k", name), "HEAD", "", allowed)
        assert ask("PATCH", f"/{bucket}/k", name).headers["allow"] == allowed
        answer = ask("GET", f"/{bucket}-absent/k", name)
        assert (answer.status, answer.code) == (404, "NoSuchBucket")


def test_what_is_no_sub_resource_of_keys(s3, bucket, ask):
    for name in ("versions", "logging"):
        answer = ask("GET", f"/{bucket}/k", name)
        code = {"versions": "InvalidRequest", "logging": "NoLoggingStatusForKey"}[name]
        text = f"There is no such thing as the ?{name} sub-resource for a key"
        assert (answer.status, answer.code, answer.text) == (400, code, text)
    answer = ask("GET", f"/{bucket}/k", "uploads")
    text = "Key is not expected for the GET method ?uploads subresource"
    assert (answer.status, answer.code, answer.text) == (400, "InvalidRequest", text)
    not_allowed(ask("HEAD", f"/{bucket}/k", "versions"), "HEAD", "BUCKETVERSIONS", "GET")
    not_allowed(ask("GET", f"/{bucket}/k", "encryption"), "GET", "OBJECT_ENCRYPTION", "PUT")
    for query in ("location&versioning", "acl&location", "location&uploadId=1"):
        answer = ask("GET", f"/{bucket}/k", query)
        named = ", ".join(part.split("=")[0] for part in query.split("&"))
        assert (answer.status, answer.text) == (400, f"Conflicting query string parameters: {named}")
    # These, and other spellings, are nothing at a key.
    for name in (
        "abac", "analytics", "intelligent-tiering", "metadataConfiguration", "metadataTable", "metrics", "object-lock",
        "ownershipControls", "policyStatus", "publicAccessBlock", "session", "Location",
    ):
        assert ask("GET", f"/{bucket}/k", name).body == b"x", name


def test_a_bucket_is_set_at_a_key_by_who_may_set_it(cloud, iam, s3, bucket, name):
    person = Person(cloud, iam, name)
    person.put("p", allow("s3:*Object*", f"arn:aws:s3:::{bucket}/*"))
    at = person.service("s3")
    # boto3 as it is, with a key behind the bucket.
    at.meta.events.register("before-sign.s3", lambda request, **_: setattr(request, "url", request.url.replace("?", "/k?", 1)))
    text = f'User: {person.arn} is not authorized to perform: s3:PutBucketVersioning on resource: "arn:aws:s3:::{bucket}"'
    with refused("AccessDenied", status=403) as caught:
        at.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert caught.value.response["Error"]["Message"].startswith(text)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    person.put("p", allow("s3:PutBucketVersioning", f"arn:aws:s3:::{bucket}"))
    at.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "method, path, query",
    [
        ("PUT", "", "versioning"),
        ("PUT", "", "tagging"),
        ("PUT", "", "cors"),
        ("PUT", "", "lifecycle"),
        ("PUT", "", "notification"),
        ("PUT", "", "website"),
        ("PUT", "", "encryption"),
        ("PUT", "/k", "tagging"),
        ("POST", "", "delete"),
    ],
)
def test_documents_that_are_not_there(bucket, ask, method, path, query):
    """Seen of versioning, notifications and tags: https://github.com/JuliaCloud/AWS.jl/issues/219,
    https://github.com/aws/aws-sdk-cpp/issues/733, https://github.com/versity/versitygw/issues/820."""
    empty = {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    answer = ask(method, f"/{bucket}{path}", query, **empty)
    assert (answer.status, answer.code, answer.text) == (400, "MissingRequestBodyError", "Request Body is empty")


def test_documents_that_need_not_be_there(s3, bucket, ask, name):
    assert ask("PUT", f"/{name}-new").status == 200
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert ask("PUT", f"/{bucket}/k", "acl", **{"x-amz-acl": "private"}).status == 200
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    # Seen: https://github.com/apache/arrow-rs/issues/5404.
    answer = ask("POST", f"/{bucket}/m", f"uploadId={upload}")
    assert (answer.status, answer.code) == (400, "MalformedXML")
