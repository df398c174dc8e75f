"""Ports for servers of a test."""

import fcntl
import os
import pathlib
import random
import socket
import tempfile

_used_ports = {}  # port: its reservation


def free_port():
    """A port that nobody listens on, below the range that outgoing connections take theirs from. No other run of tests
    takes it while this one lasts: the server that is to listen there may start much later."""
    directory = pathlib.Path(tempfile.gettempdir(), f"flashsale-test-ports-{os.getuid()}")
    directory.mkdir(exist_ok=True)
    while True:
        port = random.randrange(10_000, 32_000)
        if port in _used_ports:
            continue
        reservation = open(directory / str(port), "w", encoding="ascii")  # held until this process ends
        try:
            fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _used_ports[port] = reservation
        return port
