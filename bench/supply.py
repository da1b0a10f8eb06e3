"""Rows of the supply chain: the registry under load, builds in ten steps, a scan, signatures."""
import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from bench import peers
from bench.containers import crun_sees_one_cgroup_version, run
from bench.namespaces import own_namespaces
from bench.report import Goal
from bench.servers import BUILD, SLIPWAY, Failed, Server, Slipway

COSIGN, COSIGN_VERSION = "github.com/sigstore/cosign/v2/cmd/cosign", "v2.6.1"
OSV_SCANNER, OSV_SCANNER_VERSION = "github.com/google/osv-scanner/v2/cmd/osv-scanner", "v2.0.2"
CLIENTS, LAYERS, LAYER_BYTES = 8, 20, 10 << 20
MANIFESTS = 2000
TICKS = os.sysconf("SC_CLK_TCK")
OCI = "application/vnd.oci.image."


# ---- servers ----

def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Ours(Slipway):
    """Only its registry is spoken to."""

    def __init__(self):
        super().__init__("--no-node")

    def answers(self):
        return super().answers() and listens(int(self.registry.rpartition(":")[2]))

    def door(self):
        secret = base64.b64encode(f"admin:{self.token.read_text().strip()}".encode()).decode()
        return int(self.registry.rpartition(":")[2]), f"Authorization: Basic {secret}\r\n"


class Distribution(Server):
    """Debian's docker-registry."""

    def launch(self):
        (self.dir / "config.yml").write_text(json.dumps({
            "version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"cache": {"blobdescriptor": "inmemory"}, "filesystem": {"rootdirectory": str(self.dir / "data")}},
            "http": {"addr": f"{self.host}:{self.port}"}}))
        self.spawn("docker-registry", "serve", self.dir / "config.yml")

    def answers(self):
        return listens(self.port)

    def door(self):
        return self.port, ""


def cpu_seconds(server):
    fields = [Path(f"/proc/{p.pid}/stat").read_text().rpartition(")")[2].split() for p in server.processes]
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


# ---- a client that costs little, so that the server is what is measured ----

class Client:
    def __init__(self, server):
        self.port, self.login = server.door()
        self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)
        self.view = memoryview(self.buffer)

    def ask(self, method, path, body=b"", kind="application/octet-stream", expect=(200, 201, 202)):
        """The headers of the answer; its body is read and dropped."""
        head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.login}Content-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        if len(body) < 1 << 16:
            self.socket.sendall(head + body)
        else:
            self.socket.sendall(head)
            self.socket.sendall(body)
        n = 0
        while (end := self.buffer.find(b"\r\n\r\n", 0, n)) < 0:
            got = self.socket.recv_into(self.view[n:])
            if not got:
                raise Failed(f"{method} {path}: the connection broke")
            n += got
        text = self.buffer[:end].decode()
        status = int(text[9:12])
        headers = dict(line.lower().split(": ", 1) for line in text.split("\r\n")[1:])
        location = re.search(r"(?im)^location: (\S+)", text)
        left = int(headers.get("content-length", 0)) - (n - end - 4)
        while left > 0:
            got = self.socket.recv_into(self.view, min(left, len(self.buffer)))
            if not got:
                raise Failed(f"{method} {path}: the connection broke")
            left -= got
        if status not in expect:
            raise Failed(f"{method} {path}: {text.splitlines()[0]}")
        return location[1] if location else None

    def push_blob(self, repository, bytes_, digest):
        at = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        at = re.sub(r"^https?://[^/]+", "", at)
        self.ask("PUT", f"{at}{'&' if '?' in at else '?'}digest={digest}", bytes_)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def side_by_side(jobs):
    """Each in a thread; how long all took."""
    failed = []

    def guarded(job):
        try:
            job()
        except (Failed, OSError) as why:
            failed.append(why)
    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]
    return time.monotonic() - begin


def measured(server, jobs):
    """Wall seconds, CPU seconds of the server."""
    before = cpu_seconds(server)
    wall = side_by_side(jobs)
    return wall, cpu_seconds(server) - before


