#!/usr/bin/env python3
"""The shipped agent in a virtual gate unit: kernel GPIO and I2C inside, broker and hub on the host.

usage: tests/vm/run.py BOOT HUB [count|faults|bus|doctor|flood|react|boards|remote|cut]...

BOOT is what tests/vm/prepare made, HUB the hub's binary. Says what truly moved at the pins, what the
hub has of it, and exits 1 if they differ.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from waiting import free_port, wait_for

CUTS = 10
FLOOD_S = 60
REACTIONS = 50
# In the guest's own clock: what the host is busy with does not count.
LAMP_MS = 100
# So many guests at once: most of their time they wait.
AT_ONCE = 3
# The guest's clock goes by its instructions, 2 ns each, and not by what the host has time for: a
# processor of 500 million instructions a second, slower than a Pi 3.
OWN_CLOCK = ("-icount", "shift=1")
PATIENCE_S = 120

# What job=cut says.
PASSED = r"PASSED in (\d+)$"
ON_DISK = r'DURABLE .*"last":(\d+),"mono_us":(\d+),'

# What job=faults breaks, and how often.
FAULTS = [
    ("people-b", "stuck", 1), ("people-b", "blocked", 1), ("people-a", "out_of_range", 1),
    ("people-ir", "frozen", 1), ("people-ir", "bus_error", 2), ("living-flow", "stuck", 1),
]

# What job=bus breaks, and how soon docs/faults.md says that it is told, s.
BUS_FAULTS = {"pec": 11, "absent": 11, "sda": 11, "scl": 14}
BUS_OVER_S = 10

# What the doctor says of each mistake, as patterns.
DOCTOR = [
    "with an agent: ok +agent +runs", "with an agent:.* B then A: out", "with an agent: WRONG +lane people.* swapped",
    "with an agent: note +clock +no time server", "with an agent: note +living-flow.*silent",
    "with an agent: ok +thermometer", "wrong chip: WRONG +pins +gpiochip9: cannot be opened",
    "no such line: WRONG +pins .*has 28 lines and no line 28", "held line: WRONG +pins .*is held by `another driver`",
    "wrong address: WRONG +thermometer people-ir.*0x5b.*four wires",
    "line held: WRONG +thermometer people-ir.*pec; .*held low", "another broker: WRONG +broker",
]

SITE = """id = "binjiang"
time_zone = "Asia/Shanghai"
units = ["gate-1"]

[name]
zh = "滨江"
en = "Binjiang"

