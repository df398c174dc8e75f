"""A Redis whose wall clock can be moved while it runs. The machine's clock, and the clock that time-outs are counted
by, stay as they are."""

import pathlib
import shutil
import struct
import subprocess

import harness
from scenario import Skip

_SOURCE = pathlib.Path(__file__).with_suffix(".c")


def _library():
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Skip("there is no C compiler")
    library = harness.run_directory() / "shifted_clock.so"
    if not library.exists():
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
    return library


class RedisClockCluster(harness.Cluster):
    def __init__(self, scenario):
        self._library = _library()
        self._offset_file = harness.run_directory() / "clock-offset"
        self.move_clock(0)
        super().__init__(scenario.instances, scenario.stage_settings, own_postgres=True)

    def _make_redis(self):
        return harness.RedisServer(self.directory / "redis", environment={
            "LD_PRELOAD": str(self._library), "SHIFTED_CLOCK_FILE": str(self._offset_file)})

    def move_clock(self, offset_s):
        """As against the machine's. In place: the server has the file mapped."""
        with open(self._offset_file, "r+b" if self._offset_file.exists() else "w+b") as file:
            file.write(struct.pack("=q", int(offset_s * 1_000_000)))