def push_layers(server, clients, layers):
    def job(i):
        for bytes_, digest in layers[i::CLIENTS]:
            clients[i].push_blob("load/app", bytes_, digest)
    return measured(server, [lambda i=i: job(i) for i in range(CLIENTS)])


def pull_layers(server, clients, layers):
    def job(client):
        for _, digest in layers:
            client.ask("GET", f"/v2/load/app/blobs/{digest}")
    return measured(server, [lambda c=c: job(c) for c in clients])


def push_manifests(server, clients):
    config = b"{}"
    clients[0].push_blob("load/small", config, digest_of(config))

    def manifest(i):
        return json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "annotations": {"n": str(i)},
                           "config": {"mediaType": OCI + "config.v1+json", "digest": digest_of(config), "size": 2},
                           "layers": []}).encode()
    bodies = [manifest(i) for i in range(MANIFESTS)]

    def job(i):
        for n in range(i, MANIFESTS, CLIENTS):
            clients[i].ask("PUT", f"/v2/load/small/manifests/t{n}", bodies[n], OCI + "manifest.v1+json")
    return measured(server, [lambda i=i: job(i) for i in range(CLIENTS)])


def load(server):
    """Figures of one registry, by name."""
    seed = os.urandom(LAYER_BYTES)
    layers = [(bytes([i]) + seed[1:], None) for i in range(LAYERS)]
    layers = [(data, digest_of(data)) for data, _ in layers]
    with server:
        server.start()
        clients = [Client(server) for _ in range(CLIENTS)]
        mib = LAYERS * LAYER_BYTES / (1 << 20)
        idle = server.rss_mib()
        push = push_layers(server, clients, layers)
        pull = pull_layers(server, clients, layers)
        small = push_manifests(server, clients)
        return {"push-rate": mib / push[0], "push-cpu": push[1], "pull-rate": mib * CLIENTS / pull[0], "pull-cpu": pull[1],
                "manifests": MANIFESTS / small[0], "memory": server.rss_mib() - idle}


def bench_registry(report):
    sides = [load(Ours())]
    if peers.program("docker-registry"):
        sides.append(load(Distribution()))
    image = f"{LAYERS} layers of {LAYER_BYTES >> 20} MiB, {CLIENTS} clients"
    rows = {
        "push-rate": (f"push of {image} that share them", "MiB/s", Goal(times=1), True),
        "push-cpu": ("the server's processor time for it", "s", Goal(times=2), False),
        "pull-rate": (f"pull of {image} that each take all", "MiB/s", Goal(times=1), True),
        "pull-cpu": ("the server's processor time for it", "s", Goal(times=2), False),
        "manifests": (f"{MANIFESTS} small manifests pushed by tag, {CLIENTS} clients", "/s", Goal(times=5), True),
        "memory": ("resident memory after all that, beyond that at the start", "MiB", Goal(limit=8), False),
    }
    for name, (what, unit, goal, more) in rows.items():
        ours, *theirs = ([side[name]] for side in sides)
        report.add(f"supply/registry-{name}", what, unit, ours, [] if goal.limit else sum(theirs, []), goal=goal,
                   more_is_better=more)


# ---- builds ----

STEPS = 10


def containerfile(steps):
    return "FROM scratch\nCOPY busybox /bin/busybox\n" + "".join(
        f'RUN ["/bin/busybox", "mkdir", "/made{i}"]\n' for i in range(steps))


