"""The log that both processes write, a line at a time."""
import datetime
import sys


class Log:
    """What happened to lights and processes, with the time of the computer."""

    def __init__(self, path):
        self.path = path

    def __call__(self, text):
        line = "%s %s\n" % (datetime.datetime.now().isoformat(timespec="milliseconds"), text)
        try:
            if self.path:
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(line)
            else:
                sys.stderr.write(line)
        except OSError:
            pass
