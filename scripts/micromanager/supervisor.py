"""The supervisor: the process that holds the connection of the host, watches host and worker, and has no device itself.

Lights go off when the host is gone or silent for a second. A worker that dies, is silent for 0.7 s or leaves an `off`
unanswered for 0.6 s is killed; another one, that waits ready, loads the lights alone and puts them off.
"""
import json
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

from config import lights_only
from wire import BEAT, CALL, CALLS, CREDIT, ERROR, EVENT, FRAME, FRAME_HEAD, OWN, REPLY, Wire, later

HOST_SILENT_S, WORKER_SILENT_S, OFF_LIMIT_S = 1.0, 0.7, 0.6
FROM_HOST, FROM_WORKER = 1 << 20, 1 << 22


class WorkerProcess:
    """A worker, with what it is asked and has not answered."""

    def __init__(self, session):
        program = [sys.executable, os.path.dirname(os.path.abspath(__file__)), "--worker", "--log", session.log.path]
        new = {"start_new_session": True} if os.name == "posix" else {}
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **new)
        self.session = session
        self.wire = Wire(self.process.stdout, self.write, lambda: None)
        self.last_word, self.is_lost, self.own = time.monotonic(), False, {}
        self.count = OWN
        later(self.listen)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def listen(self):
        try:
            while True:
                kind, number, body = self.wire.receive(FROM_WORKER)
                self.last_word = time.monotonic()
                if kind in (REPLY, ERROR) and number >= OWN:
                    waiting = self.own.pop(number, None)
                    if waiting:
                        waiting[1].append((kind, json.loads(body.decode())))
                        waiting[0].set()
                elif kind != BEAT and self is self.session.worker:
                    self.session.pass_on(kind, number, body)
        except (EOFError, OSError, ValueError):
            pass
        self.is_lost = True
        for waiting in list(self.own.values()):
            waiting[0].set()

    def ask(self, name, arguments, limit_s):
        """What the worker answers to a call of the supervisor's; None where it does not in time, or refuses."""
        self.count += 1
        done, answers = threading.Event(), []
        self.own[self.count] = (done, answers)
        # A pipe that nobody empties would hold the thread.
        later(self.try_send, CALL, self.count, {"f": name, "a": arguments})
        end = time.monotonic() + limit_s
        while not done.wait(0.05) and not self.is_lost and time.monotonic() < end:
            pass
        if answers and answers[0][0] == ERROR:
            self.session.log("%s: %s" % (name, answers[0][1]["text"]))
        return answers[0][1]["r"] if answers and answers[0][0] == REPLY else None

    def try_send(self, *message):
        try:
            self.wire.send(*message)
        except (OSError, ValueError):
            self.is_lost = True

    def kill(self):
        self.process.kill()
        self.process.wait()


