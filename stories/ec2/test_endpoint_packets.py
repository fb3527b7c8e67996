"""AWS's APIs from inside of a VPC, by their real names over real networks: by the Internet, and by endpoints with policies."""

import json
import os
import shutil
import socket
import ssl
import time
import urllib.request

import pytest

import cloud as clouds
from conftest import who
from inside import Inside
from packets import twice
from people import Person, allow

S3 = "com.amazonaws.us-east-1.s3"
SQS = "com.amazonaws.us-east-1.sqs"
ROOT = ("test", "test")
NOBODY = (None, None)

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
    ),
    twice("cloud"),
]


@pytest.fixture(scope="module")
def cloud(request):
    shop = clouds.Workshop(without_root=who(request))
    running = shop.cloud(data_dir=shop.directory())
    yield running
    request = urllib.request.Request(f"{running.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"})
    urllib.request.urlopen(request)
    assert running.alive()
    shop.close()


@pytest.fixture(scope="module")
def authority(cloud):
    """The certificate of the cloud's authority, which the first handshake makes."""
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", cloud.port)) as plain, careless.wrap_socket(plain, server_hostname="localhost"):
        return cloud.data_dir / "tls" / "ca.pem"


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def amy(cloud):
    person = Person(cloud, cloud.client("iam"), "amy")
    person.put("p", allow("sqs:*"), allow("s3:*"))
    return person


@pytest.fixture(scope="module")
def buckets(cloud):
    s3 = cloud.client("s3")
    for bucket in ("first", "second"):
        s3.create_bucket(Bucket=f"{bucket}-door")
        s3.put_object(Bucket=f"{bucket}-door", Key="k", Body=bucket.encode())
    return s3


class Lan:
    """A VPC with a subnet that has a way out and one that has none, and a client in each."""

    def __init__(self, cloud, ec2, authority):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.public, self.private = (
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)
        )
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.associate_route_table(RouteTableId=table, SubnetId=self.public)
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "association.main", "Values": ["true"]}])
        self.main = tables["RouteTables"][0]["RouteTableId"]
        make = lambda subnet: ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]  # noqa: E731
        self.front, self.back = make(self.public), make(self.private)
        address = ec2.allocate_address(Domain="vpc")
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=self.front)
        self.address = address["PublicIp"]
        until(lambda: all(interface in interfaces(cloud) for interface in (self.front, self.back)))
        self.outer, self.inner = Inside(cloud, self.front, authority), Inside(cloud, self.back, authority)


def interfaces(cloud):
    request = urllib.request.Request(f"{cloud.url}/_yakumo/network", headers={"x-yakumo-control": "1"})
    return [one["id"] for one in json.load(urllib.request.urlopen(request))["interfaces"]]


@pytest.fixture(scope="module")
def lan(cloud, ec2, authority):
    made = Lan(cloud, ec2, authority)
    yield made
    made.outer.end()
    made.inner.end()


def until(wanted):
    """What it gives, once it gives something; polled, with a bound."""
    end = time.monotonic() + 30
    while True:
        found = wanted()
        if found or time.monotonic() > end:
            assert found
            return found
        time.sleep(0.05)


def keys(person):
    return person.key["AccessKeyId"], person.key["SecretAccessKey"]


def ready(ec2, endpoint):
    state = lambda: ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]["State"]  # noqa: E731
    until(lambda: state() == "available")


def statement(action, resource="*", **more):
    return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_by_the_internet_with_keys_of_iam_alone(cloud, lan, amy):
    until(lambda: lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "ok")
    # The keys that everybody knows are none in there, though they are on this machine.
    for root in (ROOT, ("000000000000", "test")):
        told = lan.outer.ask(root, "sqs", "list_queues")
        assert told == ["refused", "InvalidClientTokenId", "The security token included in the request is invalid."], told
        assert lan.outer.ask(root, "iam", "list_users")[:2] == ["refused", "InvalidClientTokenId"]
    cloud.client("sqs").list_queues()
    # AWS sees the Elastic IP.
    here = {"IpAddress": {"aws:SourceIp": lan.address}}
    amy.put("p", allow("sqs:*", Condition=here), allow("s3:*"))
    assert lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "ok"
    amy.put("p", allow("sqs:*", Condition={"NotIpAddress": here["IpAddress"]}), allow("s3:*"))
    assert lan.outer.ask(keys(amy), "sqs", "list_queues")[:2] == ["refused", "AccessDenied"]
    listed = cloud.command("requests", "--output", "json")
    assert f"{lan.front} in {lan.vpc}" in listed
    amy.put("p", allow("sqs:*"), allow("s3:*"))
    # Another region's name is another region, and only that.
    assert lan.outer.ask(keys(amy), "sqs", "list_queues", region="eu-west-1")[0] == "ok"
    cross = lan.outer.ask(keys(amy), "sqs", "list_queues", region="eu-west-1", url="https://sqs.us-east-1.amazonaws.com")
    assert cross[0] == "refused", cross
    # Nothing of the owner's is there.
    told = lan.outer.ask(keys(amy), "s3", "get_object", Bucket="_yakumo", Key="status")
    assert told[0] != "ok", told
    # Without a way out there is none.
    assert lan.inner.ask(keys(amy), "sqs", "list_queues")[0] == "unreachable"


