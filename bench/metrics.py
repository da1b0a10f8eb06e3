"""Rows of the metrics: samples in by remote write, what they weigh, queries, and the start over a million series."""
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

from bench import peers
from bench.metrics_cases import DASHBOARD, FUNCTIONS
from bench.report import Goal
from bench.servers import BUILD, Failed, Server, Slipway

LOAD = BUILD / "bench/metricload"
STEP = 15  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


# ---- servers, each on one processor; the client has another where there is one ----

def one_core(last):
    allowed = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(allowed[-1 if last else 0])]


class Asked:
    """Of a server of Prometheus's HTTP API over plain HTTP at `where`: (host, port)."""
    token = "-"

    def spawn(self, *argv):
        return super().spawn(*one_core(False), *argv)

    def ask(self, path):
        connection = http.client.HTTPConnection(*self.where, timeout=90)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed(f"{type(self).__name__}: {path[:200]}: {answer.status} {text[:200].decode(errors='replace')}")
        return text

    def answers(self):
        try:
            self.ask("/api/v1/query?query=vector(1)")
            return True
        except (OSError, Failed, http.client.HTTPException):
            return False

    def cpu_seconds(self):
        fields = [Path(f"/proc/{p.pid}/stat").read_text().rpartition(")")[2].split() for p in self.processes]
        return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS

    def disk_bytes(self):
        sizes = {}
        for folder, _, names in os.walk(self.samples):
            for name in names:
                try:
                    found = os.stat(os.path.join(folder, name))
                except FileNotFoundError:
                    continue
                sizes[found.st_ino] = min(found.st_size, found.st_blocks * 512)
        return sum(sizes.values())

    def load(self, series, first, step, scrapes, together=1):
        """How many samples it took."""
        done = subprocess.run([*one_core(True), LOAD, f"http://{self.where[0]}:{self.where[1]}{self.push}", self.token,
                               *(str(n) for n in (series, first * 1000, step * 1000, scrapes, together))],
                              text=True, capture_output=True)
        if done.returncode:
            raise Failed(f"{type(self).__name__}: {done.stderr.strip()}")
        return int(done.stdout.split()[0])


class Ours(Asked, Slipway):
    push = "/api/v1/write"

    def __init__(self):
        super().__init__("--no-node")
        self.where = ("127.0.0.1", int(self.metrics.rpartition(":")[2]))
        self.samples = self.data / "metrics"


class Prometheus(Asked, Server):
    """Debian's, its own hour's retention lifted to a day."""
    push = "/api/v1/write"

    def __init__(self, program):
        super().__init__()
        self.program, self.where, self.samples = program, (self.host, self.port), self.dir / "data"
        (self.dir / "prometheus.yml").write_text("global: {scrape_interval: 15s}\n")

    def launch(self):
        self.spawn(self.program, f"--config.file={self.dir}/prometheus.yml", f"--storage.tsdb.path={self.samples}",
                   "--storage.tsdb.retention.time=2d", f"--web.listen-address={self.host}:{self.port}",
                   "--web.enable-remote-write-receiver", "--query.timeout=90s", "--log.level=warn")


class VictoriaMetrics(Asked, Server):
    push = "/api/v1/write"

    def __init__(self, program):
        super().__init__()
        self.program, self.where, self.samples = program, (self.host, self.port), self.dir / "data"

    def launch(self):
        self.spawn(self.program, f"-storageDataPath={self.samples}", f"-httpListenAddr={self.host}:{self.port}",
                   "-retentionPeriod=2d", "-search.disableCache", "-search.maxUniqueTimeseries=2000000",
                   "-loggerLevel=ERROR")


def sides():
    """What makes a server of each side that can be had; ours first."""
    makers = {"": Ours}
    prometheus = peers.debian_file("prometheus", "usr/bin/prometheus")
    if prometheus:
        makers["prometheus"] = lambda: Prometheus(prometheus)
    victoria = peers.go_program(peers.VICTORIA, peers.VICTORIA_VERSION)
    if victoria:
        makers["victoria"] = lambda: VictoriaMetrics(victoria)
    return makers


def add(report, name, what, unit, figures, goals, **options):
    """A row for each peer; figures: lists of samples by side, goals: times better, by side."""
    theirs = [peer for peer in figures if peer] or ["prometheus"]
    for peer in theirs:
        report.add(f"metrics/{name}" + ("" if peer == "prometheus" else f"-{peer}"),
                   what if peer == "prometheus" else "the same", unit, figures[""], figures.get(peer, []),
                   goal=Goal(times=goals.get(peer)), **options)


# ---- in ----

SERIES, SCRAPES = 100_000, 48


