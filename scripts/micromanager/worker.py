"""The worker: the process that holds pymmcore and the devices. It serves the supervisor and nobody else."""
import json
import os
import queue
import signal
import struct
import sys
import threading
import time

from adapters import adapter_folder, advice, interface_version
from config import lines_of
from devices import SHUTTER, STAGE, STATE, XY_STAGE, Devices
from frames import Frames
from lights import Lights
from wire import BEAT, CALL, CALLS, CREDIT, ERROR, REPLY, Refusal, Wire, call, later


class Worker(Devices, Lights, Frames):
    def __init__(self, wire, log):
        self.wire, self.log = wire, log
        self.core = None
        self.lights, self.turns, self.shutters, self.lanes = {}, {}, [], {}
        self.ring = self.ring_path = None
        self.pumping = None
        self.sequence, self.credits, self.last_word = 0, threading.Semaphore(0), time.monotonic()

    def tell(self, *message):
        try:
            self.wire.send(*message)
        except (OSError, ValueError):
            pass  # the supervisor is gone, which `run` sees

    def run(self):
        later(self.beat)
        try:
            import pymmcore  # ahead of the first call: a worker that waits is ready
        except ImportError:
            pass
        try:
            while True:
                kind, number, body = self.wire.receive()
                self.last_word = time.monotonic()
                if kind == CREDIT and number == self.sequence:
                    for _ in range(struct.unpack("<I", body)[0]):
                        self.credits.release()
                elif kind == CALL:
                    self.take(number, json.loads(body.decode()))
        except (EOFError, OSError):
            if self.lights:
                self.log("the supervisor is gone")
            self.off()
            self.discard_ring()
            if self.core is not None:
                later(self.close).join(3)

    def beat(self):
        while True:
            self.tell(BEAT, 0)
            time.sleep(0.1)
            if self.core is not None and time.monotonic() - self.last_word > 1.5:
                self.last_word = time.monotonic()
                self.log("the supervisor is silent")
                self.off()

    def take(self, number, request):
        name, arguments = request["f"], request["a"]
        if name == "off":  # waits for nothing that is under way
            later(self.answer, number, name, arguments)
            return
        if name == "stop_sequence":
            self.sequence += 1  # no frame is sent from now on
        core = name in ("ask", "open", "close", "describe")
        lane = "core" if core else name if name == "light_state" or not arguments else str(arguments[0])
        if lane not in self.lanes:
            self.lanes[lane] = queue.Queue()
            later(self.work, self.lanes[lane])
        self.lanes[lane].put((number, name, arguments))

    def work(self, lane):
        while True:
            self.answer(*lane.get())

    def answer(self, number, name, arguments):
        then = None
        try:
            if self.core is None and name not in ("ask", "open", "off", "close"):
                raise Refusal("not-open", "no configuration is loaded")
            answer = CALLS[name](self, *arguments)
            if isinstance(answer, tuple):
                answer, then = answer
            self.tell(REPLY, number, {"r": answer})
        except Refusal as refusal:
            self.tell(ERROR, number, {"code": refusal.code, "text": str(refusal), "device": refusal.device})
        except Exception as error:
            text = str(error) or type(error).__name__
            code = "refused" if text.startswith(("Cannot set", "No device", "Device", "Preset")) else "failed"
            device = arguments[0] if arguments and isinstance(arguments[0], str) else ""
            self.tell(ERROR, number, {"code": code, "text": text, "device": device})
        if then:
            then()

    @call
    def ask(self, config, adapters):
        """What is there: which pymmcore, which adapters, how many devices the .cfg has. Nothing is loaded."""
        pymmcore, folder = self.fitting(config, adapters)
        count = sum(line[0] == "Device" for line in lines_of(config))
        return "pymmcore %s, adapters in %s, %d devices in %s" % (pymmcore.__version__, folder, count, config)

    def fitting(self, config, adapters):
        """pymmcore, and the folder of the adapters that it fits."""
        if not os.path.isfile(config):
            raise Refusal("config-missing", "there is no file %s" % config)
        folder = adapter_folder(adapters, config)
        found = interface_version(folder)
        try:
            import pymmcore
        except ImportError as error:
            raise Refusal("pymmcore-missing", "%s cannot load pymmcore (%s); %s" % (
                sys.executable, error, advice(found) if found else "pip install pymmcore"))
        ours = int(pymmcore.__version__.split(".")[3])
        if found is not None and found != ours:
            text = "the adapters in %s have the device interface %d, pymmcore %s has %d; %s"
            raise Refusal("interface-version", text % (folder, found, pymmcore.__version__, ours, advice(found)))
        return pymmcore, folder

    @call
    def open(self, config, adapters):
        """Loads a .cfg; AutoShutter is off and every shutter shut then."""
        if self.core is not None:
            raise Refusal("busy", "a configuration is loaded already")
        self.pymmcore, folder = self.fitting(config, adapters)
        self.core = core = self.pymmcore.CMMCore()
        core.setDeviceAdapterSearchPaths([folder])
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")
        try:
            core.loadSystemConfiguration(config)
        except Exception as error:
            self.core = None
            raise Refusal("config-refused", "%s: %s" % (config, str(error).replace("\n", " ")))
        core.setAutoShutter(False)
        self.shutters = [label for label in core.getLoadedDevices() if core.getDeviceType(label) == SHUTTER]
        self.off()
        return dict(self.describe(), adapters=folder)

    @call
    def describe(self):
        """Devices, groups and pixel sizes of the .cfg."""
        core, devices = self.core, []
        for label in core.getLoadedDevices():
            if label == "Core":
                continue
            kind = core.getDeviceType(label)
            devices.append({
                "label": label, "type": kind, "module": core.getDeviceLibrary(label), "name": core.getDeviceName(label),
                "labels": list(core.getStateLabels(label)) if kind == STATE else []})
        groups = {}
        for group in core.getAvailableConfigGroups():
            groups[group] = {preset: self.settings(group, preset) for preset in core.getAvailableConfigs(group)}
        sizes = [{"name": name, "um": core.getPixelSizeUmByID(name), "affine": list(core.getPixelSizeAffineByID(name))}
                 for name in core.getAvailablePixelSizeConfigs()]
        return {"devices": devices, "groups": groups, "pixel_sizes": sizes,
                "pixel_size": core.getCurrentPixelSizeConfig(), "shutter": core.getShutterDevice(),
                "channel_group": core.getChannelGroup(), "pymmcore": self.pymmcore.__version__}

    @call
    def close(self):
        """Lights off, cameras and stages stopped, devices given back."""
        self.off()
        self.sequence += 1
        core, self.core = self.core, None
        if core is None:
            return
        for label in core.getLoadedDevices():
            try:
                if core.getDeviceType(label) == 2 and core.isSequenceRunning(label):
                    core.stopSequenceAcquisition(label)
                elif core.getDeviceType(label) in (STAGE, XY_STAGE):
                    core.stop(label)
            except Exception as error:
                self.log("%s: %s" % (label, error))
        core.unloadAllDevices()


def main(log):
    # Whatever an adapter prints must not get among the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def write(data):
        output.write(data)
        output.flush()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(Wire(sys.stdin.buffer, write, output.close), log).run()
    os._exit(0)
