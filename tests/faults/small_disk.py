"""A directory of a server on a small file system of its own, which a test can fill up.

The file system is a tmpfs in a mount namespace of this process, so the kernel takes it away with the last process of
the test, whatever ends that.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess

from scenario import Skip

_CLONE_NEWNS = 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def enter_mount_namespace():
    """What is mounted from now on is seen by this process and its children alone. Once a process."""
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise Skip(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    _mount("--make-rprivate", "/")


def _mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"mount: {done.stderr.strip()}")


class SmallDisk:
    """Takes the place of `directory`, whose content moves onto it. Its server must not run meanwhile."""

    def __init__(self, directory, size_mib):
        self._directory = pathlib.Path(directory)
        owner = self._directory.stat()
        aside = self._directory.with_name(f"{self._directory.name}.aside")
        self._directory.rename(aside)
        self._directory.mkdir(mode=0o700)
        _mount("-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs",
               self._directory)
        subprocess.run(["cp", "-a", f"{aside}/.", self._directory], check=True)
        shutil.rmtree(aside)
        self._ballast = self._directory / "ballast"

    def fill(self):
        """To the last byte."""
        with open(self._ballast, "ab", buffering=0) as ballast:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(size))

    def free(self):
        self._ballast.unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", str(self._directory)], check=False)
