"""Micro-Manager's devices for Stormbench: the helper that holds pymmcore, beside the program or on another computer.

Stormbench starts it itself where the microscope file says "config" and "python". On the computer of the microscope
(Windows too; Python 3.8 or later, pip install pymmcore) copy this folder and start it by hand, Micro-Manager closed:

    python micromanager --listen 0.0.0.0 --token-file rig.token [--config C:\\MM\\rig.cfg] [--adapters C:\\MM]

The token is made where the file does not exist; a copy of it is the "token_file" of the microscope file. It proves who
asks and encrypts nothing: outside a laboratory's own network use an SSH tunnel to 127.0.0.1.
"""
import argparse
import hmac
import json
import os
import secrets
import signal
import socket
import stat
import sys
import threading
import time

import worker  # also: the names of the calls
from config import is_token
from log import Log
from wire import ERROR, HELLO, PROTOCOL, REPLY, Wire, later

PORT = 4831


def read_token(path):
    """The token of a file that only its owner may read; made where there is none."""
    if not os.path.exists(path):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    if os.name == "posix" and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        sys.exit("%s can be read by others; chmod 600 it" % path)
    with open(path, encoding="ascii") as file:
        token = file.read().strip()
    if not is_token(token):
        sys.exit("%s holds no token of 64 hexadecimal digits; delete it, then a new one is made" % path)
    return token


def harden(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000)


def greeted(connection, token):
    """The wire of a host that has said the token within three seconds; None for anybody else."""
    connection.settimeout(3)
    wire = Wire.of(connection)
    try:
        kind, number, body = wire.receive(4096)
        hello = json.loads(body.decode()) if kind == HELLO else {}
        given = hello.get("token") if isinstance(hello, dict) else None
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), token.encode()):
            time.sleep(1)
            raise EOFError
        connection.settimeout(None)
        if hello.get("protocol") != PROTOCOL:
            text = "the helper speaks protocol %d, the host %s" % (PROTOCOL, hello.get("protocol"))
            wire.send(ERROR, number, {"code": "protocol", "text": text, "device": ""})
            raise EOFError
        return wire, number
    except (EOFError, OSError, ValueError):
        wire.close()
        return None


def listen(address, port, token, log, defaults):
    from supervisor import Session
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(8)
    # A signal that another thread gets is seen by this one between two waits.
    server.settimeout(0.25)
    log("listening on %s:%d" % (address, server.getsockname()[1]))
    asking, one = threading.BoundedSemaphore(8), threading.Lock()
    sessions = []

    def serve(connection, place):
        try:
            found = greeted(connection, token)
        finally:
            asking.release()
        if not found:
            log("%s was turned away" % place)
            return
        wire, number = found
        if not one.acquire(blocking=False):
            wire.send(ERROR, number, {"code": "in-use", "text": "another host has the devices", "device": ""})
            wire.close()
            return
        try:
            log("%s is the host" % place)
            wire.send(REPLY, number, {"r": {"protocol": PROTOCOL}})
            sessions[:] = [Session(wire, log, False, defaults)]
            sessions[0].run()
        except OSError as error:
            log("%s: %s" % (place, error))
        finally:
            sessions.clear()
            one.release()

    def finish(*_):
        for session in list(sessions):
            session.end("the helper was told to end")
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    while True:
        try:
            connection, peer = server.accept()
        except socket.timeout:
            continue
        connection.settimeout(None)
        harden(connection)
        if not asking.acquire(blocking=False):
            connection.close()
            continue
        later(serve, connection, "%s:%d" % peer[:2])


def main():
    parser = argparse.ArgumentParser(prog="micromanager", description=__doc__.split("\n")[0])
    parser.add_argument("--listen", metavar="ADDRESS", help="wait for Stormbench on this address of this computer")
    parser.add_argument("--port", type=int, default=PORT, help="the port, %d unless given" % PORT)
    parser.add_argument("--token-file", help="the file with the token; made where it does not exist")
    parser.add_argument("--config", default="", help="the .cfg where the host names none")
    parser.add_argument("--adapters", default="", help="the folder of Micro-Manager's device adapters")
    parser.add_argument("--log", default="", help="the file for the log; standard error unless given")
    parser.add_argument("--socket", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    log, defaults = Log(os.path.abspath(options.log) if options.log else ""), (options.config, options.adapters)
    if options.worker:
        return worker.main(log)
    from supervisor import Session
    if options.socket is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        session = Session(Wire.of(socket.socket(fileno=options.socket)), log, True, defaults)
        signal.signal(signal.SIGTERM, lambda *_: (session.end("the helper was told to end"), os._exit(0)))
        session.run()
        os._exit(0)
    if not options.listen or not options.token_file:
        parser.error("give --listen ADDRESS and --token-file FILE")
    listen(options.listen, options.port, read_token(options.token_file), log, defaults)


main()
