"""Key pairs: made and imported, their fingerprints as `openssl` and `ssh-keygen` compute them, names, tags, permissions, Terraform's way."""

import base64
import hashlib
import subprocess

from asserting import refused
from people import Person, allow


def tool(*command, given=None):
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def saved(tmp_path, made):
    path = tmp_path / "key.pem"
    path.write_text(made["KeyMaterial"] + "\n")
    path.chmod(0o600)
    return path


def test_what_is_made_is_a_key_with_aws_fingerprint(cloud, tmp_path):
    ec2 = cloud.client("ec2")
    made = ec2.create_key_pair(KeyName="rsa key")
    path = saved(tmp_path, made)
    assert made["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    der = tool("openssl", "pkcs8", "-in", str(path), "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt")
    assert made["KeyFingerprint"].replace(":", "") == hashlib.sha1(der).hexdigest()
    shown = ec2.describe_key_pairs(KeyNames=["rsa key"], IncludePublicKey=True)["KeyPairs"][0]
    public = tool("ssh-keygen", "-y", "-f", str(path)).decode().split()
    assert shown["PublicKey"].split()[:2] == public[:2] and shown["KeyType"] == "rsa"
    assert "PublicKey" not in ec2.describe_key_pairs(KeyNames=["rsa key"])["KeyPairs"][0]

    made = ec2.create_key_pair(KeyName="edwards", KeyType="ed25519")
    public = tool("ssh-keygen", "-y", "-f", str(saved(tmp_path, made))).decode().split()
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(public[1])).digest()).decode()
    assert made["KeyFingerprint"] == digest
    assert tool("ssh-keygen", "-l", "-f", str(tmp_path / "key.pem")).decode().split()[1] == "SHA256:" + digest.rstrip("=")


def test_what_is_imported_has_the_other_fingerprint(cloud, tmp_path):
    ec2 = cloud.client("ec2")
    path = tmp_path / "mine"
    tool("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", str(path))
    line = (tmp_path / "mine.pub").read_bytes()
    imported = ec2.import_key_pair(
        KeyName="mine",
        PublicKeyMaterial=line,
        TagSpecifications=[{"ResourceType": "key-pair", "Tags": [{"Key": "team", "Value": "blue"}]}],
    )
    der = tool("openssl", "rsa", "-in", str(path), "-pubout", "-outform", "DER")
    assert imported["KeyFingerprint"].replace(":", "") == hashlib.md5(der).hexdigest()
    rfc4716 = tool("ssh-keygen", "-e", "-f", str(tmp_path / "mine.pub"))
    for name, material in (("rfc", rfc4716), ("der", base64.b64encode(der)), ("bare", line.split()[1])):
        again = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=material)
        assert again["KeyFingerprint"] == imported["KeyFingerprint"], name
    found = ec2.describe_key_pairs(Filters=[{"Name": "tag:team", "Values": ["blue"]}])["KeyPairs"]
    assert [pair["KeyName"] for pair in found] == ["mine"]
    ec2.create_tags(Resources=[imported["KeyPairId"]], Tags=[{"Key": "team", "Value": "red"}])
    filters = [{"Name": "key-pair-id", "Values": [imported["KeyPairId"]]}]
    assert ec2.describe_key_pairs(Filters=filters)["KeyPairs"][0]["Tags"] == [{"Key": "team", "Value": "red"}]
    tool("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "curve"))
    for material in (b"", b"ssh-rsa AAAA", (tmp_path / "curve.pub").read_bytes(), path.read_bytes()):
        with refused("InvalidKey.Format"):
            ec2.import_key_pair(KeyName="bad", PublicKeyMaterial=material)


def test_names_are_unique_where_they_are(cloud):
    ec2, other, elsewhere = (
        cloud.client("ec2"),
        cloud.client("ec2", key="222222222222"),
        cloud.client("ec2", region="eu-west-1"),
    )
    with refused("DryRunOperation"):
        ec2.create_key_pair(KeyName="door", DryRun=True)
    ec2.create_key_pair(KeyName="door", KeyType="ed25519")
    with refused("InvalidKeyPair.Duplicate"):
        ec2.create_key_pair(KeyName="door", KeyType="ed25519")
    for client in (other, elsewhere):
        with refused("InvalidKeyPair.NotFound"):
            client.describe_key_pairs(KeyNames=["door"])
        client.create_key_pair(KeyName="door", KeyType="ed25519")
    for bad in (" door", "t\u00fcr", "x" * 256):
        with refused("InvalidParameterValue"):
            ec2.create_key_pair(KeyName=bad)
    with refused("InvalidKeyPair.NotFound"):
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="window")
    id = ec2.describe_key_pairs(KeyNames=["door"])["KeyPairs"][0]["KeyPairId"]
    assert ec2.delete_key_pair(KeyPairId=id)["KeyPairId"] == id
    assert ec2.delete_key_pair(KeyName="door")["Return"] and other.describe_key_pairs(KeyNames=["door"])["KeyPairs"]
    with refused("MissingParameter"):
        ec2.delete_key_pair()


def test_policies_name_key_pairs_by_name(cloud, iam):
    person = Person(cloud, iam, "ann")
    arn = "arn:aws:ec2:us-east-1:000000000000:key-pair/team_a key"
    person.put("p", allow(["ec2:CreateKeyPair", "ec2:DeleteKeyPair"], arn))
    ann = person.service("ec2")
    ann.create_key_pair(KeyName="team_a key", KeyType="ed25519")
    with refused("UnauthorizedOperation"):
        ann.create_key_pair(KeyName="team_b key", KeyType="ed25519")
    with refused("UnauthorizedOperation"):
        ann.describe_key_pairs()
    id = cloud.client("ec2").describe_key_pairs(KeyNames=["team_a key"])["KeyPairs"][0]["KeyPairId"]
    other = cloud.client("ec2").create_key_pair(KeyName="team_b key", KeyType="ed25519")["KeyPairId"]
    with refused("UnauthorizedOperation"):
        ann.delete_key_pair(KeyPairId=other)
    assert ann.delete_key_pair(KeyPairId=id)["Return"]
