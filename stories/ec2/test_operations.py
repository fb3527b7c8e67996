"""Two things that people on call do: find out why a server that runs is not reached, and look into one that has no SSH."""

import json
import subprocess

from asserting import refused
from instances import becomes, open_port, page, run, runs, until

pytestmark = runs

# An address of somebody in the Internet (RFC 5737).
SOMEBODY = "203.0.113.9"

WEB = """#!/bin/sh
mkdir -p /srv/www && echo here >/srv/www/index.html
cd /srv/www && exec python3 -m http.server 80 >/dev/null 2>&1
"""
MAY_RULE_ACLS = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["ec2:CreateNetworkAclEntry"], "Resource": "*"}}


def colleague(cloud):
    """Somebody who may add entries to network ACLs, and nothing else."""
    iam = cloud.client("iam")
    iam.create_user(UserName="colleague")
    iam.put_user_policy(UserName="colleague", PolicyName="acls", PolicyDocument=json.dumps(MAY_RULE_ACLS))
    key = iam.create_access_key(UserName="colleague")["AccessKey"]
    return cloud.client("ec2", key["AccessKeyId"], key["SecretAccessKey"])


def inside(cloud, server, *command):
    """What a command says that the owner of the cloud runs in it."""
    typed = [*cloud.program, "exec", "--endpoint", cloud.url, server, "--", *command]
    return subprocess.run(typed, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_the_server_that_a_colleagues_acl_shut_out(cloud):
    ec2 = cloud.client("ec2")
    shut = open_port(ec2, 80)
    web = run(ec2, UserData=WEB)
    found = becomes(ec2, web, "running")
    address = found["PublicIpAddress"]
    until(lambda: page(address), "the page")
    trace = lambda: cloud.command("trace", SOMEBODY, f"{address}:80", check=False)  # noqa: E731
    assert "there and back" in trace()

    acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [found["SubnetId"]]}])["NetworkAcls"]
    acl = acls[0]["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": 42, "Egress": False}
    theirs = colleague(cloud)
    ports = {"From": 1, "To": 1024}
    theirs.create_network_acl_entry(**entry, Protocol="6", RuleAction="deny", CidrBlock="0.0.0.0/0", PortRange=ports)
    until(lambda: page(address) is None, "the entry")
    # The server runs, its group is open, and the entry is named.
    assert becomes(ec2, web, "running") and "there and back" not in trace()
    assert acl in trace() and "42" in trace()
    # Who made it cannot take it back: that is another right.
    with refused("UnauthorizedOperation"):
        theirs.delete_network_acl_entry(**entry)
    ec2.delete_network_acl_entry(**entry)
    until(lambda: page(address), "the page after the entry")
    assert "there and back" in trace()
    ec2.terminate_instances(InstanceIds=[web])
    shut()


def test_a_server_without_ssh(cloud):
    ec2 = cloud.client("ec2")
    server = run(ec2)
    address = becomes(ec2, server, "running")["PublicIpAddress"]
    # No key, no open port: nobody gets in by the network, whoever they are.
    assert "stopped by" in cloud.command("trace", SOMEBODY, f"{address}:22", check=False)
    assert page(f"{address}:22") is None
    # The owner of the cloud looks inside all the same, as root, and sees that there is no key to log in with.
    assert inside(cloud, server, "id", "-un") == "root"
    assert inside(cloud, server, "find", "/", "-xdev", "-name", "authorized_keys", "-size", "+0") == ""
    ec2.terminate_instances(InstanceIds=[server])
