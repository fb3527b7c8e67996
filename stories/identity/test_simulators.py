"""The policy simulator, the access advisor and service-linked roles, as boto3 sees them. The simulator must agree with what happens."""

import itertools
import json
import random

import pytest
from botocore.exceptions import ClientError

from asserting import refused
from people import Person, allow, deny, policy

ACCOUNT = "000000000000"
SEED = 20261122
ROUNDS = 40

ACTIONS = {
    "sqs:SendMessage": lambda at: at.sqs.send_message(QueueUrl=at.url, MessageBody="x"),
    "sqs:GetQueueAttributes": lambda at: at.sqs.get_queue_attributes(QueueUrl=at.url),
    "sqs:ListQueueTags": lambda at: at.sqs.list_queue_tags(QueueUrl=at.url),
    "sqs:TagQueue": lambda at: at.sqs.tag_queue(QueueUrl=at.url, Tags={"k": "v"}),
    "iam:GetUser": lambda at: at.iam.get_user(UserName=at.target),
    "iam:ListUserTags": lambda at: at.iam.list_user_tags(UserName=at.target),
    "iam:ListAccessKeys": lambda at: at.iam.list_access_keys(UserName=at.target),
    "iam:GetUserPolicy": lambda at: at.iam.get_user_policy(UserName=at.target, PolicyName="absent"),
}
PATTERNS = ["sqs:*", "sqs:Get*", "sqs:?endMessage", "SQS:TAGQUEUE", "iam:*", "iam:Get*", "iam:List*", "*", *ACTIONS]


class Attempt:
    """A user's clients, the queue and the user that it acts on."""

    def __init__(self, person, url, queue_arn, target, target_arn):
        self.sqs, self.iam = person.service("sqs"), person.service("iam")
        self.url, self.queue_arn, self.target, self.target_arn = url, queue_arn, target, target_arn

    def resource(self, action):
        return self.queue_arn if action.startswith("sqs:") else self.target_arn

    def may(self, action):
        """Makes the call: False when the policies refused it."""
        try:
            ACTIONS[action](self)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                return False
            assert error.response["Error"]["Code"] == "NoSuchEntity", error
        return True


def statement(dice, at, name):
    """A statement about some of the actions, resources and circumstances."""
    make = deny if dice.random() < 0.25 else allow
    resources = ["*", at.queue_arn, at.target_arn, f"arn:aws:sqs:*:{ACCOUNT}:*", "arn:aws:iam::*:user/${aws:username}*"]
    made = make(dice.sample(PATTERNS, dice.randint(1, 3)), dice.sample(resources, dice.randint(1, 2)))
    if dice.random() < 0.15:
        made["NotAction"] = made.pop("Action")
    if dice.random() < 0.3:
        made["Condition"] = dice.choice(
            [
                {"StringEquals": {"aws:username": name}},
                {"StringNotLike": {"aws:username": "t-*"}},
                {"StringLike": {"aws:PrincipalTag/team": "bl*"}},
                {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}},
                {"Null": {"aws:PrincipalTag/absent": "true"}},
                {"StringEquals": {"aws:PrincipalTag/absent": "x"}},
            ]
        )
    return made


def test_the_simulator_agrees_with_what_happens(cloud, iam, sqs, queue, name):
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    person = Person(cloud, iam, name)
    iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    target_arn = iam.create_user(UserName=f"{name}-target")["User"]["Arn"]
    at = Attempt(person, queue, arn, f"{name}-target", target_arn)
    dice = random.Random(SEED)
    seen = {True: 0, False: 0}
    for number in range(ROUNDS):
        boundary = dice.random() < 0.3
        person.put("own", *(statement(dice, at, name) for _ in range(dice.randint(1, 4))))
        document = policy(*(statement(dice, at, name) for _ in range(dice.randint(1, 2))))
        iam.put_group_policy(GroupName=name, PolicyName="theirs", PolicyDocument=document)
        if boundary:
            text = policy(*(statement(dice, at, name) for _ in range(2)), allow("sqs:*"))
            edge = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=text)["Policy"]["Arn"]
            iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=edge)
        for service in ("sqs:", "iam:"):
            actions = [action for action in ACTIONS if action.startswith(service)]
            answer = iam.simulate_principal_policy(
                PolicySourceArn=person.arn, ActionNames=actions, ResourceArns=[at.resource(actions[0])]
            )
            for result in answer["EvaluationResults"]:
                told, happens = result["EvalDecision"] == "allowed", at.may(result["EvalActionName"])
                assert told == happens, (number, result, person.iam.get_user_policy(UserName=name, PolicyName="own"))
                assert result["ResourceSpecificResults"][0]["EvalResourceDecision"] == result["EvalDecision"]
                seen[happens] += 1
        if boundary:
            iam.delete_user_permissions_boundary(UserName=name)
    assert min(seen.values()) > ROUNDS, f"both outcomes must be common: {seen}"


