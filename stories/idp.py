"""Identity providers for the stories, on libraries that yakumo shares nothing with: an OpenID Connect issuer over HTTPS
(Python's ssl, PyJWT) and a SAML provider (lxml, signxml)."""

import base64
import datetime
import hashlib
import http.server
import json
import ssl
import threading
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner
from signxml.algorithms import CanonicalizationMethod

DISCOVERY = "/.well-known/openid-configuration"


def pem(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


class Authority:
    """A root certificate, an intermediate one, and leaves below it."""

    def __init__(self):
        self.root_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate("root", self.root_key, "root", self.root_key, authority=True)
        self.intermediate = self._certificate("intermediate", self.key, "root", self.root_key, authority=True)

    def _certificate(self, subject, key, issuer, issuer_key, authority=False):
        now = datetime.datetime.now(datetime.timezone.utc)

        def name(text):
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    def leaf(self, host):
        """The chain of a host as a server presents it (without the root), and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._certificate(host, key, "intermediate", self.key)
        chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (leaf, self.intermediate))
        return chain, pem(key)

    @property
    def thumbprint(self):
        """The SHA-1 of the top certificate that a server presents."""
        return hashlib.sha1(self.intermediate.public_bytes(serialization.Encoding.DER)).hexdigest()


class Issuer:
    """An OpenID Connect issuer on localhost."""

    def __init__(self, directory, authority, host="localhost"):
        self.authority = authority
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP384R1())
        self.documents, self.asked = {}, []
        chain, key = authority.leaf(host)
        (directory / "chain.pem").write_bytes(chain)
        (directory / "key.pem").write_bytes(key)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                document = issuer.documents.get(self.path)
                body = json.dumps(document).encode() if document else b""
                self.send_response(200 if document else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "chain.pem", directory / "key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.name = f"localhost:{self.server.server_port}"
        self.url = f"https://{self.name}"
        self.publish({"rsa": self.rsa, "ec": self.ec})

    def publish(self, keys):
        """Publishes public keys by their ids."""
        algorithms = {rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm, ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm}
        found = []
        for kid, key in keys.items():
            algorithm = next(one for kind, one in algorithms.items() if isinstance(key, kind))
            found.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
        self.documents[DISCOVERY] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.documents["/keys"] = {"keys": found}

    def token(self, key=None, kid="rsa", algorithm="RS256", **claims):
        """A token for the user `alice` of the client `sts.amazonaws.com`, with some claims changed (None removes)."""
        now = int(time.time())
        known = {"iss": self.url, "aud": "sts.amazonaws.com", "sub": "alice", "iat": now, "exp": now + 600, **claims}
        known = {name: value for name, value in known.items() if value is not None}
        return jwt.encode(known, key or self.rsa, algorithm=algorithm, headers={"kid": kid})

    def close(self):
        self.server.shutdown()
        self.server.server_close()


ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGN_IN = "https://signin.aws.amazon.com/saml"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"


class SamlProvider:
    """A SAML identity provider: metadata, and responses that signxml signs."""

    def __init__(self, entity_id="https://idp.example/saml", key=None):
        self.entity_id = entity_id
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def metadata(self):
        der = base64.encodebytes(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- what the provider publishes -->
<EntityDescriptor xmlns="{METADATA}" entityID="{self.entity_id}">
  <IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{PROTOCOL}">
    <KeyDescriptor>
      <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">
        <X509Data><X509Certificate>{der}</X509Certificate></X509Data>
      </KeyInfo>
    </KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/>
  </IDPSSODescriptor>
</EntityDescriptor>
"""

    def response(self, attributes, subject="alice", audience=SIGN_IN, recipient=SIGN_IN, end=300, issued=0):
        """An unsigned response as an element; attributes of AWS go by their short names."""

        def at(seconds):
            moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
            return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

        said = ""
        for name, values in attributes.items():
            name = name if ":" in name and not name.startswith("PrincipalTag") else ATTRIBUTES + name
            values = "".join(f"<saml2:AttributeValue>{value}</saml2:AttributeValue>" for value in values)
            said += f'\n<saml2:Attribute Name="{name}">{values}</saml2:Attribute>'
        return etree.fromstring(f"""<saml2p:Response xmlns:saml2p="{PROTOCOL}" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  Destination="{recipient}" ID="_response" IssueInstant="{at(issued)}" Version="2.0">
  <saml2:Issuer xmlns:saml2="{ASSERTION}">{self.entity_id}</saml2:Issuer>
  <saml2p:Status><saml2p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></saml2p:Status>
  <saml2:Assertion xmlns:saml2="{ASSERTION}" ID="_assertion" IssueInstant="{at(issued)}" Version="2.0">
    <saml2:Issuer>{self.entity_id}</saml2:Issuer>
    <saml2:Subject>
      <saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">{subject}</saml2:NameID>
      <saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml2:SubjectConfirmationData NotOnOrAfter="{at(end)}" Recipient="{recipient}"/>
      </saml2:SubjectConfirmation>
    </saml2:Subject>
    <saml2:Conditions NotBefore="{at(issued - 5)}" NotOnOrAfter="{at(end)}">
      <saml2:AudienceRestriction><saml2:Audience>{audience}</saml2:Audience></saml2:AudienceRestriction>
    </saml2:Conditions>
    <saml2:AttributeStatement>{said}
    </saml2:AttributeStatement>
  </saml2:Assertion>
</saml2p:Response>""".encode())

    def sign(self, response, what="_assertion", method=SignatureMethod.RSA_SHA256, digest=DigestAlgorithm.SHA256,
             canonical=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0):
        """Puts an enveloped signature over the element of that id into it."""
        signer = XMLSigner(signature_algorithm=method, digest_algorithm=digest, c14n_algorithm=canonical)
        certificate = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        if what == "_response":
            return signer.sign(response, key=pem(self.key), cert=certificate, reference_uri=what)
        assertion = response.find(f"{{{ASSERTION}}}Assertion")
        signed = signer.sign(assertion, key=pem(self.key), cert=certificate, reference_uri=what)
        response.replace(assertion, signed)
        return response


def encode(response):
    """A response as a browser would post it."""
    return base64.b64encode(etree.tostring(response)).decode()
