"""What the helper uses of pymmcore, on made-up devices, for tests on computers without Micro-Manager.

What the devices are is told by their names in the .cfg. Shutters and lasers are as in the world: whether they are lit
stands in a file of the folder FAKE_WORLD and stays when the process dies. A file `hang LABEL` there makes the process
that has a camera hang when it puts that light off.
"""
import os
import threading
import time

__version__ = "12.5.1.75.0"
TYPES = {"Camera": 2, "Shutter": 3, "Wheel": 4, "ZStage": 5, "XYStage": 6, "Laser": 8, "AutoFocus": 9}
WORLD = os.environ["FAKE_WORLD"]


class Setting:
    def __init__(self, fields):
        self.fields = fields

    def getDeviceLabel(self):
        return self.fields[0]

    def getPropertyName(self):
        return self.fields[1]

    def getPropertyValue(self):
        return self.fields[2]


class Settings(list):
    def size(self):
        return len(self)

    def getSetting(self, number):
        return Setting(self[number])


class Tag:
    def __init__(self, value):
        self.value = value

    def GetValue(self):
        return self.value


class Metadata(dict):
    def GetKeys(self):
        return list(self)

    def GetSingleTag(self, name):
        return Tag(self[name])


class Axis:
    """Moves at 1000 um/s."""

    def __init__(self):
        self.start = self.target = self.begin = 0.0

    def where(self):
        way, gone = self.target - self.start, 1000 * (time.monotonic() - self.begin)
        return self.target if gone >= abs(way) else self.start + (gone if way > 0 else -gone)

    def move(self, target):
        self.start, self.target, self.begin = self.where(), target, time.monotonic()


