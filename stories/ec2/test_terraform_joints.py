"""What joins networks, in Terraform: interfaces, Elastic IPs, a NAT gateway, and a peering connection of two accounts.
Applied, planned again with nothing to do, and gone."""

from terraform import prepare, provider, tell, terraform  # noqa: F401

NETWORK = """
resource "aws_vpc" "ours" {
  cidr_block           = "10.30.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "ours" {
  vpc_id = aws_vpc.ours.id
}

resource "aws_subnet" "public" {
  vpc_id     = aws_vpc.ours.id
  cidr_block = "10.30.0.0/24"
}

resource "aws_subnet" "private" {
  vpc_id     = aws_vpc.ours.id
  cidr_block = "10.30.1.0/24"
}

resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.ours.id
}

resource "aws_network_interface" "web" {
  subnet_id       = aws_subnet.public.id
  description     = "first"
  private_ips     = ["10.30.0.10", "10.30.0.11"]
  security_groups = [aws_security_group.web.id]
  tags            = { Name = "web" }
}

resource "aws_network_interface" "plain" {
  subnet_id         = aws_subnet.private.id
  source_dest_check = false
}

resource "aws_eip" "web" {
  domain = "vpc"
  tags   = { Name = "web" }
}

resource "aws_eip_association" "web" {
  allocation_id        = aws_eip.web.id
  network_interface_id = aws_network_interface.web.id
  private_ip_address   = "10.30.0.11"
  depends_on           = [aws_internet_gateway.ours]
}

resource "aws_eip" "first" {
  domain                    = "vpc"
  network_interface         = aws_network_interface.web.id
  associate_with_private_ip = "10.30.0.10"
  depends_on                = [aws_internet_gateway.ours]
}

resource "aws_eip" "out" {
  domain = "vpc"
}

resource "aws_nat_gateway" "out" {
  allocation_id = aws_eip.out.id
  subnet_id     = aws_subnet.public.id
  tags          = { Name = "out" }
  depends_on    = [aws_internet_gateway.ours]
}

resource "aws_nat_gateway" "inside" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.private.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.ours.id
  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.out.id
  }
  route {
    cidr_block           = "192.168.0.0/16"
    network_interface_id = aws_network_interface.plain.id
  }
}

resource "aws_vpc" "theirs" {
  provider   = aws.theirs
  cidr_block = "10.31.0.0/16"
}

data "aws_caller_identity" "theirs" {
  provider = aws.theirs
}

resource "aws_vpc_peering_connection" "both" {
  vpc_id        = aws_vpc.ours.id
  peer_vpc_id   = aws_vpc.theirs.id
  peer_owner_id = data.aws_caller_identity.theirs.account_id
  peer_region   = "eu-west-1"
  tags          = { Side = "requester" }
}

resource "aws_vpc_peering_connection_accepter" "both" {
  provider                  = aws.theirs
  vpc_peering_connection_id = aws_vpc_peering_connection.both.id
  auto_accept               = true
  tags                      = { Side = "accepter" }
}

resource "aws_route" "to_theirs" {
  route_table_id            = aws_vpc.ours.main_route_table_id
  destination_cidr_block    = "10.31.0.0/16"
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.both.id
}

resource "aws_route" "to_ours" {
  provider                  = aws.theirs
  route_table_id            = aws_vpc.theirs.main_route_table_id
  destination_cidr_block    = "10.30.0.0/16"
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.both.id
}

output "interface" { value = aws_network_interface.web.id }
output "address" { value = aws_eip.web.public_ip }
output "nat" { value = aws_nat_gateway.out.public_ip }
output "peering" { value = aws_vpc_peering_connection_accepter.both.accept_status }
"""


def test_networks_are_joined(cloud, terraform):  # noqa: F811
    theirs = provider(cloud, alias="theirs", key="222222222222").replace('"us-east-1"', '"eu-west-1"')
    prepare(terraform, NETWORK, theirs)
    ec2 = cloud.client("ec2")
    told = tell(terraform)
    out = next(told)
    [web] = ec2.describe_network_interfaces(NetworkInterfaceIds=[out["interface"]])["NetworkInterfaces"]
    public = {a["PrivateIpAddress"]: a["Association"]["PublicIp"] for a in web["PrivateIpAddresses"]}
    assert web["Description"] == "first" and public["10.30.0.11"] == out["address"]
    assert out["peering"] == "active" and out["nat"] != out["address"]
    assert next(told, None) is None
    assert ec2.describe_addresses()["Addresses"] == [] and ec2.describe_network_interfaces()["NetworkInterfaces"] == []
