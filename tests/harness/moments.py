"""Moments as the API writes them."""

import datetime


def rfc3339(moment):
    """A UNIX time as RFC 3339."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(timespec="microseconds") \
        .replace("+00:00", "Z")


def unix_time(text):
    assert text.endswith("Z"), f"{text!r} is not in UTC"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
