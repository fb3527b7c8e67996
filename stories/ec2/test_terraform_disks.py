"""A server with a key and a disk in Terraform, and an image of it: applied, planned again with nothing to do, logged into, changed, gone."""

import os
import shutil
import subprocess
import time

import pytest

from instances import runs
from terraform import prepare, tell, terraform  # noqa: F401

pytestmark = runs

SERVER = """
variable "size" { default = 1 }
variable "public_key" {}

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-2023*"]
  }
}
data "aws_vpc" "default" { default = true }

resource "aws_key_pair" "people" {
  key_name   = "people"
  public_key = var.public_key
  tags       = { Name = "server" }
}
data "aws_key_pair" "people" {
  key_name           = aws_key_pair.people.key_name
  include_public_key = true
}

resource "aws_security_group" "ssh" {
  vpc_id = data.aws_vpc.default.id
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "server" {
  ami                    = data.aws_ami.linux.id
  instance_type          = "t3.micro"
  key_name               = aws_key_pair.people.key_name
  vpc_security_group_ids = [aws_security_group.ssh.id]
  root_block_device {
    volume_size = 9
    volume_type = "gp3"
    tags        = { Name = "root" }
  }
  tags = { Name = "server" }
}
resource "aws_ebs_volume" "data" {
  availability_zone = aws_instance.server.availability_zone
  size              = var.size
  type              = "gp3"
  tags              = { Name = "data" }
}
resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.server.id
}
resource "aws_ami_from_instance" "golden" {
  name                    = "golden"
  source_instance_id      = aws_instance.server.id
  snapshot_without_reboot = true
  depends_on              = [aws_volume_attachment.data]
  tags                    = { Name = "golden" }
}

output "address" { value = aws_instance.server.public_ip }
output "fingerprint" { value = aws_key_pair.people.fingerprint }
output "found" { value = trimspace(data.aws_key_pair.people.public_key) }
output "image" { value = aws_ami_from_instance.golden.id }
"""


def ssh(address, identity, command):
    flags = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=3"]
    return subprocess.run(
        ["ssh", "-i", identity, *flags, f"ec2-user@{address}", command], capture_output=True, text=True, timeout=60
    )


def test_a_server_with_a_key_and_a_disk_plans_nothing_twice(cloud, terraform, tmp_path):  # noqa: F811
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    for name in ("mine", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(tmp_path / name)], check=True)
    public = (tmp_path / "mine.pub").read_text().strip()
    terraform.environ["TF_VAR_public_key"] = public
    prepare(terraform, SERVER)
    told = tell(terraform, "size=2")
    first = next(told)
    assert first["found"].split()[:2] == public.split()[:2] and first["fingerprint"]
    ec2 = cloud.client("ec2")
    image = ec2.describe_images(ImageIds=[first["image"]])["Images"][0]
    assert {one["DeviceName"]: one["Ebs"]["VolumeSize"] for one in image["BlockDeviceMappings"]} == {"/dev/xvda": 9, "/dev/sdf": 1}
    if shutil.which("dropbear") or os.path.exists("/usr/sbin/sshd"):
        end = time.monotonic() + 120
        while (done := ssh(first["address"], tmp_path / "mine", "sudo -n touch /mnt/sdf/file && id -un")).returncode:
            assert time.monotonic() < end, done
            time.sleep(0.2)
        assert done.stdout == "ec2-user\n"
        assert "Permission denied" in ssh(first["address"], tmp_path / "other", "true").stderr
    volume = lambda: ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": ["data"]}])["Volumes"][0]  # noqa: E731
    assert volume()["Size"] == 1
    # It grows in its place, and the machine is the same.
    second = next(told)
    assert volume()["Size"] == 2 and second["address"] == first["address"]
    assert not list(told)
    assert not ec2.describe_key_pairs()["KeyPairs"] and not ec2.describe_volumes()["Volumes"]
    assert not ec2.describe_images(Owners=["self"])["Images"] and not ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