def test_a_gateway_endpoint_leads_to_s3_alone_and_its_policy_binds(lan, amy, ec2, buckets):
    get = lambda bucket: lan.inner.ask(keys(amy), "s3", "get_object", Bucket=bucket, Key="k")  # noqa: E731
    assert get("first-door")[0] == "unreachable"
    endpoint = ec2.create_vpc_endpoint(VpcId=lan.vpc, ServiceName=S3, RouteTableIds=[lan.main])["VpcEndpoint"]["VpcEndpointId"]
    told = until(lambda: (told := get("first-door"))[0] == "ok" and told)
    assert told[1]["Body"] == "first"
    assert lan.inner.ask(keys(amy), "sqs", "list_queues")[0] == "unreachable"
    assert lan.inner.ask(ROOT, "s3", "list_buckets")[:2] == ["refused", "InvalidAccessKeyId"]
    only = document(statement("s3:GetObject", "arn:aws:s3:::first-door/*"))
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=only)
    assert get("first-door")[0] == "ok"
    text = (
        f"User: {amy.arn} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::second-door/k\" "
        "because no VPC endpoint policy allows the s3:GetObject action"
    )
    assert get("second-door") == ["refused", "AccessDenied", text]
    deny = {**statement("s3:*", "arn:aws:s3:::first-door/*"), "Effect": "Deny"}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=document(statement("*"), deny))
    assert get("first-door")[2].endswith("with an explicit deny in a VPC endpoint policy") and get("second-door")[0] == "ok"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    # A bucket that is for this endpoint alone: not for who comes by the Internet.
    elsewhere = {**statement("s3:GetObject", "arn:aws:s3:::first-door/*"), "Effect": "Deny"}
    elsewhere["Condition"] = {"StringNotEquals": {"aws:SourceVpce": endpoint}}
    buckets.put_bucket_policy(Bucket="first-door", Policy=document(elsewhere))
    assert get("first-door")[0] == "ok"
    assert lan.outer.ask(keys(amy), "s3", "get_object", Bucket="first-door", Key="k")[:2] == ["refused", "AccessDenied"]
    # There is no public address on this way.
    elsewhere["Condition"] = {"Bool": {"aws:SecureTransport": "true"}, "Null": {"aws:SourceIp": "true", "aws:VpcSourceIp": "false"}}
    buckets.put_bucket_policy(Bucket="first-door", Policy=document(elsewhere))
    assert get("first-door")[0] == "refused"
    assert lan.outer.ask(keys(amy), "s3", "get_object", Bucket="first-door", Key="k")[0] == "ok"
    buckets.delete_bucket_policy(Bucket="first-door")
    # Who brings no signature is bound by the endpoint's policy, too.
    buckets.delete_public_access_block(Bucket="second-door")
    buckets.put_bucket_policy(Bucket="second-door", Policy=document(statement("s3:GetObject", "arn:aws:s3:::second-door/*")))
    nobody = lambda: lan.inner.ask(NOBODY, "s3", "get_object", Bucket="second-door", Key="k")  # noqa: E731
    assert nobody()[0] == "ok"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=only)
    assert nobody()[:2] == ["refused", "AccessDenied"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    # Through the endpoint of a region there is no other one.
    assert lan.inner.ask(keys(amy), "s3", "list_buckets", region="eu-west-1")[0] == "refused"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(lambda: get("first-door")[0] == "unreachable")


def test_an_access_point_of_a_vpc_is_reached_from_there_alone(cloud, lan, amy, ec2, buckets):
    control, owner = cloud.client("s3control"), "000000000000"
    own, other = (
        control.create_access_point(AccountId=owner, Name=f"door-{vpc}", Bucket="first-door", VpcConfiguration={"VpcId": vpc})
        for vpc in (lan.vpc, "vpc-0123456789abcdef0")
    )
    get = lambda where, point: where.ask(keys(amy), "s3", "get_object", Bucket=point["AccessPointArn"], Key="k")  # noqa: E731
    denied = lambda point: [  # noqa: E731
        "refused",
        "AccessDenied",
        f"User: {amy.arn} is not authorized to perform: s3:GetObject on resource: \"{point['AccessPointArn']}/object/k\" "
        "with an explicit deny in a resource-based policy",
    ]
    # By the Internet nobody comes from a VPC.
    until(lambda: get(lan.outer, own) == denied(own))
    endpoint = ec2.create_vpc_endpoint(VpcId=lan.vpc, ServiceName=S3, RouteTableIds=[lan.main])["VpcEndpoint"]["VpcEndpointId"]
    told = until(lambda: (told := get(lan.inner, own))[0] == "ok" and told)
    assert told[1]["Body"] == "first"
    assert lan.inner.ask(keys(amy), "s3", "list_objects_v2", Bucket=own["Alias"])[1]["KeyCount"] == 1
    assert get(lan.inner, other) == denied(other) and get(lan.outer, own) == denied(own)
    assert "NetworkOrigin" in cloud.command("why")
    # The endpoint's policy must allow both, the bucket and the access point; the bucket is told of the origin.
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=document(statement("s3:*", "arn:aws:s3:::first-door/*")))
    assert get(lan.inner, own)[2].endswith("because no VPC endpoint policy allows the s3:GetObject action")
    both = [f"{own['AccessPointArn']}/object/*", "arn:aws:s3:::first-door/*"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=document(statement("s3:*", both)))
    for origin, outcome in (("VPC", "refused"), ("Internet", "ok")):
        deny = {**statement("s3:GetObject", "arn:aws:s3:::first-door/*"), "Effect": "Deny"}
        deny["Condition"] = {"StringEquals": {"s3:AccessPointNetworkOrigin": origin}}
        buckets.put_bucket_policy(Bucket="first-door", Policy=document(deny))
        assert get(lan.inner, own)[0] == outcome
    buckets.delete_bucket_policy(Bucket="first-door")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(lambda: get(lan.inner, own)[0] == "unreachable")
    # By an interface of S3's in the VPC, under the endpoint's own name.
    made = ec2.create_vpc_endpoint(
        VpcId=lan.vpc, ServiceName=S3, VpcEndpointType="Interface", SubnetIds=[lan.private], PrivateDnsEnabled=False
    )["VpcEndpoint"]
    ready(ec2, made["VpcEndpointId"])
    url = "https://accesspoint." + made["DnsEntries"][0]["DnsName"].removeprefix("*.")
    there = lambda point: lan.inner.ask(keys(amy), "s3", "get_object", url=url, Bucket=point["AccessPointArn"], Key="k")  # noqa: E731
    until(lambda: there(own)[0] == "ok")
    assert there(other) == denied(other)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    until(lambda: there(own)[0] == "unreachable")
    for vpc in (lan.vpc, "vpc-0123456789abcdef0"):
        control.delete_access_point(AccountId=owner, Name=f"door-{vpc}")


