"""What tests in Python wait by."""

import socket
import time


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(what, look, patience_s):
    """Looks until `look` gives something; the error says what it gave last."""
    until = time.monotonic() + patience_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {patience_s} s; last seen: {seen!r}")
        time.sleep(0.05)