def test_statements_are_found_where_they_stand(iam):
    document = json.dumps(json.loads(policy(allow("s3:*"), deny("s3:DeleteBucket"))), indent=2)
    answer = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["s3:ListBucket", "s3:DeleteBucket"])
    lines = document.splitlines()
    for result, effect in zip(answer["EvaluationResults"], ("Allow", "Deny"), strict=True):
        (found,) = result["MatchedStatements"]
        start, end = found["StartPosition"], found["EndPosition"]
        # From behind the token before the statement up to behind its closing brace.
        text = "\n".join(lines[start["Line"] - 1 : end["Line"]])
        cut = len(lines[end["Line"] - 1]) - (end["Column"] - 1)
        passage = text[start["Column"] - 1 : len(text) - cut].lstrip(", \n")
        assert json.loads(passage)["Effect"] == effect, passage
        assert (found["SourcePolicyId"], found["SourcePolicyType"]) == ("PolicyInputList.1", "IAM Policy")


def test_a_paginator_reads_every_result(iam):
    actions = [f"s3:Action{number}" for number in range(25)]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[policy(allow("*"))], ActionNames=actions, PaginationConfig={"PageSize": 10}
    )
    results = list(itertools.chain.from_iterable(page["EvaluationResults"] for page in pages))
    assert [result["EvalActionName"] for result in results] == actions


def test_context_keys_are_those_that_a_simulation_misses(iam):
    document = policy(
        allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    )
    names = iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"]
    ask = {"PolicyInputList": [document], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/alice/x"]}
    (result,) = iam.simulate_custom_policy(**ask)["EvaluationResults"]
    assert sorted(result["MissingContextValues"]) == sorted(names) == ["aws:MultiFactorAuthPresent", "aws:username"]
    entries = [
        {"ContextKeyName": "aws:MultiFactorAuthPresent", "ContextKeyType": "boolean", "ContextKeyValues": ["true"]},
        {"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["alice"]},
    ]
    (result,) = iam.simulate_custom_policy(**ask, ContextEntries=entries)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    entries[0]["ContextKeyValues"] = ["yes"]
    with refused("InvalidInput", status=400):
        iam.simulate_custom_policy(**ask, ContextEntries=entries)


def test_who_may_not_see_others_permissions_is_told_so(cloud, iam, name):
    person = Person(cloud, iam, name)
    person.put("own", allow("iam:SimulatePrincipalPolicy", person.arn))
    mine = person.service("iam")
    mine.simulate_principal_policy(PolicySourceArn=person.arn, ActionNames=["s3:ListBucket"])
    other = iam.create_user(UserName=f"{name}-other")["User"]["Arn"]
    text = (
        f"User: {person.arn} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: {other} "
        "because no identity-based policy allows the iam:SimulatePrincipalPolicy action"
    )
    with refused("AccessDenied", text, 403):
        mine.simulate_principal_policy(PolicySourceArn=other, ActionNames=["s3:ListBucket"])


def test_a_service_linked_role_from_its_making_to_its_end(iam, name):
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=name)["Role"]
    assert role["Path"] == "/aws-service-role/autoscaling.amazonaws.com/"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": ["autoscaling.amazonaws.com"]}
    attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AutoScalingServiceRolePolicy"]
    text = (
        f"Cannot perform the operation on the protected role '{role['RoleName']}' - this role is only modifiable by AWS"
    )
    with refused("UnmodifiableEntity", text, 400):
        iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=attached[0]["PolicyArn"])
    with refused("UnmodifiableEntity", text, 400):
        iam.delete_role(RoleName=role["RoleName"])
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity", status=404):
        iam.get_role(RoleName=role["RoleName"])


def test_the_advisor_tells_what_was_used(cloud, iam, queue, name):
    person = Person(cloud, iam, name)
    person.put("own", allow(["sqs:SendMessage", "iam:GetUser", "s3:GetObject"]))
    person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    job = iam.generate_service_last_accessed_details(Arn=person.arn)["JobId"]
    report = iam.get_service_last_accessed_details(JobId=job)
    services = {one["ServiceNamespace"]: one for one in report["ServicesLastAccessed"]}
    assert set(services) == {"iam", "s3", "sqs"}
    assert services["sqs"]["LastAuthenticatedEntity"] == person.arn
    assert services["sqs"]["LastAuthenticatedRegion"] == "us-east-1"
    assert "LastAuthenticated" not in services["s3"]
    granting = iam.list_policies_granting_service_access(Arn=person.arn, ServiceNamespaces=["s3", "ec2"])
    told = {one["ServiceNamespace"]: one["Policies"] for one in granting["PoliciesGrantingServiceAccess"]}
    assert [one["PolicyName"] for one in told["s3"]] == ["own"] and told["ec2"] == []


def test_all_details_of_an_account(cloud, iam, name):
    person = Person(cloud, iam, name)
    person.put("own", allow("sqs:*"))
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3})
    users = [user for page in pages for user in page["UserDetailList"] if user["UserName"] == name]
    (user,) = users
    assert user["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == "sqs:*"
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert only["UserDetailList"] == [] and only["Policies"] == []


@pytest.mark.parametrize("text", ["{", '{"Statement":[]}', "[" * 5000, '{"Version":"2012-10-17","Statement":{"Effect":"Maybe"}}'])
def test_a_broken_policy_is_the_askers_mistake(iam, text):
    with refused("InvalidInput", status=400):
        iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:ListBucket"])
    with refused("InvalidInput", status=400):
        iam.get_context_keys_for_custom_policy(PolicyInputList=[text])
