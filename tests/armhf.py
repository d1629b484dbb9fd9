#!/usr/bin/env python3
"""The agent for a 32-bit Pi, started by an emulated processor: tests/armhf.py AGENT

`--version`, `check` of a unit's file, and `run` on the simulated board: one person in, one out, by a real
broker to who listens there. Needs qemu-arm, the C library of armhf, mosquitto and its clients.
"""

import json
import os
import pathlib
import queue
import socket
import subprocess
import sys
import tempfile
import threading

from waiting import free_port, wait_for

PATIENCE_S = 60
# Of Debian's package libc6-armhf-cross.
LIBRARIES = "/usr/arm-linux-gnueabihf"
EXAMPLE = pathlib.Path(__file__).parent.parent / "deploy/edge/example.toml"

UNIT = """[unit]
site = "binjiang"
id = "gate-1"
data = "{folder}/spool"

[mqtt]
address = "127.0.0.1:{port}"

[board]
kind = "sim"
socket = "{folder}/board"

[[lane]]
name = "people"
kind = "people"
leads_to = "site"
beam_a = "people-a"
beam_b = "people-b"
spacing_mm = 150

[[input]]
name = "people-a"
line = 17

[[input]]
name = "people-b"
line = 27
"""


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def world():
    """One person in and one out, and time after it."""
    edge = lambda us, beam, level: {"mono_us": us, "input": f"people-{beam}", "level": level}
    yield {"mono_us": 0, "boot": "6f1c0000-0000-4000-8000-000000000001"}
    yield {"mono_us": 1_000_000, "clock": "2026-11-23T07:31:00Z", "synced": True}
    for start, first, last in ((2_000_000, "a", "b"), (4_000_000, "b", "a")):
        yield edge(start, first, 1)
        yield edge(start + 150_000, last, 1)
        yield edge(start + 300_000, first, 0)
        yield edge(start + 450_000, last, 0)
    yield {"mono_us": 6_000_000, "tick": True}


def main():
    agent = ["qemu-arm", "-L", LIBRARIES, sys.argv[1]]
    say = lambda *words: subprocess.run([*agent, *words], check=True, capture_output=True, text=True).stdout.strip()
    print("  ", say("--version"))
    print("  ", say("check", EXAMPLE))
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gatepost-armhf-") as folder:
        folder = pathlib.Path(folder)
        (folder / "unit.toml").write_text(UNIT.format(folder=folder, port=port))
        (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        log = open(folder / "log", "wb")
        started = [subprocess.Popen(["mosquitto", "-c", folder / "broker.conf"], stdout=log, stderr=log)]
        try:
            wait_for("the broker listens", lambda: is_open(port), PATIENCE_S)
            reader = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-d", "-p", str(port), "-t", "gatepost/v1/binjiang/gate-1/events"],
                                      stdout=subprocess.PIPE, text=True)
            started.append(reader)
            heard = queue.Queue()
            threading.Thread(target=lambda: [heard.put(line) for line in reader.stdout], daemon=True).start()
            while "SUBACK" not in heard.get(timeout=PATIENCE_S):
                pass
            unit = subprocess.Popen([*agent, "run", "--config", folder / "unit.toml"], stdout=log, stderr=log)
            started.append(unit)
            board = socket.socket(socket.AF_UNIX)
            wait_for("the board listens", lambda: board.connect_ex(str(folder / "board")) == 0, PATIENCE_S)
            board.sendall("".join(json.dumps(line) + "\n" for line in world()).encode())
            ways = []
            while len(ways) < 2:
                line = heard.get(timeout=PATIENCE_S)
                if line.startswith("{") and (event := json.loads(line)).get("kind") == "passage":
                    ways.append((event["dir"], event["mono_us"], event["duration_ms"], event["at"]))
            wanted = [("in", 2_450_000, 450, "2026-11-23T07:31:01.450Z"), ("out", 4_450_000, 450, "2026-11-23T07:31:03.450Z")]
            if ways != wanted:
                raise AssertionError(f"passages {ways} instead of {wanted}")
            unit.terminate()
            if unit.wait(PATIENCE_S) != 0:
                raise AssertionError(f"the agent ended with {unit.returncode}")
            print("  ", "a broker heard", ways)
            print("  ", say("spool", "verify", folder / "spool"))
        except (AssertionError, queue.Empty):
            log.flush()
            print((folder / "log").read_text(errors="replace")[-4000:])
            raise
        finally:
            for process in started:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
