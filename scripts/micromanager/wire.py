"""Messages between the host and the supervisor, and between the supervisor and the worker.

Both ways: u32 length of what follows, u8 kind, u32 number, body; little endian. Calls are JSON {"f": name, "a": [...]}
with names of CALLS and nothing else. The first message of a host is a greeting {"token", "protocol"}.
"""
import json
import socket
import struct
import threading

PROTOCOL = 1
CALL, REPLY, ERROR, EVENT, FRAME, CREDIT, BEAT, HELLO = range(1, 9)
HEAD = struct.Struct("<IBI")
# camera, flags (1: the pixels lie in the slot of the ring), index, camera's and host's time in ns (-1: unknown),
# width, height, bytes of a row, bytes of a pixel, frames lost before, slot
FRAME_HEAD = struct.Struct("<HHQqqIIIHII")
OWN = 0x80000000  # numbers of the supervisor's own calls

CALLS = {}


def call(body):
    """Allows a method of the worker to the host."""
    CALLS[body.__name__] = body
    return body


class Refusal(Exception):
    """What is told to the host: a word for programs, and what a person can do."""

    def __init__(self, code, text, device=""):
        super().__init__(text)
        self.code, self.device = code, device


class Wire:
    """Messages over two files."""

    def __init__(self, source, write, close):
        self.source, self.write, self.close = source, write, close
        self.lock = threading.Lock()

    @staticmethod
    def of(connection):
        return Wire(connection.makefile("rb", 1 << 16), connection.sendall, lambda: _shut(connection))

    def send(self, kind, number, body=b"", pixels=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        with self.lock:
            self.write(HEAD.pack(5 + len(body) + (len(pixels) if pixels else 0), kind, number) + body)
            if pixels:
                self.write(pixels)

    def receive(self, largest=1 << 20):
        head = self.source.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError
        length, kind, number = HEAD.unpack(head)
        if not 5 <= length <= largest:
            raise EOFError
        body = self.source.read(length - 5)
        if len(body) < length - 5:
            raise EOFError
        return kind, number, body


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def later(body, *arguments):
    thread = threading.Thread(target=body, args=arguments, daemon=True)
    thread.start()
    return thread
