"""Flow logs: what packets did, in files that a bucket's owner reads; and buckets that do not take them."""

import gzip
import json
import os
import shutil
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

from packets import twice

networks = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
)

SEND = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
    for _ in range(int(sys.argv[3])):
        sending.sendto(b"x" * 100, (sys.argv[1], int(sys.argv[2])))
"""


def on(cloud, interface, *command):
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    return subprocess.run([*cloud.program, "exec", interface, "--", *command], env=environ, stderr=subprocess.DEVNULL, timeout=60).returncode


def until(wanted):
    """Waits for something that takes a moment."""
    end = time.monotonic() + 60
    while not (found := wanted()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return found


def code(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def files(s3, bucket):
    """Names and lines of a bucket's files."""
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    read = lambda key: gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode().splitlines()  # noqa: E731
    return {one["Key"]: read(one["Key"]) for one in found}


def wanted(resource, bucket, **more):
    return {"ResourceIds": [resource], "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{bucket}", **more}


@networks
@twice("cloud")
def test_packets_are_told_in_files(cloud, name):
    ec2, s3 = cloud.client("ec2"), cloud.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    dns = [{"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=dns)
    make = lambda address: ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress=address)["NetworkInterface"]["NetworkInterfaceId"]  # noqa: E731
    client, server = make("10.0.1.10"), make("10.0.1.11")
    s3.create_bucket(Bucket=name)
    short = {"MaxAggregationInterval": 60}
    whole = ec2.create_flow_logs(**wanted(vpc, f"{name}/all/", **short))
    custom = "${interface-id} ${action} ${dstport} ${packets} ${bytes} ${flow-direction} ${vpc-id} ${version}"
    rejected = wanted(server, name, LogFormat=custom, TrafficType="REJECT", ResourceType="NetworkInterface", **short)
    part = ec2.create_flow_logs(**rejected, DestinationOptions={"HiveCompatiblePartitions": True, "PerHourPartition": True, "FileFormat": "plain-text"})
    assert not whole["Unsuccessful"] and not part["Unsuccessful"]
    # The bucket lets the service in, and nobody else: its owner who made the flow log said so with it.
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert [one["Sid"] for one in policy["Statement"]] == ["AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck", "AWSLogDeliveryWrite1"]

    until(lambda: on(cloud, client, "true") == 0 and on(cloud, server, "true") == 0)
    assert on(cloud, client, "python3", "-c", SEND, "10.0.1.11", "53", "3") == 0
    assert on(cloud, client, "python3", "-c", SEND, "10.0.1.11", "54", "2") == 0

    # Minutes pass: intervals end, files are written.
    def told():
        cloud.advance("6m")
        found = files(s3, name)
        lines = [line.split() for lines in found.values() for line in lines]
        return found if any(line[1] == "REJECT" and line[0] == server for line in lines) and any(line[12:13] == ["REJECT"] for line in lines) else None

    found = until(told)
    account, region = "000000000000", "us-east-1"
    alls = {key: lines for key, lines in found.items() if key.startswith(f"all/AWSLogs/{account}/vpcflowlogs/{region}/20")}
    hives = {key: lines for key, lines in found.items() if key.startswith(f"AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/year=20")}
    assert set(alls) | set(hives) == set(found)
    assert all(f"/{account}_vpcflowlogs_{region}_{whole['FlowLogIds'][0]}_20" in key and key.endswith(".log.gz") for key in alls)
    assert all("/hour=" in key for key in hives)
    assert all(lines[0].startswith("version account-id interface-id srcaddr") for lines in alls.values())
    records = [line.split() for lines in alls.values() for line in lines[1:]]
    seen = {(r[2], r[3], r[4], r[6], r[7], r[8], r[9], r[12], r[13]) for r in records}
    for interface, port, packets, size, action in [
        (client, "53", "3", "384", "ACCEPT"),
        (client, "54", "2", "256", "ACCEPT"),
        (server, "53", "3", "384", "ACCEPT"),
        (server, "54", "2", "256", "REJECT"),
    ]:
        assert (interface, "10.0.1.10", "10.0.1.11", port, "17", packets, size, action, "OK") in seen, seen
    assert all(r[:2] == ["2", account] for r in records)
    assert {line for lines in hives.values() for line in lines if "REJECT" in line} == {f"{server} REJECT 54 2 256 ingress {vpc} 5"}

    # Who asks for nothing gets a record of it; what is deleted writes no more.
    until(lambda: cloud.advance("6m") or any(line.endswith("NODATA") for lines in files(s3, name).values() for line in lines))
    ec2.delete_flow_logs(FlowLogIds=whole["FlowLogIds"] + part["FlowLogIds"])
    assert ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"] == []


@networks
def test_a_bucket_that_takes_no_files_any_more(cloud, name):
    ec2, s3 = cloud.client("ec2"), cloud.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    s3.create_bucket(Bucket=name)
    log = ec2.create_flow_logs(**wanted(vpc, name, MaxAggregationInterval=60))["FlowLogIds"]
    shown = lambda: ec2.describe_flow_logs(FlowLogIds=log)["FlowLogs"][0]  # noqa: E731
    assert (shown()["DeliverLogsStatus"], shown()["LogDestination"]) == ("SUCCESS", f"arn:aws:s3:::{name}")
    until(lambda: on(cloud, interface, "true") == 0)
    s3.delete_bucket_policy(Bucket=name)
    until(lambda: cloud.advance("6m") or shown()["DeliverLogsStatus"] == "FAILED")
    assert shown()["DeliverLogsErrorMessage"] == "Access error" and not files(s3, name)
    ec2.delete_flow_logs(FlowLogIds=log)


def test_what_is_refused(cloud, name):
    ec2, s3 = cloud.client("ec2"), cloud.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    s3.create_bucket(Bucket=name)
    create, fine = ec2.create_flow_logs, wanted(vpc, name)
    assert code(create, **fine, DryRun=True) == "DryRunOperation"
    for field, value, answer in [
        ("LogDestinationType", "cloud-watch-logs", "NotImplemented"),
        ("LogDestinationType", "kinesis-data-firehose", "NotImplemented"),
        ("LogDestination", "arn:aws:s3:::", "InvalidParameterValue"),
        ("LogFormat", "${version} ${nothing}", "InvalidParameterValue"),
        ("LogFormat", "${tcp-flags}", "NotImplemented"),
        ("MaxAggregationInterval", 61, "InvalidParameterValue"),
        ("DeliverLogsPermissionArn", "arn:aws:iam::000000000000:role/r", "InvalidParameter"),
        ("DestinationOptions", {"FileFormat": "parquet"}, "NotImplemented"),
        ("ResourceIds", ["vpc-00000000000000000"], "InvalidVpcID.NotFound"),
    ]:
        assert code(create, **{**fine, field: value}) == answer, field
    refused = lambda answer: [(item["ResourceId"], item["Error"]["Message"]) for item in answer["Unsuccessful"]]  # noqa: E731
    absent = create(**wanted(vpc, f"{name}-absent"))
    assert refused(absent) == [(vpc, f"LogDestination: {name}-absent does not exist")] and absent["FlowLogIds"] == []
    # Another account's bucket takes them when its owner lets the service in for this account, and not before.
    theirs, bucket = cloud.client("s3", key="222222222222"), f"{name}-theirs"
    theirs.create_bucket(Bucket=bucket)
    denied = create(**wanted(vpc, bucket))
    assert refused(denied) == [(vpc, f"Access Denied for LogDestination: {bucket}. Please check LogDestination permission")]
    service = {"Service": "delivery.logs.amazonaws.com"}
    of = lambda account: {"StringEquals": {"aws:SourceAccount": account}}  # noqa: E731
    for account, taken in [("333333333333", False), ("000000000000", True)]:
        check = {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}", "Condition": of(account)}
        theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [check]}))
        assert bool(create(**wanted(vpc, bucket))["FlowLogIds"]) == taken
    assert "FlowLogAlreadyExists" in str(create(**wanted(vpc, bucket))["Unsuccessful"])
    # The same request is made once.
    twice = [create(**fine, ClientToken="t")["FlowLogIds"] for _ in range(2)]
    assert twice[0] == twice[1] and code(create, **{**fine, "TrafficType": "ACCEPT"}, ClientToken="t") == "IdempotentParameterMismatch"
    assert "FlowLogsLimitExceeded" in str(create(**{**fine, "TrafficType": "REJECT"})["Unsuccessful"])
    assert code(ec2.delete_flow_logs, FlowLogIds=["fl-00000000000000000"]) == "InvalidFlowLogId.NotFound"
    # Who may make flow logs and not change the bucket's policy cannot open it.
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    limited = cloud.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    other = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    s3.create_bucket(Bucket=f"{name}-closed")
    assert "Access Denied" in str(limited.create_flow_logs(**wanted(other, f"{name}-closed"))["Unsuccessful"])
    assert "Unsuccessful" in limited.create_flow_logs(**wanted(other, name))
    tagged = ec2.create_flow_logs(**wanted(other, name, TrafficType="REJECT", TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "a", "Value": "b"}]}]))
    by_tag = ec2.describe_flow_logs(Filters=[{"Name": "tag:a", "Values": ["b"]}])["FlowLogs"]
    assert [log["FlowLogId"] for log in by_tag] == tagged["FlowLogIds"] and by_tag[0]["TrafficType"] == "REJECT"
