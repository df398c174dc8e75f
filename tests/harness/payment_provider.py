"""A small payment provider: tells an instance of payments over HTTP, signed as Standard Webhooks 1.0 says."""

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import time

PATH = "/v1/webhooks/payments"


def make_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret, webhook_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class PaymentProvider:
    def __init__(self, cluster, secret):
        self._cluster = cluster
        self.secret = secret
        self._numbers = itertools.count(1)
        self._salt = secrets.token_hex(4)

    def new_id(self, prefix="msg"):
        return f"{prefix}_{self._salt}_{next(self._numbers)}"

    def notice(self, order, kind="succeeded", **changes):
        """The body for an order's document, as it is paid whole."""
        data = {"order_id": order["id"], "amount": order["total"]["amount"], "currency": order["total"]["currency"],
                "payment_id": self.new_id("pay")}
        return {"type": f"payment.{kind}", "timestamp": "2026-01-01T00:00:00Z", "data": data | changes}

    def send(self, notice, webhook_id=None, timestamp=None, secret=None, where=0, headers=None, client=None):
        body = notice if isinstance(notice, bytes) else json.dumps(notice).encode()
        webhook_id = webhook_id or self.new_id()
        timestamp = str(int(time.time()) if timestamp is None else timestamp)
        signed = {"content-type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": timestamp,
                  "webhook-signature": signature(secret or self.secret, webhook_id, timestamp, body)}
        return (client or self._cluster.client(where)).request("POST", PATH, body, signed | (headers or {}))

    def pay(self, order, where=0, **changes):
        return self.send(self.notice(order, **changes), where=where)

    def fail(self, order, where=0, **changes):
        return self.send(self.notice(order, "failed", **changes), where=where)
