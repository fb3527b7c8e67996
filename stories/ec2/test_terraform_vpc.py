"""The network of a first exercise in Terraform: applied, planned again with nothing to do, and gone."""

import pytest

from terraform import prepare, tell, terraform  # noqa: F401

NETWORK = """
data "aws_region" "here" {}
data "aws_availability_zones" "all" { state = "available" }
data "aws_vpc" "default" { default = true }
data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_vpc" "main" {
  cidr_block                       = "10.20.0.0/16"
  enable_dns_hostnames             = true
  assign_generated_ipv6_cidr_block = true
  tags                             = { Name = "main" }
}

resource "aws_subnet" "part" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  ipv6_cidr_block         = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.all.names[count.index]
  map_public_ip_on_launch = count.index == 0
  tags                    = { Name = "part-${count.index}" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "main" }
}

resource "aws_egress_only_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
  tags = { Name = "public" }
}

resource "aws_route_table" "apart" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "ipv6" {
  route_table_id              = aws_route_table.apart.id
  destination_ipv6_cidr_block = "::/0"
  egress_only_gateway_id      = aws_egress_only_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.part[0].id
  route_table_id = aws_route_table.public.id
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id
  tags                   = { Name = "private" }
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = -1
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
  lifecycle { ignore_changes = [subnet_ids] }
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_network_acl" "part" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.part[1].id]
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 80
    to_port    = 80
    cidr_block = "10.20.0.0/16"
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 1024
    to_port    = 65535
    cidr_block = "10.20.0.0/16"
  }
}

resource "aws_security_group" "inline" {
  name        = "inline"
  description = "rules inside"
  vpc_id      = aws_vpc.main.id
  ingress {
    description = "web"
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    self      = true
  }
  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_security_group" "apart" {
  name_prefix = "apart-"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id            = aws_security_group.apart.id
  referenced_security_group_id = aws_security_group.inline.id
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
  tags                         = { Name = "web" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.apart.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name         = "example.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr        = "192.0.2.0/24"
    description = "one"
  }
}

output "vpc" { value = aws_vpc.main.id }
output "zones" { value = data.aws_availability_zones.all.names }
output "region" { value = data.aws_region.here.name }
output "defaults" { value = length(data.aws_subnets.default.ids) }
output "group" { value = aws_security_group.inline.id }
"""


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


def test_a_network_comes_and_goes(terraform, ec2):  # noqa: F811
    prepare(terraform, NETWORK)
    for outputs in tell(terraform):
        assert outputs["region"] == "us-east-1" and outputs["defaults"] == 3
        assert outputs["zones"] == ["us-east-1a", "us-east-1b", "us-east-1c"]
        [group] = ec2.describe_security_groups(GroupIds=[outputs["group"]])["SecurityGroups"]
        assert sorted(p.get("FromPort", -1) for p in group["IpPermissions"]) == [-1, 80]
        [vpc] = ec2.describe_vpcs(VpcIds=[outputs["vpc"]])["Vpcs"]
        assert vpc["Ipv6CidrBlockAssociationSet"] and {"Key": "Name", "Value": "main"} in vpc["Tags"]
    assert [v["IsDefault"] for v in ec2.describe_vpcs()["Vpcs"]] == [True], "destroy left a VPC behind"
