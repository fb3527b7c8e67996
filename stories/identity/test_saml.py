"""Sign-in with SAML: responses signed by an independent library (signxml) are taken, and every way around is not."""

import copy

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod
from signxml.algorithms import CanonicalizationMethod

from asserting import refused
from idp import ASSERTION, PROTOCOL, SamlProvider, encode
from people import allow, make_role, session, trust

ACTION = "sts:AssumeRoleWithSAML"
BAD_SIGNATURE = "Response signature invalid"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture
def idp():
    return SamlProvider()


@pytest.fixture
def provider(iam, idp, name):
    return iam.create_saml_provider(Name=name, SAMLMetadataDocument=idp.metadata)["SAMLProviderArn"]


@pytest.fixture
def role(iam, provider, name):
    document = trust({"Federated": provider}, ACTION, StringEquals={"saml:aud": "https://signin.aws.amazon.com/saml"})
    return make_role(iam, name, document, allow("sqs:ListQueues"))


@pytest.fixture
def said(role, provider):
    return {"Role": [f"{role},{provider}"], "RoleSessionName": ["alice@corp.example"]}


@pytest.fixture
def take(cloud, role, provider):
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", endpoint_url=cloud.url, region_name="us-east-1", config=config)

    def take(response, **more):
        assertion = response if isinstance(response, str) else encode(response)
        return sts.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=assertion, **more)

    return take


def test_staff_sign_in_and_get_their_roles_rights(cloud, idp, said, take):
    answer = take(idp.sign(idp.response(said)))
    assert (answer["Subject"], answer["SubjectType"], answer["Issuer"]) == ("alice", "transient", idp.entity_id)
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert answer["AssumedRoleUser"]["Arn"].endswith("/alice@corp.example")
    session(cloud, answer["Credentials"]).list_queues()
    with refused(("AccessDenied",), status=403):
        session(cloud, answer["Credentials"]).create_queue(QueueName="x")


@pytest.mark.parametrize("what", ["_assertion", "_response"])
@pytest.mark.parametrize(
    "method, digest",
    [
        (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA256),
        (SignatureMethod.RSA_SHA384, DigestAlgorithm.SHA384),
        (SignatureMethod.RSA_SHA512, DigestAlgorithm.SHA512),
    ],
)
@pytest.mark.parametrize(
    "canonical",
    [
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS,
    ],
)
def test_signatures_of_an_independent_library_hold(idp, said, take, what, method, digest, canonical):
    response = idp.response({**said, "urn:oid:2.5.4.3": ["Ünïcödé &amp; &lt;tags&gt; &#13;"]})
    take(idp.sign(response, what, method, digest, canonical))


def test_elliptic_keys_hold_too(cloud, iam, name):
    idp = SamlProvider(key=ec.generate_private_key(ec.SECP256R1()))
    provider = iam.create_saml_provider(Name=name, SAMLMetadataDocument=idp.metadata)["SAMLProviderArn"]
    role = make_role(iam, name, trust({"Federated": provider}, ACTION))
    response = idp.response({"Role": [f"{provider},{role}"], "RoleSessionName": ["alice"]})
    signed = encode(idp.sign(response, method=SignatureMethod.ECDSA_SHA256))
    answer = cloud.client("sts").assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=signed)
    assert answer["Subject"] == "alice"


def test_what_the_provider_did_not_sign_is_refused(idp, said, take):
    with refused("InvalidIdentityToken", BAD_SIGNATURE):
        take(idp.response(said))
    with refused("InvalidIdentityToken", BAD_SIGNATURE):
        take(SamlProvider().sign(idp.response(said)))
    changed = idp.sign(idp.response(said))
    changed.find(f".//{{{ASSERTION}}}NameID").text = "mallory"
    with refused("InvalidIdentityToken", BAD_SIGNATURE):
        take(changed)
    inclusive = CanonicalizationMethod.CANONICAL_XML_1_1
    with refused("InvalidIdentityToken", BAD_SIGNATURE):
        take(idp.sign(idp.response(said), canonical=inclusive))
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" + etree.tostring(changed).decode()
    import base64

    with refused("InvalidIdentityToken", "Invalid SAML response"):
        take(base64.b64encode(bomb.encode()).decode())
    take(idp.sign(idp.response(said)))


