"""Instance metadata from inside: both versions, tokens, hops, other instances' addresses; credentials of a role that act as long as
the role may; AWS by its real names with certificates checked."""

import json
import os
import shutil

import pytest

from asserting import refused
from instances import becomes, console, image, instance, open_port, run, until
from shells import LIBRARY, SHELL, does, gives

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)

TTL = "X_aws_ec2_metadata_token_ttl_seconds"
TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]
}


def may(*actions, **more):
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}]})


@pytest.fixture(scope="module")
def ec2(cloud):
    ec2 = cloud.client("ec2")
    open_port(ec2, 80)
    return ec2


@pytest.fixture(scope="module")
def role(cloud):
    """A role in a profile of its name, without rights."""
    iam = cloud.client("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName="worker", Path="/jobs/")
    iam.create_instance_profile(InstanceProfileName="empty")
    iam.add_role_to_instance_profile(InstanceProfileName="worker", RoleName="worker")
    return iam


@pytest.fixture(scope="module")
def one(ec2, role):
    """An instance that has everything, and its public address."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "one"}]}]
    id = run(
        ec2,
        UserData=SHELL,
        IamInstanceProfile={"Name": "worker"},
        MetadataOptions={"InstanceMetadataTags": "enabled"},
        TagSpecifications=tags,
    )
    return becomes(ec2, id, "running")


@pytest.fixture(scope="module")
def other(ec2):
    """An instance that has nothing, and must show tokens."""
    return becomes(ec2, run(ec2, UserData=SHELL, MetadataOptions={"HttpTokens": "required"}), "running")


def test_an_instance_knows_itself(ec2, one, other):
    address = one["PublicIpAddress"]
    mac = one["NetworkInterfaces"][0]["MacAddress"]
    subnet = ec2.describe_subnets(SubnetIds=[one["SubnetId"]])["Subnets"][0]
    known = {
        "ami-id": one["ImageId"],
        "instance-id": one["InstanceId"],
        "instance-type": one["InstanceType"],
        "local-ipv4": one["PrivateIpAddress"],
        "public-ipv4": address,
        "public-hostname": one["PublicDnsName"],
        "local-hostname": one["PrivateDnsName"],
        "mac": mac,
        "placement/availability-zone": one["Placement"]["AvailabilityZone"],
        "placement/region": "us-east-1",
        "security-groups": "default",
        "services/domain": "amazonaws.com",
        "tags/instance/": "Name",
        "tags/instance/Name": "one",
        "network/interfaces/macs/": f"{mac}/",
        f"network/interfaces/macs/{mac}/interface-id": one["NetworkInterfaces"][0]["NetworkInterfaceId"],
        f"network/interfaces/macs/{mac}/subnet-ipv4-cidr-block": subnet["CidrBlock"],
        f"network/interfaces/macs/{mac}/vpc-ipv4-cidr-blocks": "172.31.0.0/16",
        f"network/interfaces/macs/{mac}/ipv4-associations/{address}": one["PrivateIpAddress"],
    }
    assert gives(address, f"{{path: get('meta-data/' + path) for path in {list(known)}}}") == known
    listed = gives(address, "get('meta-data/')").split("\n")
    assert "ami-id" in listed and "network/" in listed and "iam/" in listed and "public-keys/" not in listed
    assert gives(address, "get('')") == "dynamic\nmeta-data\nuser-data"
    assert gives(address, "ask('/')[1]").split("\n")[-1] == "latest"
    document = json.loads(gives(address, "get('dynamic/instance-identity/document')"))
    assert document["instanceId"] == one["InstanceId"] and document["accountId"] == "000000000000"
    assert gives(address, "get('user-data')") == SHELL.strip() + "\n"
    # Without a profile and without leave there is neither a role nor a tag.
    there = other["PublicIpAddress"]
    for path in ("meta-data/iam/info", "meta-data/tags/instance/Name", "dynamic/instance-identity/pkcs7", "nothing"):
        assert gives(there, f"ask('/latest/{path}', X_aws_ec2_metadata_token=token())[0]") == 404


def test_tokens_are_asked_for_and_checked(ec2, one, other):
    here, there = one["PublicIpAddress"], other["PublicIpAddress"]
    ask = "ask('/latest/meta-data/instance-id'{})[0]"
    assert gives(here, ask.format("")) == 200
    assert gives(here, "ask('/2021-07-15/meta-data/instance-id')[1]") == one["InstanceId"]
    assert gives(there, ask.format("")) == 401
    assert gives(there, ask.format(", X_aws_ec2_metadata_token=token()")) == 200
    given = gives(there, f"ask('/latest/api/token', 'PUT', {TTL}=21600)")
    assert given[0] == 200 and {k.lower(): v for k, v in given[2].items()}[TTL.lower().replace("_", "-")] == "21600"
    # A token of one instance is none for another, and a broken one is none at all, even where none is needed.
    for address, shown, status in ((there, given[1], 200), (here, given[1], 401), (here, "AAAA", 401)):
        assert gives(address, ask.format(f", X_aws_ec2_metadata_token={shown!r}")) == status
    for asked, status in (
        (f"'PUT', {TTL}=0", 400),
        (f"'PUT', {TTL}=21601", 400),
        (f"'PUT', {TTL}='x'", 400),
        ("'PUT'", 400),
        (f"'PUT', {TTL}=60, X_Forwarded_For='10.0.0.1'", 403),
        ("'GET', X_aws_ec2_metadata_token=token()", 405),
        ("'POST'", 405),
        ("'DELETE'", 405),
    ):
        assert gives(here, f"ask('/latest/api/token', {asked})[0]") == status, asked
    for path in ("/latest/nothing", "/2021-07-16/meta-data/", "/latest/meta-data/ami-id/x", "/meta-data"):
        assert gives(here, f"ask({path!r})[0]") == 404, path
    # A head that is too long is refused, or cut off while it is still being sent; one that is not is answered.
    long = """
def heads(size):
    try:
        return ask("/latest/meta-data/ami-id", X_big="x" * size)[0]
    except OSError:
        return "cut off"
print(heads(8_000), heads(100_000))
"""
    assert does(here, long) in ("200 431", "200 400", "200 cut off")


def test_options_act_at_once(ec2, other):
    id, there = other["InstanceId"], other["PublicIpAddress"]
    ask = "ask('/latest/meta-data/instance-id')[0]"
    made = ec2.modify_instance_metadata_options(InstanceId=id, HttpTokens="optional")["InstanceMetadataOptions"]
    assert made["State"] == "pending" and made["HttpTokens"] == "optional"
    assert gives(there, ask) == 200
    ec2.modify_instance_metadata_options(InstanceId=id, HttpEndpoint="disabled")
    assert gives(there, ask) == 403
    assert gives(there, f"ask('/latest/api/token', 'PUT', {TTL}=60)[0]") == 403
    ec2.modify_instance_metadata_options(InstanceId=id, HttpEndpoint="enabled", HttpTokens="required")
    assert gives(there, ask) == 401
    assert instance(ec2, id)["MetadataOptions"]["State"] == "applied"

    # Whoever is farther away than the hop limit gets no token: IP_MINTTL drops what has gone too far to be allowed.
    hops = """
def far(least):
    with socket.create_connection(("169.254.169.254", 80), timeout=2) as connection:
        connection.setsockopt(socket.IPPROTO_IP, 21, least)
        head = b"PUT /latest/api/token HTTP/1.1\\r\\nHost: x\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n"
        try:
            connection.sendall(head)
            return connection.recv(12).decode()
        except TimeoutError:
            return "nothing"
print(far(1), far(2))
"""
    assert does(there, hops) == "HTTP/1.1 200 nothing"
    ec2.modify_instance_metadata_options(InstanceId=id, HttpPutResponseHopLimit=2)
    assert does(there, hops) == "HTTP/1.1 200 HTTP/1.1 200"
    for code, wrong in (
        ("InvalidParameterValue", {"HttpPutResponseHopLimit": 65}),
        ("InvalidParameterValue", {"HttpTokens": "never"}),
        ("DryRunOperation", {"HttpTokens": "optional", "DryRun": True}),
        ("InvalidInstanceID.NotFound", {"InstanceId": "i-0123456789abcdef0"}),
    ):
        with refused(code):
            ec2.modify_instance_metadata_options(**{"InstanceId": id, **wrong})
    ec2.modify_instance_metadata_options(InstanceId=id, InstanceMetadataTags="enabled")
    with refused("InvalidParameterValue"):
        ec2.create_tags(Resources=[id], Tags=[{"Key": "a/b", "Value": ""}])
    ec2.create_tags(Resources=[id], Tags=[{"Key": "a.b", "Value": "c"}])
    assert gives(there, "get('meta-data/tags/instance/a.b')") == "c"


def test_nobody_asks_with_the_address_of_another(one, other):
    """IP_FREEBIND lets a program send from any address; the network does not."""
    asking = """
def asks(source):
    with socket.socket() as connection:
        connection.settimeout(2)
        connection.setsockopt(socket.IPPROTO_IP, 15, 1)
        connection.bind((source, 0))
        try:
            connection.connect(("169.254.169.254", 80))
            connection.sendall(b"GET /latest/meta-data/instance-id HTTP/1.0\\r\\n\\r\\n")
            return connection.makefile().read().split("\\n")[-1]
        except OSError:
            return "nothing"
"""
    own, foreign = one["PrivateIpAddress"], other["PrivateIpAddress"]
    told = does(one["PublicIpAddress"], f"{asking}\nprint(asks({own!r}), asks({foreign!r}))")
    assert told == f"{one['InstanceId']} nothing"


def test_aws_is_itself_inside(cloud, one):
    """Real names, checked certificates, no key of the owner's."""
    here = one["PublicIpAddress"]
    curl = "import subprocess; print(subprocess.run(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', 'https://sqs.us-east-1.amazonaws.com/'], capture_output=True, text=True))"
    if shutil.which("curl", path="/usr/bin"):
        told = does(here, curl)
        assert "returncode=0" in told and "SSL" not in told, told
    status, answer = gives(here, "aws('sqs', 'AmazonSQS.ListQueues', {}, 'test', 'test')")
    assert status == 403 and "UnrecognizedClientException" in answer
    assert cloud.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    environment = gives(here, "open('/etc/environment').read()")
    assert "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n" in environment
    assert "BEGIN CERTIFICATE" in gives(here, "open('/etc/ssl/certs/ca-certificates.crt').read()")


def test_credentials_are_the_roles(cloud, ec2, role, one):
    here, sts = one["PublicIpAddress"], "Action=GetCallerIdentity&Version=2011-06-15"
    form = "kind='application/x-www-form-urlencoded'"
    status, answer = gives(here, f"as_role('sts', None, {sts!r}, {form})")
    arn = f"arn:aws:sts::000000000000:assumed-role/worker/{one['InstanceId']}"
    assert status == 200 and f"<Arn>{arn}</Arn>" in answer, answer
    info = json.loads(gives(here, "get('meta-data/iam/info')"))
    assert info["InstanceProfileArn"] == "arn:aws:iam::000000000000:instance-profile/jobs/worker"
    first = gives(here, "role()")
    assert first["Code"] == "Success" and gives(here, "role()") == first

    # Without rights they are worth nothing; with a condition on the instance they act for it alone.
    ask = "as_role('sqs', 'AmazonSQS.ListQueues', {})[0]"
    assert gives(here, ask) == 403
    source = {"ArnEquals": {"ec2:SourceInstanceARN": f"arn:aws:ec2:us-east-1:000000000000:instance/{one['InstanceId']}"}}
    for condition, status in (
        (source, 200),
        ({"StringEquals": {"aws:Ec2InstanceSourceVpc": one["VpcId"]}}, 200),
        ({"StringEquals": {"aws:Ec2InstanceSourceVpc": "vpc-0"}}, 403),
        ({"StringEquals": {"aws:Ec2InstanceSourcePrivateIPv4": one["PrivateIpAddress"]}}, 200),
        ({"NumericEquals": {"ec2:RoleDelivery": "2.0"}}, 200),
        ({"NumericEquals": {"ec2:RoleDelivery": "1.0"}}, 403),
    ):
        role.put_role_policy(
            RoleName="worker", PolicyName="use", PolicyDocument=may("sqs:ListQueues", Condition=condition)
        )
        assert gives(here, ask) == status, condition
    role.delete_role_policy(RoleName="worker", PolicyName="use")
    assert gives(here, ask) == 403

    # A role that no longer trusts EC2 gives nothing new; another profile is another role, and none is none.
    role.create_role(RoleName="closed", AssumeRolePolicyDocument=json.dumps(TRUST).replace("ec2.", "lambda."))
    role.create_instance_profile(InstanceProfileName="closed")
    role.add_role_to_instance_profile(InstanceProfileName="closed", RoleName="closed")
    had = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [one["InstanceId"]]}]
    )["IamInstanceProfileAssociations"][0]
    assert had["State"] == "associated" and had["IamInstanceProfile"]["Arn"].endswith("/jobs/worker")
    with refused("IncorrectState"):
        ec2.associate_iam_instance_profile(InstanceId=one["InstanceId"], IamInstanceProfile={"Name": "closed"})
    new = ec2.replace_iam_instance_profile_association(
        AssociationId=had["AssociationId"], IamInstanceProfile={"Name": "closed"}
    )["IamInstanceProfileAssociation"]
    assert gives(here, "role()")["Code"] == "AssumeRoleUnauthorizedAccess"
    ec2.disassociate_iam_instance_profile(AssociationId=new["AssociationId"])
    assert gives(here, "ask('/latest/meta-data/iam/info')[0]") == 404
    with refused("NoSuchAssociation"):
        ec2.disassociate_iam_instance_profile(AssociationId=new["AssociationId"])
    ec2.associate_iam_instance_profile(
        InstanceId=one["InstanceId"], IamInstanceProfile={"Arn": info["InstanceProfileArn"]}
    )
    assert instance(ec2, one["InstanceId"])["IamInstanceProfile"]["Arn"] == info["InstanceProfileArn"]
    # AWS: what was given out before goes on until it ends, and what the profile holds again is given again.
    assert gives(here, "role()")["Code"] == "Success"


