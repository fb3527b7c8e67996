"""A user without policies can do nothing: every operation that this cloud has is tried, with an input that is in order.

The twin is a user who may do everything: the same calls, and not one is refused for want of a permission.
"""

import json
import urllib.request

import botocore.session
import pytest
from botocore.exceptions import ClientError

import cloud as clouds
from people import Person, allow

# AWS: these need no permission
# (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html, …/API_GetSessionToken.html).
# The calls of web and SAML identities bring their proof with them and no signature.
FREE = {"GetCallerIdentity", "GetSessionToken", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}
# GetAccessKeyInfo is not among them: the service authorisation reference has it as an action.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@pytest.fixture(scope="module")
def cloud():
    """A cloud of its own: the mighty twin deletes what it finds."""
    running = clouds.Cloud()
    yield running
    assert running.alive()
    running.kill()


def real_operations(cloud):
    """What `yakumo services` calls real: pairs of botocore's service name and the operation."""
    request = urllib.request.Request(f"{cloud.url}/_yakumo/services", headers={"X-Yakumo-Control": "1"})
    with urllib.request.urlopen(request) as answer:
        services = json.load(answer)["services"]
    for service in services:
        detail = urllib.request.Request(
            f"{cloud.url}/_yakumo/services/{service['name']}", headers={"X-Yakumo-Control": "1"}
        )
        with urllib.request.urlopen(detail) as answer:
            for operation in json.load(answer)["operations"]:
                if operation["real"]:
                    yield service["name"], operation["name"]


KNOWN = {
    "RoleArn": "arn:aws:iam::000000000000:role/target",
    "PolicyArn": "arn:aws:iam::000000000000:policy/target",
    "PermissionsBoundary": "arn:aws:iam::000000000000:policy/target",
    "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:*")]}),
    "AssumeRolePolicyDocument": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
        }
    ),
    "Arn": "arn:aws:iam::000000000000:user/target",
    "PolicySourceArn": "arn:aws:iam::000000000000:user/target",
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "VersionId": "v1",
    "HandshakeId": "h-examplehandshakeid111",
    "PolicyId": "p-examplepolicyid111",
    "TargetId": "111122223333",
    "RootId": "r-abcd",
    "ParentId": "r-abcd",
    "Bucket": "target",
    "CopySource": "target/key",
    "SourceParentId": "r-abcd",
    "DestinationParentId": "ou-abcd-abcdefgh",
    "ChildId": "111122223333",
    "AccountId": "111122223333",
    "ResourceId": "111122223333",
    "OrganizationalUnitId": "ou-abcd-abcdefgh",
    "CreateAccountRequestId": "car-examplecarid111111111",
    "ServicePrincipal": "sso.amazonaws.com",
    "Email": "someone@example.com",
    "Id": "111122223333@example.com",
    "UserName": "target",
    "GroupName": "target",
    "RoleName": "target",
}
# What another service means by a name that several have.
OWN = {
    "s3control": {"AccountId": "000000000000", "ResourceArn": "arn:aws:s3:::target"},
    # A form has no way to say that a structure is there and empty.
    "ec2": {
        "Tags": [{"Key": "k", "Value": "v"}],
        "Filters": [{"Name": "state", "Values": ["active"]}],
        "IamInstanceProfile": {"Name": "target"},
        "LaunchTemplateData": {"InstanceType": "t3.micro"},
        "DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.com"]}],
    },
}


def example(shape, name, queue):
    """A value of the shape that the model allows, with the required members only."""
    if name == "QueueUrl":
        return queue
    if name in ("SourceArn", "DestinationArn"):
        return "arn:aws:sqs:us-east-1:000000000000:target"
    if name in KNOWN:
        return KNOWN[name]
    kind = shape.type_name
    if kind == "structure":
        return {m: example(shape.members[m], m, queue) for m in shape.required_members}
    if kind == "list":
        return [example(shape.member, name, queue) for _ in range(max(1, shape.metadata.get("min", 1)))]
    if kind == "map":
        return {}
    if kind == "boolean":
        return True
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind == "blob":
        return b"x"
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return "1" * max(12, shape.metadata.get("min", 1)) if shape.metadata.get("max", 99) >= 12 else "1" * shape.metadata["max"]


def attempt(client, model, operation, queue):
    """Calls the operation; gives None when it went well, else the error's code and text."""
    shape = model.operation_model(operation).input_shape
    given = example(shape, "", queue) if shape else {}
    given |= {name: value for name, value in OWN.get(model.service_name, {}).items() if name in given}
    try:
        answer = client._make_api_call(operation, given)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if operation == "DeleteObjects" and "Errors" in answer:
        # AWS: each key is decided on its own, and the whole is a 200.
        return answer["Errors"][0]["Code"], answer["Errors"][0]["Message"]
    return None


def lacks_permission(answer):
    """Whether an operation was refused because the policies do not allow it, and not for another reason."""
    # The answer to a HEAD request has no body: the status is its code.
    return answer is not None and (answer == ("403", "Forbidden") or answer[0] in DENIED and "not authorized" in answer[1])


def is_free(name):
    return name.partition(":")[2] in FREE


def clients(person):
    """One client a service: making one costs more than the call."""
    made = {}

    def of(service):
        if service not in made:
            made[service] = person.service(service)
        return made[service]

    return of


def test_every_operation_is_refused_to_who_has_no_policy(cloud):
    iam, sqs = cloud.client("iam"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName="target")["QueueUrl"]
    cloud.client("s3").create_bucket(Bucket="target")
    iam.create_user(UserName="target")
    iam.create_group(GroupName="target")
    iam.create_role(RoleName="target", AssumeRolePolicyDocument=KNOWN["AssumeRolePolicyDocument"])
    iam.create_policy(PolicyName="target", PolicyDocument=KNOWN["PolicyDocument"])
    nobody, mighty = Person(cloud, iam, "nobody"), Person(cloud, iam, "mighty")
    mighty.put("all", allow("*"))
    # AWS: whose key it is decides who may ask for its last use; a key of nobody is refused to everybody.
    KNOWN["AccessKeyId"] = nobody.key["AccessKeyId"]
    loader = botocore.session.get_session()
    operations = list(real_operations(cloud))
    models = {service: loader.get_service_model(service) for service, _ in operations}
    weak, strong = clients(nobody), clients(mighty)
    assert len(operations) > 80
    refused = {f"{s}:{o}": attempt(weak(s), models[s], o, queue) for s, o in operations}
    let_in = {name: answer for name, answer in refused.items() if not lacks_permission(answer) and not is_free(name)}
    assert let_in == {}, "a user without policies got past the check"
    shut_out = {name: answer for name, answer in refused.items() if lacks_permission(answer) and is_free(name)}
    assert shut_out == {}, "what needs no permission asked for one"
    allowed = {f"{s}:{o}": attempt(strong(s), models[s], o, queue) for s, o in operations}
    shut_out = {name: answer for name, answer in allowed.items() if lacks_permission(answer)}
    assert shut_out == {}, "a user who may do everything was refused"
