"""Passwords of users: judged by the account's policy, changed by their owners, remembered, never shown."""

from asserting import refused
from people import Person


def test_a_user_changes_the_password(cloud, name):
    # An account of its own: the policy is the whole account's.
    account = "222233334444"
    iam = cloud.client("iam", key=account, secret="test")
    person = Person(cloud, iam, name)
    with refused("PasswordPolicyViolation", "Password should have a minimum length of 8"):
        iam.create_login_profile(UserName=name, Password="Ab1!")
    text = (
        "Password should meet 1 more of the following requirements: Password should have at least one uppercase "
        "letter, Password should have at least one symbol"
    )
    with refused("PasswordPolicyViolation", text):
        iam.create_login_profile(UserName=name, Password="password1")
    profile = iam.create_login_profile(UserName=name, Password="Correct-horse-1", PasswordResetRequired=True)
    assert profile["LoginProfile"]["PasswordResetRequired"] is True
    own = person.service("iam")
    with refused("AccessDenied"):
        own.change_password(OldPassword="Correct-horse-1", NewPassword="Correct-horse-2")
    iam.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=3)
    with refused("AccessDenied", "The old password was incorrect."):
        own.change_password(OldPassword="guess", NewPassword="Correct-horse-2")
    own.change_password(OldPassword="Correct-horse-1", NewPassword="Correct-horse-2")
    with refused("PasswordPolicyViolation"):
        own.change_password(OldPassword="Correct-horse-2", NewPassword="Correct-horse-1")
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    with refused("InvalidUserType"):
        iam.change_password(OldPassword="Correct-horse-2", NewPassword="Correct-horse-3")
    with refused("DeleteConflict", "Cannot delete entity, must delete login profile first."):
        iam.delete_access_key(UserName=name, AccessKeyId=person.key["AccessKeyId"])
        iam.delete_user(UserName=name)
    iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)