def test_an_interface_endpoint_answers_whom_its_group_lets_in(cloud, lan, amy, ec2):
    group = ec2.create_security_group(GroupName="closed", Description="d", VpcId=lan.vpc)["GroupId"]
    made = ec2.create_vpc_endpoint(
        VpcId=lan.vpc, ServiceName=SQS, VpcEndpointType="Interface", SubnetIds=[lan.private], SecurityGroupIds=[group]
    )["VpcEndpoint"]
    endpoint = made["VpcEndpointId"]
    ready(ec2, endpoint)
    listed = lambda url=None: lan.inner.ask(keys(amy), "sqs", "list_queues", url=url)  # noqa: E731
    until(lambda: listed() == ["unreachable", "ConnectTimeoutError"])
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.2.0/24"}
    ec2.authorize_security_group_ingress(GroupId=group, **rule)
    until(lambda: listed()[0] == "ok")
    # By its own name, too; and who is not let in does not come by the service's name either, public address or not.
    assert listed(f"https://{made['DnsEntries'][0]['DnsName']}")[0] == "ok"
    assert lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "unreachable"
    assert lan.inner.ask(ROOT, "sqs", "list_queues")[:2] == ["refused", "InvalidClientTokenId"]
    # It leads to SQS and nowhere else.
    own = f"https://{made['DnsEntries'][0]['DnsName']}"
    assert lan.inner.ask(keys(amy), "sts", "get_caller_identity", url=own)[0] == "refused"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=document(statement("sqs:SendMessage")))
    told = listed()
    assert told[:2] == ["refused", "AccessDenied"] and "because no VPC endpoint policy allows the sqs:" in told[2]
    assert f"{lan.back} in {lan.vpc}, through {endpoint}" in cloud.command("why")
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    amy.put("p", allow("sqs:*", Condition={"StringEquals": {"aws:SourceVpc": lan.vpc}}), allow("s3:*"))
    assert listed()[0] == "ok"
    # Without private names only its own one leads there; with the endpoint gone, none.
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=False)
    until(lambda: lan.outer.ask(keys(amy), "sqs", "list_queues")[:2] == ["refused", "AccessDenied"])
    assert listed()[0] == "unreachable" and listed(own)[0] == "ok"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(lambda: listed(own)[0] == "unreachable")
    amy.put("p", allow("sqs:*"), allow("s3:*"))


def test_doors_open_again_after_a_restart(cloud, lan, amy, authority):
    assert lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "ok"
    cloud.kill()
    assert lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "unreachable"
    cloud.start()
    if cloud.without_root:
        # What ran there has no network any more.
        lan.outer.end()
        until(lambda: lan.front in interfaces(cloud))
        lan.outer = Inside(cloud, lan.front, authority)
    until(lambda: lan.outer.ask(keys(amy), "sqs", "list_queues")[0] == "ok")
