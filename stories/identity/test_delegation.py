"""Delegation as conference talks teach it: auditors of another account, vendors with external ids, power users without
IAM, guard rails of region and network. Each with who is kept out."""

from datetime import timedelta

import pytest
from dateutil.parser import isoparse

from asserting import refused
from people import Person, allow, assume, deny, make_role, policy, session, trust

DENIED = ("AccessDenied",)
HOME, AUDIT, VENDOR = "000000000000", "444455556666", "777788889999"
MANAGED = "arn:aws:iam::aws:policy"


@pytest.fixture
def auditors(cloud):
    return cloud.client("iam", key=AUDIT)


def test_auditors_of_another_account_only_read(cloud, iam, sqs, auditors, queue, name):
    auditor, intern = Person(cloud, auditors, name), Person(cloud, auditors, f"{name}-intern")
    auditor.put("p", allow("sts:AssumeRole", f"arn:aws:iam::{HOME}:role/{name}-audit"))
    role = make_role(iam, f"{name}-audit", trust({"AWS": f"arn:aws:iam::{AUDIT}:root"}))
    for granted in ("IAMReadOnlyAccess", "AmazonSQSReadOnlyAccess"):
        iam.attach_role_policy(RoleName=f"{name}-audit", PolicyArn=f"{MANAGED}/{granted}")
    # Their own account says who of them; ours says which account.
    with refused(DENIED, status=403):
        assume(intern.service("sts"), role)
    stranger = Person(cloud, cloud.client("iam", key=VENDOR), name)
    stranger.put("p", allow("sts:AssumeRole"))
    with refused(DENIED, status=403):
        assume(stranger.service("sts"), role)
    key = assume(auditor.service("sts"), role)
    its, queues = session(cloud, key, "iam"), session(cloud, key)
    assert name in str(its.list_roles()["Roles"])
    assert its.get_role(RoleName=f"{name}-audit")["Role"]["Arn"] == role
    assert queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    for call in (
        lambda: its.create_user(UserName=f"{name}-x"),
        lambda: its.attach_role_policy(RoleName=f"{name}-audit", PolicyArn=f"{MANAGED}/AdministratorAccess"),
        lambda: its.create_access_key(UserName=f"{name}-x"),
        lambda: its.update_assume_role_policy(RoleName=f"{name}-audit", PolicyDocument=trust({"AWS": VENDOR})),
        lambda: queues.send_message(QueueUrl=queue, MessageBody="x"),
        lambda: queues.receive_message(QueueUrl=queue),
        lambda: queues.delete_queue(QueueUrl=queue),
    ):
        with refused(DENIED, status=403):
            call()
    # At home in their own account they are nobody special.
    with refused(DENIED, status=403):
        auditor.service("iam").list_users()


def test_a_vendor_and_the_confused_deputy(cloud, iam, queue, name):
    """AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html. The vendor's one service serves all its
    customers and tells the role's account which customer it works for; another customer's id opens nothing."""
    vendor = Person(cloud, cloud.client("iam", key=VENDOR), name)
    vendor.put("p", allow("sts:AssumeRole"))
    only_ours = trust({"AWS": f"arn:aws:iam::{VENDOR}:root"}, StringEquals={"sts:ExternalId": "customer-alice"})
    alices = make_role(iam, f"{name}-alice", only_ours, allow("sqs:SendMessage"))
    mallorys_account = cloud.client("iam", key="123123123123")
    its_own = trust({"AWS": VENDOR}, StringEquals={"sts:ExternalId": "customer-mallory"})
    mallorys = make_role(mallorys_account, f"{name}-mallory", its_own)
    sts = vendor.service("sts")
    session(cloud, assume(sts, alices, ExternalId="customer-alice")).send_message(QueueUrl=queue, MessageBody="x")
    assume(sts, mallorys, ExternalId="customer-mallory")
    # Mallory gives the vendor Alice's role as her own.
    for given in ({"ExternalId": "customer-mallory"}, {}, {"ExternalId": "CUSTOMER-ALICE"}):
        with refused(DENIED, status=403):
            assume(sts, alices, **given)
    # Without the condition it works: that is the hole.
    iam.update_assume_role_policy(RoleName=f"{name}-alice", PolicyDocument=trust({"AWS": VENDOR}))
    assume(sts, alices, ExternalId="customer-mallory")


