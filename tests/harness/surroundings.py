"""What a run of tests is told from outside, and names that all of them share."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FLASHSALED_BINARY", ROOT / "build" / "release" / "flashsaled")).resolve()
SLOWNESS = float(os.environ.get("FLASHSALE_TEST_SLOWNESS", "1"))

JWT_ISSUER = "https://shop.example"
JWT_AUDIENCE = "flashsale"
ADMIN_NAME = "till"
SERVE_ROLE = "flashsale_serve"  # of config/postgresql_roles.sql
FRESH_MS = 250  # how old the catalog may be, and how long a change may take to reach every instance


class HarnessError(RuntimeError):
    """The surroundings of a test failed, or an instance did something that no test may overlook."""
