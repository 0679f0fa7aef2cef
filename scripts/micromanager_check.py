"""What scripts/check-micromanager runs: the helper on Micro-Manager's demo devices, asked over its own protocol."""
import datetime
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HELPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "micromanager")
sys.path.insert(0, HELPER)

from wire import (  # noqa: E402
    BEAT, CALL, CREDIT, ERROR, EVENT, FRAME, FRAME_HEAD, HELLO, PROTOCOL, REPLY, Refusal, Wire)

LED = {"device": "LED Shutter", "switch": "", "on": "", "off": "", "power": "", "power_device": "", "mw_per_unit": 1,
       "select_device": "LED", "select": "550nm"}


class Host:
    """A host of the helper, as Stormbench is one."""

    def __init__(self, connection, process=None, token=None):
        self.connection, self.process, self.wire = connection, process, Wire.of(connection)
        if token:
            self.wire.send(HELLO, 0, {"token": token, "protocol": PROTOCOL})
        self.number, self.answers, self.frames, self.events = 0, {}, [], []
        self.change, self.is_gone, self.beats = threading.Condition(), False, True
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.beat, daemon=True).start()

    @staticmethod
    def local(log):
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, HELPER, "--socket", str(theirs.fileno()), "--log", log], pass_fds=[theirs.fileno()])
        theirs.close()
        return Host(ours, process)

    @staticmethod
    def remote(port, token):
        host = Host(socket.create_connection(("127.0.0.1", port), 5), token=token)
        host.wait(lambda: 0 in host.answers or host.is_gone, 5)
        return host if host.answers.get(0, (ERROR,))[0] == REPLY else None

    def beat(self):
        while not self.is_gone:
            try:
                if self.beats:
                    self.wire.send(BEAT, 0)
            except OSError:
                return
            time.sleep(0.25)

    def listen(self):
        try:
            while True:
                kind, number, body = self.wire.receive(1 << 26)
                with self.change:
                    if kind in (REPLY, ERROR):
                        self.answers[number] = (kind, json.loads(body.decode()))
                    elif kind == FRAME:
                        self.frames.append((number, body))
                    elif kind == EVENT:
                        self.events.append(json.loads(body.decode()))
                    self.change.notify_all()
        except (EOFError, OSError):
            with self.change:
                self.is_gone = True
                self.change.notify_all()

    def wait(self, has_come, limit_s):
        with self.change:
            return self.change.wait_for(has_come, limit_s)

    def call(self, name, *arguments):
        self.number += 1
        number = self.number
        self.wire.send(CALL, number, {"f": name, "a": list(arguments)})
        self.wait(lambda: number in self.answers or self.is_gone, 20)
        kind, answer = self.answers.get(number, (ERROR, {"code": "gone", "text": "the helper is gone"}))
        if kind == ERROR:
            raise Refusal(answer["code"], answer["text"])
        return answer["r"]

    def refused(self, name, *arguments):
        try:
            self.call(name, *arguments)
        except Refusal as refusal:
            return refusal.code
        return ""

    def take(self, frames):
        """A sequence: its frames' indices, their rate and how many pixels came with them."""
        self.frames, self.events = [], []
        begin = time.monotonic()
        self.call("start", "Camera", frames)
        indices, pixels = [], 0
        while True:
            self.wait(lambda: self.frames or self.events or self.is_gone, 10)
            if self.events and not self.frames or self.is_gone:
                break
            number, body = self.frames.pop(0)
            indices.append(FRAME_HEAD.unpack_from(body)[2])
            pixels += len(body) - FRAME_HEAD.size
            self.wire.send(CREDIT, number, struct.pack("<I", 1))
        return indices, len(indices) / (time.monotonic() - begin), pixels

    def workers(self):
        """The processes below the supervisor, the one with the devices first."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % name) as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == self.process.pid:
                        found.append(int(name))
            except OSError:
                pass
        return sorted(found)


problems = []


def say(is_right, text):
    print(("      " if is_right else "WRONG ") + text, flush=True)
    if not is_right:
        problems.append(text)


def first_off(log, since):
    """Seconds from a time to the first line of the log that says that the light reads off."""
    with open(log) as file:
        for line in file:
            found = re.match(r"(\S+) light led off: reads off", line)
            at = found and datetime.datetime.fromisoformat(found.group(1)).timestamp()
            if at and at >= since - 0.001:
                return at - since
    return None


def within(log, since, limit_s, what):
    end, took = time.monotonic() + 4, None
    while took is None and time.monotonic() < end:
        took = first_off(log, since)
        time.sleep(0.02)
    say(took is not None and took <= limit_s, "%s: the light reads off after %s" % (
        what, "never" if took is None else "%.3f s" % took))


def lit(log, configuration):
    host = Host.local(log)
    host.call("open", configuration, "")
    host.call("light", "led", LED)
    host.call("exposure", "Camera", 20)
    host.call("light_on", "led", 1)
    host.frames, host.events = [], []
    host.call("start", "Camera", 1000)
    host.wait(lambda: len(host.frames) > 2, 5)
    return host


def main():
    import mm_test_adapters
    configuration = os.path.join(str(mm_test_adapters.device_adapter_path()), "MMConfig_demo.cfg")
    folder = tempfile.mkdtemp()
    log = os.path.join(folder, "log")

    host = Host.local(log)
    described = host.call("open", configuration, "")
    say(len(described["devices"]) == 13, "%d devices of MMConfig_demo.cfg, pymmcore %s" % (
        len(described["devices"]), described["pymmcore"]))
    host.call("light", "led", LED)
    say(host.call("light_state", "led")[0] is False, "the light is off once the .cfg is loaded")
    codes = [host.refused("eval", "1"), host.refused("set", "LED Shutter", "State", "1"),
             host.refused("set", "Camera", "Binning", "3"), host.refused("get", "Nope", "State")]
    say(codes == ["not-allowed", "guarded", "refused", "refused"], "refusals: " + ", ".join(codes))
    host.call("set", "Camera", "FastImage", "1")
    host.call("exposure", "Camera", 0.01)
    # The first sequence touches the memory of its buffers for the first time.
    for least, what in [(0, "first"), (500, "second")]:
        indices, rate, _ = host.take(2000)
        say(indices == list(range(2000)) and rate >= least, "%d of 2000 frames 512x512, %.0f a second, %s sequence" % (
            len(indices), rate, what))

    host.call("exposure", "Camera", 2000)
    host.call("light_on", "led", 1)
    host.call("start", "Camera", 1)
    time.sleep(0.5)
    begin = time.time()
    host.call("off", "led")
    within(log, begin, 0.1, "off during an exposure of 2 s")
    host.call("stop_sequence", "Camera")
    host.connection.shutdown(socket.SHUT_RDWR)
    say(host.process.wait(10) == 0, "the helper ends with its host")

    for what, strike, is_lost in [
        ("the process with the devices killed", lambda host: os.kill(host.workers()[0], signal.SIGKILL), True),
        ("the process with the devices frozen", lambda host: os.kill(host.workers()[0], signal.SIGSTOP), True),
        ("the supervisor killed", lambda host: os.kill(host.process.pid, signal.SIGKILL), False),
        ("the supervisor frozen", lambda host: os.kill(host.process.pid, signal.SIGSTOP), False),
        ("the connection cut", lambda host: host.connection.shutdown(socket.SHUT_RDWR), False),
        ("the host silent", lambda host: setattr(host, "beats", False), False),
    ]:
        host = lit(log, configuration)
        begin = time.time()
        strike(host)
        within(log, begin, 2, what + " in mid-sequence")
        if is_lost:
            host.wait(lambda: any(event["event"] == "worker-lost" for event in host.events), 4)
            say(host.refused("where", "XY") == "worker-lost", "told: " + host.events[-1]["text"])
        host.process.kill()
        host.process.wait()
        host.connection.close()
    host = lit(log, configuration)
    say(bool(host.frames), "the next one works")
    host.connection.close()
    host.wire.close()
    host.process.wait(10)

    token_file = os.path.join(folder, "token")
    server = subprocess.Popen(
        [sys.executable, HELPER, "--listen", "127.0.0.1", "--port", "0", "--token-file", token_file,
         "--config", configuration, "--log", log + ".tcp"])
    try:
        end, port = time.monotonic() + 10, None
        while port is None and time.monotonic() < end:
            time.sleep(0.05)
            if os.path.exists(log + ".tcp"):
                with open(log + ".tcp") as file:
                    found = re.search(r"listening on \S+:(\d+)", file.read())
                port = found and int(found.group(1))
        with open(token_file) as file:
            token = file.read().strip()
        say(Host.remote(port, "0" * 64) is None, "a wrong token is turned away")
        host = Host.remote(port, token)
        host.call("open", "", "")
        say(Host.remote(port, token) is None, "a second host is turned away")
        host.call("set", "Camera", "FastImage", "1")
        host.call("exposure", "Camera", 0.01)
        indices, rate, pixels = host.take(500)
        say(indices == list(range(500)) and pixels == 500 * 512 * 512 * 2,
            "%d of 500 frames over TCP, %.0f a second" % (len(indices), rate))
        host.wire.close()
    finally:
        server.terminate()
        server.wait(10)
    shared = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
    left = [name for name in shared if name.startswith("stormbench-")]
    say(not left, "nothing is left in shared memory" + ("" if not left else ": " + ", ".join(left)))
    print("%d problems" % len(problems))
    sys.exit(1 if problems else 0)


main()
