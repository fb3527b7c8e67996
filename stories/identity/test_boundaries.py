"""Permissions boundaries: what they cut, and delegated administration that cannot be escaped.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html, "Delegating responsibility to others".
"""

import pytest

from asserting import refused
from people import Person, allow, assume, deny, make_role, policy, session, trust

DENIED = ("AccessDenied",)
ACCOUNT = "000000000000"


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def make_policy(iam, name, *statements):
    return iam.create_policy(PolicyName=name, PolicyDocument=policy(*statements))["Policy"]["Arn"]


def test_a_boundary_cuts_and_gives_nothing(cloud, iam, queue, arn, name):
    person = Person(cloud, iam, name)
    boundary = make_policy(iam, name, allow(["sqs:SendMessage", "sqs:PurgeQueue"]))
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    mine = person.service("sqs")
    # Alone it allows nothing.
    with refused(DENIED, status=403):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    person.put("p", allow(["sqs:SendMessage", "sqs:ReceiveMessage"]))
    mine.send_message(QueueUrl=queue, MessageBody="x")
    text = (
        f"User: {person.arn} is not authorized to perform: sqs:receivemessage on resource: {arn} "
        f"because no permissions boundary allows the sqs:receivemessage action"
    )
    with refused(DENIED, text, 403):
        mine.receive_message(QueueUrl=queue)
    with refused(DENIED):
        mine.purge_queue(QueueUrl=queue)
    iam.delete_user_permissions_boundary(UserName=name)
    mine.receive_message(QueueUrl=queue)


def test_a_deny_in_the_boundary(cloud, iam, queue, arn, name):
    person = Person(cloud, iam, name)
    person.put("p", allow("*"))
    boundary = make_policy(iam, name, allow("*"), deny("sqs:Send*"))
    mine = person.service("sqs")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    text = (
        f"User: {person.arn} is not authorized to perform: sqs:sendmessage on resource: {arn} "
        f"with an explicit deny in a permissions boundary"
    )
    with refused(DENIED, text, 403):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    mine.receive_message(QueueUrl=queue)


def test_what_a_queue_policy_gives_past_a_boundary(cloud, iam, sqs, queue, arn, name):
    """AWS: a resource's policy that names the user is not limited by the boundary, one that names the role is."""
    boundary = make_policy(iam, name, allow("iam:GetUser"))
    person = Person(cloud, iam, name)
    person.put("assume", allow("sts:AssumeRole"))
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    mine, its = person.service("sqs"), session(cloud, assume(person.service("sts"), role))
    for identity, client in ((person.arn, mine), (role, its)):
        document = policy({"Effect": "Allow", "Principal": {"AWS": identity}, "Action": "sqs:SendMessage", "Resource": arn})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
        client.send_message(QueueUrl=queue, MessageBody="x")
        if identity == role:
            iam.put_role_permissions_boundary(RoleName=f"{name}-role", PermissionsBoundary=boundary)
            with refused(DENIED, status=403):
                client.send_message(QueueUrl=queue, MessageBody="x")
        else:
            iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
            client.send_message(QueueUrl=queue, MessageBody="x")
    # The session itself, named in the policy, is not cut by its role's boundary.
    named = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/session"
    document = policy({"Effect": "Allow", "Principal": {"AWS": named}, "Action": "sqs:SendMessage", "Resource": arn})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
    its.send_message(QueueUrl=queue, MessageBody="x")


@pytest.fixture
def delegate(cloud, iam, name):
    """An administrator of `app-*` roles and users, who may make them only with the boundary, as AWS's guide has it."""
    boundary = make_policy(iam, f"{name}-limit", allow("sqs:*"))
    limited = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}}
    roles, users = f"arn:aws:iam::{ACCOUNT}:role/{name}-app-*", f"arn:aws:iam::{ACCOUNT}:user/{name}-app-*"
    person = Person(cloud, iam, name)
    own = make_policy(
        iam,
        f"{name}-admin",
        allow(
            ["iam:CreateRole", "iam:CreateUser", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:DetachRolePolicy",
             "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary",
             "iam:DeleteRolePolicy", "iam:DeleteUserPolicy"],
            [roles, users],
            **limited,
        ),
        allow(["iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:TagRole", "iam:CreateAccessKey", "iam:Get*"], [roles, users]),
        allow(["iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"],
              f"arn:aws:iam::{ACCOUNT}:policy/*"),
        allow("sts:AssumeRole"),
        deny(["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"],
             [boundary, f"arn:aws:iam::{ACCOUNT}:policy/{name}-admin"]),
        deny(["iam:DeleteUserPermissionsBoundary", "iam:DeleteRolePermissionsBoundary"]),
    )  # fmt: skip
    iam.attach_user_policy(UserName=name, PolicyArn=own)
    person.boundary, person.own_policy = boundary, own
    return person


