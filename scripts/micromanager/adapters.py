"""Micro-Manager's device adapters: where they are and which pymmcore fits them."""
import ctypes
import glob
import os

from wire import Refusal

FITTING = {70: "10.1.1.70.6", 71: "11.2.1.71.0", 73: "11.9.0.73.0", 74: "11.10.0.74.1", 75: "12.5.1.75.0"}


def advice(interface):
    if interface in FITTING:
        return "pip install pymmcore==%s" % FITTING[interface]
    return "pip install a pymmcore whose fourth number is %d" % interface


def adapter_folder(given, config):
    """The folder of Micro-Manager's device adapters."""
    candidates = [given] if given else [
        os.environ.get("MICROMANAGER_PATH", ""), os.path.dirname(os.path.abspath(config)),
        *sorted(glob.glob("C:\\Program Files\\Micro-Manager*"), reverse=True),
        *sorted(glob.glob("/Applications/Micro-Manager*"), reverse=True),
        "/usr/local/lib/micro-manager", "/usr/lib/micro-manager"]
    if not given:
        try:
            import mm_test_adapters
            candidates.append(str(mm_test_adapters.device_adapter_path()))
        except ImportError:
            pass
    for folder in candidates:
        if folder and glob.glob(os.path.join(glob.escape(folder), "*mmgr_dal_*")):
            return folder
    raise Refusal("adapters-missing", "no device adapters of Micro-Manager %s; give \"adapters\": FOLDER" % (
        "in %s" % given if given else "were found"))


def interface_version(folder):
    """The device interface of the adapters, asked of the first that can be loaded; None where none can."""
    files = sorted(glob.glob(os.path.join(glob.escape(folder), "*mmgr_dal_*")))
    plain = ("DemoCamera", "Utilities", "SerialManager")
    for path in sorted(files, key=lambda path: not any(name in path for name in plain)):
        try:
            ask = ctypes.CDLL(path).GetDeviceInterfaceVersion
            ask.restype = ctypes.c_long
            return int(ask())
        except (OSError, AttributeError):
            continue
    return None
