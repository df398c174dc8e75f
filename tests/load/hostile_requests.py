"""Requests that cost as much as a stranger or a customer can make them cost: one for each way in.

Each function takes a Target and gives an endless iterator of requests, as bytes of HTTP/1.1.
"""

import dataclasses
import itertools
import json
import secrets
import uuid

import harness


@dataclasses.dataclass
class Target:
    """What the attacks are played against."""

    cluster: object
    sale: str                   # with units for everybody
    sold_out: str
    carts: str                  # of ten items
    tokens: list                # of as many accounts as attack at once
    hoarder: str                # token of one with many orders
    hoarded: list               # their ids, in one sale
    orders: list                # (order id, token) that stand


def request(method, path, headers=None, body=b"", token=None):
    lines = [f"{method} {path} HTTP/1.1", "Host: shop"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def order(sale, token, body, key=None, headers=None):
    fields = {"Content-Type": "application/json", "Idempotency-Key": key or secrets.token_hex(8)} | (headers or {})
    return request("POST", f"/v1/sales/{sale}/orders", fields, body, token)


def filled(unit, size, head=b"[", tail=b"]"):
    """As many repetitions of `unit`, with commas between, as fit into `size` bytes."""
    count = (size - len(head) - len(tail)) // (len(unit) + 1)
    return head + b",".join([unit] * count) + tail


# --- bodies -------------------------------------------------------------------------------------------------------


def bodies(size):
    """JSON that is as much work as `size` bytes can be."""
    return {
        "objects": filled(b"{}", size, b'{"a":[', b"]}"),
        "arrays": filled(b"[]", size),
        "depth": b"[" * (size // 2) + b"]" * (size // 2),
        "numbers": filled(b"1e300", size, b'{"quantity":[', b"]}"),
        "members": b"{" + b",".join(b'"%d":1' % number for number in range(size // 10)) + b"}",
        "escapes": b'{"sku":"' + b"\\u0041" * (size // 6 - 4) + b'"}',
        "spaces": b" " * size,
        "lines": filled(b'{"sku":"a","quantity":1}', size, b'{"lines":[', b"]}"),
    }


def hostile_bodies(size, kind):
    def make(target):
        body = bodies(size)[kind]
        for token in itertools.cycle(target.tokens):
            yield order(target.sale, token, body)
    return make


def chunks_of_a_byte(target):
    for token in itertools.cycle(target.tokens):
        head = request("POST", f"/v1/sales/{target.sale}/orders", {
            "Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8),
            "Transfer-Encoding": "chunked"}, token=token).replace(b"Content-Length: 0\r\n", b"")
        yield head + b"1\r\n \r\n" * 4000 + b"0\r\n\r\n"


def unsigned_webhooks(_):
    body = filled(b"{}", 64_000)
    for number in itertools.count():
        yield request("POST", "/v1/webhooks/payments", {
            "Content-Type": "application/json", "webhook-id": f"evt_{number}", "webhook-timestamp": "1",
            "webhook-signature": " ".join(["v1," + "A" * 44] * 20)}, body)


# --- orders -------------------------------------------------------------------------------------------------------


def buy(target):
    body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(target.sale, token, body)


def buy_carts(target):
    body = json.dumps({"lines": [{"sku": f"item-{number}", "quantity": 1} for number in range(10)]}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(target.carts, token, body)


def buy_sold_out(target):
    body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(target.sold_out, token, body)


def buy_in_no_sale(target):
    body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(f"no-{secrets.token_hex(8)}", token, body)


def repeat_one_key(target):
    body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(target.sale, token, body, "the-same-key")


def buy_and_wait(target):
    body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
    for token in itertools.cycle(target.tokens):
        yield order(target.sale, token, body, headers={"Prefer": "wait=60"})


# --- reads --------------------------------------------------------------------------------------------------------


def own_range(order_id):
    """Ids that could be other orders of the one who has this: whoever owns an order can change its last 44 bits."""
    while True:
        yield order_id[:-11] + secrets.token_hex(6)[:11]


def ids_of_own(target):
    """(unknown id, token): those that have to be looked for."""
    ranges = [(own_range(order_id), token) for order_id, token in target.orders]
    for ids, token in itertools.cycle(ranges):
        yield next(ids), token


def poll_unknown_ids(target):
    for order_id, token in ids_of_own(target):
        yield request("GET", f"/v1/orders/{order_id}", token=token)


def cancel_unknown_ids(target):
    for order_id, token in ids_of_own(target):
        yield request("POST", f"/v1/orders/{order_id}/cancel", token=token)


def poll_ids_of_no_sale(target):
    """Of the form of ids, each of another sale that there is not."""
    for order_id, token in ids_of_own(target):
        yield request("GET", f"/v1/orders/{1 + secrets.randbelow(0x7fffffff):08x}{order_id[8:]}", token=token)


def poll_ids_of_others(target):
    """As though strangers' ids could be guessed: whoever asks is not the one that they name."""
    for (order_id, _), token in zip(ids_of_own(target), itertools.cycle(target.tokens)):
        yield request("GET", f"/v1/orders/{order_id}", token=token)


def poll_other_uuids(target):
    for token in itertools.cycle(target.tokens):
        yield request("GET", f"/v1/orders/{uuid.uuid4()}", token=token)


def poll_own_order(target):
    for order_id, token in itertools.cycle(target.orders):
        yield request("GET", f"/v1/orders/{order_id}", token=token)


def poll_orders_of_others(target):
    """Ids that exist, asked for by somebody else."""
    for (order_id, _), token in zip(itertools.cycle(target.orders), itertools.cycle(target.tokens)):
        yield request("GET", f"/v1/orders/{order_id}", token=token)


def cancel_again(target):
    for order_id, token in itertools.cycle(target.orders):
        yield request("POST", f"/v1/orders/{order_id}/cancel", token=token)


def long_list(target):
    for _ in itertools.count():
        yield request("GET", "/v1/orders?limit=1000", token=target.hoarder)


def short_list(target):
    for _ in itertools.count():
        yield request("GET", "/v1/orders?limit=1", token=target.hoarder)


def deep_list(target):
    for order_id in itertools.cycle(target.hoarded):
        yield request("GET", f"/v1/orders?limit=1000&cursor={order_id}", token=target.hoarder)


def catalog_limits(_):
    """No two the same, so that nothing is remembered."""
    for number in itertools.count():
        yield request("GET", f"/v1/sales?limit={'0' * (number % 40)}{1 + number % 100}")


def catalog_whole(_):
    for _ in itertools.count():
        yield request("GET", "/v1/sales")


def catalog_cursors(_):
    for number in itertools.count():
        yield request("GET", f"/v1/sales?limit=100&cursor={1 + number % 5000}")


def unknown_sales(_):
    for _ in itertools.count():
        yield request("GET", f"/v1/sales/no-{secrets.token_hex(8)}")


def specification(_):
    for _ in itertools.count():
        yield request("GET", "/openapi.yaml")


def readiness(_):
    for _ in itertools.count():
        yield request("GET", "/readyz")


def nothing_there(_):
    for _ in itertools.count():
        yield request("GET", "/" + "a/" * 2000)


# --- heads --------------------------------------------------------------------------------------------------------


def large_heads(target):
    fields = {f"X-{number}": "v" * 60 for number in range(200)}
    for token in itertools.cycle(target.tokens):
        yield request("GET", f"/v1/sales/{target.sale}", fields, token=token)


def long_queries(_):
    for number in itertools.count():
        yield request("GET", "/v1/sales?" + "&".join(f"p{n}=%41%42%43" for n in range(number % 10, 600)))


def long_tokens(_):
    for _ in itertools.count():
        yield request("GET", "/v1/orders", token=f"{'e' * 4000}.{secrets.token_urlsafe(3000)}.{'A' * 43}")


def forged_hmac(target):
    for token in itertools.cycle(target.tokens):
        yield request("GET", "/v1/orders", token=token[:-20] + secrets.token_urlsafe(15))


def forged_signatures(_):
    """Each has to be verified with the public key before it can be refused."""
    claims = harness.customer_claims("somebody")
    for _ in itertools.count():
        yield request("GET", "/v1/orders", token=harness.Es256Key.forged(claims))


def no_http(_):
    for _ in itertools.count():
        yield b"\x16\x03\x01" + secrets.token_bytes(500)
