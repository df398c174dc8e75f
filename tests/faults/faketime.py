"""An instance whose wall clock can be moved while it runs, by Debian's libfaketime. The machine's clock, and the clock
that time-outs are counted by, stay as they are."""

import os
import pathlib

import harness
from scenario import Skip

_DIRECTORIES = ("/usr/lib", "/usr/local/lib")


def _library():
    for directory in _DIRECTORIES:
        for path in sorted(pathlib.Path(directory).glob("**/faketime/libfaketimeMT.so.1")):
            return str(path)
    raise Skip("libfaketime is not installed")


class ClockCluster(harness.Cluster):
    """The last instance's clock can be moved."""

    def __init__(self, scenario):
        library = _library()
        self._offset_file = harness.run_directory() / "clock-offset"
        self.move_clock(0)
        super().__init__(scenario.instances - 1, scenario.settings, own_postgres=True)
        try:
            self.moved = self.add_instance(environment={
                "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self._offset_file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        except BaseException:
            self.stop(check=False)
            raise

    def move_clock(self, offset_s):
        """As against the machine's; from one reading of the clock to the next."""
        fresh = self._offset_file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n", encoding="ascii")
        os.replace(fresh, self._offset_file)
