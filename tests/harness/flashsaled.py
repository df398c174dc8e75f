"""Commands of the binary that is tested, and what it is told by its environment."""

import os
import subprocess

from .directory import run_directory
from .surroundings import BINARY, SERVE_ROLE, SLOWNESS, HarnessError


def clean_environment():
    """The environment without any setting of ours: what the caller's shell holds must not leak into a test."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("FLASHSALE") and name != "LC_ALL"} | {"TZ": "UTC"}


def setting_environment(settings):
    """{"http.port": 1} as FLASHSALE_HTTP_PORT=1."""
    def text(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)
    return {"FLASHSALE_" + name.replace(".", "_").upper(): text(value) for name, value in settings.items()
            if value is not None}


def run_flashsaled(arguments, settings=None, timeout_s=30, cwd=None):
    """Runs a command of the binary to its end; CompletedProcess with text output."""
    if not BINARY.exists():
        raise HarnessError(f"{BINARY} is not built")
    return subprocess.run([str(BINARY), *arguments], env=clean_environment() | setting_environment(settings or {}),
                          capture_output=True, text=True, timeout=timeout_s * SLOWNESS, stdin=subprocess.DEVNULL,
                          cwd=cwd or run_directory())


def migrate(url):
    """As the owner; SERVE_ROLE is given what it needs."""
    done = run_flashsaled(["migrate"], {"postgres.url": url, "postgres.serve_role": SERVE_ROLE})
    if done.returncode != 0:
        raise HarnessError(f"flashsaled migrate: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done