def test_a_worker_works_as_long_as_its_role_may(cloud, ec2, role):
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    role.put_role_policy(
        RoleName="worker", PolicyName="jobs", PolicyDocument=may("sqs:ReceiveMessage", "sqs:DeleteMessage")
    )
    worker = f"""#!/bin/sh
cat >/srv/worker.py <<'END'
{LIBRARY}
queue = "https://sqs.us-east-1.amazonaws.com/000000000000/jobs"
while True:
    status, answer = as_role("sqs", "AmazonSQS.ReceiveMessage", {{"QueueUrl": queue, "WaitTimeSeconds": 1}})
    if status != 200:
        print("stopped:", status, answer, flush=True)
        break
    for message in json.loads(answer).get("Messages", []):
        print("did", message["Body"], flush=True)
        handle = message["ReceiptHandle"]
        as_role("sqs", "AmazonSQS.DeleteMessage", {{"QueueUrl": queue, "ReceiptHandle": handle}})
END
python3 /srv/worker.py
"""
    id = run(ec2, UserData=worker.replace("cat >/srv", "mkdir -p /srv; cat >/srv"), IamInstanceProfile={"Name": "worker"})
    sqs.send_message(QueueUrl=queue, MessageBody="the first job")
    until(lambda: "did the first job" in console(ec2, id), "the first job")
    role.delete_role_policy(RoleName="worker", PolicyName="jobs")
    until(lambda: "stopped: 403" in console(ec2, id), "the end")
    assert "AccessDenied" in console(ec2, id)
    sqs.send_message(QueueUrl=queue, MessageBody="the second job")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "the second job"
    ec2.terminate_instances(InstanceIds=[id])