class Session:
    """A host and what it has opened."""

    def __init__(self, wire, log, shares_memory, defaults):
        self.wire, self.log, self.shares_memory, self.defaults = wire, log, shares_memory, defaults
        self.pending, self.lights, self.configuration, self.adapters = {}, {}, None, ""
        self.ring = self.ring_path = self.standby = None
        self.has_ring_name = False
        self.lost = ""  # why the worker is lost
        self.is_over, self.last_word = threading.Event(), time.monotonic()
        self.out, self.ending, self.has_ended = threading.RLock(), threading.RLock(), False
        self.worker = WorkerProcess(self)

    def run(self):
        """Until the host is gone; the lights are off and the devices given back then."""
        later(self.watch)
        later(self.beat)
        why = "the host is gone"
        try:
            while True:
                kind, number, body = self.wire.receive(FROM_HOST)
                self.last_word = time.monotonic()
                if kind == CREDIT:
                    self.discard_ring()  # all have it open now
                    self.worker.try_send(kind, number, body)
                elif kind == CALL and not self.take(number, body):
                    why = "the host has closed"
                    break
        except (EOFError, OSError, ValueError):
            pass
        self.end(why)

    def end(self, why):
        """May be called again, also by a signal in the midst of it."""
        with self.ending:
            if not self.has_ended:
                self.give_back(why)
                self.has_ended = True

    def give_back(self, why):
        if not self.lost:
            self.lights_out(why)
        self.is_over.set()
        self.discard_ring()
        self.wire.close()
        if not self.lost:
            # While a configuration is being loaded nobody can be interrupted.
            loads = any(name == "open" for name, _ in list(self.pending.values()))
            self.worker.ask("close", [], 60 if loads else 5)
        for process in (self.worker, self.standby):
            if process:
                process.kill()

    def take(self, number, body):
        """One call of the host; false where it is its last."""
        try:
            request = json.loads(body.decode())
            name, arguments = request["f"], request["a"]
        except (ValueError, KeyError, TypeError):
            name, arguments = "", []
        if name not in CALLS or not isinstance(arguments, list):
            self.answer(number, "not-allowed", "there is no call '%s'" % name)
        elif self.lost:
            self.answer(number, "worker-lost", self.lost)
        elif name == "close":
            return False
        else:
            if name in ("ask", "open"):
                arguments = [given or default for given, default in zip(arguments, self.defaults)]
            if name == "open":
                self.configuration = arguments
            elif name == "light":
                self.lights[arguments[0]] = arguments[1]
            self.pending[number] = (name, time.monotonic())
            self.worker.try_send(CALL, number, {"f": name, "a": arguments})
        return True

    def answer(self, number, code, text):
        self.tell(ERROR, number, {"code": code, "text": text, "device": ""})

    def tell(self, *message):
        try:
            self.wire.send(*message)
        except (OSError, ValueError):
            pass

    def pass_on(self, kind, number, body):
        """What the worker says to the host."""
        if kind in (REPLY, ERROR):
            name, _ = self.pending.pop(number, ("", 0))
            if name == "open" and kind == REPLY:
                self.adapters = json.loads(body.decode())["r"]["adapters"]
                self.standby = WorkerProcess(self)
            if name == "start" and kind == REPLY:
                answer = json.loads(body.decode())
                self.map_ring(answer["r"]["ring"])
                if not self.shares_memory:
                    answer["r"]["ring"] = ""
                body = json.dumps(answer).encode()
        pixels = None
        if kind == FRAME and not self.shares_memory:
            head = FRAME_HEAD.unpack(body)
            size = head[6] * head[7]
            body = FRAME_HEAD.pack(head[0], 0, *head[2:])
            pixels = memoryview(self.ring)[head[-1] * size:(head[-1] + 1) * size]
        self.tell(kind, number, body, pixels)

    def map_ring(self, path):
        if path != self.ring_path:
            with open(path, "r+b") as file:
                self.ring, self.ring_path, self.has_ring_name = mmap.mmap(file.fileno(), 0), path, True

    def discard_ring(self):
        """Takes the name of the ring's file away, so that nothing is left of it whatever ends first."""
        if self.has_ring_name:
            self.has_ring_name = os.name != "posix" and not self.is_over.is_set()
            try:
                os.unlink(self.ring_path)
            except OSError:
                pass

    def beat(self):
        while not self.is_over.is_set():
            self.tell(BEAT, 0)
            self.is_over.wait(0.25)

    def watch(self):
        """Looks after host and worker twenty times a second."""
        beaten = 0.0
        while not self.is_over.wait(0.05):
            now = time.monotonic()
            if now - beaten > 0.25 and not self.lost:
                beaten = now
                later(self.worker.try_send, BEAT, 0)
            if now - self.last_word > HOST_SILENT_S:
                self.log("the host is silent")
                self.lights_out("the host is silent")
                self.is_over.set()
                self.wire.close()
            elif not self.lost:
                slow = any(name == "off" and now - since > OFF_LIMIT_S for name, since in list(self.pending.values()))
                if self.worker.is_lost:
                    self.rescue("the process with the devices has ended", now)
                elif now - self.worker.last_word > WORKER_SILENT_S and self.configuration and "open" not in [
                        name for name, _ in list(self.pending.values())]:
                    self.rescue("the process with the devices does not answer", now)
                elif slow:
                    self.rescue("a light did not go off in time", now)

    def lights_out(self, why):
        """Puts every light off by the worker, or where it does not say so in time by another one."""
        begin = time.monotonic()
        with self.out:
            if self.lost:
                return
            silent = self.worker.is_lost or begin - self.worker.last_word > WORKER_SILENT_S
            found = None if silent else self.worker.ask("off", [], OFF_LIMIT_S)
        if found is None:
            self.rescue(why + ", and the process with the devices does not answer", begin)
            return
        state = "off" if all(each["off"] for each in found) else "NOT KNOWN to be off"
        self.log("%s: lights %s after %.0f ms" % (why, state, 1000 * (time.monotonic() - begin)))

    def rescue(self, why, begin):
        """Kills the worker and puts the lights off by another one that loads nothing else."""
        with self.out:
            if self.lost:
                return
            self.lost = why
            self.discard_ring()
            self.worker.kill()
            for number in list(self.pending):
                self.answer(number, "worker-lost", why)
            self.pending.clear()
            state = "no light was described" if not self.lights else "lights NOT KNOWN to be off"
            if self.lights:
                helper = self.standby or WorkerProcess(self)
                labels = {light[key] for light in self.lights.values()
                          for key in ("device", "power_device", "select_device") if light[key]}
                file, path = tempfile.mkstemp(suffix=".cfg")
                try:
                    os.write(file, lights_only(self.configuration[0], labels).encode())
                    os.close(file)
                    if helper.ask("open", [path, self.adapters], 5) is not None:
                        known = [helper.ask("light", [name, light], 3) for name, light in self.lights.items()]
                        found = helper.ask("off", [], 3)
                        if found is not None and len(found) == len(known) and all(each["off"] for each in found):
                            state = "lights off"
                except OSError as error:
                    self.log("the lights' part of %s: %s" % (self.configuration[0], error))
                finally:
                    os.unlink(path)
            took = 1000 * (time.monotonic() - begin)
            self.lost = "%s; %s after %.0f ms" % (why, state, took)
            self.log(self.lost)
            self.tell(EVENT, 0, {"event": "worker-lost", "text": self.lost, "off": state == "lights off"})
