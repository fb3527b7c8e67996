"""Organizations: accounts that are made and entered, guard rails that nobody gets around, invitations, delegation."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from asserting import Prefix, refused
from people import Person, allow, assume, deny, policy, session

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
MANAGEMENT = "000000000000"
OUTSIDER = "999988887777"


@pytest.fixture(scope="module")
def org(cloud):
    """Organizations as the root user of the management account, with one organization and both policy types."""
    client = cloud.client("organizations")
    client.create_organization(FeatureSet="ALL")
    for policy_type in (SCP, RCP):
        client.enable_policy_type(RootId=root_of(client), PolicyType=policy_type)
    return client


@pytest.fixture(scope="module")
def manager(cloud, iam, org):
    """An administrator of the management account."""
    person = Person(cloud, iam, "manager")
    person.put("all", allow("*"))
    return person


@pytest.fixture
def account(org, name):
    """A new member account."""
    return make_account(org, name)


@pytest.fixture
def member(cloud, account, name):
    """An administrator of the new account."""
    person = Person(cloud, cloud.client("iam", key=account), name)
    person.put("all", allow("*"))
    return person


def root_of(org):
    return org.list_roots()["Roots"][0]["Id"]


def make_account(org, name):
    """Makes an account as a client does: asks, and waits until it is there."""
    status = org.create_account(AccountName=name, Email=f"{name}@yakumo.test")["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS" and "AccountId" not in status
    end = time.monotonic() + 30
    while status["State"] == "IN_PROGRESS" and time.monotonic() < end:
        time.sleep(0.05)
        status = org.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    return status["AccountId"]


def make_policy(org, name, *statements, kind=SCP):
    made = org.create_policy(Name=name, Description="", Type=kind, Content=policy(*statements))
    return made["Policy"]["PolicySummary"]["Id"]


def enter(person, account):
    """Credentials of the role that every new account has."""
    return assume(person.service("sts"), f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole")


def test_the_management_account_enters_a_new_account_and_a_neighbour_does_not(cloud, org, manager, account, member):
    credentials = enter(manager, account)
    session(cloud, credentials).create_queue(QueueName="inside")
    assert session(cloud, credentials, "sts").get_caller_identity()["Account"] == account
    neighbour = make_account(org, f"{member.name}-n")
    stranger = Person(cloud, cloud.client("iam", key=neighbour), "eve")
    stranger.put("all", allow("*"))
    with refused("AccessDenied", status=403):
        enter(stranger, account)


def test_a_guard_rail_acts_at_once_on_everybody_in_the_account(cloud, org, manager, account, member, name):
    everybody = [member.service("sqs"), cloud.client("sqs", key=account), session(cloud, enter(manager, account))]
    for client in everybody:
        client.list_queues()
    rail = make_policy(org, name, deny("sqs:*"))
    org.attach_policy(PolicyId=rail, TargetId=account)
    for client in everybody:
        with refused("AccessDenied", status=403) as caught:
            client.list_queues()
        assert "with an explicit deny in a service control policy" in str(caught.value)
    manager.service("sqs").list_queues()
    org.detach_policy(PolicyId=rail, TargetId=account)
    for client in everybody:
        client.list_queues()


def test_a_members_administrator_does_not_get_out(org, account, member, name):
    rail = make_policy(org, name, deny("sqs:*"), deny("organizations:LeaveOrganization"), deny("iam:CreateUser"))
    org.attach_policy(PolicyId=rail, TargetId=account)
    iam = member.service("iam")
    member.put("more", allow("*"), allow("sqs:*"))
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="out", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="out", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    credentials = assume(member.service("sts"), role)
    with refused("AccessDenied"):
        session(member.cloud, credentials).list_queues()
    session(member.cloud, credentials, "iam").list_users()
    with refused("AccessDenied"):
        iam.create_user(UserName="another")
    for call in (
        lambda c: c.leave_organization(),
        lambda c: c.detach_policy(PolicyId=rail, TargetId=account),
        lambda c: c.update_policy(PolicyId=rail, Content=policy(allow("*"))),
        lambda c: c.delete_policy(PolicyId=rail),
    ):
        with refused("AccessDeniedException"):
            call(member.service("organizations"))


def test_only_what_every_level_allows(org, account, member, name):
    unit = org.create_organizational_unit(ParentId=root_of(org), Name=name)["OrganizationalUnit"]["Id"]
    only = make_policy(org, name, allow(["iam:*", "sts:*"]))
    org.attach_policy(PolicyId=only, TargetId=unit)
    org.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    member.service("sqs").list_queues()
    org.move_account(AccountId=account, SourceParentId=root_of(org), DestinationParentId=unit)
    with refused("AccessDenied") as caught:
        member.service("sqs").list_queues()
    assert "because no service control policy allows" in str(caught.value)
    member.service("iam").list_users()


def test_regions_are_closed_by_the_well_known_scp(org, account, member, name):
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}
    outside = {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": elsewhere}
    org.attach_policy(PolicyId=make_policy(org, name, outside), TargetId=account)
    member.service("sqs").list_queues()
    with refused("AccessDenied"):
        member.service("sqs", region="eu-west-1").list_queues()
    member.service("iam").list_users()


def test_a_data_perimeter_keeps_strangers_out_of_an_open_queue(cloud, org, manager, account, member, name):
    sqs = member.service("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(everybody)})
    stranger = Person(cloud, cloud.client("iam", key=OUTSIDER), name)
    stranger.put("all", allow("*"))
    stranger.service("sqs").send_message(QueueUrl=url, MessageBody="x")
    ours = org.describe_organization()["Organization"]["Id"]
    foreign = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ours}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    perimeter = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": foreign}
    org.attach_policy(PolicyId=make_policy(org, name, perimeter, kind=RCP), TargetId=root_of(org))
    with refused("AccessDenied") as caught:
        stranger.service("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert "resource control policy" in str(caught.value)
    for inside in (member, manager):
        inside.service("sqs").send_message(QueueUrl=url, MessageBody="x")


def test_members_are_told_that_the_organization_is_not_theirs_to_manage(org, account, member):
    theirs = member.service("organizations")
    assert theirs.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT
    for call in (
        lambda: theirs.list_accounts(),
        lambda: theirs.create_account(AccountName="x", Email="x@yakumo.test"),
        lambda: theirs.attach_policy(PolicyId="p-FullAWSAccess", TargetId=account),
        lambda: theirs.close_account(AccountId=account),
    ):
        with refused("AccessDeniedException", "You don't have permissions to access this resource."):
            call()


def test_a_delegated_administrator_may_look(org, account, member):
    theirs = member.service("organizations")
    with refused("AccessDeniedException"):
        theirs.list_accounts()
    org.enable_aws_service_access(ServicePrincipal="guardduty.amazonaws.com")
    org.register_delegated_administrator(AccountId=account, ServicePrincipal="guardduty.amazonaws.com")
    pages = theirs.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 1})
    assert account in [found["Id"] for page in pages for found in page["Accounts"]]
    with refused("AccessDeniedException"):
        theirs.create_organizational_unit(ParentId=root_of(org), Name="theirs")
    org.deregister_delegated_administrator(AccountId=account, ServicePrincipal="guardduty.amazonaws.com")
    with refused("AccessDeniedException"):
        theirs.list_accounts()


def test_an_invitation(cloud, org, iam, name):
    guest = cloud.client("organizations", key="121212121212")
    with refused("AWSOrganizationsNotInUseException"):
        guest.describe_organization()
    invite = {"Id": "121212121212", "Type": "ACCOUNT"}
    first = org.invite_account_to_organization(Target=invite)["Handshake"]["Id"]
    guest.decline_handshake(HandshakeId=first)
    with refused("InvalidHandshakeTransitionException"):
        guest.accept_handshake(HandshakeId=first)
    second = org.invite_account_to_organization(Target=invite)["Handshake"]["Id"]
    with refused("HandshakeNotFoundException"):
        cloud.client("organizations", key="343434343434").accept_handshake(HandshakeId=second)
    guest.accept_handshake(HandshakeId=second)
    assert guest.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT
    guest.leave_organization()
    with refused("AWSOrganizationsNotInUseException"):
        guest.describe_organization()


def test_a_closed_account_is_shut(cloud, org, manager, account, member):
    member.service("sqs").list_queues()
    org.close_account(AccountId=account)
    for client in (member.service("sqs"), cloud.client("sqs", key=account)):
        with refused("AccessDenied"):
            client.list_queues()
    with refused("AccessDenied"):
        enter(manager, account)


def test_what_kills_do_not_take(workshop):
    """A guard rail that was acknowledged holds after kill -9."""
    cloud = workshop.cloud(data_dir=workshop.directory())
    org = cloud.client("organizations")
    org.create_organization(FeatureSet="ALL")
    org.enable_policy_type(RootId=root_of(org), PolicyType=SCP)
    account = make_account(org, "dev")
    cloud.client("sqs", key=account).list_queues()
    org.attach_policy(PolicyId=make_policy(org, "rail", deny("sqs:*")), TargetId=account)
    cloud.kill()
    cloud.start()
    with refused("AccessDenied"):
        cloud.client("sqs", key=account).list_queues()
    cloud.client("sqs").list_queues()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"Version":"2012-10-17"}', policy({**allow("*"), "Principal": "*"}), '{"Version":"2012-10-17","Statement":[' + "[" * 2000],
    ids=["brace", "list", "empty", "principal", "nesting"],
)
def test_hostile_policies(org, name, content):
    with refused("MalformedPolicyDocumentException", Prefix("The provided policy document does not meet")):
        org.create_policy(Name=name, Description="", Type=SCP, Content=content)
    with pytest.raises(ClientError) as caught:
        org.put_resource_policy(Content=content)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException", caught.value.response
    assert json.dumps(caught.value.response["Error"])


def test_tag_policies_are_inherited_and_enforced(cloud, org, account, member, name):
    root = root_of(org)
    org.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")

    def tag_policy(title, **settings):
        content = json.dumps({"tags": {"costcenter": settings}})
        made = org.create_policy(Content=content, Description="", Name=f"{name}-{title}", Type="TAG_POLICY")
        return made["Policy"]["PolicySummary"]["Id"]

    key, values = {"@@assign": "CostCenter"}, {"@@assign": ["100", "2*"]}
    top = tag_policy("top", tag_key=key, tag_value=values, enforced_for={"@@assign": ["sqs:queue", "s3:bucket"]})
    own = tag_policy("own", tag_value={"@@append": ["dev"], "@@remove": ["100"]})
    queues = member.service("sqs")
    url = queues.create_queue(QueueName=name, tags={"CostCenter": "100"})["QueueUrl"]
    try:
        org.attach_policy(PolicyId=top, TargetId=root)
        org.attach_policy(PolicyId=own, TargetId=account)
        shown = member.service("organizations").describe_effective_policy(PolicyType="TAG_POLICY")["EffectivePolicy"]
        assert shown["TargetId"] == account
        assert json.loads(shown["PolicyContent"]) == {
            "tags": {"costcenter": {"tag_key": "CostCenter", "tag_value": ["2*", "dev"], "enforced_for": ["sqs:queue", "s3:bucket"]}}
        }
        for tags in ({"CostCenter": "200"}, {"CostCenter": "dev"}, {"Owner": "100"}):
            queues.tag_queue(QueueUrl=url, Tags=tags)
        for tags in ({"CostCenter": "100"}, {"costcenter": "200"}):
            with pytest.raises(ClientError, match="The tag policy does not allow the specified value"):
                queues.tag_queue(QueueUrl=url, Tags=tags)
        assert queues.list_queue_tags(QueueUrl=url)["Tags"] == {"CostCenter": "dev", "Owner": "100"}
        buckets = member.service("s3")
        said = lambda value: [{"Key": "CostCenter", "Value": value}]
        buckets.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": said("200")})
        for call in (
            lambda: buckets.put_bucket_tagging(Bucket=name, Tagging={"TagSet": said("100")}),
            lambda: buckets.create_bucket(Bucket=f"{name}-b", CreateBucketConfiguration={"Tags": said("100")}),
            lambda: member.service("s3control").tag_resource(AccountId=account, ResourceArn=f"arn:aws:s3:::{name}", Tags=said("100")),
        ):
            with pytest.raises(ClientError, match="The tag policy does not allow the specified value"):
                call()
        buckets.put_bucket_tagging(Bucket=name, Tagging={"TagSet": said("dev")})
        assert buckets.get_bucket_tagging(Bucket=name)["TagSet"] == said("dev")
        # Tags of objects are none of a bucket's.
        buckets.put_object(Bucket=name, Key="k", Body=b"", Tagging="CostCenter=100")
    finally:
        org.disable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    with pytest.raises(org.exceptions.EffectivePolicyNotFoundException):
        org.describe_effective_policy(PolicyType="TAG_POLICY", TargetId=account)
    queues.tag_queue(QueueUrl=url, Tags={"costcenter": "x"})
