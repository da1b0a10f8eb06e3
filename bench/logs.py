"""Rows of logs: lines in, bytes on disk, searches; beside VictoriaLogs."""
import http.client
import json
import os
import time
import urllib.parse

from bench import peers
from bench.containers import run
from bench.report import Goal
from bench.servers import BUILD, Failed, Server, Slipway
from bench.supply import cpu_seconds, listens

INGEST_LINES = int(os.environ.get("SLIPWAY_BENCH_LINES", 1_000_000))
SEARCH_LINES = int(os.environ.get("SLIPWAY_BENCH_LINES", 2_000_000))
SPAN, BUCKET = 3000, 300  # seconds
RUNS = 5
RARE, COMMON, EXPRESSION = "chargeback", "retrying", "customer 4[0-9]*7: (done|retrying)"


def folder_bytes(folder):
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())


class Taker:
    """A server that takes lines and is asked for them over plain HTTP; a mix-in."""
    headers = {}

    def load(self, form, lines, begin):
        """Lines, bytes of them, the server's processor time."""
        before = cpu_seconds(self)
        said = run(BUILD / "bench/logload", self.http_port(), self.paths[form], form, lines, begin,
                   *(f"{name}: {value}" for name, value in self.headers.items()))[1]
        made, text_bytes, _ = said.split()
        return int(made), int(text_bytes), cpu_seconds(self) - before

    def get(self, path, **parameters):
        """Seconds it took, and the answer."""
        if not self.kept:
            self.kept = http.client.HTTPConnection("127.0.0.1", self.http_port(), timeout=100)
        begin = time.monotonic()
        self.kept.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}", headers=self.headers)
        answer = self.kept.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise Failed(f"{path}: {answer.status} {text[:300]}")
        return time.monotonic() - begin, text


class Ours(Taker, Slipway):
    paths = {"loki": "/loki/api/v1/push", "bulk": "/elastic/_bulk"}

    def __init__(self):
        super().__init__("--no-node")
        self.kept, self.store = None, self.data / "logs"

    def answers(self):
        if not super().answers() or not listens(self.http_port()):
            return False
        self.headers = {"Authorization": f"Bearer {self.token.read_text().strip()}"}
        return True

    def http_port(self):
        return int(self.metrics.rpartition(":")[2])

    def count(self, stages, begin):
        took, text = self.get("/loki/api/v1/query", time=begin + SPAN, query=f'sum(count_over_time({{app="bench"}}{stages}[1h]))')
        return took, int(json.loads(text)["data"]["result"][0]["value"][1])

    def histogram(self, stages, begin):
        took, text = self.get("/loki/api/v1/query_range", start=begin + BUCKET, end=begin + SPAN, step=BUCKET,
                              query=f'sum(count_over_time({{app="bench"}}{stages}[{BUCKET}s]))')
        return took, [int(n) for _, n in json.loads(text)["data"]["result"][0]["values"]]

    def lines(self, stages, begin, limit):
        took, text = self.get("/loki/api/v1/query_range", start=begin, end=begin + SPAN + 1, limit=limit,
                              query=f'{{app="bench"}}{stages}')
        return took, sum(len(s["values"]) for s in json.loads(text)["data"]["result"])

    asked = {"word": '|="{}"', "field": '|json status="status"|status="{}"', "expression": '|~"{}"', "all": ""}


class VictoriaLogs(Taker, Server):
    paths = {"loki": "/insert/loki/api/v1/push?_msg_field=msg",
             "bulk": "/insert/elasticsearch/_bulk?_msg_field=message&_time_field=@timestamp&_stream_fields=pod"}

    def __init__(self, program):
        super().__init__()
        self.program, self.kept, self.store = program, None, self.dir / "data"

    def launch(self):
        self.spawn(self.program, "-storageDataPath", self.store, "-httpListenAddr", f"{self.host}:{self.port}",
                   "-loggerLevel", "ERROR")

    def answers(self):
        return listens(self.port)

    def http_port(self):
        return self.port

    def count(self, query, begin):
        took, text = self.get("/select/logsql/stats_query", time=begin + SPAN, query=f"_time:1h {query} | stats count() n")
        return took, int(json.loads(text)["data"]["result"][0]["value"][1])

    def histogram(self, query, begin):
        took, text = self.get("/select/logsql/hits", start=begin, end=begin + SPAN, step=f"{BUCKET}s", query=query)
        return took, json.loads(text)["hits"][0]["values"]

    def lines(self, query, begin, limit):
        took, text = self.get("/select/logsql/query", start=begin, end=begin + SPAN + 1, limit=limit, query=query)
        return took, len(text.splitlines())

    asked = {"word": "{}", "field": "status:={}", "expression": '~"{}"', "all": "*"}


