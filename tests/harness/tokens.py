"""Tokens of buyers, and of whoever would like to be one."""

import base64
import hmac
import json
import secrets
import subprocess
import time

from .surroundings import JWT_AUDIENCE, JWT_ISSUER


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(secret, claims, header=None):
    """A compact JWS signed with HS256, whatever its header says."""
    head = base64url(json.dumps(header or {"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    payload = base64url(json.dumps(claims, separators=(",", ":")).encode())
    signature = hmac.digest(secret.encode(), f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64url(signature)}"


class Es256Key:
    """A private key that an issuer of tokens has; `public` is the file for its verifiers."""

    def __init__(self, directory, name="es256"):
        self.private, self.public = (directory / f"{name}.{part}.pem" for part in ("private", "public"))
        self._to_sign = directory / f"{name}.to-sign"
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.private)
        self._openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout

    @staticmethod
    def signed_text(claims):
        parts = ({"alg": "ES256", "typ": "JWT"}, claims)
        return ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)

    def token(self, claims):
        text = self.signed_text(claims)
        self._to_sign.write_text(text)
        der = self._openssl("dgst", "-sha256", "-sign", self.private, self._to_sign)
        # SEQUENCE {INTEGER r, INTEGER s}, each shorter than 128 bytes.
        s_at = 4 + der[3]
        numbers = der[4:s_at], der[s_at + 2:]
        raw = b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)
        return f"{text}.{base64url(raw)}"

    @classmethod
    def forged(cls, claims):
        """One that has to be checked before it is refused: r and s are numbers that a signature may have."""
        signature = bytes([0, *secrets.token_bytes(31), 0, *secrets.token_bytes(31)])
        return f"{cls.signed_text(claims)}.{base64url(signature)}"


def customer_claims(customer, **changes):
    now = int(time.time())
    claims = {"sub": customer, "iss": JWT_ISSUER, "aud": JWT_AUDIENCE, "iat": now, "exp": now + 3600}
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}