def test_power_users_without_iam(cloud, iam, name):
    person = Person(cloud, iam, name)
    iam.attach_user_policy(UserName=name, PolicyArn=f"{MANAGED}/PowerUserAccess")
    queues, mine = person.service("sqs"), person.service("iam")
    made = queues.create_queue(QueueName=name)["QueueUrl"]
    queues.send_message(QueueUrl=made, MessageBody="x")
    queues.delete_queue(QueueUrl=made)
    mine.list_roles()
    make_role(iam, f"{name}-role", trust({"AWS": "000000000000"}), allow("*"))
    for call in (
        lambda: mine.list_users(),
        lambda: mine.create_user(UserName=f"{name}-x"),
        lambda: mine.create_access_key(UserName=name),
        lambda: mine.attach_user_policy(UserName=name, PolicyArn=f"{MANAGED}/AdministratorAccess"),
        lambda: mine.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("*"))),
        lambda: mine.create_role(RoleName=f"{name}-x", AssumeRolePolicyDocument=trust({"AWS": person.arn})),
        lambda: mine.get_user(),
    ):
        with refused(DENIED, status=403):
            call()
    # PowerUserAccess allows sts:AssumeRole: what keeps the door shut or open is the trust policy.
    session(cloud, assume(person.service("sts"), f"arn:aws:iam::{HOME}:role/{name}-role"), "iam").list_users()
    iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=trust({"AWS": VENDOR}))
    with refused(DENIED, status=403):
        assume(person.service("sts"), f"arn:aws:iam::{HOME}:role/{name}-role")


def test_only_in_allowed_regions(cloud, iam, name):
    """AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html."""
    person = Person(cloud, iam, name)
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}
    person.put("p", allow("*"), {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": elsewhere})
    for region in ("eu-west-1", "eu-central-1"):
        person.service("sqs", region=region).create_queue(QueueName=name)
    for region in ("us-east-1", "ap-south-1", "eu-west-2"):
        with refused(DENIED, status=403):
            person.service("sqs", region=region).create_queue(QueueName=name)
    # IAM is global: its requests are made in us-east-1, and without the exception they would be denied.
    person.service("iam").list_users()
    person.put("p", allow("*"), deny("*", Condition=elsewhere))
    with refused(DENIED, status=403):
        person.service("iam").list_users()


def test_queues_of_one_region_are_not_those_of_another(cloud, iam, sqs, name):
    there = cloud.client("sqs", region="eu-west-1")
    here, away = (client.create_queue(QueueName=name)["QueueUrl"] for client in (sqs, there))
    person = Person(cloud, iam, name)
    person.put("p", allow("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{HOME}:{name}"))
    person.service("sqs", region="eu-west-1").send_message(QueueUrl=away, MessageBody="x")
    with refused(DENIED, status=403):
        person.service("sqs").send_message(QueueUrl=here, MessageBody="x")


def test_only_from_the_office(cloud, iam, sqs, queue, name):
    person = Person(cloud, iam, name)

    def outside(*networks):
        return deny("*", Condition={"NotIpAddress": {"aws:SourceIp": list(networks)}})

    mine = person.service("sqs")
    person.put("p", allow("sqs:*"), outside("192.0.2.0/24", "203.0.113.0/24"))
    with refused(DENIED, status=403):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    person.put("p", allow("sqs:*"), outside("192.0.2.0/24", "127.0.0.0/8"))
    mine.send_message(QueueUrl=queue, MessageBody="x")
    # It holds for a session of a role as well: the address is the request's, not the keys'.
    person.put("q", allow("sts:AssumeRole"))
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"), outside("203.0.113.0/24"))
    with refused(DENIED, status=403):
        session(cloud, assume(person.service("sts"), role)).send_message(QueueUrl=queue, MessageBody="x")


def test_only_for_a_while(cloud, iam, queue, name):
    """A right that ends by the cloud's clock."""
    person = Person(cloud, iam, name)
    now = isoparse(cloud.command("clock", "now", json_output=True)["now"])
    end = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    person.put("p", allow("sqs:*", Condition={"DateLessThan": {"aws:CurrentTime": end}}))
    person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    cloud.advance("61m")
    with refused(DENIED, status=403):
        person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_encrypted_transport_only(cloud, iam, sqs, queue, name):
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    person = Person(cloud, iam, name)
    person.put("p", allow("sqs:*"))
    plain = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn,
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(plain)})
    with refused(DENIED, status=403):
        person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    secure = person.service("sqs", endpoint_url=f"https://127.0.0.1:{cloud.port}", verify=False)
    secure.send_message(QueueUrl=queue, MessageBody="x")
