"""A second factor: break-glass roles that ask for a fresh code, users who can do nothing without one, and each refusal."""

import pytest

from asserting import Prefix, refused
from people import Person, allow, policy
from totp import Authenticator

WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


def temporary(cloud, service, key):
    """A client with an answer of STS."""
    return cloud.client(
        service, key=key["AccessKeyId"], secret=key["SecretAccessKey"], token=key["SessionToken"]
    )


def test_break_glass(workshop):
    """A role for emergencies asks for a code that is less than an hour old."""
    cloud = workshop.cloud()
    iam = cloud.client("iam")
    alice = Person(cloud, iam, "alice")
    fresh = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    trust = policy(
        {"Effect": "Allow", "Principal": {"AWS": alice.arn}, "Action": "sts:AssumeRole", "Condition": fresh}
    )
    role = iam.create_role(RoleName="break-glass", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="break-glass", PolicyName="all", PolicyDocument=policy(allow("sqs:*")))
    wanted = {"RoleArn": role, "RoleSessionName": "fire"}
    denied = f"User: {alice.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    sts = alice.service("sts")

    with refused("AccessDenied", denied):
        sts.assume_role(**wanted)
    first, second = Authenticator(iam, "first"), Authenticator(iam, "second")
    first.enable(iam, "alice")
    second.enable(iam, "alice")
    with refused("AccessDenied", denied):
        sts.assume_role(**wanted)
    with refused("AccessDenied", WRONG):
        sts.assume_role(**wanted, **first.proof(offset=7))

    # Once with the code in the request itself …
    glass = temporary(cloud, "sqs", sts.assume_role(**wanted, **first.proof())["Credentials"])
    glass.create_queue(QueueName="extinguisher")
    with refused("AccessDenied", WRONG):
        sts.assume_role(**wanted, **first.proof())
    # … and once with a session that was made with one, as long as it is fresh.
    session = temporary(cloud, "sts", sts.get_session_token(**second.proof())["Credentials"])
    session.assume_role(**wanted)
    cloud.advance("2h")
    with refused("AccessDenied", Prefix(f"User: {alice.arn} is not authorized to perform: sts:AssumeRole")):
        session.assume_role(**wanted)
    assert session.get_caller_identity()["Arn"] == alice.arn, "the session itself goes on for twelve hours"


def test_nothing_without_a_second_factor(cloud, iam, name):
    """The policy of AWS's guide: users set their own device up, and do nothing else until they used it."""
    alice = Person(cloud, iam, name)
    alice.put(
        "work",
        allow(["sqs:*", "iam:ListMFADevices", "iam:EnableMFADevice", "iam:CreateVirtualMFADevice"]),
        {
            "Effect": "Deny",
            "NotAction": ["iam:*MFADevice*", "sts:GetSessionToken"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
    )
    with refused("AccessDenied"):
        alice.service("sqs").list_queues()
    device = Authenticator(alice.service("iam"), name)
    assert device.png.startswith(b"\x89PNG\r\n\x1a\n")
    device.enable(alice.service("iam"), name)
    assert [d["SerialNumber"] for d in alice.service("iam").list_mfa_devices()["MFADevices"]] == [device.serial]
    key = alice.service("sts").get_session_token(**device.proof())["Credentials"]
    temporary(cloud, "sqs", key).list_queues()
    plain = alice.service("sts").get_session_token()["Credentials"]
    with refused("AccessDenied"):
        temporary(cloud, "sqs", plain).list_queues()


@pytest.mark.parametrize("serial", ["arn:aws:iam::000000000000:mfa/nobody", "GAHT12345678"])
def test_a_device_that_is_not_there(cloud, iam, name, serial):
    text = Prefix("MultiFactorAuthentication failed, unable to validate MFA code.")
    with refused("AccessDenied", text):
        Person(cloud, iam, name).service("sts").get_session_token(SerialNumber=serial, TokenCode="123456")
