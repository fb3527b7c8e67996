"""An auditor reads an account: the credential report, the summary, the password policy, and who last used what."""

import csv
import io
import time

from asserting import refused
from people import Person, allow


def report(iam):
    """Asks until the report is there, as auditors' tools do. Gives its lines by user."""
    for _ in range(200):
        if iam.generate_credential_report()["State"] == "COMPLETE":
            text = iam.get_credential_report()["Content"].decode()
            return {line["user"]: line for line in csv.DictReader(io.StringIO(text))}
        time.sleep(0.05)
    raise AssertionError("no report came")


def test_an_auditor_tells_a_careless_account_from_a_hardened_one(workshop):
    cloud = workshop.cloud()
    iam = cloud.client("iam")
    auditor = Person(cloud, iam, "auditor")
    reading = ["iam:GenerateCredentialReport", "iam:GetCredentialReport", "iam:GetAccount*", "iam:ListAccountAliases"]
    auditor.put("read", allow(reading))
    eyes = auditor.service("iam")
    with refused("ReportNotPresent", status=410):
        eyes.get_credential_report()
    with refused("NoSuchEntity", "The Password Policy with domain name 000000000000 cannot be found."):
        eyes.get_account_password_policy()

    iam.create_user(UserName="careless")
    iam.create_login_profile(UserName="careless", Password="Correct-horse-1")
    found = report(eyes)
    assert set(found) == {"<root_account>", "auditor", "careless"}
    assert found["careless"]["password_enabled"] == "true" and found["careless"]["mfa_active"] == "false"
    assert found["careless"]["password_last_used"] == "no_information"
    assert found["careless"]["password_next_rotation"] == "N/A"
    assert found["auditor"]["access_key_1_last_used_service"] == "iam"
    assert found["<root_account>"]["password_enabled"] == "not_supported"

    iam.update_account_password_policy(MinimumPasswordLength=14, MaxPasswordAge=90, RequireSymbols=True)
    iam.create_account_alias(AccountAlias="careful")
    cloud.advance("4h")
    with refused("ReportExpired", status=410):
        eyes.get_credential_report()
    assert report(eyes)["careless"]["password_next_rotation"] != "N/A"
    assert eyes.list_account_aliases()["AccountAliases"] == ["careful"]
    summary = eyes.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["UsersQuota"], summary["AccountMFAEnabled"]) == (2, 5000, 0)
    with refused("AccessDenied"):
        eyes.update_account_password_policy(MinimumPasswordLength=6)


def test_the_last_use_of_a_key(cloud, iam, name):
    person = Person(cloud, iam, name)
    key = person.key["AccessKeyId"]
    unused = iam.get_access_key_last_used(AccessKeyId=key)
    assert unused["UserName"] == name
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    with refused("AccessDenied"):
        person.service("sqs", region="eu-west-1").list_queues()
    used = iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sqs", "eu-west-1")
    with refused("AccessDenied"):
        cloud.client("iam", key="444455556666", secret="test").get_access_key_last_used(AccessKeyId=key)