def bench_build(report, folder):
    buildah, crun = peers.program("buildah"), peers.program("crun")
    context = folder / "context"
    context.mkdir()
    shutil.copy(shutil.which("busybox"), context / "busybox")
    few, many = context / "few", context / "many"
    few.write_text(containerfile(1))
    many.write_text(containerfile(STEPS))

    def ours(file, *options):
        return run(SLIPWAY, "build", context, "-f", file, "--data-dir", folder / "data", "--network", "none", "-t", "bench",
                   *options)[0]

    def theirs(file, *options):
        return run(buildah, "--root", folder / "buildah", "--runroot", folder / "buildah-run", "--storage-driver", "overlay",
                   "bud", "--isolation", "oci", "--runtime", "crun", "--network", "none", "--layers", "-q", "-t", "bench",
                   "-f", file, *options, context)[0]

    def step(build):
        return (build(many, "--no-cache") - build(few, "--no-cache")) / (STEPS - 1)
    sides = [ours]
    if buildah and crun:
        try:
            theirs(few)
            sides.append(theirs)
        except Failed as why:
            peers.say(f"buildah cannot build here: {why}")
    steps = [[step(build) for _ in range(2)] for build in sides] + [[]]
    report.add("supply/build-step", "a RUN step of a build from nothing: what nine more of them take", "ms", *steps[:2],
               goal=Goal(limit=40))
    cached = []
    for build in sides:
        build(many)
        cached.append([build(many) for _ in range(5)])
    report.add("supply/build-cached", f"a Containerfile of {STEPS + 1} steps built again, nothing changed", "ms",
               *(cached + [[]])[:2], goal=Goal(times=20))


# ---- signatures ----

def bench_signatures(report, folder):
    cosign = shutil.which("cosign") or peers.go_program(COSIGN, COSIGN_VERSION)
    os.environ["COSIGN_PASSWORD"] = "bench"
    key, blob, signature = folder / "k.key", folder / "blob", folder / "sig"
    blob.write_bytes(os.urandom(100_000))
    run(SLIPWAY, "generate-key-pair", "--output-key-prefix", folder / "k")
    run(SLIPWAY, "sign-blob", "--key", key, "--output-signature", signature, blob)
    public = folder / "k.pub"
    ours, theirs, sealed = [], [], []
    for _ in range(15):
        ours.append(run(SLIPWAY, "verify-blob", "--key", public, "--signature", signature, blob)[0])
        if cosign:
            theirs.append(run(cosign, "verify-blob", "--key", public, "--insecure-ignore-tlog=true", "--signature", signature,
                              blob)[0])
    report.add("supply/verify", "`verify-blob` of 100 KB with a key, process start and end included", "ms", ours, theirs,
               goal=Goal(times=5))
    for _ in range(5 if cosign else 0):
        sealed.append(run(cosign, "sign-blob", "--yes", "--key", key, "--tlog-upload=false", blob)[0])
    opened, *signed = map(float, run(BUILD / "bench/signload", key, "bench", 200)[1].split())
    report.add("supply/sign", "an envelope signed by the process that holds the key (peer: `cosign sign-blob`)", "ms", signed,
               sealed, goal=Goal(limit=2))
    report.add("supply/open-key", "the sealed key opened, once a process", "ms", [opened])


# ---- a scan ----

RECORDS = 10_000  # of Debian's packages; osv.dev has several times as many
IMAGE = "slipway.local/debian:latest"


def layer_folders(data):
    return sorted(data.glob("images/layers/*/fs"))


def source_packages(root):
    """What Debian's advisories name, of each package of the image."""
    for block in (root / "var/lib/dpkg/status").read_text().split("\n\n"):
        fields = dict(re.findall(r"(?m)^(Package|Source): (\S+)", block))
        if fields:
            yield fields.get("Source", fields["Package"])


