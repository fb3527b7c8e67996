"""Instance metadata over time: credentials are renewed before they end, all of it goes on after a restart of the cloud, and it can be had
over IPv6 where that is switched on."""

import json
import subprocess

import cloud as clouds
from asserting import refused
from instances import becomes, run, runs
from shells import LIBRARY

pytestmark = runs

TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}


def python(cloud, id, script):
    """What a program inside prints."""
    command = [str(clouds.BINARY), "exec", "--endpoint", cloud.url, id, "--", "python3", "-c", LIBRARY + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def gives(cloud, id, expression):
    return json.loads(python(cloud, id, f"\nprint(json.dumps({expression}))"))


def lists(cloud, id, role):
    """What SQS answers to somebody with these credentials, from inside."""
    key = (role["AccessKeyId"], role["SecretAccessKey"], role["Token"])
    status, answer = gives(cloud, id, "aws('sqs', 'AmazonSQS.ListQueues', {}, *%r)" % (key,))
    return "ok" if status == 200 else json.loads(answer)["__type"].rsplit("#", 1)[-1]


def test_credentials_are_renewed_before_they_end_and_after_a_restart(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2, iam = cloud.client("ec2"), cloud.client("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
    may = {"Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]}
    iam.put_role_policy(RoleName="worker", PolicyName="lists", PolicyDocument=json.dumps(may))
    iam.create_instance_profile(InstanceProfileName="worker")
    iam.add_role_to_instance_profile(InstanceProfileName="worker", RoleName="worker")
    id = run(ec2, IamInstanceProfile={"Name": "worker"})
    becomes(ec2, id, "running")
    first = gives(cloud, id, "role()")
    assert lists(cloud, id, first) == "ok"
    # AWS: "We make new credentials available at least five minutes before the expiration of the old credentials."
    cloud.advance("5h")
    assert gives(cloud, id, "role()") == first
    cloud.advance("54m")
    second = gives(cloud, id, "role()")
    assert second["AccessKeyId"] != first["AccessKeyId"] and second["Expiration"] > first["Expiration"]
    assert second["LastUpdated"] > first["LastUpdated"]
    assert lists(cloud, id, first) == "ok" and lists(cloud, id, second) == "ok"
    cloud.advance("7m")
    assert lists(cloud, id, first) == "ExpiredTokenException"
    assert gives(cloud, id, "role()") == second and lists(cloud, id, second) == "ok"

    # A session token of before the restart may be unknown after it: whoever hears 401 asks for another one.
    held = gives(cloud, id, "token(21600)")
    cloud.kill()
    cloud.start()
    ec2 = cloud.client("ec2")
    becomes(ec2, id, "running")
    assert gives(cloud, id, "get('meta-data/instance-id')") == id
    assert gives(cloud, id, f"ask('/latest/meta-data/instance-id', X_aws_ec2_metadata_token={held!r})[0]") in (200, 401)
    assert gives(cloud, id, "ask('/latest/meta-data/instance-id', X_aws_ec2_metadata_token='nonsense')[0]") == 401
    third = gives(cloud, id, "role()")
    assert third["Code"] == "Success" and lists(cloud, id, third) == "ok"
    # What was given out before goes on until it ends.
    assert lists(cloud, id, second) == "ok"
    iam = cloud.client("iam")
    iam.delete_role_policy(RoleName="worker", PolicyName="lists")
    assert {lists(cloud, id, one) for one in (second, third)} == {"AccessDeniedException"}
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")
    cloud.stop()


SIX = """
import socket
def six(path, method="GET", **headers):
    global IMDS
    IMDS = "http://[fd00:ec2::254]"
    try:
        return ask(path, method, **headers)[:2]
    except OSError as error:
        return ["nothing", type(error).__name__]
    finally:
        IMDS = "http://169.254.169.254"
def held():
    return six("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=60)[1]
"""


def test_metadata_over_ipv6_is_there_when_it_is_switched_on(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    six = block.replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=six)["Subnet"]["SubnetId"]
    # AWS: "to enable the IPv6 endpoint", which is off by default.
    on = run(ec2, SubnetId=subnet, Ipv6AddressCount=1, MetadataOptions={"HttpProtocolIpv6": "enabled"})
    off = run(ec2, SubnetId=subnet, Ipv6AddressCount=1)
    with refused("InvalidParameterValue"):
        run(ec2, SubnetId=subnet, MetadataOptions={"HttpProtocolIpv6": "perhaps"})
    assert becomes(ec2, on, "running")["MetadataOptions"]["HttpProtocolIpv6"] == "enabled"
    assert becomes(ec2, off, "running")["MetadataOptions"]["HttpProtocolIpv6"] == "disabled"
    mine = "six('/latest/meta-data/instance-id', X_aws_ec2_metadata_token=held())"
    assert json.loads(python(cloud, on, SIX + f"print(json.dumps({mine}))")) == [200, on]
    assert json.loads(python(cloud, on, SIX + "print(json.dumps(six('/latest/meta-data/instance-id', X_aws_ec2_metadata_token='x')))"))[0] == 401
    refusal = json.loads(python(cloud, off, SIX + "print(json.dumps(six('/latest/meta-data/instance-id')))"))
    assert refusal[0] in (403, "nothing"), refusal
    # It acts at once, both ways; IPv4 goes on.
    ec2.modify_instance_metadata_options(InstanceId=off, HttpProtocolIpv6="enabled", HttpEndpoint="enabled")
    assert json.loads(python(cloud, off, SIX + f"print(json.dumps({mine}))")) == [200, off]
    ec2.modify_instance_metadata_options(InstanceId=on, HttpProtocolIpv6="disabled", HttpEndpoint="enabled")
    assert json.loads(python(cloud, on, SIX + "print(json.dumps(six('/latest/meta-data/instance-id')))"))[0] in (403, "nothing")
    assert gives(cloud, on, "get('meta-data/instance-id')") == on
    ec2.terminate_instances(InstanceIds=[on, off])
