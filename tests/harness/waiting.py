"""Waiting for a condition, never for a time."""

import time

from .surroundings import SLOWNESS, HarnessError


def wait_until(condition, timeout_s, what, interval_s=0.02):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s * SLOWNESS
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise HarnessError(f"timed out after {timeout_s * SLOWNESS:g} s: {what}")
        time.sleep(interval_s)
