"""The directory of one run of tests; everything that it starts lives below."""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

from .processes import end_everything

_run_directory = None


def run_directory():
    global _run_directory
    if _run_directory is None:
        _run_directory = pathlib.Path(tempfile.mkdtemp(prefix="flashsale-test-"))
        _run_directory.chmod(0o755)  # PostgreSQL may run as another user

        def clean():
            end_everything()
            if os.environ.get("FLASHSALE_TEST_KEEP"):
                print(f"kept: {_run_directory}", file=sys.stderr)
            else:
                shutil.rmtree(_run_directory, ignore_errors=True)

        atexit.register(clean)
    return _run_directory
