"""Rows of the API: start, memory, requests, restart. The load program is bench/apiload.c for both sides."""
import os
import re
import subprocess
import time
from contextlib import ExitStack

from bench import peers
from bench.client import Api
from bench.report import Goal, percentile
from bench.servers import BUILD, Failed, Kubernetes, Slipway

ROUNDS, SECONDS = 3, 3
REVISIONS = 100_000


def load(server, what, connections=16, seconds=SECONDS):
    """The load program's figures, by name."""
    done = subprocess.run([BUILD / "bench/apiload", "--server", server.url, "--ca", server.ca, "--token", server.token,
                           "-c", str(connections), "-s", str(seconds), what], text=True, capture_output=True)
    figures = {m[1]: float(m[2]) for m in re.finditer(r"([a-z0-9_]+)=([0-9.]+)", done.stdout)}
    if done.returncode or figures.get("failed", 1):
        raise Failed(f"apiload {what}: {done.stderr.strip() or done.stdout.strip()}")
    return figures


def alternating(sides, measure, rounds=None):
    """Samples of ours and of the peer, taken in turns, the other one paused meanwhile; none of one that fails."""
    samples = [[], []]
    failed = set()
    for _ in range(rounds or ROUNDS):
        for i, side in enumerate(sides):
            if side in failed:
                continue
            for other in sides:
                other.resume() if other is side else other.pause()
            try:
                samples[i].append(measure(side))
            except Failed as why:
                peers.say(why)
                failed.add(side)
                samples[i].clear()
    for side in sides:
        side.resume()
    return samples


def start_fresh(make):
    """Seconds to the first answer, each time in a fresh folder; the last one stays."""
    samples = []
    for left in reversed(range(ROUNDS)):
        server = make()
        try:
            samples.append(server.start())
        except Failed:
            server.close()
            raise
        if left:
            server.close()
    return server, samples


def revision(server):
    return int(Api(server).get("/api/v1/namespaces")["metadata"]["resourceVersion"])


def restarts(server):
    while revision(server) < REVISIONS:
        load(server, "patch")
    samples = []
    for _ in range(ROUNDS):
        server.stop()
        samples.append(server.start())
    return samples


REQUESTS = [  # name, connections, figure, unit, goal, what
    ("create", 16, "rate", "/s", Goal(9200, times=5), "create 1 KiB ConfigMaps, TLS, 16 connections, durable"),
    ("get", 16, "rate", "/s", Goal(44500, times=8), "get one object, 16 connections"),
    ("patch", 16, "rate", "/s", Goal(7850, times=5), "merge patch, 16 connections"),
    ("apply", 16, "rate", "/s", Goal(6950, times=5), "server-side apply, 16 connections"),
    ("list", 1, "p50", "ms", Goal(8), "list 5 000 objects, p50"),
    ("watch", 100, "p50", "ms", Goal(0.8), "watch: from the change to the last of 100 watchers, p50"),
]


def disk_sync(folder, n=200):
    """Milliseconds of each of n bare syncs: 4 KiB written over a file that is there."""
    samples = []
    with open(folder / "sync", "w+b", buffering=0) as file:
        file.write(bytes(n * 4096))
        os.fsync(file.fileno())
        for i in range(n):
            begin = time.monotonic()
            os.pwrite(file.fileno(), b"x" * 4096, i * 4096)
            os.fdatasync(file.fileno())
            samples.append((time.monotonic() - begin) * 1000)
    return samples


def bench(report):
    with ExitStack() as at_end:
        programs = peers.kubernetes()
        ours, ours_start = start_fresh(lambda: Slipway("--no-node"))
        sides, peer_start = [at_end.enter_context(ours)], []
        if programs:
            ours.pause()
            try:
                peer, peer_start = start_fresh(lambda: Kubernetes(programs, controllers=()))
                sides.append(at_end.enter_context(peer))
            except Failed as why:
                peers.say(why)
            ours.resume()
        report.add("api/start", "fresh folder to the first request answered", "s", ours_start, peer_start, goal=Goal(0.15))
        time.sleep(10)
        memory = alternating(sides, lambda side: side.rss_mib(), rounds=1)
        report.add("api/idle-memory", "resident memory, idle: API and controllers", "MiB", *memory, goal=Goal(32))
        for name, connections, figure, unit, goal, what in REQUESTS:
            samples = alternating(sides, lambda side: load(side, name, connections)[figure])
            report.add(f"api/{name}", what, unit, *samples, goal=goal, more_is_better=unit == "/s")
        for side in sides:
            side.pause()
        report.add("api/disk-sync", "a bare 4 KiB fdatasync on this disk: a part of every durable write", "ms",
                   [percentile(disk_sync(ours.dir), .5) for _ in range(ROUNDS)])
        for side in sides:
            side.resume()
        samples = alternating(sides, restarts, rounds=1)
        report.add("api/restart", "start again over 100 000 revisions", "s", *(sum(s, []) for s in samples), goal=Goal(0.5))
