"""Random sequences of EC2's calls with kills in between: the kernel ends as the API says, and with nothing when all is deleted.

Each round makes and unmakes things at random, kills the network agent or the whole cloud at random moments, and then compares
the kernel with what a host gets on which nothing was before: the same records, built from nothing. A few packets are sent, too,
and the model is asked about them. `YAKUMO_NETWORK_ROUNDS` says how many rounds, `YAKUMO_NETWORK_SEED` which; a failure prints both, and the calls.
"""

import json
import os
import random
import shutil
import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

import kernel
from cloud import CONFIG, REGION

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
)

ROUNDS = int(os.environ.get("YAKUMO_NETWORK_ROUNDS", "4"))
SEED = int(os.environ.get("YAKUMO_NETWORK_SEED", "1"))
CALLS = 25
PORTS = (80, 443)
WORLD = "0.0.0.0/0"


class Hand:
    """Makes random calls and remembers them. What the API refuses as a client's mistake is a call as good as others."""

    def __init__(self, cloud, dice):
        self.cloud, self.dice, self.log = cloud, dice, []
        # Whether the whole cloud is about to be killed.
        self.dying = False
        self.session = boto3.session.Session()
        self.reach()

    def reach(self):
        """Talks with the cloud where it is now."""
        self.ec2 = self.session.client(
            "ec2", endpoint_url=self.cloud.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test", config=CONFIG
        )

    def call(self, name, **arguments):
        """One call; nothing when it was refused, or when the cloud died under it."""
        said = f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
        try:
            answer = getattr(self.ec2, name)(**arguments)
            self.log.append(said)
            return answer
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self.log.append(f"{said}: {error.response['Error']['Code']}")
            assert status < 500, error
        except BotoCoreError as error:
            self.log.append(f"{said}: {type(error).__name__}")
            assert self.dying, error
        return None

    def look(self):
        """What is there."""
        ec2 = self.ec2
        self.vpcs = [one["VpcId"] for one in ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]]
        mine = lambda name, member: [one for one in getattr(ec2, name)()[member] if one["VpcId"] in self.vpcs]  # noqa: E731
        self.subnets = mine("describe_subnets", "Subnets")
        self.groups = mine("describe_security_groups", "SecurityGroups")
        self.acls = mine("describe_network_acls", "NetworkAcls")
        self.tables = mine("describe_route_tables", "RouteTables")
        self.interfaces = [one for one in mine("describe_network_interfaces", "NetworkInterfaces") if not one["RequesterManaged"]]
        self.gateways = [
            one for one in ec2.describe_internet_gateways()["InternetGateways"]
            if not any(attached["VpcId"] not in self.vpcs for attached in one["Attachments"])
        ]
        self.only = [one["EgressOnlyInternetGatewayId"] for one in ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]]
        self.addresses = ec2.describe_addresses()["Addresses"]
        alive = lambda found: [one for one in found if one.get("State") not in ("deleted", "deleting", "failed")]  # noqa: E731
        self.nats = alive(ec2.describe_nat_gateways()["NatGateways"])
        self.peerings = [
            one for one in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] if one["Status"]["Code"] in ("pending-acceptance", "active")
        ]
        self.transits = alive(ec2.describe_transit_gateways()["TransitGateways"])
        self.attachments = alive(ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"])
        self.transit_tables = alive(ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"])
        self.endpoints = alive(ec2.describe_vpc_endpoints()["VpcEndpoints"])

    def one(self, found, key=None):
        """One of them at random; nothing when there is none."""
        if not found:
            return None
        one = self.dice.choice(found)
        return one[key] if key else one

    def block(self):
        return self.dice.choice([WORLD, "10.0.0.0/8", f"10.{self.dice.randrange(4)}.0.0/16", f"10.{self.dice.randrange(4)}.1.0/24", "198.18.0.0/15"])

    def traffic(self):
        port = self.dice.choice(PORTS)
        return self.dice.choice(
            [("-1", None, None), ("tcp", port, port), ("tcp", 0, 65535), ("udp", 53, 53), ("icmp", -1, -1), ("icmp", 8, -1), ("tcp", 1024, 65535)]
        )

    # Each of these is one step; their names are the steps.

    def make_vpc(self):
        if len(self.vpcs) < 4:
            self.call("create_vpc", CidrBlock=f"10.{self.dice.randrange(4)}.0.0/16", AmazonProvidedIpv6CidrBlock=self.dice.random() < 0.5)

    def make_subnet(self):
        vpc = self.one(self.vpcs)
        if vpc:
            [found] = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
            second = found["CidrBlock"].split(".")[1]
            n, zone = self.dice.randrange(1, 5), self.dice.choice("ab")
            six = [one["Ipv6CidrBlock"] for one in found.get("Ipv6CidrBlockAssociationSet", [])]
            more = {"Ipv6CidrBlock": six[0].replace("00::/56", f"{n:02x}::/64")} if six and self.dice.random() < 0.7 else {}
            self.call("create_subnet", VpcId=vpc, CidrBlock=f"10.{second}.{n}.0/24", AvailabilityZone=f"{REGION}{zone}", **more)

    def drop_subnet(self):
        subnet = self.one(self.subnets, "SubnetId")
        if subnet:
            self.call("delete_subnet", SubnetId=subnet)

    def make_group(self):
        vpc = self.one(self.vpcs)
        if vpc:
            self.call("create_security_group", GroupName=f"g{self.dice.randrange(10**9)}", Description="g", VpcId=vpc)

    def drop_group(self):
        group = self.one(self.groups, "GroupId")
        if group:
            self.call("delete_security_group", GroupId=group)

    def add_rule(self):
        group, other = self.one(self.groups, "GroupId"), self.one(self.groups, "GroupId")
        if group:
            protocol, first, last = self.traffic()
            rule = {"IpProtocol": protocol} | ({} if first is None else {"FromPort": first, "ToPort": last})
            if self.dice.random() < 0.4:
                rule["UserIdGroupPairs"] = [{"GroupId": other}]
            else:
                rule["IpRanges"] = [{"CidrIp": self.block()}]
                if self.dice.random() < 0.3 and protocol != "icmp":
                    rule["Ipv6Ranges"] = [{"CidrIpv6": "::/0"}]
            way = self.dice.choice(["ingress", "ingress", "egress"])
            self.call(f"authorize_security_group_{way}", GroupId=group, IpPermissions=[rule])

    def drop_rule(self):
        group = self.one(self.groups, "GroupId")
        rules = group and self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        rule = self.one(rules)
        if rule:
            way = "egress" if rule["IsEgress"] else "ingress"
            self.call(f"revoke_security_group_{way}", GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])

    def make_acl(self):
        vpc = self.one(self.vpcs)
        if vpc:
            self.call("create_network_acl", VpcId=vpc)

    def drop_acl(self):
        acl = self.one(self.acls, "NetworkAclId")
        if acl:
            self.call("delete_network_acl", NetworkAclId=acl)

    def set_entry(self):
        acl = self.one(self.acls, "NetworkAclId")
        if acl:
            protocol, first, last = self.traffic()
            number = {"-1": "-1", "tcp": "6", "udp": "17", "icmp": "1"}[protocol]
            where = {"NetworkAclId": acl, "RuleNumber": self.dice.randrange(1, 4) * 50, "Egress": self.dice.random() < 0.5}
            entry = {"Protocol": number, "RuleAction": self.dice.choice(["allow", "allow", "deny"]), "CidrBlock": self.block()}
            if protocol == "icmp":
                entry["IcmpTypeCode"] = {"Type": first, "Code": last}
            elif first is not None:
                entry["PortRange"] = {"From": first, "To": last}
            what = self.dice.choice(["create", "replace", "delete"])
            self.call(f"{what}_network_acl_entry", **where, **({} if what == "delete" else entry))

    def move_acl(self):
        acl, old = self.one(self.acls), self.one([one for acl in self.acls for one in acl["Associations"]])
        if acl and old:
            self.call("replace_network_acl_association", AssociationId=old["NetworkAclAssociationId"], NetworkAclId=acl["NetworkAclId"])

    def make_table(self):
        vpc = self.one(self.vpcs)
        if vpc:
            self.call("create_route_table", VpcId=vpc)

    def drop_table(self):
        table = self.one(self.tables, "RouteTableId")
        if table:
            self.call("delete_route_table", RouteTableId=table)

    def move_table(self):
        table, subnet = self.one(self.tables, "RouteTableId"), self.one(self.subnets, "SubnetId")
        old = self.one([one for table in self.tables for one in table["Associations"] if not one["Main"]])
        if old and self.dice.random() < 0.4:
            self.call("disassociate_route_table", AssociationId=old["RouteTableAssociationId"])
        elif table and subnet:
            self.call("associate_route_table", RouteTableId=table, SubnetId=subnet)

    def set_route(self):
        table = self.one(self.tables)
        if not table:
            return
        kinds = [
            ("GatewayId", self.gateways, "InternetGatewayId"),
            ("NatGatewayId", self.nats, "NatGatewayId"),
            ("VpcPeeringConnectionId", self.peerings, "VpcPeeringConnectionId"),
            ("TransitGatewayId", self.transits, "TransitGatewayId"),
            ("NetworkInterfaceId", self.interfaces, "NetworkInterfaceId"),
            ("EgressOnlyInternetGatewayId", [{"id": one} for one in self.only], "id"),
        ]
        member, found, key = self.dice.choice([kind for kind in kinds if kind[1]] or [("GatewayId", [], "")])
        target, where = self.one(found, key), {"RouteTableId": table["RouteTableId"]}
        where |= {"DestinationIpv6CidrBlock": "::/0"} if member.startswith("Egress") else {"DestinationCidrBlock": self.block()}
        what = self.dice.choice(["create", "create", "replace", "delete"])
        if what == "delete":
            self.call("delete_route", **where)
        elif target:
            self.call(f"{what}_route", **where, **{member: target})

    def make_gateway(self):
        free = self.one([one for one in self.gateways if not one["Attachments"]], "InternetGatewayId")
        vpc = self.one(self.vpcs)
        if free and vpc:
            self.call("attach_internet_gateway", InternetGatewayId=free, VpcId=vpc)
        elif len(self.gateways) < 3:
            self.call("create_internet_gateway")

    def drop_gateway(self):
        gateway = self.one(self.gateways)
        if gateway and gateway["Attachments"]:
            self.call("detach_internet_gateway", InternetGatewayId=gateway["InternetGatewayId"], VpcId=gateway["Attachments"][0]["VpcId"])
        elif gateway:
            self.call("delete_internet_gateway", InternetGatewayId=gateway["InternetGatewayId"])

    def change_only(self):
        only, vpc = self.one(self.only), self.one(self.vpcs)
        if only and self.dice.random() < 0.5:
            self.call("delete_egress_only_internet_gateway", EgressOnlyInternetGatewayId=only)
        elif vpc:
            self.call("create_egress_only_internet_gateway", VpcId=vpc)

    def make_interface(self):
        subnet = self.one(self.subnets)
        if subnet and len(self.interfaces) < 10:
            groups = [one["GroupId"] for one in self.groups if one["VpcId"] == subnet["VpcId"]]
            six = {"Ipv6AddressCount": 1} if subnet["Ipv6CidrBlockAssociationSet"] and self.dice.random() < 0.6 else {}
            self.call("create_network_interface", SubnetId=subnet["SubnetId"], Groups=self.dice.sample(groups, min(len(groups), self.dice.choice([1, 1, 2]))), **six)

    def drop_interface(self):
        interface = self.one(self.interfaces, "NetworkInterfaceId")
        if interface:
            self.call("delete_network_interface", NetworkInterfaceId=interface)

    def change_interface(self):
        interface = self.one(self.interfaces)
        if not interface:
            return
        where = {"NetworkInterfaceId": interface["NetworkInterfaceId"]}
        groups = [one["GroupId"] for one in self.groups if one["VpcId"] == interface["VpcId"]]
        second = [one["PrivateIpAddress"] for one in interface["PrivateIpAddresses"] if not one["Primary"]]
        match self.dice.randrange(4):
            case 0:
                self.call("modify_network_interface_attribute", **where, SourceDestCheck={"Value": self.dice.random() < 0.5})
            case 1:
                self.call("modify_network_interface_attribute", **where, Groups=self.dice.sample(groups, min(len(groups), 2)))
            case 2:
                self.call("assign_private_ip_addresses", **where, SecondaryPrivateIpAddressCount=1)
            case _ if second:
                self.call("unassign_private_ip_addresses", **where, PrivateIpAddresses=second[:1])

    def plug(self):
        interface = self.one(self.interfaces, "NetworkInterfaceId")
        if interface:
            self.live(interface)

    def live(self, interface):
        """Makes an interface live. The agent may be killed meanwhile; then the front has another one do it."""
        try:
            self.control(f"/interfaces/{interface}/live", {})
            self.log.append(f"plug {interface}")
            return True
        except OSError as error:
            why = error.read().decode() if isinstance(error, urllib.error.HTTPError) else ""
            self.log.append(f"plug {interface}: {error} {why}")
            return False

    def control(self, path, question=None):
        body = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(f"{self.cloud.url}/_yakumo/network{path}", body, {"x-yakumo-control": "1"})
        return json.loads(urllib.request.urlopen(request, timeout=60).read() or "null")

    def change_address(self):
        free = self.one([one for one in self.addresses if "AssociationId" not in one])
        held = self.one([one for one in self.addresses if "AssociationId" in one and "NatGatewayId" not in one])
        interface = self.one(self.interfaces, "NetworkInterfaceId")
        match self.dice.randrange(4):
            case 0 if len(self.addresses) < 5:
                self.call("allocate_address")
            case 1 if held:
                self.call("disassociate_address", AssociationId=held["AssociationId"])
            case 2 if free:
                self.call("release_address", AllocationId=free["AllocationId"])
            case _ if free and interface:
                self.call("associate_address", AllocationId=free["AllocationId"], NetworkInterfaceId=interface)

    def change_nat(self):
        free = self.one([one for one in self.addresses if "AssociationId" not in one], "AllocationId")
        subnet, nat = self.one(self.subnets, "SubnetId"), self.one(self.nats, "NatGatewayId")
        if nat and self.dice.random() < 0.3:
            self.call("delete_nat_gateway", NatGatewayId=nat)
        elif subnet and free and self.dice.random() < 0.7:
            self.call("create_nat_gateway", SubnetId=subnet, AllocationId=free)
        elif subnet and len(self.nats) < 3:
            self.call("create_nat_gateway", SubnetId=subnet, ConnectivityType="private")

    def change_peering(self):
        peering, pair = self.one(self.peerings), self.dice.sample(self.vpcs, 2) if len(self.vpcs) > 1 else None
        if peering and self.dice.random() < 0.3:
            self.call("delete_vpc_peering_connection", VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
        elif peering and peering["Status"]["Code"] == "pending-acceptance":
            self.call("accept_vpc_peering_connection", VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
        elif pair:
            self.call("create_vpc_peering_connection", VpcId=pair[0], PeerVpcId=pair[1])

    def change_transit(self):
        gateway, attached = self.one(self.transits, "TransitGatewayId"), self.one(self.attachments, "TransitGatewayAttachmentId")
        vpc = self.one(self.vpcs)
        if not gateway:
            self.call("create_transit_gateway")
        elif attached and self.dice.random() < 0.3:
            self.call("delete_transit_gateway_vpc_attachment", TransitGatewayAttachmentId=attached)
        elif vpc:
            zones = {one["AvailabilityZone"]: one["SubnetId"] for one in self.subnets if one["VpcId"] == vpc}
            if zones:
                options = {"ApplianceModeSupport": self.dice.choice(["enable", "disable"])}
                self.call("create_transit_gateway_vpc_attachment", TransitGatewayId=gateway, VpcId=vpc, SubnetIds=sorted(zones.values()), Options=options)

    def set_transit_route(self):
        gateway, table = self.one(self.transits, "TransitGatewayId"), self.one(self.transit_tables, "TransitGatewayRouteTableId")
        attached = self.one(self.attachments, "TransitGatewayAttachmentId")
        match self.dice.randrange(5):
            case 0 if gateway and len(self.transit_tables) < 3:
                self.call("create_transit_gateway_route_table", TransitGatewayId=gateway)
            case 1 if table and attached:
                which = {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": attached}
                self.call(self.dice.choice(["associate_transit_gateway_route_table", "disassociate_transit_gateway_route_table"]), **which)
            case 2 if table and attached:
                which = {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": attached}
                what = self.dice.choice(["enable", "disable"])
                self.call(f"{what}_transit_gateway_route_table_propagation", **which)
            case 3 if table:
                self.call("delete_transit_gateway_route", TransitGatewayRouteTableId=table, DestinationCidrBlock=self.block())
            case _ if table:
                to = {"TransitGatewayAttachmentId": attached} if attached and self.dice.random() < 0.8 else {"Blackhole": True}
                self.call("create_transit_gateway_route", TransitGatewayRouteTableId=table, DestinationCidrBlock=self.block(), **to)

    def change_endpoint(self):
        endpoint, vpc = self.one(self.endpoints, "VpcEndpointId"), self.one(self.vpcs)
        if endpoint and self.dice.random() < 0.4:
            self.call("delete_vpc_endpoints", VpcEndpointIds=[endpoint])
        elif vpc and self.dice.random() < 0.5:
            tables = [one["RouteTableId"] for one in self.tables if one["VpcId"] == vpc]
            self.call("create_vpc_endpoint", VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=self.dice.sample(tables, 1))
        elif vpc:
            subnets = [one["SubnetId"] for one in self.subnets if one["VpcId"] == vpc]
            if subnets:
                which = {"VpcEndpointType": "Interface", "SubnetIds": self.dice.sample(subnets, 1), "PrivateDnsEnabled": False}
                self.call("create_vpc_endpoint", VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.sqs", **which)

    STEPS = {
        "make_vpc": 3, "make_subnet": 6, "drop_subnet": 1, "make_group": 3, "drop_group": 1, "add_rule": 8, "drop_rule": 3, "make_acl": 1,
        "drop_acl": 1, "set_entry": 5, "move_acl": 2, "make_table": 2, "drop_table": 1, "move_table": 3, "set_route": 8, "make_gateway": 3,
        "drop_gateway": 1, "change_only": 1, "make_interface": 8, "drop_interface": 2, "change_interface": 3, "plug": 8, "change_address": 6,
        "change_nat": 3, "change_peering": 4, "change_transit": 4, "set_transit_route": 4, "change_endpoint": 2,
    }

    def step(self):
        """One random step."""
        getattr(self, self.dice.choices(list(self.STEPS), self.STEPS.values())[0])()

    # What follows is the same each time.

    def rest(self):
        """Waits until nothing changes by itself any more and the networks have been told of everything; gives the live interfaces."""
        end = time.monotonic() + 60
        while any(self.between()):
            assert time.monotonic() < end, "something stays between two states"
            time.sleep(0.1)
        # What is written last comes last to the networks, too: a name, on which no packet depends. Where there is one it is a
        # group's, so that records are not read anew for it.
        mark, groups = f"n{time.monotonic_ns()}", self.groups
        named = groups[0]["GroupId"] if groups else self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.create_tags(Resources=[named], Tags=[{"Key": "Name", "Value": mark}])
        self.told(named, mark, end)
        if groups:
            self.ec2.delete_tags(Resources=[named], Tags=[{"Key": "Name"}])
            self.told(named, groups[0]["GroupName"], end)
        else:
            self.ec2.delete_internet_gateway(InternetGatewayId=named)
            self.told(named, None, end)
        live = [one for one, found in self.control("/topology")["interfaces"].items() if found["live"]]
        plugged = [one["NetworkInterfaceId"] for one in self.interfaces if one["NetworkInterfaceId"] in live]
        # Whoever plugs in waits until packets obey.
        if plugged:
            while not self.live(plugged[0]):
                assert time.monotonic() < end
        return live

    def told(self, named, name, end):
        """Waits until the networks know something by a name."""
        while self.control("/topology").get("labels", {}).get(named, {}).get("name") != name:
            assert time.monotonic() < end, "the networks are not told"
            time.sleep(0.02)

    def between(self):
        ec2 = self.ec2
        yield from (one["State"] in ("pending", "deleting") for one in ec2.describe_nat_gateways()["NatGateways"])
        yield from (one["State"] in ("pending", "modifying", "deleting") for one in ec2.describe_transit_gateways()["TransitGateways"])
        attached = ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
        yield from (one["State"] in ("pending", "modifying", "deleting", "initiating") for one in attached)
        yield from (one["State"] in ("pending", "deleting") for one in ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"])
        yield from (one["State"] in ("pending", "deleting", "Pending", "Deleting") for one in ec2.describe_vpc_endpoints()["VpcEndpoints"])

    def unmake(self):
        """Deletes everything that was made, whatever refuses at first because something hangs on it."""
        end = time.monotonic() + 90
        while True:
            self.look()
            for one in self.endpoints:
                self.call("delete_vpc_endpoints", VpcEndpointIds=[one["VpcEndpointId"]])
            for one in self.nats:
                self.call("delete_nat_gateway", NatGatewayId=one["NatGatewayId"])
            for one in self.attachments:
                self.call("delete_transit_gateway_vpc_attachment", TransitGatewayAttachmentId=one["TransitGatewayAttachmentId"])
            for one in self.transit_tables:
                self.call("delete_transit_gateway_route_table", TransitGatewayRouteTableId=one["TransitGatewayRouteTableId"])
            for one in self.transits:
                self.call("delete_transit_gateway", TransitGatewayId=one["TransitGatewayId"])
            for one in self.peerings:
                self.call("delete_vpc_peering_connection", VpcPeeringConnectionId=one["VpcPeeringConnectionId"])
            for one in self.addresses:
                if "AssociationId" in one:
                    self.call("disassociate_address", AssociationId=one["AssociationId"])
                self.call("release_address", AllocationId=one["AllocationId"])
            for one in self.interfaces:
                self.call("delete_network_interface", NetworkInterfaceId=one["NetworkInterfaceId"])
            for one in self.only:
                self.call("delete_egress_only_internet_gateway", EgressOnlyInternetGatewayId=one)
            for one in self.gateways:
                for attached in one["Attachments"]:
                    self.call("detach_internet_gateway", InternetGatewayId=one["InternetGatewayId"], VpcId=attached["VpcId"])
                self.call("delete_internet_gateway", InternetGatewayId=one["InternetGatewayId"])
            for one in self.subnets:
                self.call("delete_subnet", SubnetId=one["SubnetId"])
            for one in self.tables:
                if not any(found["Main"] for found in one["Associations"]):
                    self.call("delete_route_table", RouteTableId=one["RouteTableId"])
            for one in self.acls:
                if not one["IsDefault"]:
                    self.call("delete_network_acl", NetworkAclId=one["NetworkAclId"])
            for one in self.groups:
                for way in ("ingress", "egress"):
                    rules = one["IpPermissions" if way == "ingress" else "IpPermissionsEgress"]
                    if rules:
                        self.call(f"revoke_security_group_{way}", GroupId=one["GroupId"], IpPermissions=rules)
            for one in self.groups:
                if one["GroupName"] != "default":
                    self.call("delete_security_group", GroupId=one["GroupId"])
            for one in self.vpcs:
                self.call("delete_vpc", VpcId=one)
            self.look()
            if not (self.vpcs or self.addresses or self.transits or self.gateways):
                return
            assert time.monotonic() < end, "something cannot be deleted"
            time.sleep(0.2)


def killed(hand, dice, delay):
    """Kills the agent or the whole cloud in the middle of whatever it does, a moment from now."""
    cloud, whole = hand.cloud, dice.random() < 0.3
    front = cloud.process.pid

    def kill():
        time.sleep(delay)
        if whole:
            cloud.process.kill()
        else:
            kernel.kill_agent(front)

    thread = threading.Thread(target=kill)
    thread.start()
    hand.log.append(f"--- {'cloud' if whole else 'agent'} is killed after {delay * 1000:.0f} ms")
    hand.dying = whole
    try:
        hand.step()
    except (BotoCoreError, OSError) as error:
        hand.log.append(f"{type(error).__name__}")
        assert whole, error
    thread.join()
    hand.dying = False
    if whole:
        cloud.process.wait()
        cloud.start()
        hand.reach()


def packets(hand, cloud_id, live, dice):
    """A few connections between live interfaces: the kernel does what the model says."""
    place = lambda interface: f"yakumo-{cloud_id}-{interface}"  # noqa: E731
    topology = hand.control("/topology")
    managed = {one for endpoint in topology.get("endpoints", {}).values() for one in endpoint["interfaces"]}
    own = [one for one in live if one not in managed]
    wrong = []
    with kernel.Servers([place(one) for one in own], PORTS[0]):
        for _ in range(min(6, len(own) * 2)):
            source, target = dice.choice(own), dice.choice(own)
            if source == target:
                continue
            address = topology["interfaces"][target]["addresses"][0]
            to = dice.choice([address["private"], address.get("public") or address["private"]])
            told = hand.control("/trace", {"source": source, "destination": to, "protocol": "tcp", "port": PORTS[0]})
            # Addresses of VPCs may overlap: somebody else may be who answers, to the model as well, or would if it were plugged in.
            end = told["end"].get("interface") if isinstance(told["end"], dict) else None
            answered = told["answered"] and (end is None or end in own)
            passed = any(kernel.heard(place(source), to, PORTS[0], wait) for wait in ((2, 4, 8) if answered else (0.3,)))
            if passed != answered:
                wrong.append((source, to, passed, told))
    assert not wrong, json.dumps(wrong, indent=1)


def rebuilt(cloud, cloud_id):
    """The kernel's state as a host gets it on which nothing was before. The numbers that packets of subnets are marked with are kept."""
    notes = kernel.NOTES / cloud_id / "network.json"
    kept = json.loads(notes.read_text()) if notes.exists() else {"marks": {}}
    agent = kernel.agent_of(cloud.process.pid)
    cloud.kill()
    kernel.gone(agent)
    kernel.raze(cloud_id)
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text(json.dumps({"namespaces": {}, "wires": {}, "host": None, "marks": kept["marks"]}))
    # Somebody was at work, so its public addresses are not given to another cloud of this host meanwhile.
    notes.with_name("network.at-work").write_text(f"yakumo-{cloud_id}-edge\n")
    cloud.start()


def test_random_calls_and_kills_leave_the_kernel_as_the_api_says(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    cloud_id = cloud.command("status", json_output=True)["cloud"]
    for number in range(ROUNDS):
        dice = random.Random(SEED * 1_000_003 + number)
        hand = Hand(cloud, dice)
        try:
            one_round(hand, cloud, cloud_id, dice, last=number == ROUNDS - 1 or dice.random() < 0.2)
        except BaseException:
            print(f"YAKUMO_NETWORK_SEED={SEED}, round {number}:\n" + "\n".join(hand.log))
            raise


def one_round(hand, cloud, cloud_id, dice, last):
    kills = set(dice.sample(range(CALLS), 3))
    for call in range(CALLS):
        hand.look()
        if call in kills:
            killed(hand, dice, dice.random() * 0.08)
        else:
            hand.step()
    hand.look()
    live = hand.rest()
    changed = kernel.settled(cloud_id)
    packets(hand, cloud_id, live, dice)
    # What followed change by change is what the next start reads.
    followed = hand.control("/topology")
    rebuilt(cloud, cloud_id)
    hand.reach()
    assert hand.rest() == live
    assert hand.control("/topology") == followed
    fresh = kernel.settled(cloud_id)
    surplus, lacking = sorted(set(changed) - set(fresh)), sorted(set(fresh) - set(changed))
    assert not surplus and not lacking, f"too much: {json.dumps(surplus, indent=1)}\nlacking: {json.dumps(lacking, indent=1)}"
    if last:
        hand.unmake()
        end = time.monotonic() + 30
        while kernel.left(cloud_id):
            assert time.monotonic() < end, kernel.left(cloud_id)
            time.sleep(0.1)