def take_in(make):
    with make() as server:
        server.start()
        idle = server.rss_mib(), server.cpu_seconds()
        first = (int(time.time()) // STEP - SCRAPES) * STEP
        samples = server.load(SERIES, first, STEP, SCRAPES)
        rate = samples / (server.cpu_seconds() - idle[1])
        memory = (server.rss_mib() - idle[0]) * (1 << 20) / SERIES
        server.stop()
        return {"rate": rate, "memory": memory, "disk": server.disk_bytes() / samples}


def in_process(report, folder):
    done = subprocess.run([BUILD / "bench/tsdbload", folder / "store", str(SERIES), str(STEP * 1000), str(SCRAPES)],
                          text=True, capture_output=True)
    if done.returncode:
        raise Failed(done.stderr.strip())
    samples, cpu, resident, log = map(float, done.stdout.split())
    report.add("metrics/store-rate", "the store alone, in a process of its own: no HTTP, no labels", "/s", [samples / cpu],
               more_is_better=True)
    report.add("metrics/store-memory", "its resident memory a series", "B", [resident / SERIES])


def bench_ingest(report, folder):
    figures = {side: take_in(make) for side, make in sides().items()}
    of = {name: {side: [each[name]] for side, each in figures.items()} for name in ("rate", "memory", "disk")}
    what = f"{SERIES} series, {SCRAPES} scrapes every {STEP} s of simulated time, by remote write"
    add(report, "ingest-rate", f"{what}: samples a second of the server's processor time, on one core", "/s", of["rate"],
        {"prometheus": 3, "victoria": 3}, more_is_better=True)
    add(report, "ingest-memory", "resident memory a series after that, beyond that at the start", "B", of["memory"],
        {"prometheus": 4})
    add(report, "ingest-disk", "bytes a sample on disk after that and a stop: logs, mostly", "B", of["disk"],
        {"prometheus": 1, "victoria": 1})
    in_process(report, folder)


# ---- asked ----

ASKED_SERIES, ASKED_STEP, ASKED_HOURS = 10_000, 60, 23
TOGETHER = 20  # scrapes a body
AFTER = 7  # seconds from a step to a scrape: ranges are open on the left since Prometheus 3, and 2.42 answers otherwise


class Question:
    def __init__(self, query, hours, end, step):
        self.query = query
        self.path = "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": query, "start": end - hours * 3600, "end": end, "step": step})

    def ask(self, server):
        """Milliseconds, and the answer's text."""
        begin = time.monotonic()
        text = server.ask(self.path)
        return (time.monotonic() - begin) * 1e3, text


def near(a, b):
    a, b = float(a), float(b)
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-3)


def same(ours, theirs):
    """Whether two answers say the same."""
    both = []
    for text in (ours, theirs):
        rows = json.loads(text)["data"]["result"]
        both.append({json.dumps(row["metric"], sort_keys=True): row["values"] for row in rows})
    one, other = both
    return one.keys() == other.keys() and all(
        len(values) == len(other[name]) and all(a[0] == b[0] and near(a[1], b[1]) for a, b in zip(values, other[name]))
        for name, values in one.items())


def ask_all(report, name, what, questions, servers):
    """A row of the latencies; on standard error which questions are answered slowest beside the peer."""
    figures = {side: [] for side in servers}
    unlike, ratios = [], []
    for question in questions:
        answers = {}
        for side, server in servers.items():
            server.resume()
            try:
                answers[side] = question.ask(server)
            finally:
                server.pause()
        for side, (took, _) in answers.items():
            figures[side].append(took)
        if "prometheus" in answers:
            ratios.append((answers["prometheus"][0] / answers[""][0], question.query))
            if not same(answers[""][1], answers["prometheus"][1]):
                unlike.append(question.query)
    for ratio, query in sorted(ratios)[:8]:
        peers.say(f"{name}: {ratio:.2f} times the peer: {query}")
    if unlike:
        raise Failed(f"{name}: other answers than the peer's: {'; '.join(unlike)}")
    add(report, name, what, "ms", figures, {"prometheus": 5, "victoria": 5})


def bench_query(report):
    end = int(time.time()) // ASKED_STEP * ASKED_STEP
    scrapes = ASKED_HOURS * 3600 // ASKED_STEP
    with contextlib.ExitStack() as stack:
        servers = {side: stack.enter_context(make()) for side, make in sides().items()}
        weights = {}
        for side, server in servers.items():
            server.start()
            samples = server.load(ASKED_SERIES, end - ASKED_HOURS * 3600 + AFTER, ASKED_STEP, scrapes - 1, TOGETHER)
            time.sleep(2)
            weights[side] = [server.disk_bytes() / samples]
            server.pause()
        what = f"{ASKED_SERIES} series over {ASKED_HOURS} h, scraped every {ASKED_STEP} s"
        ask_all(report, "query-dashboard", f"{len(DASHBOARD)} queries of a Kubernetes dashboard over all of {what}; step 60 s",
                [Question(query, ASKED_HOURS - 1, end, 60) for query in DASHBOARD], servers)
        ask_all(report, "query-functions", f"{len(FUNCTIONS)} functions and operators over 1000 series; an hour in steps of 15 s",
                [Question(query, 1, end, 15) for query in FUNCTIONS], servers)
        add(report, "query-disk", f"bytes a sample on disk, {what}", "B", weights, {"prometheus": 1, "victoria": 1})


PARTS = ("ingest", "query")


def bench(report, part=None):
    folder = Path(tempfile.mkdtemp(prefix="slipway-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        if part in (None, "ingest"):
            bench_ingest(report, folder)
        if part in (None, "query"):
            bench_query(report)
    finally:
        shutil.rmtree(folder)
