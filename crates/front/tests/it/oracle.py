"""Signs requests with botocore and prints them, one JSON object a line: the oracle for our verifier."""
import datetime
import json
import sys

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CASES = [
    ("sqs", "POST", "http://localhost:4566/", b'{"QueueUrl":"q"}', {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}),
    ("sqs", "POST", "http://localhost:4566/000000000000/queue", b"Action=SendMessage&MessageBody=a+b%20c", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}),
    ("iam", "GET", "http://localhost:4566/?Action=ListUsers&Version=2010-05-08&PathPrefix=%2Fa%20b%2F", b"", {}),
    ("lambda", "GET", "http://localhost:4566/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af", b"", {}),
    ("execute-api", "GET", "http://localhost:4566//a/../b//c/./d/?z=1&a=2&a=1&empty=&flag", b"", {"X-Custom": "  many   blanks  "}),
    ("s3", "PUT", "http://localhost:4566/bucket/a%20b/../c//d%2Be~%C3%A9", b"body", {"x-amz-meta-name": "v  w"}),
    ("s3", "GET", "http://localhost:4566/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&encoding-type=url", b"", {}),
]


def main():
    for token in (None, "token/with+signs=="):
        credentials = Credentials("AKIDEXAMPLE", SECRET, token)
        for service, method, url, body, headers in CASES:
            s3 = service == "s3"
            header = (S3SigV4Auth if s3 else SigV4Auth)(credentials, service, "us-east-1")
            query_auth = S3SigV4QueryAuth if s3 else SigV4QueryAuth
            query = query_auth(credentials, service, "us-east-1", expires=600)
            for auth in (header, query):
                if auth is query and (headers or b"Action=" in body):
                    continue
                request = AWSRequest(method, url, data=body, headers=dict(headers))
                auth.add_auth(request)
                prepared = request.prepare()
                sent = {k: (v.decode() if isinstance(v, bytes) else str(v)) for k, v in prepared.headers.items()}
                sent["Host"] = "localhost:4566"
                print(json.dumps({"service": service, "method": method, "url": prepared.url, "headers": sent, "body": body.decode()}))


if __name__ == "__main__":
    sys.exit(main())
