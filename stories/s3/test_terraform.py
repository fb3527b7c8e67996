"""Terraform's resources of S3 buckets beyond those of other files: what is set comes back as it was, and a second plan is empty.

Its lifecycle resource is not here: the provider looks for a minute whether the rules stay as they were set."""

from terraform import prepare, tell, terraform  # noqa: F401

PROJECT = """
variable "days" { default = 30 }

resource "aws_s3_bucket" "it" {
  bucket        = "%(name)s"
  force_destroy = true
  tags          = { team = "blue", "a b" = "c=d" }
}

resource "aws_s3_bucket_ownership_controls" "it" {
  bucket = aws_s3_bucket.it.id
  rule { object_ownership = "BucketOwnerPreferred" }
}

resource "aws_s3_bucket_public_access_block" "it" {
  bucket              = aws_s3_bucket.it.id
  block_public_acls   = false
  block_public_policy = false
  ignore_public_acls  = false
}

resource "aws_s3_bucket_acl" "it" {
  depends_on = [aws_s3_bucket_ownership_controls.it, aws_s3_bucket_public_access_block.it]
  bucket     = aws_s3_bucket.it.id
  acl        = "public-read"
}

resource "aws_s3_bucket_versioning" "it" {
  bucket = aws_s3_bucket.it.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "it" {
  bucket = aws_s3_bucket.it.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

resource "aws_s3_bucket_cors_configuration" "it" {
  bucket = aws_s3_bucket.it.id
  cors_rule {
    id              = "page"
    allowed_headers = ["*"]
    allowed_methods = ["PUT", "POST"]
    allowed_origins = ["https://example.com"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3000
  }
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["*"]
  }
}

resource "aws_s3_bucket_website_configuration" "it" {
  bucket = aws_s3_bucket.it.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
  routing_rule {
    condition { key_prefix_equals = "docs/" }
    redirect { replace_key_prefix_with = "documents/" }
  }
}

data "aws_iam_policy_document" "it" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.it.arn}/public/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
  statement {
    sid       = "NoOldSignatures"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.it.arn, "${aws_s3_bucket.it.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "s3:signatureversion"
      values   = ["AWS"]
    }
  }
}

resource "aws_s3_bucket_policy" "it" {
  depends_on = [aws_s3_bucket_public_access_block.it]
  bucket     = aws_s3_bucket.it.id
  policy     = data.aws_iam_policy_document.it.json
}

resource "aws_s3_object" "it" {
  depends_on    = [aws_s3_bucket_versioning.it, aws_s3_bucket_acl.it]
  bucket        = aws_s3_bucket.it.id
  key           = "public/ä b+c.txt"
  content       = "days: ${var.days}"
  content_type  = "text/plain; charset=utf-8"
  cache_control = "max-age=60"
  metadata      = { owner = "me" }
  storage_class = "STANDARD_IA"
}

resource "aws_s3_object_copy" "it" {
  bucket = aws_s3_bucket.it.id
  key    = "copy.txt"
  source = "${aws_s3_object.it.bucket}/public/ä b+c.txt"
}

data "aws_s3_object" "read" {
  bucket = aws_s3_object.it.bucket
  key    = aws_s3_object.it.key
}

output "body" { value = data.aws_s3_object.read.body }
output "endpoint" { value = aws_s3_bucket_website_configuration.it.website_endpoint }
"""


def test_buckets_with_all_their_settings(cloud, terraform, name):
    prepare(terraform, PROJECT % {"name": name})
    s3 = cloud.client("s3")
    for outputs, days in zip(tell(terraform, "days=60"), (30, 60)):
        assert outputs["endpoint"] == f"{name}.s3-website-us-east-1.amazonaws.com"
        assert s3.get_object(Bucket=name, Key="public/ä b+c.txt")["Body"].read() == f"days: {days}".encode()
        assert s3.head_object(Bucket=name, Key="copy.txt")["Metadata"] == {"owner": "me"}
