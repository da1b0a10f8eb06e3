"""The programs that slipway is measured against, from package registries by their public names.

A peer that cannot be had is None; why is told on standard error, once.
"""
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-bench"
ETCD = "go.etcd.io/etcd/server/v3"
ETCD_VERSION = "v3.5.21"
VICTORIA = "github.com/VictoriaMetrics"
VICTORIA_LOGS_VERSION = "v1.51.1-0.20260624061259-dc94972a8708"
VICTORIA_METRICS_VERSION = "v1.146.0"  # the release behind the commit that the one above asks for, which proxies do not hold
KUBERNETES = "k8s.io/kubernetes"
VICTORIA, VICTORIA_VERSION = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", "v1.148.8"
# Not every proxy holds each module of each release: the first that is whole is taken.
KUBERNETES_MINOR = 33
KUBERNETES_PATCHES = (4, 3, 1, 0)


class Unavailable(Exception):
    pass


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def peer(get):
    """Tells why a peer is not to be had, and goes on without it."""
    @functools.cache
    def try_to(*args):
        try:
            return get(*args)
        except Unavailable as why:
            say(f"no peer {' '.join((get.__name__, *args))}: {why}")
            return None
    return try_to


def run(argv, folder=None):
    done = subprocess.run(argv, cwd=folder, text=True, capture_output=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "downloading" not in line]
        raise Unavailable(f"{' '.join(argv[:4])}: {said[-1].strip() if said else f'exit code {done.returncode}'}")
    return done.stdout


def install(package):
    if os.geteuid() != 0:
        raise Unavailable(f"the package {package} is not installed, and installing it needs root")
    say(f"installing {package}")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package])


@peer
def program(name):
    """A program from the distribution's package of the same name."""
    if not shutil.which(name):
        install(name)
    return shutil.which(name)


@peer
def debian_file(package, path):
    """A file of the distribution's package, which is unpacked and not installed: nothing is started or configured."""
    folder = CACHE / package
    if not (folder / path).exists():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"downloading the package {package}")
        try:
            run(["apt-get", "download", "-qq", package], folder)
        except Unavailable:
            run(["apt-get", "update", "-qq"])
            run(["apt-get", "download", "-qq", package], folder)
        for archive in folder.glob("*.deb"):
            run(["dpkg", "-x", str(archive), str(folder)])
            archive.unlink()
    return folder / path


# ---- Go programs: built once, in a module of our own that requires theirs ----

def go(folder, *args):
    return run(["nice", "go", *args], folder)


def go_build(folder, out, packages, flags=()):
    say(f"building {', '.join(packages)}: once, and it takes a while")
    begin = time.monotonic()
    go(folder, "build", "-mod=mod", "-trimpath", f"-ldflags=-s -w {' '.join(flags)}", "-o", str(out), *packages)
    say(f"built in {time.monotonic() - begin:.0f} s")


def need_go():
    if not shutil.which("go"):
        install("golang-go")


@peer
def go_program(package, version):
    """A program that `go install` makes of a published module."""
    name = re.sub(r"/v\d+$", "", package).rsplit("/", 1)[1]
    folder = CACHE / f"{name}-{version}"
    if not (folder / name).exists():
        need_go()
        say(f"installing {package}@{version}: once, and it takes a while")
        os.environ["GOBIN"] = str(folder)
        go(CACHE.parent, "install", "-trimpath", "-ldflags=-s -w", f"{package}@{version}")
    return folder / name


def write_module(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(f"module peers\n\n{text}")
    (folder / "go.sum").unlink(missing_ok=True)


def build_etcd():
    folder = CACHE / "etcd"
    program_at = folder / f"bin-{ETCD_VERSION}" / "etcd"
    if not program_at.exists():
        need_go()
        write_module(folder, f"go 1.23.0\n\nrequire {ETCD} {ETCD_VERSION}\n")
        go_build(folder, program_at, [ETCD])
    return program_at


@peer
def victoria_logs():
    folder = CACHE / "victoria-logs"
    program_at = folder / f"bin-{VICTORIA_LOGS_VERSION}" / "victoria-logs"
    if not program_at.exists():
        need_go()
        metrics = f"{VICTORIA}/VictoriaMetrics"
        write_module(folder, f"go 1.26\n\nrequire {VICTORIA}/VictoriaLogs {VICTORIA_LOGS_VERSION}\n\n"
                             f"replace {metrics} => {metrics} {VICTORIA_METRICS_VERSION}\n")
        go_build(folder, program_at, [f"{VICTORIA}/VictoriaLogs/app/victoria-logs"])
    return program_at


def kubernetes_module(version):
    """Kubernetes replaces the modules it publishes by folders of its own, which a module does not hold: ours replaces them
    by what was published of the same release."""
    source = Path(json.loads(go(CACHE, "mod", "download", "-json", f"{KUBERNETES}@v1.{version}"))["Dir"])
    published = re.findall(r"(k8s\.io/\S+) => \./staging", (source / "go.mod").read_text())
    replaced = "\n".join(f"\t{name} => {name} v0.{version}" for name in published)
    return f"go 1.24.0\n\ngodebug default=go1.24\n\nrequire {KUBERNETES} v1.{version}\n\nreplace (\n{replaced}\n)\n"


def kubernetes_folder(patch):
    return CACHE / "kubernetes" / f"bin-v1.{KUBERNETES_MINOR}.{patch}"


def build_kubernetes(patch):
    version = f"{KUBERNETES_MINOR}.{patch}"
    out = kubernetes_folder(patch)
    names = ("kube-apiserver", "kube-controller-manager")
    packages = [f"{KUBERNETES}/cmd/{name}" for name in names]
    if not all((out / name).exists() for name in names):
        need_go()
        write_module(out.parent, kubernetes_module(version))
        go(out.parent, "list", "-mod=mod", "-deps", *packages)
        stamp = "-X k8s.io/component-base/version."
        out.mkdir(exist_ok=True)
        go_build(out.parent, out, packages, (f"{stamp}gitVersion=v1.{version}", f"{stamp}gitMajor=1",
                                         f"{stamp}gitMinor={KUBERNETES_MINOR}"))
    return {name: out / name for name in names}


@peer
def kubernetes():
    """etcd, kube-apiserver and kube-controller-manager: paths by name."""
    CACHE.mkdir(parents=True, exist_ok=True)
    programs = {"etcd": build_etcd()}
    for patch in sorted(KUBERNETES_PATCHES, key=lambda patch: not kubernetes_folder(patch).exists()):
        try:
            return programs | build_kubernetes(patch)
        except Unavailable as why:
            say(f"kubernetes 1.{KUBERNETES_MINOR}.{patch}: {why}")
    raise Unavailable("no release could be built")
