"""Sessions of other programs with the emulated devices; see scripts/check-drivers."""

import ctypes
import os
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore")
EMULATORS = sys.argv[1]
LIBRARIES = {"andor": sys.argv[2], "hamamatsu": sys.argv[3]}


class Emulator:
    """An emulated device in a process of its own; `path` is its port."""

    def __init__(self, device):
        self.process = None
        if device in LIBRARIES:
            self.path = LIBRARIES[device]
            return
        self.process = subprocess.Popen([EMULATORS, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
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


def obis_microscope(path):
    from microscope.lights.obis import ObisLaser

    laser = ObisLaser(path)
    yield "greatest power", laser._max_power_mw, 100.0
    laser.power = 0.5
    laser.enable()
    yield "on", laser.get_is_on(), True
    yield "power", laser.power, 0.5
    yield "status", [text.split()[-1] for text in laser.get_status()][:2], ["ON", "0.05000"]
    laser.disable()
    yield "off", laser.get_is_on(), False
    laser.shutdown()


def cobolt_microscope(path):
    from microscope.lights.cobolt import CoboltLaser

    laser = CoboltLaser(path)
    yield "greatest power", laser._max_power_mw, 60.0
    laser.power = 0.5
    laser.enable()
    yield "on", laser.get_is_on(), True
    yield "power", laser.power, 0.5
    yield "fault", laser.get_status()[3], "Fault? 0"
    laser.disable()
    yield "off", laser.get_is_on(), False
    laser.shutdown()


def microfpga_client(path):
    from microfpga import regint, signals
    from microfpga.controller import MicroFPGA

    regint._find_port = lambda: [path]
    board = MicroFPGA(n_laser=8, n_ttl=4, use_camera=False)
    yield "connected", board.is_connected(), True
    yield "board", board.get_id(), "Au"
    board.set_laser_state(2, signals.LaserTriggerMode.MODE_FOLLOW.value, 100, 65535)
    yield "laser 2", board.get_laser_state(2), [4, 100, 65535]
    yield "laser 3", board.get_mode_state(3), 0
    board.set_ttl_state(1, 1)
    yield "free output", board.get_ttl_state(1), 1
    board.set_mode_state(2, signals.LaserTriggerMode.MODE_OFF.value)
    yield "off", board.get_mode_state(2), 0
    board.disconnect()


def pm100_pymeasure(path):
    from pymeasure.adapters import SerialAdapter
    from pymeasure.instruments.thorlabs import ThorlabsPM100USB

    meter = ThorlabsPM100USB(SerialAdapter(path, timeout=1, read_termination="\n", write_termination="\n"))
    yield "sensor", meter.sensor_name, "S121C"
    meter.wavelength = 488
    yield "wavelength", meter.wavelength, 488.0
    yield "in the dark below 1 uW", 0 < meter.power < 1e-6, True
    yield "no error", meter.ask("SYST:ERR?"), '+0,"No error"'


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


def refused(error, body):
    """Whether a call is refused with an error of this kind."""
    try:
        body()
    except error:
        return True
    return False


def still(read, seconds=0.2):
    """Whether a position stays as it is."""
    before = read()
    time.sleep(seconds)
    return read() == before


def tiger_asitiger(path):
    from asitiger.errors import Errors
    from asitiger.status import Status
    from asitiger.tigercontroller import TigerController

    tiger = TigerController.from_serial_port(path)
    yield "axes", [(a.label, a.address) for a in tiger.axes()], [("X", "1"), ("Y", "1"), ("Z", "2")]
    tiger.move({"X": 12345, "Y": -2000})
    yield "busy", tiger.status(), Status.BUSY
    tiger.wait_until_idle()
    yield "arrived", tiger.where(["X", "Y"]), {"X": 12345, "Y": -2000}
    tiger.move_relative({"Z": 50.5})
    tiger.wait_until_idle()
    yield "focus", tiger.where(["Z"]), {"Z": 50.5}
    status = tiger.rdstat(["X"])[0]
    yield "idle and on", (status.status, status.enabled.name, status.upper_limit.name), (Status.IDLE, "ENABLED", "OPEN")
    yield "out of range", refused(Errors.ParameterOutOfRangeError, lambda: tiger.move({"X": 1e9})), True
    yield "no such axis", refused(Errors.UnrecognizedAxisParameterError, lambda: tiger.move({"Q": 1})), True
    tiger.move({"X": -400000})
    yield "halted", refused(Errors.SerialCommandHaltedError, tiger.halt), True
    yield "stands still", still(lambda: tiger.where(["X"])), True
    tiger.here({"X": 0})
    yield "zero", tiger.where(["X"]), {"X": 0}
    tiger.connection.disconnect()


def ms2000_microscope(path):
    from microscope.controllers.asi import _ASIController

    stage = _ASIController(path, 115200, 0.2)
    yield "axes", stage.axis_list, ["X", "Y", "Z"]
    stage.set_speed("X", 10)
    stage.move_to_absolute_position("X", 12345)
    stage.wait_for_motor_stop("X")
    yield "arrived", stage.get_absolute_position("X"), 12345.0
    stage.move_by_relative_position("X", -345)
    stage.wait_for_motor_stop("X")
    yield "arrived again", stage.get_absolute_position("X"), 12000.0
    stage.move_to_limit("Z", 100)
    yield "at its limit", (stage.wait_for_motor_stop("Z"), stage.get_absolute_position("Z"))[1], 50000.0
    stage.reset_position("Z")
    yield "zero", stage.get_absolute_position("Z"), 0.0


def zaber_motion(path):
    from zaber_motion import CommandFailedException
    from zaber_motion.ascii import Connection

    with Connection.open_serial_port(path) as connection:
        axis = connection.get_device(1).get_axis(1)
        yield "homed", axis.is_homed(), True
        axis.home()
        yield "home", axis.get_position(), 0.0
        axis.move_absolute(123456)
        yield "arrived", axis.get_position(), 123456.0
        axis.move_relative(-456)
        yield "arrived again", axis.get_position(), 123000.0
        yield "out of range", refused(CommandFailedException, lambda: axis.move_absolute(10**7)), True
        axis.move_absolute(900000, wait_until_idle=False)
        yield "busy", axis.is_busy(), True
        axis.stop()
        yield "stands still", still(axis.get_position), True
        focus = connection.get_device(2).get_axis(1)
        focus.move_absolute(250000)
        yield "second device", focus.get_position(), 250000.0
        yield "no such axis", refused(CommandFailedException, lambda: focus.device.get_axis(3).get_position()), True


def zaber_microscope(path):
    from microscope.controllers.zaber import ZaberDaisyChain, ZaberDeviceType

    chain = ZaberDaisyChain(path, {1: ZaberDeviceType.STAGE, 2: ZaberDeviceType.STAGE})
    stage = chain.devices["1"] if "1" in chain.devices else list(chain.devices.values())[0]
    stage.enable()
    names = sorted(stage.axes)
    yield "axes", len(names), 2
    stage.move_to({names[0]: 100000, names[1]: 200000})
    yield "arrived", (stage.axes[names[0]].position, stage.axes[names[1]].position), (100000, 200000)
    limits = stage.axes[names[0]].limits
    yield "limits", (limits.lower, limits.upper), (0, 1000000)


def prior_microscope(path):
    from microscope.controllers.prior import ProScanIII

    controller = ProScanIII(path)
    yield "devices", list(controller.devices), ["filter 1"]
    wheel = controller.devices["filter 1"]
    wheel.position = 4
    yield "wheel", wheel.position, 4
    stage = controller._conn
    stage.set_command(b"COMP 0")
    stage.move_command(b"G,12000,-3000")
    while stage.get_command(b"$") != b"0\r":
        time.sleep(0.01)
    yield "arrived", (stage.get_command(b"PX"), stage.get_command(b"PY")), (b"12000\r", b"-3000\r")
    stage.move_command(b"G,500000,0")
    yield "busy", stage.get_command(b"$"), b"3\r"
    stage.move_command(b"I")
    yield "stands still", still(lambda: stage.get_command(b"PX")), True


def open_port(core, path, baud):
    core.loadDevice("Port", "SerialManager", path)
    core.setProperty("Port", "BaudRate", str(baud))
    core.setProperty("Port", "AnswerTimeout", "1000")
    core.initializeDevice("Port")


def loaded(path, baud, module, name):
    """Micro-Manager with one device of an adapter on the port."""
    import pymmcore

    folder = os.environ.get("MM_ADAPTERS")
    if not folder:
        raise ImportError("MM_ADAPTERS names no folder with adapters")
    core = pymmcore.CMMCore()
    core.setDeviceAdapterSearchPaths([folder])
    open_port(core, path, baud)
    core.loadDevice("Hub", module, name)
    core.setProperty("Hub", "Port", "Port")
    if core.hasProperty("Hub", "Logic"):
        core.setProperty("Hub", "Logic", "Normal")
    core.initializeDevice("Hub")
    return core


def board_micromanager(baud, module, hub, output, blanking):
    def session(path):
        core = loaded(path, baud, module, hub)
        yield "has its outputs", output in core.getInstalledDevices("Hub"), True
        core.loadDevice("Outputs", module, output)
        core.setParentLabel("Outputs", "Hub")
        core.initializeDevice("Outputs")
        core.setState("Outputs", 5)
        yield "outputs", core.getState("Outputs"), 5
        core.setProperty("Outputs", blanking, "On")
        yield "follow the camera", core.getProperty("Outputs", blanking), "On"
        core.setState("Outputs", 0)
        yield "low", core.getState("Outputs"), 0
        core.unloadAllDevices()

    return session


def obis_micromanager(path):
    core = loaded(path, 115200, "CoherentOBIS", "CoherentObis")
    yield "greatest power in W", float(core.getProperty("Hub", "Maximum Laser Power")), 0.1
    core.setProperty("Hub", "PowerSetpoint", "50")
    yield "power", float(core.getProperty("Hub", "PowerSetpoint")), 50.0
    core.setShutterOpen("Hub", True)
    yield "on", core.getShutterOpen("Hub"), True
    core.setShutterOpen("Hub", False)
    yield "off", core.getShutterOpen("Hub"), False
    core.unloadAllDevices()


def andor_microscope(path):
    # The client loads its library by name; it gets what is loaded already under that name.
    library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    library.Stub_Set(b"cooling", b"500")
    import microscope
    from microscope.cameras import atmcd

    camera = atmcd.AndorAtmcd(index=0)
    yield "serial number", camera.get_id(), 4711
    yield "sensor", tuple(camera.get_sensor_shape()), (512, 512)
    yield "amplifiers", [str(mode) for mode in camera._readout_modes][::4], ["EMCCD 17 MHz CH0", "CONVENTIONAL 3 MHz CH0"]
    camera.set_setting("TemperatureSetPoint", -60)
    time.sleep(0.4)
    yield "cooled", (atmcd.GetTemperature()[0], camera.get_setting("Temperature")), (atmcd.DRV_TEMP_STABILIZED, -60)
    camera.set_exposure_time(0.025)
    yield "exposure in s", round(camera.get_exposure_time(), 6), 0.025
    yield "cycle is longer", camera.get_cycle_time() > 0.04, True
    camera.set_setting("gain", 50)
    yield "gain", camera.get_setting("gain"), 50
    camera.set_setting("TriggerMode", atmcd.TriggerMode.SOFTWARE)
    camera.set_roi(microscope.ROI(101, 151, 64, 32))
    camera.enable()
    images = [camera.grab_next_data()[0] for _ in range(3)]
    yield "frames", [image.shape for image in images], [(32, 64)] * 3
    yield "numbers of images", [int(image[0, 0]) for image in images], [1, 2, 3]
    camera.disable()
    yield "idle", camera._acquiring, False
    yield "-200 degrees refused", refused(atmcd.AtmcdException, lambda: camera._bind(atmcd.SetTemperature)(-200)), True
    camera.shutdown()
    yield "shut down", library.AndorStub_ShutDowns(0), 1


def hamamatsu_pylablib(path):
    import pylablib
    from pylablib.devices import DCAM

    pylablib.par["devices/dlls/dcamapi"] = path
    yield "cameras", DCAM.get_cameras_number(), 1
    camera = DCAM.DCAMCamera()
    yield "serial number", camera.get_device_info().serial_number, "S/N: 001701"
    yield "sensor", camera.get_detector_size(), (512, 256)
    camera.set_exposure(0.005)
    yield "exposure in s", camera.get_exposure(), 0.005
    yield "region, binned", camera.set_roi(100, 228, 40, 104, 2, 2), (100, 228, 40, 104, 2, 2)
    frames, infos = camera.grab(5, return_info=True)
    yield "frames", [frame.shape for frame in frames], [(32, 64)] * 5
    yield "frame stamps", [info.framestamp for info in infos], [0, 1, 2, 3, 4]
    camera.set_trigger_mode("software")
    camera.setup_acquisition(nframes=10)
    camera.start_acquisition()
    camera.send_software_trigger()
    camera.wait_for_frame()
    yield "triggered", camera.read_oldest_image().shape, (32, 64)
    camera.stop_acquisition()
    yield "10 s is refused", refused(DCAM.DCAMError, lambda: camera.set_attribute_value("EXPOSURE TIME", 1000)), True
    camera.close()


def micromanager(module, baud, devices, hub=None):
    """A session of Micro-Manager's adapter for a stage controller."""

    def session(path):
        import pymmcore

        folder = os.environ.get("MM_ADAPTERS")
        if not folder:
            raise ImportError("MM_ADAPTERS names no folder with adapters")
        core = pymmcore.CMMCore()
        core.setDeviceAdapterSearchPaths([folder])
        open_port(core, path, baud)
        if hub:
            core.loadDevice("Hub", module, hub)
            core.setProperty("Hub", "Port", "Port")
            core.initializeDevice("Hub")
            yield "devices", core.getInstalledDevices("Hub"), tuple(devices)
        for label, name in zip(("XY", "Z"), devices):
            core.loadDevice(label, module, name)
            if hub:
                core.setParentLabel(label, "Hub")
            else:
                core.setProperty(label, "Port", "Port")
            core.initializeDevice(label)
        core.setXYPosition("XY", 1000, -500)
        yield "busy", core.deviceBusy("XY"), True
        core.waitForDevice("XY")
        yield "arrived", (core.getXPosition("XY"), core.getYPosition("XY")), (1000.0, -500.0)
        core.setPosition("Z", 12.5)
        core.waitForDevice("Z")
        yield "focus", core.getPosition("Z"), 12.5
        core.setXYPosition("XY", 20000, 0)
        time.sleep(0.05)
        core.stop("XY")
        yield "stands still", still(lambda: core.getXPosition("XY")), True
        yield "before its target", core.getXPosition("XY") < 19000, True
        core.unloadAllDevices()

    return session


SESSIONS = [
    ("ibeam", "pylablib", ibeam_pylablib),
    ("ibeam", "microscope", ibeam_microscope),
    ("obis", "microscope", obis_microscope),
    ("cobolt", "microscope", cobolt_microscope),
    ("obis", "Micro-Manager", obis_micromanager),
    ("arduino", "Micro-Manager", board_micromanager(57600, "Arduino", "Arduino-Hub", "Arduino-Switch", "Blanking Mode")),
    (
        "triggerscope", "Micro-Manager",
        board_micromanager(115200, "TriggerScopeMM", "TriggerScopeMM-Hub", "TS_TTL1-8", "Blanking"),
    ),
    ("microfpga", "microfpga", microfpga_client),
    ("pm100", "pymeasure", pm100_pymeasure),
    ("fw102c", "pylablib", wheel_pylablib),
    ("fw102c", "microscope", wheel_microscope),
    ("asi", "asitiger", tiger_asitiger),
    ("ms2000", "microscope", ms2000_microscope),
    ("zaber", "zaber-motion", zaber_motion),
    ("zaber", "microscope", zaber_microscope),
    ("prior", "microscope", prior_microscope),
    ("asi", "Micro-Manager", micromanager("ASITiger", 115200, ["XYStage:XY:31", "ZStage:Z:32"], "TigerCommHub")),
    ("ms2000", "Micro-Manager", micromanager("ASIStage", 9600, ["XYStage", "ZStage"])),
    ("prior", "Micro-Manager", micromanager("Prior", 9600, ["XYStage", "ZStage"])),
    ("andor", "microscope", andor_microscope),
    ("hamamatsu", "pylablib", hamamatsu_pylablib),
    ("tango", "Micro-Manager", micromanager("Marzhauser", 57600, ["XYStage", "ZAxis"])),
]

failed = 0
for device, judge, session in SESSIONS:
    with Emulator(device) as emulator:
        try:
            for what, got, expected in session(emulator.path):
                good = abs(got - expected) < 1e-9 if isinstance(expected, float) else got == expected
                failed += not good
                print(f"{device:9} {judge:13} {what:20} {got!r:34} {'ok' if good else f'EXPECTED {expected!r}'}")
        except ImportError as error:
            print(f"{device:9} {judge:13} left out: {error}")
        except Exception as error:
            failed += 1
            print(f"{device:9} {judge:13} FAILED: {type(error).__name__}: {error}")
sys.exit(1 if failed else 0)
