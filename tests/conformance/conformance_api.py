#!/usr/bin/env python3
"""conformance_api.py DATA - replays the exchanges recorded from kube-apiserver (DATA/apirec).

Starts apiserver-alone (store, API and workload controllers, no node) from $BUILD on a free port
with a fresh store, runs the folder's own replay.py against it, and prints what failed, a line an
area and at last `api: N passed, N failed, N skipped`.
"""
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
build = Path(os.environ.get("BUILD", root / "build"))
# Few at a time: some scenarios have deadlines of seconds, and this may be a small machine.
JOBS = os.environ.get("REPLAY_JOBS", "4")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(folder):
    port = free_port()
    server = subprocess.Popen([build / "tests/conformance/apiserver-alone", "--port", str(port),
                               "--data", folder], stdout=subprocess.PIPE, text=True)
    if not server.stdout.readline().startswith("serving"):
        sys.exit("conformance_api: apiserver-alone did not start")
    return server, port


def replay(data, folder, port):
    command = [sys.executable, data / "apirec/replay.py", f"https://127.0.0.1:{port}",
               data / "apirec/http", "--token-file", f"{folder}/token", "--ca", f"{folder}/ca.crt",
               "-j", JOBS]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout


def main():
    data = Path(sys.argv[1])
    if not (data / "apirec/replay.py").is_file():
        print("api: skipped, no apirec in", data)
        return
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        server, port = start(folder)
        time.sleep(1)  # the controllers' first pass: default service accounts
        try:
            out = replay(data, folder, port)
        finally:
            server.terminate()
            server.wait(30)
    areas = collections.defaultdict(lambda: [0, 0, 0])
    for line in out.splitlines():
        row = re.match(r"(PASS|FAIL|SKIP) ([\w-]+)/", line)
        if row:
            areas[row[2]]["PASS FAIL SKIP".split().index(row[1])] += 1
        if not line.startswith(("PASS", "SKIP")):
            print(line)
    for name, (passed, failed, skipped) in sorted(areas.items()):
        print(f"api/{name}: {passed} passed, {failed} failed, {skipped} skipped")


main()