[[lane]]
id = "people"
kind = "people"
"""


# What a test says is printed when it ends, for others run beside it.
said = threading.local()


def say(text):
    said.lines.append(text)


class Host:
    """A broker and a hub, as they stand in a site's office."""

    def __init__(self, folder, hub):
        self.folder, self.hub = folder, hub
        self.mqtt, self.http = free_port(), free_port()
        self.processes = []

    def __enter__(self):
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.mqtt} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        (self.folder / "hub.toml").write_text(
            f'[hub]\ndata = "{self.folder}/hub"\n[http]\nlisten = "127.0.0.1:{self.http}"\n'
            f'[broker]\nkind = "external"\naddress = "127.0.0.1:{self.mqtt}"\n[store]\nkind = "embedded"\n')
        (self.folder / "site.toml").write_text(SITE)
        config = ["--config", self.folder / "hub.toml"]
        subprocess.run([self.hub, "site", "import", *config, self.folder / "site.toml"], check=True, stdout=subprocess.DEVNULL)
        self.begin()
        return self

    def begin(self):
        self.start("broker", ["mosquitto", "-c", self.folder / "mosquitto.conf"])
        self.start("hub", [self.hub, "serve", "--config", self.folder / "hub.toml"])
        wait_for("the hub is ready", self.is_ready, PATIENCE_S)

    def start(self, name, command):
        log = open(self.folder / f"{name}.log", "ab")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def end(self):
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            process.wait(20)

    def __exit__(self, *_):
        self.end()

    def is_ready(self):
        try:
            return self.get("/readyz") is not None
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def want(self, text):
        """Wants a configuration of the unit, and waits for its answer."""
        path = "/api/v1/sites/binjiang/units/gate-1/config"
        body = json.dumps({"by": "li", "text": text}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", body, {"Content-Type": "application/json"}, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            version = json.load(answer)["version"]
        return wait_for(f"an answer to configuration {version}", lambda: (c := self.get(path)).get("answered") == version and c, PATIENCE_S)

    def events(self):
        """Everything the hub has of the unit, in the order of its log."""
        events, cursor = [], ""
        while True:
            page = self.get(f"/api/v1/sites/binjiang/events?unit=gate-1&limit=500{cursor}")
            events += page["events"]
            if not page.get("next"):
                return sorted(events, key=lambda event: (event["log"], event["seq"]))
            cursor = f"&cursor={page['next']}"

    def alerts(self):
        return [alert["kind"] for alert in self.get("/api/v1/alerts?site=binjiang")["alerts"]]


class Machine:
    """The virtual gate unit; its disk outlives it."""

    def __init__(self, boot, disk, port, job, initrd="initrd.gz", **words):
        words = "".join(f" {name}={value}" for name, value in words.items())
        self.lines, self.began = [], time.monotonic()
        self.process = subprocess.Popen(
            ["qemu-system-aarch64", "-accel", "tcg", "-cpu", "cortex-a53", "-M", "virt,gic-version=2",
             "-smp", "1", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             *OWN_CLOCK, "-serial", "stdio", "-kernel", str(boot / "Image"), "-initrd", str(boot / initrd),
             # The disk loses what was not synced; the clock is a Pi's without network.
             "-drive", f"if=none,id=d,file={disk},format=raw,cache=none", "-device", "virtio-blk-device,drive=d",
             "-rtc", "base=2020-01-01T00:00:00",
             "-netdev", "user,id=n,restrict=off", "-device", "virtio-net-device,netdev=n",
             "-append", f"console=ttyAMA0 quiet loglevel=4 panic=-1 rdinit=/init job={job} port={port}{words}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def find(self, pattern):
        return next((found for line in list(self.lines) if (found := re.search(pattern, line))), None)

    def all(self, pattern):
        """Numbers in all lines that are whole."""
        found = (re.search(pattern, line) for line in list(self.lines))
        return [tuple(map(int, it.groups())) for it in found if it]

    def last(self, pattern):
        return self.all(pattern)[-1]

    def wait(self, pattern, patience=PATIENCE_S):
        def look():
            if self.find("BROKEN|Kernel panic"):
                raise AssertionError("the machine is broken:\n" + "\n".join(self.lines[-30:]))
            return self.find(pattern)
        try:
            return wait_for(f"the machine says {pattern}", look, patience)
        except AssertionError:
            say("\n".join(self.lines[-30:]))
            raise

    def cut_the_power(self):
        self.process.kill()
        self.process.wait()


def make_disk(path):
    with open(path, "wb") as disk:
        disk.truncate(64 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    return path


def count(events, kind, **fields):
    def fits(event):
        return event["kind"] == kind and all(event.get(name) == value for name, value in fields.items())
    return sum(1 for event in events if fits(event))


def check(what, found, wanted):
    say(f"   {what}: {found}, truly {wanted}")
    if found != wanted:
        raise AssertionError(f"{what}: {found} instead of {wanted}")


def check_one_whole_log(events):
    logs = {event["log"] for event in events}
    check("logs", len(logs), 1)
    check("holes", [b["seq"] for a, b in zip(events, events[1:]) if b["seq"] != a["seq"] + 1], [])


def drained(host, machine):
    """Waits until the machine has ended well and the hub has all that is on its disk."""
    machine.wait("EXIT 0")
    last = int(machine.wait(r"SPOOL last +(\d+)")[1])
    machine.process.wait(PATIENCE_S)
    events = wait_for(f"the hub has {last} events", lambda: (e := host.events()) and e[-1]["seq"] >= last and e, PATIENCE_S)
    check_one_whole_log(events)
    return events


def test_count(boot, host, folder):
    """Edges in are counts out; the thermometer is read; a failing bus is a fault, and ends by itself."""
    machine = Machine(boot, make_disk(folder / "count.img"), host.mqtt, "gate")
    ready = machine.wait(r"READY (\S+)")[1]
    say(f"   the agent is linked {ready} s after power on ({time.monotonic() - machine.began:.1f} s here)")
    truth = machine.wait(r"TRUTH in=(\d+) out=(\d+)")
    events = drained(host, machine)
    for way, number in (("in", truth[1]), ("out", truth[2])):
        check(f"passages {way}", count(events, "passage", dir=way), int(number))
    check("unclear", count(events, "unclear"), 0)
    skins = [event["skin_c"] for event in events if event["kind"] == "screening"]
    check("screenings", len(skins), 1)
    if not 34.5 < skins[0] < 35.2:
        raise AssertionError(f"34.51 degC of a surface of 0.98 read as {skins[0]}")
    check("bus faults", count(events, "fault", sensor="people-ir", code="bus_error"), 1)
    check("bus faults over", count(events, "cleared", sensor="people-ir", code="bus_error"), 1)


def test_faults(boot, host, folder):
    """What breaks is told once, invents nobody, and ends by itself."""
    machine = Machine(boot, make_disk(folder / "faults.img"), host.mqtt, "faults")
    machine.wait("EXIT 0", 180)
    events = drained(host, machine)
    for sensor, code, times in FAULTS:
        check(f"{sensor} {code}", count(events, "fault", sensor=sensor, code=code), times)
        check(f"{sensor} {code} over", count(events, "cleared", sensor=sensor, code=code), times)
    check("other faults", count(events, "fault"), sum(times for _, _, times in FAULTS))
    check("passages", count(events, "passage"), 1)
    check("fevers", count(events, "screening", verdict="fever"), 0)


def test_bus(boot, host, folder):
    """On a bit-banged bus: wrong codes, nobody there, a line held low; the lanes never notice."""
    machine = Machine(boot, make_disk(folder / "bus.img"), host.mqtt, "bus")
    machine.wait("EXIT 0", 180)
    events = drained(host, machine)
    of_bus = [event for event in events if event.get("sensor") == "people-ir" and event.get("code") == "bus_error"]
    check("bus faults, told and over by turns", [event["kind"] for event in of_bus], ["fault", "cleared"] * len(BUS_FAULTS))
    check("other faults", count(events, "fault"), len(BUS_FAULTS))
    for fault, told, over in zip(BUS_FAULTS, of_bus[::2], of_bus[1::2]):
        went, mended = (float(machine.find(rf"{word} {fault} (\S+)")[1]) for word in ("WENT", "MENDED"))
        told_after, over_after = told["mono_us"] / 1e6 - went, over["mono_us"] / 1e6 - mended
        say(f"   {fault}: told after {told_after:.1f} s as `{told['detail']}`, over after {over_after:.1f} s")
        if not (0 <= told_after <= BUS_FAULTS[fault] and 0 <= over_after <= BUS_OVER_S):
            raise AssertionError(f"not within {BUS_FAULTS[fault]} and {BUS_OVER_S} s")
    for way, each in (("in", 3), ("out", 2)):
        check(f"passages {way}", count(events, "passage", dir=way), each * len(BUS_FAULTS))
    check("unclear", count(events, "unclear"), 0)
    screenings = [event for event in events if event["kind"] == "screening"]
    # Twelve before, one after each fault and after what three tries overcome.
    check("screenings", len(screenings), 12 + 2 + len(BUS_FAULTS))
    check("what the same person measures", {event["skin_c"] for event in screenings[12:]}, {screenings[0]["skin_c"]})
    check("suspicions", sum(event["verdict"] not in ("normal", "warming_up") for event in screenings), 0)


def test_doctor(boot, host, folder):
    """The doctor says what is wrong with kernel pins and bus, through the agent and without it."""
    machine = Machine(boot, make_disk(folder / "doctor.img"), host.mqtt, "doctor")
    machine.wait("EXIT 0", 120)
    for words in DOCTOR:
        if not machine.find(words):
            say("\n".join(line for line in machine.lines if line.startswith("DOCTOR")))
            raise AssertionError(f"nobody says: {words}")
    say(f"   {len(DOCTOR)} verdicts as they should be")
    drained(host, machine)


def test_flood(boot, host, folder):
    """A thousand edges a second for a minute: what is lost is told, and is nobody's passage."""
    machine = Machine(boot, make_disk(folder / "flood.img"), host.mqtt, "flood", rounds=FLOOD_S)
    machine.wait("READY")
    truth = [int(edges) for edges in machine.wait(r"TRUTH edges=(\S+)", FLOOD_S * 6)[1].split("+")]
    cpu = machine.wait(r"CPU (\d+) (\d+) RESIDENT .*?(\d+) kB")
    events = drained(host, machine)
    litres = [event["litres"] for event in events if event["kind"] == "round" and event["phase"] == "ended"]
    check("rounds", len(litres), 1)
    pulses = round(litres[0] * 450)
    lost = max(event["lost_edges"] for event in events if event["kind"] == "heartbeat")
    say(f"   {sum(truth)} edges on {len(truth)} lines, {truth[0]} of them the flow meter's: {pulses} pulses counted")
    say(f"   {lost} edges told as lost on all lines, {count(events, 'unclear')} times unclear")
    say(f"   processor {(int(cpu[1]) + int(cpu[2])) / 100:.1f} s, resident {int(cpu[3]) / 1024:.1f} MiB")
    unseen = truth[0] - 2 * pulses
    # Between two looks of the interrupt's thread a whole pulse can come and go; a litre is rounded.
    if not -4 <= unseen <= lost + truth[0] * 0.01:
        raise AssertionError(f"{unseen} edges are neither counted nor told")
    for kind in ("passage", "screening"):
        check(kind, count(events, kind), 0)


def test_react(boot, host, folder):
    """With broker and hub gone, lamps follow the judgement; what was judged is in the record afterwards."""
    machine = Machine(boot, make_disk(folder / "react.img"), host.mqtt, "react", rounds=REACTIONS)
    machine.wait("WARM")
    host.end()
    truth = machine.wait(r"TRUTH warm=(\d+) n=(\d+) (p50=.*)", REACTIONS * 10)
    say(f"   from a person's last edge to the lamp, guest's clock, {truth[2]} times: {truth[3]} ms")
    if float(re.search(r"p99=(\S+)", truth[3])[1]) > LAMP_MS:
        raise AssertionError(f"the 99th percentile is above {LAMP_MS} ms")
    host.begin()
    events = drained(host, machine)
    check("suspicions", count(events, "screening", verdict="remeasure"), int(truth[1]))
    check("passages in", count(events, "passage", dir="in"), int(truth[1]))
    check("fevers", count(events, "screening", verdict="fever"), 0)


def test_cut(boot, host, folder):
    """The power is cut in the middle, again and again: nothing that was on the unit's disk is lost."""
    disk, dice, known = make_disk(folder / "cut.img"), random.Random(7), 0
    on_disk, waited = {}, []
    for cut in range(1, CUTS + 1):
        machine = Machine(boot, disk, host.mqtt, "cut")
        machine.wait("READY")
        machine.wait(rf"PASSED in {dice.randint(3, 9)}$")
        # Every other time nobody takes the last events before the cut.
        alone = cut % 2 == 1
        if alone:
            host.end()
            machine.wait("UNLINKED")
            machine.wait(rf"PASSED in {machine.last(PASSED)[0] + dice.randint(3, 9)}$")
        time.sleep(dice.random() * 0.4)
        machine.cut_the_power()
        # In the unit's own words: a sequence number that was synced, and when its event was.
        on_disk.update(machine.all(ON_DISK))
        if alone:
            host.begin()
        events = host.events()
        check_one_whole_log(events)
        last, passed = machine.last(ON_DISK)[0], machine.last(PASSED)[0]
        say(f"   cut {cut}: {passed} passed since power on, {last} events on disk, {len(events)} at the hub")
        if len(events) <= known:
            raise AssertionError("the hub got nothing in this life")
        known = len(events)
        if last > known:
            waited.append(last - known)
    machine = Machine(boot, disk, host.mqtt, "none")
    events = drained(host, machine)
    say(f"   {len(waited)} cuts with events that only the unit had: {waited}")
    check("cuts with events that waited, at least half", 2 * len(waited) >= CUTS, True)
    times = {event["seq"]: event["mono_us"] for event in events}
    check("events on disk that are not in the record", {seq: at for seq, at in on_disk.items() if times.get(seq) != at}, {})
    check("boots told", count(events, "boot"), CUTS + 1)
    check("alerts of another log", [kind for kind in host.alerts() if kind == "fork"], [])


def test_remote(boot, host, folder):
    """A beam's line is changed from the hub: the new one counts. One that the kernel refuses is taken back."""
    machine = Machine(boot, make_disk(folder / "remote.img"), host.mqtt, "remote")
    machine.wait("ASKING")
    own = "".join(line.removeprefix("TOML ") + "\n" for line in list(machine.lines) if line.startswith("TOML "))
    moved = own.replace("line = 27", "line = 19")
    if moved == own:
        raise AssertionError(f"beam B is not at line 27:\n{own}")
    answer = host.want(moved)
    check("the first answer", (answer["result"], answer["applied"]), ("applied", answer["answered"]))
    kept = answer["applied"]
    machine.wait("MOVED")
    answer = host.want(moved.replace("line = 19", "line = 20"))
    check("the second answer", (answer["result"], answer["applied"]), ("rolled_back", kept))
    check("who holds the line is said", "another driver" in answer["detail"], True)
    events = drained(host, machine)
    # Three walked before by the old line: nobody saw them pass.
    check("passages in", count(events, "passage", dir="in"), 7 + 2)
    check("passages out", count(events, "passage", dir="out"), 4)
    check("unclear", count(events, "unclear"), 0)


def test_boards(boot, host, folder):
    """The boards' contract over the kernel's lines and over a Pi's registers."""
    machine = Machine(boot, make_disk(folder / "boards.img"), host.mqtt, "boards", initrd="boards.gz")
    machine.wait("EXIT")
    if not machine.find("EXIT 0") or not machine.find("BOARDS test result: ok. 2 passed"):
        say("\n".join(line for line in machine.lines if line.startswith("BOARDS")))
        raise AssertionError("a board does not keep to it")
    for line in machine.lines:
        if told := re.search(r"BOARDS (\w+: \d+ edges.*)", line):
            say(f"   {told[1]}")


# The longest first.
TESTS = {"faults": test_faults, "bus": test_bus, "flood": test_flood, "boards": test_boards, "cut": test_cut, "react": test_react, "doctor": test_doctor, "remote": test_remote, "count": test_count}


def run(name, boot, hub):
    """One test with a host and a guest of its own; whether it passed, and what it said."""
    said.lines = [f"-- {name}: {TESTS[name].__doc__}"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gatepost-vm-") as folder:
        folder = pathlib.Path(folder)
        try:
            with Host(folder, os.path.abspath(hub)) as host:
                TESTS[name](pathlib.Path(boot), host, folder)
            say(f"   ok, {time.monotonic() - began:.0f} s")
            return True, said.lines
        except AssertionError as error:
            say(f"   FAILED: {error}")
            return False, said.lines


def main():
    boot, hub, *names = sys.argv[1:]
    passed = True
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(run, name, boot, hub) for name in names or TESTS]
        for test in concurrent.futures.as_completed(running):
            fine, lines = test.result()
            passed &= fine
            print("\n".join(lines), flush=True)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
