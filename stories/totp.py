"""An authenticator: six digits for each thirty seconds of the host's time (RFC 6238)."""

import base64
import hashlib
import hmac
import struct
import time


class Authenticator:
    """A virtual MFA device of somebody. Codes are counted from the moment it was made, so that none repeats by chance."""

    def __init__(self, iam, name):
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        self.serial = device["SerialNumber"]
        self.png = device["QRCodePNG"]
        self.secret = base64.b32decode(device["Base32StringSeed"])
        self.step = int(time.time()) // 30

    def code(self, offset=0):
        digest = hmac.new(self.secret, struct.pack(">q", self.step + offset), hashlib.sha1).digest()
        at = digest[19] & 15
        return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"

    def enable(self, iam, user):
        """Two consecutive codes: the last one and the present one. The next one is then free to be used."""
        first, second = self.code(-1), self.code(0)
        iam.enable_mfa_device(
            UserName=user, SerialNumber=self.serial, AuthenticationCode1=first, AuthenticationCode2=second
        )

    def proof(self, offset=1):
        """What STS asks for."""
        return {"SerialNumber": self.serial, "TokenCode": self.code(offset)}
