"""Flow logs in Terraform: applied, planned again with nothing to do, and gone."""

from terraform import prepare, tell, terraform  # noqa: F401

LOGS = """
resource "aws_vpc" "ours" {
  cidr_block = "10.40.0.0/16"
}

resource "aws_subnet" "ours" {
  vpc_id     = aws_vpc.ours.id
  cidr_block = "10.40.1.0/24"
}

resource "aws_s3_bucket" "logs" {
  bucket_prefix = "flow-logs-"
  force_destroy = true
}

resource "aws_flow_log" "vpc" {
  vpc_id               = aws_vpc.ours.id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = "${aws_s3_bucket.logs.arn}/vpc/"
  tags                 = { Name = "vpc" }
}

resource "aws_flow_log" "subnet" {
  subnet_id                = aws_subnet.ours.id
  traffic_type             = "REJECT"
  log_destination_type     = "s3"
  log_destination          = aws_s3_bucket.logs.arn
  log_format               = "$${interface-id} $${srcaddr} $${dstaddr} $${action}"
  max_aggregation_interval = 60

  destination_options {
    file_format                = "plain-text"
    hive_compatible_partitions = true
    per_hour_partition         = true
  }
}
"""


def test_flow_logs_of_a_vpc_and_a_subnet(cloud, terraform):  # noqa: F811
    prepare(terraform, LOGS)
    ec2 = cloud.client("ec2")
    told = tell(terraform)
    next(told)
    logs = ec2.describe_flow_logs()["FlowLogs"]
    assert {log["TrafficType"]: log["MaxAggregationInterval"] for log in logs} == {"ALL": 600, "REJECT": 60}
    assert next(told, None) is None
    assert ec2.describe_flow_logs()["FlowLogs"] == []
