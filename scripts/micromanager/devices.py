"""What the host may ask of stages, wheels, shutters, focus locks, groups and properties."""
import time

from wire import Refusal, call

SHUTTER, STATE, STAGE, XY_STAGE = 3, 4, 5, 6


def same(asked, read):
    try:
        asked, read = float(asked), float(read)
    except ValueError:
        return asked == read
    return abs(asked - read) <= max(1e-4, 1e-6 * abs(asked))


class Devices:
    @call
    def properties(self, label):
        core = self.core
        return [{
            "name": name, "value": core.getProperty(label, name), "type": core.getPropertyType(label, name),
            "read_only": core.isPropertyReadOnly(label, name), "pre_init": core.isPropertyPreInit(label, name),
            "limits": [core.getPropertyLowerLimit(label, name), core.getPropertyUpperLimit(label, name)]
            if core.hasPropertyLimits(label, name) else None,
            "allowed": list(core.getAllowedPropertyValues(label, name)),
            "switches_light": (label, name) in self.guarded()} for name in core.getDevicePropertyNames(label)]

    @call
    def get(self, label, name):
        return self.core.getProperty(label, name)

    @call
    def set(self, label, name, value):
        """Sets a property and reads it back: one that stays otherwise was refused."""
        if (label, name) in self.guarded():
            raise Refusal("guarded", "%s of %s switches a light or opens a shutter; use the light's on and off" % (
                name, label), label)
        return self.put(label, name, value)

    def put(self, label, name, value, limit_s=2.0):
        self.core.setProperty(label, name, value)
        end = time.monotonic() + limit_s
        while True:
            read = self.core.getProperty(label, name)
            if same(value, read):
                return read
            if time.monotonic() > end:
                raise Refusal("refused", "%s of %s was set to %s and is %s" % (name, label, value, read), label)
            time.sleep(0.01)

    def guarded(self):
        """The properties that switch light, which only the lights' own calls may set."""
        guarded = {(label, "State") for label in self.shutters} | {("Core", "AutoShutter")}
        for light in self.lights.values():
            if light["switch"]:
                guarded |= {(light["device"], name) for name in (
                    ["State", "Label"] if light["switch"] in ("State", "Label") else [light["switch"]])}
            if light["power"]:
                guarded.add((light["power_device"], light["power"]))
        return guarded

    @call
    def busy(self, label):
        return self.core.deviceBusy(label)

    @call
    def where(self, label):
        core = self.core
        if core.getDeviceType(label) == XY_STAGE:
            return list(core.getXYPosition(label))
        return [core.getPosition(label)]

    @call
    def move(self, label, *target):
        core = self.core
        if core.getDeviceType(label) == XY_STAGE:
            core.setXYPosition(label, float(target[0]), float(target[1]))
        else:
            core.setPosition(label, float(target[0]))

    @call
    def stop(self, label):
        self.core.stop(label)

    @call
    def home(self, label):
        self.core.home(label)

    @call
    def select(self, label, position):
        if (label, "Label") in self.guarded():
            raise Refusal("guarded", "%s switches a light; use the light's on and off" % label, label)
        self.core.setStateLabel(label, position)

    @call
    def selected(self, label):
        return "" if self.core.deviceBusy(label) else self.core.getStateLabel(label)

    @call
    def shutter(self, label, is_open):
        self.core.setShutterOpen(label, bool(is_open))

    @call
    def shutter_open(self, label):
        return self.core.getShutterOpen(label)

    @call
    def lock(self, label, is_on):
        self.core.setAutoFocusDevice(label)
        self.core.enableContinuousFocus(bool(is_on))

    @call
    def lock_state(self, label):
        self.core.setAutoFocusDevice(label)
        return [self.core.isContinuousFocusEnabled(), self.core.isContinuousFocusLocked()]

    @call
    def lock_offset(self, label, offset=None):
        self.core.setAutoFocusDevice(label)
        if offset is not None:
            self.core.setAutoFocusOffset(float(offset))
        return self.core.getAutoFocusOffset()

    def settings(self, group, preset):
        data = self.core.getConfigData(group, preset)
        found = [data.getSetting(number) for number in range(data.size())]
        return [[each.getDeviceLabel(), each.getPropertyName(), each.getPropertyValue()] for each in found]

    @call
    def set_group(self, group, preset):
        """Sets what a preset holds, except what switches light; waits until its devices say that they have it."""
        guarded = self.guarded()
        settings = [each for each in self.settings(group, preset) if (each[0], each[1]) not in guarded]
        for label, name, value in settings:
            self.core.setProperty(label, name, value)
        end = time.monotonic() + 10
        for label in {each[0] for each in settings if each[0] != "Core"}:
            while self.core.deviceBusy(label):
                if time.monotonic() > end:
                    raise Refusal("timeout", "%s is still busy 10 s after preset %s of %s" % (
                        label, preset, group), label)
                time.sleep(0.002)
        for label, name, value in settings:
            if not same(value, self.core.getProperty(label, name)):
                self.put(label, name, value)

    @call
    def group(self, group):
        """The preset that holds now; empty for none."""
        guarded = self.guarded()
        for preset in self.core.getAvailableConfigs(group):
            settings = [each for each in self.settings(group, preset) if (each[0], each[1]) not in guarded]
            if settings and all(same(value, self.core.getProperty(label, name)) for label, name, value in settings):
                return preset
        return ""
