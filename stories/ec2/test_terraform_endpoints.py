"""VPC endpoints in Terraform, gateway and interface: applied, planned again with nothing to do, changed, and gone."""

from terraform import prepare, provider, tell, terraform  # noqa: F401

NETWORK = """
data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_prefix_list" "s3" {
  name = data.aws_vpc_endpoint_service.s3.service_name
}

resource "aws_vpc" "ours" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.ours.id
  cidr_block        = "10.40.${count.index}.0/24"
  availability_zone = "us-east-1${count.index == 0 ? "a" : "b"}"
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.ours.id
}

resource "aws_security_group" "endpoints" {
  name   = "endpoints"
  vpc_id = aws_vpc.ours.id
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.endpoints.id
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
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
}

output "cidr" { value = aws_vpc_endpoint.s3.cidr_blocks[0] }
output "list" { value = aws_vpc_endpoint.s3.prefix_list_id }
output "name" { value = aws_vpc_endpoint.sqs.dns_entry[0].dns_name }
"""


def test_endpoints_are_made_and_gone(cloud, terraform):  # noqa: F811
    prepare(terraform, NETWORK)
    ec2 = cloud.client("ec2")
    told = tell(terraform)
    out = next(told)
    listed = ec2.describe_prefix_lists(PrefixListIds=[out["list"]])["PrefixLists"][0]
    assert listed["Cidrs"] == [out["cidr"]] and out["name"].endswith(".sqs.us-east-1.vpce.amazonaws.com")
    assert len(ec2.describe_vpc_endpoints()["VpcEndpoints"]) == 2
    assert next(told, None) is None
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
