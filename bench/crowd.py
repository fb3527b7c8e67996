"""An account full of roles and policies, made through the API as anybody would, only faster: signed requests over a few
keep-alive connections."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from urllib.parse import urlencode

from servers import POLICY

# AWS's default quotas of an account: more roles need more accounts, and policies beyond them are inline ones of roles.
ROLES_MAX = 1_000
MANAGED_MAX = 1_500
CONNECTIONS = 4
# The first account; the measured caller belongs to it.
FIRST = 200_000_000_000
FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Iam:
    """IAM's query API as the root user of an account, over one connection."""

    def __init__(self, server, account):
        self.host, self.account = f"127.0.0.1:{server.port}", account
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.day = None

    def _key(self, day):
        if self.day != day:
            derived = b"AWS4test"
            for part in (day, "us-east-1", "iam", "aws4_request"):
                derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
            self.day, self.derived = day, derived
        return self.derived

    def call(self, action, **parameters):
        body = urlencode({"Action": action, "Version": "2010-05-08", **parameters}).encode()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope, signed = f"{now[:8]}/us-east-1/iam/aws4_request", "content-type;host;x-amz-date"
        canonical = (
            f"POST\n/\n\ncontent-type:{FORM}\nhost:{self.host}\nx-amz-date:{now}\n\n{signed}\n"
            f"{hashlib.sha256(body).hexdigest()}"
        )
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._key(now[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        authorization = f"AWS4-HMAC-SHA256 Credential={self.account}/{scope}, SignedHeaders={signed}, Signature={signature}"
        headers = {"Content-Type": FORM, "X-Amz-Date": now, "Authorization": authorization}
        self.connection.request("POST", "/", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{action}: {text.decode()[:500]}")


def trust(account):
    """A trust policy for the users of an account."""
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def fill(server, roles, policies):
    """Makes roles and policies, in as many accounts as AWS's quotas make it: in each up to 1,500 managed policies, of which
    each role has one attached, and the rest inline in the roles. Gives how many of each."""
    accounts = [f"{FIRST + number:012d}" for number in range(-(-roles // ROLES_MAX))]
    managed = min(MANAGED_MAX, policies // len(accounts))
    inline = policies - managed * len(accounts)
    failures = []

    def work(lane):
        try:
            for place in range(lane, len(accounts), CONNECTIONS):
                # One role of the first account is the caller's.
                own_roles = min(ROLES_MAX, roles - place * ROLES_MAX) - (place == 0)
                furnish(Iam(server, accounts[place]), own_roles, managed, range(place, inline, len(accounts)))
        except (RuntimeError, OSError) as error:
            failures.append(error)

    lanes = [threading.Thread(target=work, args=(lane,)) for lane in range(CONNECTIONS)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    if failures:
        raise failures[0]
    return {"accounts": len(accounts), "roles": roles, "managed policies": managed * len(accounts), "inline policies": inline}


def furnish(iam, roles, managed, inline):
    """Fills one account; `inline` are the numbers of its inline policies."""
    for n in range(managed):
        iam.call("CreatePolicy", PolicyName=f"policy-{n}", PolicyDocument=one(n))
    for n in range(roles):
        iam.call("CreateRole", RoleName=f"role-{n}", AssumeRolePolicyDocument=trust(iam.account))
        if managed:
            arn = f"arn:aws:iam::{iam.account}:policy/policy-{n % managed}"
            iam.call("AttachRolePolicy", RoleName=f"role-{n}", PolicyArn=arn)
        for number in inline[n::roles]:
            iam.call("PutRolePolicy", RoleName=f"role-{n}", PolicyName=f"inline-{number}", PolicyDocument=one(number))


def one(n):
    """A policy document that no other number has."""
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": f"arn:aws:sqs:*:*:q-{n}"}]}
    )


def caller(server):
    """A session of a role with the five-statement policy, and a queue of its account. Gives credentials and queue URL."""
    account = str(FIRST)
    iam = server.client("iam", account, "test")
    iam.create_user(UserName="bench")
    assume = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    iam.put_user_policy(UserName="bench", PolicyName="assume", PolicyDocument=json.dumps(assume))
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust(account))["Role"]["Arn"]
    iam.put_role_policy(RoleName="bench", PolicyName="five", PolicyDocument=POLICY)
    sts = server.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    session = sts.assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    queue = server.client("sqs", account, "test").create_queue(QueueName="bench")["QueueUrl"]
    return session, queue
