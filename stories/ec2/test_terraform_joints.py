"""What joins networks, in Terraform: interfaces, Elastic IPs, a NAT gateway, VPC endpoints, and a peering connection of two
accounts. Applied, planned again with nothing to do, and gone."""

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

resource "aws_vpc_peering_connection_options" "ours" {
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.both.id
  requester { allow_remote_vpc_dns_resolution = true }
}

resource "aws_vpc_peering_connection_options" "theirs" {
  provider                  = aws.theirs
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.both.id
  accepter { allow_remote_vpc_dns_resolution = true }
}

resource "aws_vpc" "near" { cidr_block = "10.32.0.0/16" }

resource "aws_vpc_peering_connection" "near" {
  vpc_id      = aws_vpc.ours.id
  peer_vpc_id = aws_vpc.near.id
  auto_accept = true
  requester { allow_remote_vpc_dns_resolution = true }
  accepter { allow_remote_vpc_dns_resolution = true }
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


ENDPOINTS = """
data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_prefix_list" "s3" {
  name = data.aws_vpc_endpoint_service.s3.service_name
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.web.id
  prefix_list_id    = data.aws_prefix_list.s3.id
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id       = aws_vpc.ours.id
  service_name = data.aws_vpc_endpoint_service.s3.service_name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:Get*", Resource = "*" }]
  })
  tags = { Name = "s3" }
}

resource "aws_vpc_endpoint_route_table_association" "s3" {
  route_table_id  = aws_route_table.private.id
  vpc_endpoint_id = aws_vpc_endpoint.s3.id
}

resource "aws_vpc_endpoint" "sqs" {
  vpc_id              = aws_vpc.ours.id
  service_name        = "com.amazonaws.us-east-1.sqs"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [aws_subnet.private.id]
  security_group_ids  = [aws_security_group.web.id]
  private_dns_enabled = true
}

output "cidr" { value = aws_vpc_endpoint.s3.cidr_blocks[0] }
output "list" { value = aws_vpc_endpoint.s3.prefix_list_id }
output "name" { value = aws_vpc_endpoint.sqs.dns_entry[0].dns_name }
"""


def test_networks_are_joined(cloud, terraform):  # noqa: F811
    theirs = provider(cloud, alias="theirs", key="222222222222").replace('"us-east-1"', '"eu-west-1"')
    prepare(terraform, NETWORK, ENDPOINTS, theirs)
    ec2 = cloud.client("ec2")
    told = tell(terraform)
    out = next(told)
    [web] = ec2.describe_network_interfaces(NetworkInterfaceIds=[out["interface"]])["NetworkInterfaces"]
    public = {a["PrivateIpAddress"]: a["Association"]["PublicIp"] for a in web["PrivateIpAddresses"]}
    assert web["Description"] == "first" and public["10.30.0.11"] == out["address"]
    assert out["peering"] == "active" and out["nat"] != out["address"]
    listed = ec2.describe_prefix_lists(PrefixListIds=[out["list"]])["PrefixLists"][0]
    assert listed["Cidrs"] == [out["cidr"]] and out["name"].endswith(".sqs.us-east-1.vpce.amazonaws.com")
    assert len(ec2.describe_vpc_endpoints()["VpcEndpoints"]) == 2
    assert next(told, None) is None
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert ec2.describe_addresses()["Addresses"] == [] and ec2.describe_network_interfaces()["NetworkInterfaces"] == []