def test_what_is_not_for_aws_or_too_late_is_refused(idp, said, take):
    with refused("InvalidIdentityToken", "Response does not contain the required audience."):
        take(idp.sign(idp.response(said, audience="https://other.example")))
    with refused("InvalidIdentityToken"):
        take(idp.sign(idp.response(said, recipient="https://other.example/saml")))
    for late in ({"issued": -301}, {"end": -1}):
        with refused("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"):
            take(idp.sign(idp.response(said, **late)))
    stranger = SamlProvider("https://other.example", key=idp.key)
    with refused("InvalidIdentityToken", "Issuer not present in specified provider"):
        take(stranger.sign(stranger.response(said)))
    with refused("InvalidIdentityToken", "RoleSessionName is required in AuthnResponse"):
        take(idp.sign(idp.response({"Role": said["Role"]})))
    with refused("AccessDenied", f"Not authorized to perform {ACTION}"):
        take(idp.sign(idp.response({**said, "Role": []})))


def wrapped(idp, said):
    """The eight classic ways to wrap a signed assertion (Somorovsky et al., "On Breaking SAML", 2012), and a few more."""

    def fresh():
        good = idp.sign(idp.response(said))
        signed = good.find(f"{{{ASSERTION}}}Assertion")
        evil = copy.deepcopy(signed)
        evil.remove(evil.find(f"{SIGNATURE}Signature"))
        evil.find(f".//{{{ASSERTION}}}NameID").text = "mallory"
        evil.set("ID", "_evil")
        return good, signed, evil

    def bare(signed):
        """The signed assertion without its signature, and the signature."""
        signature = signed.find(f"{SIGNATURE}Signature")
        signed.remove(signature)
        return signed, signature

    good, signed, evil = fresh()
    good.insert(2, evil)
    yield "beside, before", good
    good, signed, evil = fresh()
    good.append(evil)
    yield "beside, behind", good
    good, signed, evil = fresh()
    good.replace(signed, evil)
    evil.append(signed)
    yield "inside of the evil one", good
    for same_id in (False, True):
        good, signed, evil = fresh()
        good.replace(signed, evil)
        inner, signature = bare(signed)
        evil.insert(1, signature)
        etree.SubElement(signature, f"{SIGNATURE}Object").append(inner)
        if same_id:
            evil.set("ID", "_assertion")
        yield f"in the signature's object, same id {same_id}", good
    good, signed, evil = fresh()
    good.replace(signed, evil)
    etree.SubElement(good, f"{{{PROTOCOL}}}Extensions").append(signed)
    yield "in extensions", good
    good, signed, evil = fresh()
    good.replace(signed, evil)
    inner, signature = bare(signed)
    evil.insert(1, signature)
    evil.set("ID", "_assertion")
    etree.SubElement(good, f"{{{PROTOCOL}}}Extensions").append(inner)
    yield "signature on the evil one, the signed one in extensions", good
    whole = idp.sign(idp.response(said), "_response")
    _, _, evil = fresh()
    outer = copy.deepcopy(whole)
    outer.replace(outer.find(f"{{{ASSERTION}}}Assertion"), evil)
    outer.remove(outer.find(f"{SIGNATURE}Signature"))
    outer.set("ID", "_outer")
    outer.append(whole)
    yield "a signed response inside of an evil one", outer


def test_a_signed_assertion_vouches_for_no_other(idp, said, take):
    for how, response in wrapped(idp, said):
        with refused("InvalidIdentityToken") as caught:
            take(response)
        assert caught, how


def test_tags_and_the_end_of_the_session(cloud, iam, idp, provider, name):
    document = trust({"Federated": provider}, [ACTION, "sts:TagSession", "sts:SetSourceIdentity"])
    tagged = allow("sqs:ListQueues", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "alice"}})
    role = make_role(iam, f"{name}-tagged", document, tagged)
    said = {
        "Role": [f"{role},{provider}"],
        "RoleSessionName": ["alice"],
        "PrincipalTag:team": ["blue"],
        "TransitiveTagKeys": ["team"],
        "SourceIdentity": ["alice"],
    }
    sts = cloud.client("sts")

    def take(said):
        assertion = encode(idp.sign(idp.response(said)))
        return sts.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=assertion)

    session(cloud, take(said)["Credentials"]).list_queues()
    del said["PrincipalTag:team"], said["TransitiveTagKeys"]
    with refused(("AccessDenied",), status=403):
        session(cloud, take(said)["Credentials"]).list_queues()
