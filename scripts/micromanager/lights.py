"""Lights: which device or property switches them, how they go off, and what nobody else may set."""
import time

from devices import SHUTTER, same
from wire import Refusal, call, later


class Lights:
    @call
    def light(self, name, light):
        """Makes a light known, and puts it off."""
        core = self.core
        if light["switch"]:
            allowed = core.getAllowedPropertyValues(light["device"], light["switch"])
            for value in (light["on"], light["off"]):
                if allowed and value not in allowed:
                    raise Refusal("bad-description", "%s of %s cannot be %s; it can be %s" % (
                        light["switch"], light["device"], value, ", ".join(allowed)), name)
        elif core.getDeviceType(light["device"]) != SHUTTER:
            raise Refusal("bad-description", "%s is no shutter; say which property switches it" % light["device"], name)
        limits = None
        if light["power"]:
            device, power = light["power_device"], light["power"]
            core.getProperty(device, power)
            if core.hasPropertyLimits(device, power):
                limits = [core.getPropertyLowerLimit(device, power), core.getPropertyUpperLimit(device, power)]
        if light["select"]:
            core.getStateFromLabel(light["select_device"], light["select"])
        self.lights[name], self.turns[name] = light, 0
        if not self.put_off(name)["off"]:
            raise Refusal("light-not-off", "light %s does not say that it is off" % name, name)
        return limits

    def switch(self, light, is_on):
        if light["switch"]:
            self.core.setProperty(light["device"], light["switch"], light["on"] if is_on else light["off"])
        else:
            self.core.setShutterOpen(light["device"], is_on)

    def is_on(self, light):
        if not light["switch"]:
            return self.core.getShutterOpen(light["device"])
        return not same(light["off"], self.core.getProperty(light["device"], light["switch"]))

    @call
    def light_on(self, name, power_mw):
        light, core = self.lights[name], self.core
        self.turns[name] += 1
        turn = self.turns[name]
        try:
            if light["select"]:
                core.setStateLabel(light["select_device"], light["select"])
                self.wait(light["select_device"], lambda: core.getStateLabel(light["select_device"]) == light["select"])
            if light["power"]:
                self.put(light["power_device"], light["power"], repr(power_mw / light["mw_per_unit"]))
            if self.turns[name] == turn:
                self.switch(light, True)
                self.wait(light["device"], lambda: self.is_on(light) or self.turns[name] != turn)
            if self.turns[name] != turn:
                raise Refusal("light-stopped", "light %s was switched off while it was switched on" % name, name)
        except BaseException:
            self.put_off(name)
            raise
        self.log("light %s on, %g mW" % (name, power_mw))

    def wait(self, label, has_come, limit_s=2.0):
        end = time.monotonic() + limit_s
        while self.core.deviceBusy(label) or not has_come():
            if time.monotonic() > end:
                raise Refusal("not-confirmed", "%s does not say that it is there" % label, label)
            time.sleep(0.002)

    @call
    def light_state(self, name):
        light = self.lights[name]
        power = float(self.core.getProperty(light["power_device"], light["power"])) if light["power"] else None
        return [self.is_on(light), power * light["mw_per_unit"] if light["power"] else None]

    def put_off(self, name):
        light, begin, off, text = self.lights[name], time.perf_counter(), None, ""
        self.turns[name] += 1
        try:
            self.switch(light, False)
            sent = time.perf_counter()
            while True:
                off = not self.is_on(light)
                if off or time.perf_counter() - sent > 0.3:
                    break
                time.sleep(0.001)
        except Exception as error:
            text = " (%s)" % error
        took = 1000 * (time.perf_counter() - begin)
        self.log("light %s off: %s after %.1f ms%s" % (
            name, {True: "reads off", False: "READS ON", None: "NOT KNOWN"}[off], took, text))
        return {"light": name, "off": off, "ms": took}

    @call
    def off(self, *names):
        """Puts lights off, all unless some are named, each in a thread of its own; all: every shutter shut as well."""
        found = []
        threads = [later(lambda name=name: found.append(self.put_off(name))) for name in (names or list(self.lights))]
        if not names and self.core is not None:
            used = {light["device"] for light in self.lights.values()}
            threads += [later(self.shut, label) for label in self.shutters if label not in used]
        for thread in threads:
            thread.join()
        return found

    def shut(self, label):
        try:
            self.core.setShutterOpen(label, False)
        except Exception as error:
            self.log("shutter %s: %s" % (label, error))
