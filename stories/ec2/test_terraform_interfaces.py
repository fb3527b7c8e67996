"""Several interfaces of an instance in Terraform: at its launch and attached later. Applied, planned again with nothing to do, and gone."""

from instances import instance, runs
from terraform import prepare, tell, terraform  # noqa: F401

pytestmark = runs

NETWORK = """
data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-*"]
  }
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}
resource "aws_vpc" "main" { cidr_block = "10.0.0.0/16" }
resource "aws_subnet" "main" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = "us-east-1a"
}
"""

INTERFACES = """
variable "index" { default = 1 }

resource "aws_network_interface" "all" {
  count     = 3
  subnet_id = aws_subnet.main[count.index % 2].id
  tags      = { Name = "interface-${count.index}" }
}
resource "aws_instance" "two" {
  ami           = data.aws_ami.linux.id
  instance_type = "t3.small"
  network_interface {
    device_index         = 0
    network_interface_id = aws_network_interface.all[0].id
  }
  network_interface {
    device_index         = 1
    network_interface_id = aws_network_interface.all[1].id
  }
}
resource "aws_instance" "one" {
  ami           = data.aws_ami.linux.id
  instance_type = "t3.small"
  subnet_id     = aws_subnet.main[0].id
}
resource "aws_network_interface_attachment" "more" {
  instance_id          = aws_instance.one.id
  network_interface_id = aws_network_interface.all[2].id
  device_index         = var.index
}
output "ids" { value = [aws_instance.two.id, aws_instance.one.id] }
output "interfaces" { value = aws_network_interface.all[*].id }
output "status" { value = aws_network_interface_attachment.more.status }
"""


def test_interfaces_are_attached_moved_and_gone(cloud, terraform):  # noqa: F811
    prepare(terraform, NETWORK, INTERFACES)
    ec2 = cloud.client("ec2")
    indexes = lambda id: {  # noqa: E731
        one["NetworkInterfaceId"]: one["Attachment"]["DeviceIndex"] for one in instance(ec2, id)["NetworkInterfaces"]
    }
    for index, told in enumerate(tell(terraform, "index=2"), 1):
        two, one = told["ids"]
        first, second, third = told["interfaces"]
        assert indexes(two) == {first: 0, second: 1}
        assert indexes(one)[third] == index and len(indexes(one)) == 2 and told["status"] == "attached"
    assert not ec2.describe_network_interfaces()["NetworkInterfaces"]
