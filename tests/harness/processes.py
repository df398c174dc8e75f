"""Children that end with the test, and what the kernel tells of them."""

import atexit
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import threading

from .surroundings import SLOWNESS

_LOG_TAIL_BYTES = 6000
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_running = []  # what has to be ended when the interpreter leaves


class Process:
    """A child with its output in a log file. Start only from the main thread: the kernel's parent-death signal
    follows the thread that forked."""

    def __init__(self, name, command, log_path, env=None, cwd=None, user=None, death_signal=signal.SIGKILL):
        assert threading.current_thread() is threading.main_thread(), "start processes from the main thread"
        self.name = name
        self.log_path = pathlib.Path(log_path)

        def in_child():
            os.setpgid(0, 0)  # Ctrl-C at the terminal goes to the tests alone, which then end it in order
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal)

        identity = {}
        if user is not None:
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, env=env, cwd=cwd, preexec_fn=in_child, **identity)
        self.pid = self.popen.pid
        _running.append(self)

    @property
    def exit_code(self):
        """None while it runs; negative: the signal that ended it."""
        return self.popen.poll()

    def send(self, number):
        if self.exit_code is None:
            os.kill(self.pid, number)

    def wait(self, timeout_s):
        try:
            return self.popen.wait(timeout_s * SLOWNESS)
        except subprocess.TimeoutExpired:
            return None

    def end(self, number=signal.SIGTERM, timeout_s=10):
        """Sends the signal and waits; kills when that takes too long. Returns the exit code, None if killed."""
        self.send(number)
        code = self.wait(timeout_s)
        if code is None:
            self.kill()
        if self in _running:
            _running.remove(self)
        return code

    def kill(self):
        self.send(signal.SIGKILL)
        self.popen.wait()
        if self in _running:
            _running.remove(self)

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def log_tail(self):
        text = self.log_text()
        return text if len(text) <= _LOG_TAIL_BYTES else "…" + text[-_LOG_TAIL_BYTES:]


def end_everything():
    for process in reversed(list(_running)):
        with contextlib.suppress(OSError):
            os.kill(process.pid, signal.SIGCONT)
            # Only SIGQUIT lets a postmaster take its children along at once.
            os.kill(process.pid, signal.SIGQUIT if process.name.startswith("postgres") else signal.SIGKILL)
    for process in list(_running):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(5)
    _running.clear()


atexit.register(end_everything)
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def process_fields(pid):
    """What /proc/PID/stat says after the name, from the state on (proc(5), field 3). OSError: it is gone."""
    return pathlib.Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()


def process_state(pid):
    """One letter, as "T" for stopped and "Z" for dead and not fetched; None when it is gone."""
    with contextlib.suppress(OSError):
        return process_fields(pid)[0]
    return None


def process_tree(pid):
    """`pid` and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            children.setdefault(int(process_fields(entry)[1]), []).append(int(entry))
    tree, pending = [], [pid]
    while pending:
        one = pending.pop()
        tree.append(one)
        pending.extend(children.get(one, []))
    return tree


def cpu_seconds(pid, with_tree=False):
    """User and system time so far, that of children which have ended included."""
    ticks = 0
    for one in process_tree(pid) if with_tree else [pid]:
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in process_fields(one)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
