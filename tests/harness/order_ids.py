"""Ids of orders, computed as src/model/order_id.cpp does: for tests that write rows themselves."""

import functools
import uuid

_MASK = (1 << 64) - 1
_HASH_BITS = 45


def order_id(salt, sale_no, customer, key):
    """The id of the order that a customer places in a sale under an idempotency key. `salt`: directory.order_salt."""
    hashed = _keyed_hash(salt, b"k" + _number(sale_no) + _part(customer) + _part(key)) >> (64 - _HASH_BITS)
    return str(uuid.UUID(int=_first_of_customer(salt, sale_no, customer) | hashed))


def customer_range(salt, sale_no, customer):
    """The first and the last id that orders of a customer in a sale can have."""
    first = _first_of_customer(salt, sale_no, customer)
    return str(uuid.UUID(int=first)), str(uuid.UUID(int=first | (1 << _HASH_BITS) - 1))


@functools.lru_cache(maxsize=1024)
def _first_of_customer(salt, sale_no, customer):
    hashed = _keyed_hash(salt, b"c" + _number(sale_no) + _part(customer)) >> (64 - _HASH_BITS)
    high = sale_no << 32 | (hashed >> 29) << 16 | 0x8000 | (hashed >> 17) & 0x0fff
    low = 2 << 62 | (hashed & 0x1ffff) << _HASH_BITS
    return high << 64 | low


def _number(value):
    return value.to_bytes(4, "big")


def _part(text):
    part = text.encode()
    return _number(len(part)) + part


def _keyed_hash(salt, text):
    """SipHash-2-4 under the salt's 16 bytes, as two big-endian numbers."""
    first, second = divmod(uuid.UUID(salt).int, 1 << 64)
    v0, v1, v2, v3 = (start ^ key for start, key in zip(
        (0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573), (first, second) * 2))
    padded = text + bytes(-(len(text) + 1) % 8) + bytes([len(text) & 0xff])
    words = [int.from_bytes(padded[at:at + 8], "little") for at in range(0, len(padded), 8)]
    for word, rounds in [(word, 2) for word in words] + [(None, 4)]:
        if word is None:
            v2 ^= 0xff
        else:
            v3 ^= word
        for _ in range(rounds):
            v0 = v0 + v1 & _MASK
            v1 = (v1 << 13 & _MASK | v1 >> 51) ^ v0
            v0 = v0 << 32 & _MASK | v0 >> 32
            v2 = v2 + v3 & _MASK
            v3 = (v3 << 16 & _MASK | v3 >> 48) ^ v2
            v0 = v0 + v3 & _MASK
            v3 = (v3 << 21 & _MASK | v3 >> 43) ^ v0
            v2 = v2 + v1 & _MASK
            v1 = (v1 << 17 & _MASK | v1 >> 47) ^ v2
            v2 = v2 << 32 & _MASK | v2 >> 32
        v0 ^= word or 0
    return v0 ^ v1 ^ v2 ^ v3