def test_who_gives_a_role_must_be_allowed_to(cloud, ec2, role, other):
    iam = role
    arn = iam.get_role(RoleName="worker")["Role"]["Arn"]
    iam.create_user(UserName="launcher")
    key = iam.create_access_key(UserName="launcher")["AccessKey"]
    launcher = cloud.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    wanted = {"ImageId": image(ec2), "MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Name": "worker"}}

    def allowed(*statements):
        iam.put_user_policy(
            UserName="launcher", PolicyName="p", PolicyDocument=json.dumps({"Statement": list(statements)})
        )

    launch = {"Effect": "Allow", "Action": ["ec2:*"], "Resource": "*"}
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn, "Condition": to_ec2}
    strict = {
        "Effect": "Deny",
        "Action": "ec2:RunInstances",
        "Resource": "arn:aws:ec2:*:*:instance/*",
        "Condition": {"StringNotEquals": {"ec2:MetadataHttpTokens": "required"}},
    }
    for statements, code, more in (
        ([launch], "UnauthorizedOperation", {}),
        ([launch, passing], "DryRunOperation", {}),
        ([launch, {**passing, "Resource": arn + "x"}], "UnauthorizedOperation", {}),
        ([launch, passing, strict], "UnauthorizedOperation", {}),
        ([launch, passing, strict], "DryRunOperation", {"MetadataOptions": {"HttpTokens": "required"}}),
    ):
        allowed(*statements)
        with refused(code):
            launcher.run_instances(DryRun=True, **wanted, **more)
    allowed(launch)
    with refused("UnauthorizedOperation"):
        launcher.associate_iam_instance_profile(
            InstanceId=other["InstanceId"], IamInstanceProfile={"Name": "worker"}
        )
    # The account's default makes the strict launch pass.
    allowed(launch, passing, strict)
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2, HttpTokensEnforced="enabled")
    with refused("DryRunOperation"):
        launcher.run_instances(DryRun=True, **wanted)
    with refused("UnsupportedOperation"):
        ec2.run_instances(DryRun=True, **{**wanted, "MetadataOptions": {"HttpTokens": "optional"}})
    told = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert told["HttpTokens"] == "required" and told["HttpPutResponseHopLimit"] == 2
    assert cloud.client("ec2", region="eu-west-1").get_instance_metadata_defaults()["AccountLevel"] == {
        "ManagedBy": "account"
    }
    ec2.modify_instance_metadata_defaults(
        HttpTokens="no-preference", HttpPutResponseHopLimit=-1, HttpTokensEnforced="no-preference"
    )
    with refused("UnauthorizedOperation"):
        launcher.run_instances(DryRun=True, **wanted)
    iam.delete_user_policy(UserName="launcher", PolicyName="p")
    for call in (
        lambda: launcher.get_instance_metadata_defaults(),
        lambda: launcher.modify_instance_metadata_defaults(HttpTokens="optional"),
        lambda: launcher.modify_instance_metadata_options(InstanceId=other["InstanceId"], HttpTokens="optional"),
        lambda: launcher.describe_iam_instance_profile_associations(),
    ):
        with refused("UnauthorizedOperation"):
            call()
    name = "Value ({}) for parameter iamInstanceProfile.name is invalid. {}"
    for profile, text in (
        ({"Name": "nobody"}, name.format("nobody", "Invalid IAM Instance Profile name")),
        (
            {"Name": "empty"},
            name.format(
                "empty",
                'IAM Instance Profile "arn:aws:iam::000000000000:instance-profile/empty" has no associated IAM Roles',
            ),
        ),
    ):
        with refused("InvalidParameterValue", text):
            ec2.run_instances(**{**wanted, "IamInstanceProfile": profile})
    elsewhere = cloud.client("ec2", key="222222222222")
    with refused("InvalidParameterValue"):
        foreign = {"Arn": "arn:aws:iam::000000000000:instance-profile/jobs/worker"}
        elsewhere.run_instances(**{**wanted, "IamInstanceProfile": foreign})
