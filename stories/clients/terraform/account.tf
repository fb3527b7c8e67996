# What belongs to the account, what people hold, and who signs in from outside.
variable "stage" { default = "dev" }

resource "aws_iam_account_alias" "here" {
  account_alias = "tf-${var.stage}"
}

resource "aws_iam_account_password_policy" "here" {
  minimum_password_length        = var.stage == "dev" ? 10 : 14
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = var.stage != "dev"
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
}

resource "aws_iam_security_token_service_preferences" "here" {
  global_endpoint_token_version = var.stage == "dev" ? "v1Token" : "v2Token"
}

resource "aws_iam_user" "person" {
  name          = "tf-person"
  force_destroy = true
}

resource "aws_iam_user_login_profile" "person" {
  user                    = aws_iam_user.person.name
  password_length         = 20
  password_reset_required = true
}

resource "aws_iam_virtual_mfa_device" "person" {
  virtual_mfa_device_name = "tf-person"
  path                    = "/tf/"
  tags                    = { stage = var.stage }
}

resource "aws_iam_user_ssh_key" "person" {
  username   = aws_iam_user.person.name
  encoding   = "SSH"
  public_key = trimspace(file("${path.module}/key.pub"))
  status     = var.stage == "dev" ? "Active" : "Inactive"
}

resource "aws_iam_service_specific_credential" "person" {
  service_name = "codecommit.amazonaws.com"
  user_name    = aws_iam_user.person.name
  status       = var.stage == "dev" ? "Active" : "Inactive"
}

resource "aws_iam_signing_certificate" "person" {
  user_name        = aws_iam_user.person.name
  certificate_body = file("${path.module}/certificate.pem")
}

resource "aws_iam_server_certificate" "site" {
  name             = "tf-site"
  path             = "/cloudfront/tf/"
  certificate_body = file("${path.module}/certificate.pem")
  private_key      = file("${path.module}/key.pem")
  tags             = { stage = var.stage }
}

resource "aws_iam_saml_provider" "staff" {
  name                   = "tf-staff"
  saml_metadata_document = file("${path.module}/metadata.xml")
  tags                   = { stage = var.stage }
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://token.ci.example"
  client_id_list  = var.stage == "dev" ? ["sts.amazonaws.com"] : ["sts.amazonaws.com", "other"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
  tags            = { stage = var.stage }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "tf"
  description      = "scales in ${var.stage}"
}

resource "aws_iam_user_policy" "person" {
  user   = aws_iam_user.person.name
  name   = "own"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:*", Resource = "arn:aws:sqs:*:*:${var.stage}-*" }]
  })
}

data "aws_iam_account_alias" "here" { depends_on = [aws_iam_account_alias.here] }
data "aws_iam_openid_connect_provider" "ci" { url = "https://${aws_iam_openid_connect_provider.ci.url}" }
data "aws_iam_saml_provider" "staff" { arn = aws_iam_saml_provider.staff.arn }
data "aws_iam_server_certificate" "site" {
  name = aws_iam_server_certificate.site.name
}
data "aws_iam_user_ssh_key" "person" {
  username          = aws_iam_user.person.name
  encoding          = "SSH"
  ssh_public_key_id = aws_iam_user_ssh_key.person.ssh_public_key_id
}
data "aws_iam_principal_policy_simulation" "person" {
  policy_source_arn = aws_iam_user.person.arn
  action_names      = ["sqs:SendMessage", "sqs:DeleteQueue"]
  resource_arns     = ["arn:aws:sqs:us-east-1:000000000000:dev-jobs"]
  depends_on        = [aws_iam_user_policy.person]
}

output "alias" { value = data.aws_iam_account_alias.here.account_alias }
output "clients" { value = length(data.aws_iam_openid_connect_provider.ci.client_id_list) }
output "valid_until" { value = data.aws_iam_saml_provider.staff.valid_until }
output "certificate" { value = data.aws_iam_server_certificate.site.arn }
output "ssh_status" { value = data.aws_iam_user_ssh_key.person.status }
output "may_send" { value = data.aws_iam_principal_policy_simulation.person.all_allowed }
output "linked" { value = aws_iam_service_linked_role.scaling.arn }
output "password" {
  value     = aws_iam_user_login_profile.person.password
  sensitive = true
}
