"""Terraform for stories: a project of its own for each test, with the AWS provider pointed at the cloud.

Terraform is a test client only. It is taken from the PATH (or YAKUMO_TERRAFORM); the AWS provider comes from the file
system mirror in YAKUMO_TF_MIRROR (default /opt/tf-plugins), else from TF_CLI_CONFIG_FILE, else Terraform installs it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TERRAFORM = os.environ.get("YAKUMO_TERRAFORM") or shutil.which("terraform") or shutil.which("tofu")
MIRROR = Path(os.environ.get("YAKUMO_TF_MIRROR", "/opt/tf-plugins"))

REQUIRED = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
"""
PROVIDER = """
provider "aws" {
  %(alias)s
  region                  = "us-east-1"
  access_key              = "%(key)s"
  secret_key              = "%(secret)s"
  skip_metadata_api_check = true
  s3_use_path_style       = true
  max_retries             = 1
  %(more)s
  endpoints {
    ec2           = "%(url)s"
    sqs           = "%(url)s"
    iam           = "%(url)s"
    sts           = "%(url)s"
    organizations = "%(url)s"
    s3            = "%(url)s"
    s3control     = "%(url)s"
  }
}
"""


def provider(cloud, alias="", key="test", secret="test", more=""):
    """A provider block for the cloud; `more` are further settings, such as an `assume_role` block."""
    alias = f'alias = "{alias}"' if alias else ""
    return PROVIDER % {"url": cloud.url, "alias": alias, "key": key, "secret": secret, "more": more}


@pytest.fixture
def terraform(cloud, tmp_path):
    """Runs Terraform in a directory of its own. Gives the finished process."""
    if not TERRAFORM:
        pytest.skip("terraform is not installed (set YAKUMO_TERRAFORM to where it is)")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    environ |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    if MIRROR.is_dir():
        settings = tmp_path / "terraform.rc"
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{MIRROR}" }}\n}}\n')
        environ["TF_CLI_CONFIG_FILE"] = str(settings)
    elif "TF_CLI_CONFIG_FILE" in os.environ:
        environ["TF_CLI_CONFIG_FILE"] = os.environ["TF_CLI_CONFIG_FILE"]
    place = tmp_path / "project"
    place.mkdir()
    (place / "provider.tf").write_text(REQUIRED + provider(cloud))

    def run(*args, expected=0):
        done = subprocess.run(
            [TERRAFORM, *args, "-no-color"], cwd=place, env=environ, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == expected, f"terraform {' '.join(args)}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done

    run.place, run.environ = place, environ
    return run


def prepare(terraform, *files):
    """Writes the project's files (texts) and installs the provider."""
    for i, text in enumerate(files):
        (terraform.place / f"main{i}.tf").write_text(text)
    try:
        terraform("init", "-input=false")
    except AssertionError as error:
        pytest.skip(f"the AWS provider cannot be installed here: {str(error)[-300:]}")


def tell(terraform, *changes):
    """Applies the project; a second plan is empty; the same for each change (variables that are set). Then destroys it.
    Between applies, yields the outputs."""
    for arguments in ((), *(("-var", change) for change in changes)):
        terraform("apply", "-auto-approve", "-input=false", *arguments)
        # 0: nothing to do. 2 would mean that something did not come back as it was set.
        terraform("plan", "-detailed-exitcode", "-input=false", *arguments)
        outputs = json.loads(terraform("output", "-json").stdout)
        yield {name: output["value"] for name, output in outputs.items()}
    terraform("destroy", "-auto-approve", "-input=false")
