"""The part of a .cfg that lights need: for the process that puts them off when the one with all devices hangs."""
import re


def lines_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            line = line.strip()
            if line and not line.startswith("#"):
                yield [field.strip() for field in line.split(",")]


def lights_only(path, labels):
    """The lines that load some devices with all that these stand on: hubs, serial ports, devices that they name."""
    lines = list(lines_of(path))
    devices = {line[1] for line in lines if line[0] == "Device" and len(line) == 4}
    needed, before = set(labels) & devices, None
    startup = [["Property"] + line[3:6] for line in lines
               if line[:3] == ["ConfigGroup", "System", "Startup"] and len(line) == 6]
    while needed != before:
        before = set(needed)
        for line in lines + startup:
            if line[0] in ("Property", "Parent") and len(line) > 2 and line[1] in needed and line[-1] in devices:
                needed.add(line[-1])
    kept, is_up = [], False
    for line in lines:
        if line[:3] == ["Property", "Core", "Initialize"]:
            is_up = line[-1] == "1"
            kept.append(line)
        elif line[0] in ("Device", "Parent", "Delay", "Label") and line[1] in needed:
            kept.append(line)
        elif line[0] == "Property" and len(line) > 3 and line[1] in needed and (not is_up or line[3] in devices):
            kept.append(line)
    # What a light's device is linked to is known only once it is up; nothing else of the start is repeated.
    kept += [line for line in startup if line[1] in needed and line[3] in devices]
    return "".join(",".join(line) + "\n" for line in kept)


def is_token(text):
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None