def sides():
    program = peers.victoria_logs()
    return [Ours] + ([lambda: VictoriaLogs(program)] if program else [])


def in_turns(servers):
    """Each by itself, the others stopped."""
    for server in servers:
        for other in servers:
            if other is not server:
                other.pause()
        yield server
        for other in servers:
            other.resume()


def first_second():
    """The first of the lines' times: a whole bucket, and all of them are past."""
    return (int(time.time()) - SPAN) // BUCKET * BUCKET


# ---- in ----

def ingest(make, form, begin):
    with make() as server:
        server.start()
        idle = server.rss_mib()
        lines, text, cpu = server.load(form, INGEST_LINES, begin)
        memory = server.rss_mib() - idle
        server.stop()  # what is in memory goes to disk
        return {"rate": lines / cpu, "size": folder_bytes(server.store) / lines, "memory": memory, "text": text / lines}


def bench_ingest(report):
    begin = first_second()
    for form, name in (("loki", "Loki's push"), ("bulk", "Elasticsearch's `_bulk`")):
        figures = [ingest(make, form, begin) for make in sides()]
        rows = {
            "rate": (f"lines of {figures[0]['text']:.0f} bytes a second of the server's processor time, {INGEST_LINES} by "
                     f"{name}, 1000 a request, each answered", "/s", Goal(times=2, limit=200000), True),
            "size": ("bytes a line on disk after a stop", "B", Goal(times=1, limit=40), False),
            "memory": ("resident memory after all that, beyond that at the start", "MiB", Goal(times=1, limit=64), False),
        }
        for key, (what, unit, goal, more) in rows.items():
            ours, *theirs = ([f[key]] for f in figures)
            report.add(f"logs/ingest-{form}-{key}", what, unit, ours, sum(theirs, []), goal=goal, more_is_better=more)


# ---- searches ----

SEARCHES = (
    ("rare", "the lines with a word that one in 500 000 has", "lines", "word", RARE),
    ("common", "how many lines have a word that one in 20 has", "count", "word", COMMON),
    ("newest", "the newest 100 lines with that word", "newest", "word", COMMON),
    ("field", "how many JSON lines have a field of one value", "count", "field", "503"),
    ("expression", f"how many lines match `{EXPRESSION.replace('|', chr(92) + '|')}`", "count", "expression", EXPRESSION),
    ("histogram", "all lines by five minutes", "histogram", "all", ""),
    ("histogram-common", "the lines with the common word by five minutes", "histogram", "word", COMMON),
)


def search(server, kind, asked, argument, begin):
    """Seconds, answer."""
    query = server.asked[asked].format(argument)
    if kind == "count":
        return server.count(query, begin)
    if kind == "histogram":
        return server.histogram(query, begin)
    return server.lines(query, begin, 100 if kind == "newest" else 1000)


def bench_search(report):
    begin = first_second()
    servers = []
    try:
        for make in sides():
            servers.append(make())
            servers[-1].start()
            servers[-1].load("loki", SEARCH_LINES, begin)
            servers[-1].stop()  # all of it is on disk, and in its final form
            servers[-1].start()
        for name, what, kind, asked, argument in SEARCHES:
            samples, answers = [], []
            for server in in_turns(servers):
                runs = [search(server, kind, asked, argument, begin) for _ in range(RUNS)]
                samples.append([took * 1000 for took, _ in runs])
                answers.append(runs[0][1])
            if any(answer != answers[0] for answer in answers):
                raise Failed(f"logs/search-{name}: the answers differ: {answers}")
            report.add(f"logs/search-{name}", f"{what}, of {SEARCH_LINES}", "ms", *(samples + [[]])[:2],
                       goal=Goal(times=3, limit=SEARCH_LINES * 220 / 2e9 * 1000))
    finally:
        for server in servers:
            server.close()


PARTS = ("ingest", "search")


def bench(report, part=None):
    if part in (None, "ingest"):
        bench_ingest(report)
    if part in (None, "search"):
        bench_search(report)
