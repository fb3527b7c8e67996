"""Sign-in with OpenID Connect: a workload outside takes a role with a token of its issuer, and nobody else does."""

import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa

import cloud as clouds
from asserting import Prefix, refused
from idp import Authority, Issuer
from people import allow, make_role, session, trust

ACTION = "sts:AssumeRoleWithWebIdentity"
CLIENT = "sts.amazonaws.com"


@pytest.fixture
def issuer(tmp_path):
    issuer = Issuer(tmp_path, Authority())
    yield issuer
    issuer.close()


@pytest.fixture
def provider(iam, issuer):
    answer = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=[CLIENT], ThumbprintList=[issuer.authority.thumbprint]
    )
    return answer["OpenIDConnectProviderArn"]


@pytest.fixture
def role(iam, issuer, provider, name):
    condition = {f"{issuer.name}:aud": CLIENT, f"{issuer.name}:sub": "alice"}
    document = trust({"Federated": provider}, [ACTION, "sts:TagSession"], StringEquals=condition)
    return make_role(iam, name, document, allow("sqs:ListQueues"))


def anonymous(cloud):
    """STS for somebody without any credentials: the SDK does not sign this operation."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return boto3.client("sts", endpoint_url=cloud.url, region_name="us-east-1", config=config)


def take(cloud, role, token, **more):
    call = anonymous(cloud).assume_role_with_web_identity
    return call(RoleArn=role, RoleSessionName="ci", WebIdentityToken=token, **more)


def test_a_workload_takes_its_role_and_only_its_rights(cloud, role, provider, issuer):
    for algorithm, key, kid in (
        ("RS256", issuer.rsa, "rsa"),
        ("RS384", issuer.rsa, "rsa"),
        ("RS512", issuer.rsa, "rsa"),
        ("ES384", issuer.ec, "ec"),
    ):
        answer = take(cloud, role, issuer.token(key, kid, algorithm))
        assert (answer["Audience"], answer["Provider"]) == (CLIENT, provider)
        assert answer["SubjectFromWebIdentityToken"] == "alice"
        session(cloud, answer["Credentials"]).list_queues()
        with refused(("AccessDenied",), status=403):
            session(cloud, answer["Credentials"]).create_queue(QueueName="x")
    assert issuer.asked.count("/keys") == 1, "the keys are remembered"


def test_no_other_token_will_do(cloud, role, issuer):
    now = int(time.time())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = issuer.token()
    header, _, signature = good.split(".")
    changed = f"{header}.{issuer.token(sub='mallory').split('.')[1]}.{signature}"
    denied = f"Not authorized to perform {ACTION}"
    for token, code, text in (
        (issuer.token(aud="other"), "InvalidIdentityToken", "Incorrect token audience"),
        (issuer.token(exp=now - 1), "ExpiredTokenException", Prefix("Token expired: current date/time ")),
        (issuer.token(nbf=now + 3600), "InvalidIdentityToken", Prefix("Token is not yet valid")),
        (issuer.token(iss="https://elsewhere.example"), "InvalidIdentityToken", Prefix("No OpenIDConnect provider found")),
        (issuer.token(stranger), "InvalidIdentityToken", "Couldn't verify signed token."),
        (changed, "InvalidIdentityToken", "Couldn't verify signed token."),
        (issuer.token(kid="other"), "InvalidIdentityToken", Prefix("Couldn't retrieve verification key")),
        (issuer.token(sub="mallory"), "AccessDenied", denied),
        ("not.a.token", "InvalidIdentityToken", Prefix("The ID Token provided is not a valid JWT.")),
    ):
        with refused(code, text):
            take(cloud, role, token)
    take(cloud, role, good)


def test_a_key_that_is_made_of_the_public_one_is_none(cloud, role, issuer):
    # The oldest trick: sign with the public key as if it were a shared secret, or not at all.
    import base64
    import hashlib
    import hmac
    import json

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = issuer.token().split(".")[1]
    for algorithm in ("HS256", "none"):
        signed = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{claims}"
        secret = json.dumps(issuer.documents["/keys"]["keys"][0]).encode()
        signature = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).rstrip(b"=")
        with refused("InvalidIdentityToken"):
            take(cloud, role, f"{signed}.{signature.decode() if algorithm == 'HS256' else ''}")


def test_tags_in_the_token_follow_the_session(cloud, iam, issuer, provider, name):
    document = trust({"Federated": provider}, [ACTION, "sts:TagSession"])
    tagged = allow("sqs:ListQueues", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    role = make_role(iam, name, document, tagged)
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}}
    session(cloud, take(cloud, role, issuer.token(**tags))["Credentials"]).list_queues()
    with refused(("AccessDenied",), status=403):
        session(cloud, take(cloud, role, issuer.token())["Credentials"]).list_queues()


def test_the_server_must_be_the_one_whose_certificate_was_named(cloud, iam, issuer, provider, role):
    token = issuer.token()
    take(cloud, role, token)
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=provider, ThumbprintList=["0" * 40])
    with refused("InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"):
        take(cloud, role, token)
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=provider, ThumbprintList=[issuer.authority.thumbprint]
    )
    take(cloud, role, token)


def test_a_certificate_for_another_host_is_none(cloud, iam, tmp_path, name):
    issuer = Issuer(tmp_path, Authority(), host="elsewhere.example")
    answer = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=[CLIENT], ThumbprintList=[issuer.authority.thumbprint]
    )
    role = make_role(iam, name, trust({"Federated": answer["OpenIDConnectProviderArn"]}, ACTION))
    with refused("InvalidIdentityToken", Prefix("OpenIDConnect provider's HTTPS certificate")):
        take(cloud, role, issuer.token())
    assert issuer.asked == [], "nothing was asked of a server that could not prove its name"
    issuer.close()


def test_an_authority_of_the_host_needs_no_thumbprint(workshop, tmp_path):
    from cryptography.hazmat.primitives import serialization

    issuer = Issuer(tmp_path, Authority())
    roots = tmp_path / "roots.pem"
    roots.write_bytes(issuer.authority.root.public_bytes(serialization.Encoding.PEM))
    cloud = clouds.Cloud(environ={"SSL_CERT_FILE": str(roots)})
    workshop.clouds.append(cloud)
    iam = cloud.client("iam")
    answer = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=[CLIENT], ThumbprintList=["0" * 40])
    role = make_role(iam, "ci", trust({"Federated": answer["OpenIDConnectProviderArn"]}, ACTION))
    take(cloud, role, issuer.token())
    issuer.close()
