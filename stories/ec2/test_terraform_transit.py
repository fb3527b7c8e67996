"""Transit gateways in Terraform: one with its default table, one without, and everything that stands between. Applied, planned
again with nothing to do, and gone."""

from terraform import prepare, tell, terraform  # noqa: F401

NETWORK = """
resource "aws_vpc" "spoke" {
  count      = 2
  cidr_block = "10.4${count.index}.0.0/16"
}

resource "aws_subnet" "spoke" {
  count             = 2
  vpc_id            = aws_vpc.spoke[count.index].id
  cidr_block        = "10.4${count.index}.0.0/24"
  availability_zone = "us-east-1a"
}

resource "aws_ec2_transit_gateway" "hub" {
  description = "hub"
  tags        = { Name = "hub" }
}

resource "aws_ec2_transit_gateway_vpc_attachment" "spoke" {
  count              = 2
  transit_gateway_id = aws_ec2_transit_gateway.hub.id
  vpc_id             = aws_vpc.spoke[count.index].id
  subnet_ids         = [aws_subnet.spoke[count.index].id]
  tags               = { Name = "spoke-${count.index}" }
}

resource "aws_route" "spoke" {
  count                  = 2
  route_table_id         = aws_vpc.spoke[count.index].main_route_table_id
  destination_cidr_block = "10.0.0.0/8"
  transit_gateway_id     = aws_ec2_transit_gateway_vpc_attachment.spoke[count.index].transit_gateway_id
}

resource "aws_ec2_transit_gateway" "strict" {
  amazon_side_asn                 = 64600
  default_route_table_association = "disable"
  default_route_table_propagation = "disable"
}

resource "aws_ec2_transit_gateway_vpc_attachment" "strict" {
  count                                           = 2
  transit_gateway_id                              = aws_ec2_transit_gateway.strict.id
  vpc_id                                          = aws_vpc.spoke[count.index].id
  subnet_ids                                      = [aws_subnet.spoke[count.index].id]
  appliance_mode_support                          = "enable"
  transit_gateway_default_route_table_association = false
  transit_gateway_default_route_table_propagation = false
}

resource "aws_ec2_transit_gateway_route_table" "own" {
  transit_gateway_id = aws_ec2_transit_gateway.strict.id
  tags               = { Name = "own" }
}

resource "aws_ec2_transit_gateway_route_table_association" "own" {
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.strict[0].id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.own.id
}

resource "aws_ec2_transit_gateway_route_table_propagation" "own" {
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.strict[1].id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.own.id
}

resource "aws_ec2_transit_gateway_route" "to" {
  destination_cidr_block         = "10.50.0.0/16"
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.strict[1].id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.own.id
}

resource "aws_ec2_transit_gateway_route" "nowhere" {
  destination_cidr_block         = "10.51.0.0/16"
  blackhole                      = true
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.own.id
}

data "aws_ec2_transit_gateway" "hub" {
  filter {
    name   = "tag:Name"
    values = ["hub"]
  }
  depends_on = [aws_ec2_transit_gateway.hub]
}

output "hub" { value = data.aws_ec2_transit_gateway.hub.id }
output "table" { value = aws_ec2_transit_gateway_route_table.own.id }
"""


def test_transit_gateways(cloud, terraform):  # noqa: F811
    prepare(terraform, NETWORK)
    ec2 = cloud.client("ec2")
    told = tell(terraform)
    out = next(told)
    filters = [{"Name": "type", "Values": ["static", "propagated"]}]
    found = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=out["table"], Filters=filters)["Routes"]
    assert [(route["DestinationCidrBlock"], route["Type"], route["State"]) for route in found] == [
        ("10.41.0.0/16", "propagated", "active"), ("10.50.0.0/16", "static", "active"), ("10.51.0.0/16", "static", "blackhole"),
    ]
    assert ec2.describe_transit_gateways(TransitGatewayIds=[out["hub"]])["TransitGateways"][0]["Description"] == "hub"
    assert next(told, None) is None
    assert {gateway["State"] for gateway in ec2.describe_transit_gateways()["TransitGateways"]} == {"deleted"}
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