def debian_records(root):
    """One in ten names a package of the image; every second one of these is mended in it."""
    names = sorted(set(source_packages(root)))
    for i in range(RECORDS):
        inside = i % 10 == 0
        name = names[i // 10 % len(names)] if inside else f"lib{i % 3000}"
        fixed = "0~~1" if i % 20 else "999:1"
        yield {"schema_version": "1.6.0", "id": f"CVE-2024-{10000 + i}", "modified": "2024-01-01T00:00:00Z",
               "published": "2024-01-01T00:00:00Z", "details": f"What is wrong with {name}. " * 10,
               "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
               "affected": [{"package": {"ecosystem": "Debian:12", "name": name, "purl": f"pkg:deb/debian/{name}?arch=source"},
                             "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}


def write_database(root, folder):
    """As osv.dev gives it: an archive for each ecosystem."""
    archive = folder / "osv-scanner/Debian/all.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for record in debian_records(root):
            out.writestr(f"{record['id']}.json", json.dumps(record))
    return archive


def write_archive(root, path):
    """The image as `docker save` writes it."""
    layer = path.with_name("layer.tar")
    run("tar", "-C", root, "-cf", layer, ".")
    with open(layer, "rb") as f:
        diff_id = hashlib.file_digest(f, "sha256").hexdigest()
    config = {"architecture": "amd64", "os": "linux", "config": {}, "history": [{"created_by": "bench"}],
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}}
    (path.parent / "config.json").write_text(json.dumps(config))
    (path.parent / "manifest.json").write_text(json.dumps(
        [{"Config": "config.json", "RepoTags": ["bench:latest"], "Layers": ["layer.tar"]}]))
    run("tar", "-C", path.parent, "-cf", path, "manifest.json", "config.json", "layer.tar")
    layer.unlink()


def judged(*argv, env=None):
    """Milliseconds until a scanner is through, and the identities that it found."""
    begin = time.monotonic()
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=os.environ | (env or {}))
    took = (time.monotonic() - begin) * 1000
    found = set(re.findall(r'"id": *"(CVE-2024-\d+)"', done.stdout))
    if not found:
        raise Failed(f"{Path(argv[0]).name} finds nothing: {done.stderr.strip()[-200:]}")
    return took, found


def bench_scan(report, folder):
    peer = peers.go_program(OSV_SCANNER, OSV_SCANNER_VERSION)
    data, archive = folder / "scanned", folder / "image.tar"
    run(SLIPWAY, "image", "bootstrap", "debian", "--data-dir", data)
    root, = layer_folders(data)
    database = write_database(root, folder)
    run(SLIPWAY, "db", "build", database, "--data-dir", data)
    write_archive(root, archive)
    local = {"OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(folder)}

    def ours(*options):
        return judged(SLIPWAY, "scan", IMAGE, "--data-dir", data, "--format", "json", *options)

    def theirs():
        return judged(peer, "scan", "image", "--offline", "--format", "json", "--archive", archive, env=local)
    if peer and (found := theirs()[1]) != (mine := ours()[1]):
        raise Failed(f"the scanners do not agree: {sorted(found ^ mine)[:5]}")
    here, there, whole, cold = [], [], [], []
    for _ in range(5):
        here.append(ours("--scanners", "vuln")[0])
        whole.append(ours()[0])
        if peer:
            there.append(theirs()[0])
    for _ in range(3):
        shutil.rmtree(data / "images/layers")
        cold.append(ours("--scanners", "vuln")[0])
    size = sum(f.lstat().st_size for f in root.rglob("*") if f.is_file() and not f.is_symlink()) >> 20
    report.add("supply/scan", f"a Debian image of {size} MB that is here, for vulnerabilities, {RECORDS} advisories", "ms", here,
               there, goal=Goal(times=20))
    report.add("supply/scan-whole", "the same, secrets and settings, too", "ms", whole, goal=Goal(limit=1000))
    report.add("supply/scan-cold", "the same for vulnerabilities, its layers not unpacked yet", "ms", cold, there,
               goal=Goal(limit=1000))


PARTS = ("registry", "build", "scan", "signatures")


def bench(report, part=None):
    folder = Path(tempfile.mkdtemp(prefix="slipway-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        if part in (None, "signatures"):
            bench_signatures(report, folder)
        if part in (None, "scan"):
            bench_scan(report, folder)
        if part in (None, "build"):
            with own_namespaces():
                crun_sees_one_cgroup_version()
                bench_build(report, folder)
        if part in (None, "registry"):
            bench_registry(report)
    finally:
        shutil.rmtree(folder)
