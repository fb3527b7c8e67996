"""The boot-camp exercise in Terraform: a VPC with two subnets and a web server in each, reached by its public address. Applied, planned
again with nothing to do, and gone."""

import os
import shutil
import time
import urllib.request

import pytest

from terraform import prepare, tell, terraform  # noqa: F401

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)

CAMP = """
variable "text" { default = "hello" }
variable "type" { default = "t3.micro" }

data "aws_availability_zones" "all" { state = "available" }
data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-*"]
  }
  filter {
    name   = "architecture"
    values = [data.aws_ec2_instance_type.small.supported_architectures[0]]
  }
}
data "aws_ec2_instance_type" "small" { instance_type = var.type }
data "aws_ec2_instance_type_offerings" "small" {
  location_type = "availability-zone"
  filter {
    name   = "instance-type"
    values = [var.type]
  }
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "main" { vpc_id = aws_vpc.main.id }

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone       = sort(data.aws_ec2_instance_type_offerings.small.locations)[count.index]
  map_public_ip_on_launch = true
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "web" {
  count                  = 2
  ami                    = data.aws_ami.linux.id
  instance_type          = var.type
  subnet_id              = aws_subnet.public[count.index].id
  vpc_security_group_ids = [aws_security_group.web.id]
  user_data              = <<-END
    #!/bin/sh
    mkdir -p /srv/www
    echo "${var.text} from ${count.index}" >/srv/www/index.html
    cd /srv/www && python3 -m http.server 80 >/dev/null 2>&1 &
  END
  credit_specification { cpu_credits = "unlimited" }
  metadata_options { http_tokens = "required" }
  maintenance_options { auto_recovery = "default" }
  capacity_reservation_specification { capacity_reservation_preference = "none" }
  tags = { Name = "web-${count.index}" }
}

output "addresses" { value = aws_instance.web[*].public_ip }
output "memory" { value = data.aws_ec2_instance_type.small.memory_size }
"""


def page(address):
    end = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(f"http://{address}/", timeout=3).read().decode().strip()
        except OSError:
            assert time.monotonic() < end, address
            time.sleep(0.1)


def test_the_first_exercise_applies_and_ends(cloud, terraform):  # noqa: F811
    prepare(terraform, CAMP)
    told = tell(terraform)
    outputs = next(told)
    assert [page(address) for address in outputs["addresses"]] == ["hello from 0", "hello from 1"]
    assert outputs["memory"] == 1024
    assert not list(told)
    ec2 = cloud.client("ec2")
    found = ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": ["Name"]}])["Reservations"]
    assert {one["State"]["Name"] for each in found for one in each["Instances"]} == {"terminated"}
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


TEMPLATE = """
variable "type" { default = "t3.micro" }
resource "aws_launch_template" "web" {
  name                   = "web"
  instance_type          = var.type
  update_default_version = true
  user_data              = base64encode("#!/bin/sh\\n")
  ebs_optimized          = true
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }
  monitoring { enabled = false }
  network_interfaces {
    associate_public_ip_address = true
    device_index                = 0
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "web" }
  }
  tags = { team = "a" }
}
output "versions" { value = [aws_launch_template.web.default_version, aws_launch_template.web.latest_version] }
"""


def test_a_launch_template_comes_changes_and_goes(cloud, terraform):  # noqa: F811
    prepare(terraform, TEMPLATE)
    assert [told["versions"] for told in tell(terraform, "type=t3.small")] == [[1, 1], [2, 2]]
    assert not cloud.client("ec2").describe_launch_templates()["LaunchTemplates"]
