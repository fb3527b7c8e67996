"""What is not there says so: 501 NotImplemented, naming service and operation, in each protocol's own form."""

import pytest
from botocore.exceptions import ClientError

from signed import Signed

# service, operation, call: one or more services of every protocol.
CALLS = [
    ("ec2", "DescribeSpotPriceHistory", lambda c: c.describe_spot_price_history()),
    ("ec2", "RequestSpotInstances", lambda c: c.request_spot_instances(InstanceCount=1)),
    ("s3", "GetObjectTorrent", lambda c: c.get_object_torrent(Bucket="some-bucket", Key="a/b c")),
    ("s3", "GetBucketMetadataConfiguration", lambda c: c.get_bucket_metadata_configuration(Bucket="some-bucket")),
    ("lambda", "ListFunctions", lambda c: c.list_functions()),
    ("lambda", "GetFunction", lambda c: c.get_function(FunctionName="f")),
    ("dynamodb", "ListTables", lambda c: c.list_tables()),
    ("dynamodb", "PutItem", lambda c: c.put_item(TableName="t12", Item={"a": {"S": "b"}})),
    ("cloudwatch", "ListMetrics", lambda c: c.list_metrics()),
    ("cloudwatch", "PutMetricData", lambda c: c.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])),
    ("sns", "ListTopics", lambda c: c.list_topics()),
    ("kms", "ListKeys", lambda c: c.list_keys()),
    ("logs", "DescribeLogGroups", lambda c: c.describe_log_groups()),
    ("cloudformation", "ListStacks", lambda c: c.list_stacks()),
    ("route53", "ListHostedZones", lambda c: c.list_hosted_zones()),
    ("apigateway", "GetRestApis", lambda c: c.get_rest_apis()),
    ("apigatewayv2", "GetApis", lambda c: c.get_apis()),
    ("elb", "DescribeLoadBalancers", lambda c: c.describe_load_balancers()),
    ("elbv2", "DescribeLoadBalancers", lambda c: c.describe_load_balancers()),
    ("rds", "DescribeDBInstances", lambda c: c.describe_db_instances()),
    ("ecs", "ListClusters", lambda c: c.list_clusters()),
    ("eks", "ListClusters", lambda c: c.list_clusters()),
    ("stepfunctions", "ListStateMachines", lambda c: c.list_state_machines()),
    ("secretsmanager", "ListSecrets", lambda c: c.list_secrets()),
    ("ssm", "DescribeParameters", lambda c: c.describe_parameters()),
    ("events", "ListRules", lambda c: c.list_rules()),
    ("kinesis", "ListStreams", lambda c: c.list_streams()),
    ("cloudtrail", "ListTrails", lambda c: c.list_trails()),
    ("organizations", "ListAccountsWithInvalidEffectivePolicy", lambda c: c.list_accounts_with_invalid_effective_policy(PolicyType="TAG_POLICY")),
    ("iam", "ListOrganizationsFeatures", lambda c: c.list_organizations_features()),
    ("iam", "GenerateOrganizationsAccessReport", lambda c: c.generate_organizations_access_report(EntityPath="o-a1b2c3d4e5/r-a1b2")),
]


@pytest.mark.parametrize("service, operation, call", CALLS, ids=[f"{s}-{o}" for s, o, _ in CALLS])
def test_boto3_shows_not_implemented(cloud, service, operation, call):
    with pytest.raises(ClientError) as caught:
        call(cloud.client(service))
    answer = caught.value.response
    assert answer["Error"]["Code"] == "NotImplemented", answer
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501, answer
    assert operation in answer["Error"]["Message"], answer
    assert service.rstrip("v2") in answer["Error"]["Message"].lower() or service in answer["Error"]["Message"], answer
    assert answer["ResponseMetadata"].get("RequestId"), answer


def test_identity_comes_first(cloud):
    """501 is for people who may ask: an unknown key learns nothing about what is implemented."""
    with pytest.raises(ClientError) as caught:
        cloud.client("dynamodb", key="AKIAIOSFODNN7EXAMPLE").list_tables()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    with pytest.raises(ClientError) as caught:
        cloud.client("ec2", secret="wrong").describe_instances()
    assert caught.value.response["Error"]["Code"] in ("AuthFailure", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "headers, body, status, code",
    [
        ({"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.Fly"}, "{}", 400, "UnknownOperationException"),
        (
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.Fly"},
            "{}",
            400,
            "UnknownOperationException",
        ),
    ],
)
def test_unknown_targets(cloud, headers, body, status, code):
    service = "dynamodb" if "Dynamo" in headers["X-Amz-Target"] else "sqs"
    answer = Signed(cloud, service=service, headers=headers, body=body).sign().send()
    assert (answer.status, answer.code) == (status, code), answer


@pytest.mark.parametrize("service, version", [("iam", "2010-05-08"), ("sts", "2011-06-15"), ("sns", "2010-03-31")])
def test_unknown_actions_of_query_services(cloud, service, version):
    answer = Signed.form(cloud, "Fly", {}, service=service, version=version).sign().send()
    assert (answer.status, answer.code) == (400, "InvalidAction"), answer
    assert answer.text.startswith("Could not find operation Fly for version "), answer


def test_an_unknown_service(cloud):
    answer = Signed(cloud, service="teleport", headers={"X-Amz-Target": "Teleport.Go"}, body="{}").sign().send()
    assert 400 <= answer.status <= 501, answer
    assert answer.headers.get("x-amzn-requestid"), answer