class CMMCore:
    def __init__(self):
        self.devices, self.values, self.labels, self.groups, self.sizes = {}, {}, {}, {}, {}
        self.axes, self.images, self.lock = {}, [], threading.Lock()
        self.camera, self.exposure, self.roi, self.running, self.overflowed = "", 10.0, [0, 0, 64, 48], False, False
        self.footprint, self.focus, self.roles = 0, [False, 0.0], {}

    def setDeviceAdapterSearchPaths(self, paths):
        pass

    def loadSystemConfiguration(self, path):
        with open(path) as file:
            for number, line in enumerate(file):
                fields = line.strip().split(",")
                if fields[0] == "Device":
                    if fields[3] not in TYPES:
                        raise RuntimeError("Line %d: %s\nFailed to load device \"%s\"" % (number + 1, line, fields[3]))
                    self.devices[fields[1]] = fields[3]
                    self.axes[fields[1]] = [Axis(), Axis()]
                    at_start = {"Camera": {"Binning": "1", "Gain": "1", "Serial": "F1"}, "Laser": {"Power": "0"},
                                "Wheel": {"Label": "", "State": "0"}}
                    self.values[fields[1]] = at_start.get(fields[3], {})
                elif fields[0] == "Label":
                    self.labels.setdefault(fields[1], {})[int(fields[2])] = fields[3]
                    self.values[fields[1]]["Label"] = self.labels[fields[1]][0] if 0 in self.labels[fields[1]] else ""
                elif fields[0] == "Property" and fields[1] == "Core":
                    self.roles[fields[2]] = fields[3]
                elif fields[0] == "ConfigGroup":
                    self.groups.setdefault(fields[1], {}).setdefault(fields[2], Settings()).append(fields[3:6])
                elif fields[0] == "PixelSize_um":
                    self.sizes[fields[1]] = float(fields[2])
        for device, name, value in self.groups.get("System", {}).get("Startup", []):
            if device == "Core":
                self.roles[name] = value
            elif name == "State" and self.devices[device] == "Shutter":
                self.setShutterOpen(device, value == "1")

    def unloadAllDevices(self):
        self.devices = {}

    def setAutoShutter(self, is_on):
        pass

    def known(self, label):
        if label not in self.devices:
            raise RuntimeError("No device with label \"%s\"" % label)
        return self.devices[label]

    def getLoadedDevices(self):
        return tuple(self.devices) + ("Core",)

    def getLoadedDevicesOfType(self, kind):
        return tuple(label for label in self.devices if TYPES[self.devices[label]] == kind)

    def getDeviceType(self, label):
        return 10 if label == "Core" else TYPES[self.known(label)]

    def getDeviceLibrary(self, label):
        return "Fake"

    def getDeviceName(self, label):
        return self.known(label)

    def getStateLabels(self, label):
        return tuple(text for _, text in sorted(self.labels.get(label, {}).items()))

    def getAvailableConfigGroups(self):
        return tuple(self.groups)

    def getAvailableConfigs(self, group):
        return tuple(self.groups[group])

    def getConfigData(self, group, preset):
        return self.groups[group][preset]

    def getAvailablePixelSizeConfigs(self):
        return tuple(self.sizes)

    def getPixelSizeUmByID(self, name):
        return self.sizes[name]

    def getPixelSizeAffineByID(self, name):
        return (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def getCurrentPixelSizeConfig(self):
        return next(iter(self.sizes), "")

    def getShutterDevice(self):
        return self.roles.get("Shutter", "")

    def getChannelGroup(self):
        return self.roles.get("ChannelGroup", "")

    # Properties.

    def getDevicePropertyNames(self, label):
        self.known(label)
        return tuple(self.values[label])

    def hasProperty(self, label, name):
        self.known(label)
        return name in self.values[label]

    def getProperty(self, label, name):
        if label == "Core":
            return self.roles.get(name, "")
        if self.known(label) == "Laser" and name == "Power":
            return read(label)
        if name not in self.values[label]:
            raise RuntimeError("Cannot get property \"%s\"" % name)
        return self.values[label][name]

    def setProperty(self, label, name, value):
        if label == "Core":
            self.roles[name] = value
            return
        if not self.hasProperty(label, name) or name == "Serial":
            raise RuntimeError("Cannot set property \"%s\" to \"%s\"" % (name, value))
        allowed = self.getAllowedPropertyValues(label, name)
        if allowed and value not in allowed:
            raise RuntimeError("Cannot set property \"%s\" to \"%s\"" % (name, value))
        if self.known(label) == "Laser":
            self.light(label, value)
        elif self.devices[label] == "Wheel":
            names = self.labels.get(label, {})
            state = int(value) if name == "State" else next(key for key, text in names.items() if text == value)
            self.values[label] = {"Label": names.get(state, ""), "State": str(state)}
        else:
            self.values[label][name] = value

    def getPropertyType(self, label, name):
        return {"Gain": 2, "Power": 2, "Binning": 3, "State": 3}.get(name, 1)

    def isPropertyReadOnly(self, label, name):
        return name == "Serial"

    def isPropertyPreInit(self, label, name):
        return False

    def hasPropertyLimits(self, label, name):
        return name in ("Gain", "Power")

    def getPropertyLowerLimit(self, label, name):
        return 1.0 if name == "Gain" else 0.0

    def getPropertyUpperLimit(self, label, name):
        return 300.0 if name == "Gain" else 100.0

    def getAllowedPropertyValues(self, label, name):
        return {"Binning": ("1", "2"), "Label": self.getStateLabels(label)}.get(name, ())

    # Motion.

    def deviceBusy(self, label):
        self.known(label)
        return any(axis.where() != axis.target for axis in self.axes[label])

    def getXYPosition(self, label):
        self.known(label)
        return [axis.where() for axis in self.axes[label]]

    def setXYPosition(self, label, x, y):
        for axis, target in zip(self.axes[label], (x, y)):
            axis.move(target)

    def getPosition(self, label):
        self.known(label)
        return self.axes[label][0].where()

    def setPosition(self, label, z):
        self.axes[label][0].move(z)

    def stop(self, label):
        for axis in self.axes[label]:
            axis.move(axis.where())

    def getStateLabel(self, label):
        return self.values[label]["Label"]

    def setStateLabel(self, label, text):
        self.setProperty(label, "Label", text)

    def getStateFromLabel(self, label, text):
        found = [key for key, name in self.labels[label].items() if name == text]
        if not found:
            raise RuntimeError("Device \"%s\" has no state \"%s\"" % (label, text))
        return found[0]

    def setAutoFocusDevice(self, label):
        self.known(label)

    def enableContinuousFocus(self, is_on):
        self.focus[0] = is_on

    def isContinuousFocusEnabled(self):
        return self.focus[0]

    def isContinuousFocusLocked(self):
        return self.focus[0] and abs(self.focus[1]) < 100

    def setAutoFocusOffset(self, offset):
        self.focus[1] = offset

    def getAutoFocusOffset(self):
        return self.focus[1]

    # Light.

    def light(self, label, value):
        if value in ("0", "0.0") and "Camera" in self.devices.values():
            while os.path.exists(os.path.join(WORLD, "hang " + label)):
                time.sleep(0.05)
        path = os.path.join(WORLD, label)
        with open("%s.%d" % (path, threading.get_ident()), "w") as file:
            file.write(value)
        os.replace(file.name, path)

    def setShutterOpen(self, label, is_open):
        self.known(label)
        self.light(label, "1" if is_open else "0")

    def getShutterOpen(self, label):
        self.known(label)
        return read(label) == "1"

    # The camera: 48 x 64 pixels, the number of the frame everywhere.

    def setCameraDevice(self, label):
        self.camera = label

    def clearROI(self):
        self.roi = [0, 0, 64 // self.binning(), 48 // self.binning()]

    def binning(self):
        return int(self.values[self.camera]["Binning"])

    def setROI(self, label, *region):
        self.roi = list(region)

    def getROI(self, label):
        return list(self.roi)

    def getImageWidth(self):
        return self.roi[2]

    def getImageHeight(self):
        return self.roi[3]

    def getBytesPerPixel(self):
        return 2

    def getNumberOfComponents(self):
        return 1

    def setExposure(self, label, exposure_ms):
        self.exposure = exposure_ms

    def getExposure(self, label):
        return self.exposure

    def getCircularBufferMemoryFootprint(self):
        return self.footprint

    def setCircularBufferMemoryFootprint(self, size):
        self.footprint = size

    def startSequenceAcquisition(self, frames, interval_ms, stop_on_overflow):
        if not stop_on_overflow:
            raise RuntimeError("frames would be lost")
        self.images, self.running, self.overflowed = [], True, False
        threading.Thread(target=self.expose, args=(frames,), daemon=True).start()

    def expose(self, frames):
        begin = time.monotonic()
        for number in range(frames):
            # A frame that is late makes no other late.
            while self.running and time.monotonic() < begin + (number + 1) * self.exposure / 1000:
                time.sleep(0.0005)
            if not self.running:
                return
            if len(self.images) >= 200:
                self.overflowed = True
                break
            with self.lock:
                self.images.append((number, (time.monotonic() - begin) * 1000))
        self.running = False

    def isSequenceRunning(self, label=""):
        return self.running

    def isBufferOverflowed(self):
        return self.overflowed

    def getRemainingImageCount(self):
        return len(self.images)

    def popNextImageMD(self, metadata):
        with self.lock:
            number, elapsed_ms = self.images.pop(0)
        metadata["ImageNumber"], metadata["ElapsedTime-ms"] = str(number), str(elapsed_ms)
        pixels = bytearray(number.to_bytes(2, "little") * (self.roi[2] * self.roi[3]))
        return memoryview(pixels).cast("H", (self.roi[3], self.roi[2]))

    def stopSequenceAcquisition(self, label):
        self.running = False


def read(label):
    try:
        with open(os.path.join(WORLD, label)) as file:
            return file.read() or "0"
    except OSError:
        return "0"
