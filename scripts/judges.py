"""Sessions of other programs with the emulated devices; see scripts/check-drivers."""

import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
EMULATORS = sys.argv[1]


class Emulator:
    """An emulated device in a process of its own; `path` is its port."""

    def __init__(self, device):
        self.process = subprocess.Popen([EMULATORS, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def ibeam_pylablib(path):
    from pylablib.devices import Toptica

    laser = Toptica.TopticaIBeam(path)
    yield "serial", laser.get_device_info().serial, "iBEAM-SMART-640-S-EMULATED"
    yield "channels", laser.get_channels_number(), 2
    yield "channel on", laser.enable_channel(2, True), True
    yield "power set to 30 mW", laser.set_channel_power(2, 0.03), 0.03
    yield "on", laser.enable(True), True
    yield "output power", laser.get_output_power(), 0.03
    yield "temperatures", tuple(laser.get_temperatures()), (25.0, 25.0)
    try:
        laser.set_channel_power(2, 5)
        refused = False
    except Toptica.TopticaError:
        refused = True
    yield "5 W refused", refused, True
    yield "off", laser.enable(False), False
    laser.close()


def ibeam_microscope(path):
    from microscope.lights.toptica import TopticaiBeam

    laser = TopticaiBeam(path)
    yield "greatest power", laser._get_max_power_mw(), 120.0
    laser._conn.command(b"enable 2")
    laser.power = 0.5
    laser.enable()
    yield "on", laser.get_is_on(), True
    yield "power", laser.power, 0.5
    laser.disable()
    yield "off", laser.get_is_on(), False


def wheel_microscope(path):
    from microscope.filterwheels.thorlabs import ThorlabsFilterWheel

    wheel = ThorlabsFilterWheel(path)
    yield "positions", wheel.n_positions, 6
    wheel.position = 3
    yield "position", wheel.position, 3


def wheel_pylablib(path):
    from pylablib.devices import Thorlabs

    wheel = Thorlabs.FW(path)
    yield "positions", wheel.get_pcount(), 6
    yield "position set", wheel.set_position(4), 4
    yield "position", wheel.get_position(), 4
    wheel.close()


SESSIONS = [
    ("ibeam", "pylablib", ibeam_pylablib),
    ("ibeam", "microscope", ibeam_microscope),
    ("fw102c", "pylablib", wheel_pylablib),
    ("fw102c", "microscope", wheel_microscope),
]

failed = 0
for device, judge, session in SESSIONS:
    with Emulator(device) as emulator:
        try:
            for what, got, expected in session(emulator.path):
                good = abs(got - expected) < 1e-9 if isinstance(expected, float) else got == expected
                failed += not good
                print(f"{device:8} {judge:11} {what:20} {got!r:34} {'ok' if good else f'EXPECTED {expected!r}'}")
        except ImportError as error:
            print(f"{device:8} {judge:11} left out: {error}")
        except Exception as error:
            failed += 1
            print(f"{device:8} {judge:11} FAILED: {type(error).__name__}: {error}")
sys.exit(1 if failed else 0)