def test_a_delegate_makes_roles_with_the_boundary_only(cloud, iam, delegate, name, queue):
    mine, role = delegate.service("iam"), f"{name}-app-worker"
    document = trust({"AWS": delegate.arn})
    with refused(DENIED, status=403):
        mine.create_role(RoleName=role, AssumeRolePolicyDocument=document)
    with refused(DENIED, status=403):
        mine.create_role(
            RoleName=role, AssumeRolePolicyDocument=document, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
        )
    mine.create_role(RoleName=role, AssumeRolePolicyDocument=document, PermissionsBoundary=delegate.boundary)
    mine.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    worker = assume(delegate.service("sts"), f"arn:aws:iam::{ACCOUNT}:role/{role}")
    # Its rights are those of an administrator, but only inside the boundary.
    session(cloud, worker).send_message(QueueUrl=queue, MessageBody="x")
    for call in (
        lambda its: its.list_users(),
        lambda its: its.create_user(UserName=f"{name}-x"),
        lambda its: its.delete_role_permissions_boundary(RoleName=role),
        lambda its: its.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ):
        with refused(DENIED, status=403):
            call(session(cloud, worker, "iam"))


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ALL = policy(allow("*"))
# The ways out that talks about boundaries show, each with what must stop it.
ESCAPES = {
    "take the boundary off the role": lambda mine, d: mine.delete_role_permissions_boundary(RoleName=f"{d.name}-app-a"),
    "put a wider boundary on the role": lambda mine, d: mine.put_role_permissions_boundary(
        RoleName=f"{d.name}-app-a", PermissionsBoundary=ADMIN
    ),
    "make the boundary wider": lambda mine, d: mine.create_policy_version(
        PolicyArn=d.boundary, PolicyDocument=ALL, SetAsDefault=True
    ),
    "make one's own policy wider": lambda mine, d: mine.create_policy_version(
        PolicyArn=d.own_policy, PolicyDocument=ALL, SetAsDefault=True
    ),
    "attach to oneself": lambda mine, d: mine.attach_user_policy(UserName=d.name, PolicyArn=ADMIN),
    "an inline policy for oneself": lambda mine, d: mine.put_user_policy(
        UserName=d.name, PolicyName="all", PolicyDocument=ALL
    ),
    "a user without the boundary": lambda mine, d: mine.create_user(UserName=f"{d.name}-app-u"),
    "attach to a role that has no boundary": lambda mine, d: mine.attach_role_policy(
        RoleName=f"{d.name}-app-old", PolicyArn=ADMIN
    ),
    "trust oneself in a mighty role": lambda mine, d: mine.update_assume_role_policy(
        RoleName=f"{d.name}-mighty", PolicyDocument=trust({"AWS": d.arn})
    ),
    "a key for a mighty user": lambda mine, d: mine.create_access_key(UserName=f"{d.name}-mighty"),
    "a group of the mighty": lambda mine, d: mine.add_user_to_group(GroupName="admins", UserName=d.name),
    "go back to an older version of the boundary": lambda mine, d: mine.set_default_policy_version(
        PolicyArn=d.boundary, VersionId="v1"
    ),
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_delegate_cannot_escape(iam, delegate, name, escape):
    somebody = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    iam.create_role(RoleName=f"{name}-app-a", AssumeRolePolicyDocument=somebody, PermissionsBoundary=delegate.boundary)
    iam.create_role(RoleName=f"{name}-app-old", AssumeRolePolicyDocument=somebody)
    make_role(iam, f"{name}-mighty", trust({"AWS": "111122223333"}), allow("*"))
    iam.create_user(UserName=f"{name}-mighty")
    with refused(DENIED, status=403):
        escape(delegate.service("iam"), delegate)


def test_without_the_condition_the_same_delegate_escapes(cloud, iam, name):
    """The twin: who may make roles without the boundary is an administrator by way of them."""
    person = Person(cloud, iam, name)
    person.put("p", allow(["iam:CreateRole", "iam:AttachRolePolicy", "sts:AssumeRole"]))
    with refused(DENIED, status=403):
        person.service("iam").list_users()
    mine = person.service("iam")
    role = mine.create_role(RoleName=f"{name}-up", AssumeRolePolicyDocument=trust({"AWS": person.arn}))["Role"]["Arn"]
    mine.attach_role_policy(RoleName=f"{name}-up", PolicyArn=ADMIN)
    session(cloud, assume(person.service("sts"), role), "iam").list_users()
