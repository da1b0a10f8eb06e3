"""Rows of rendering: kustomize build and helm template, cold, and what the server makes of a commit."""
import os
import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bench import peers, render_cases as cases
from bench.report import Goal
from bench.servers import BUILD, ROOT, SLIPWAY, Failed

SPAWN, APPLOAD = BUILD / "bench/spawn", BUILD / "bench/appload"
KUBE = ("--kube-version", "1.32.4")
DATA = Path(os.environ.get("SLIPWAY_CONFORMANCE", ROOT.parent / "shared/conformance"))
CHARTS = Path(os.environ.get("SLIPWAY_BENCH_CHARTS", peers.CACHE / "charts"))
ROUNDS = 5
ROUND_S = 0.3  # how long a side is measured before it is the other's turn
SLOW_S = 2  # what takes longer is run twice in all

OURS = {"kustomize": (SLIPWAY, "kustomize"), "helm": (SLIPWAY, "helm")}
PEERS = {"kustomize": ("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.2"), "helm": ("helm.sh/helm/v3/cmd/helm", "v3.22.0")}


class Case:
    def __init__(self, tool, *args, folder=None):
        self.tool, self.args, self.folder = tool, [str(arg) for arg in args], folder


def spawn(case, program, runs, output):
    """Milliseconds and MiB of each run."""
    done = subprocess.run([SPAWN, str(runs), output, *program, *case.args], text=True, capture_output=True,
                          cwd=case.folder)
    if done.returncode:
        raise Failed(f"{' '.join(case.args)}: {done.stderr.strip()}")
    lines = [line.split() for line in done.stdout.splitlines()]
    return [float(us) / 1000 for us, _ in lines], [int(kib) / 1024 for _, kib in lines]


def measure(case, programs, folder):
    """Figures of each program, run in turns; the first run of each only fills the caches, unless it is a slow one."""
    outputs = [folder / f"output-{i}" for i in range(len(programs))]
    first = [spawn(case, program, 1, output) for program, output in zip(programs, outputs)]
    slow = [times[0] > SLOW_S * 1000 for times, _ in first]
    times, memory = ([list(figures[i]) if late else [] for figures, late in zip(first, slow)] for i in (0, 1))
    for turn in range(ROUNDS):
        for i, program in enumerate(programs):
            if slow[i] and turn > 0:
                continue
            runs = max(1, min(100, int(ROUND_S * 1000 / first[i][0][0])))
            got = spawn(case, program, runs, outputs[i])
            times[i] += got[0]
            memory[i] += got[1]
    return times, memory, outputs


def row(report, folder, name, what, case, times=None, limit_mib=None):
    """Two rows: the time beside the peer's, and the memory."""
    peer = peers.go_program(*PEERS[case.tool])
    programs = [OURS[case.tool]] + ([(peer,)] if peer else [])
    ms, mib, outputs = measure(case, programs, folder)
    if peer and lines_that_differ(*outputs) > 8:  # random passwords may
        raise Failed(f"{name}: {case.tool} prints something else")
    report.add(f"render/{name}", what, "ms", ms[0], ms[1] if peer else (), goal=Goal(times=times))
    report.add(f"render/{name}-memory", "resident memory at its most", "MiB", mib[0], mib[1] if peer else (),
               goal=Goal(limit=limit_mib))


def lines_that_differ(a, b):
    a, b = a.read_text().splitlines(), b.read_text().splitlines()
    return abs(len(a) - len(b)) + sum(x != y for x, y in zip(a, b))


def growth(report, folder, name, what, make, sizes):
    """What one more costs when there are many, by what it costs when there are few; 1 is linear."""
    ms = []
    for size in sizes:
        case = make(size)
        times, _, _ = measure(case, [OURS[case.tool]], folder)
        ms.append(median(times[0]))
        report.add(f"render/{name}-{size}", f"{size} {what}", "ms", times[0])
    few, many = ((ms[i + 1] - ms[i]) / (sizes[i + 1] - sizes[i]) for i in (0, 1))
    report.add(f"render/{name}-growth", f"the price of one of {sizes[2]} {what}, by that of one of {sizes[1]}", "", [many / few],
               goal=Goal(limit=1.3))


# ---- kustomize ----

def many_resources(folder, resources):
    return Case("kustomize", "build", cases.many_resources(folder / f"many-{resources}", resources))


def bench_kustomize(report, folder):
    row(report, folder, "kustomize-small", "kustomize: an overlay of three resources",
        Case("kustomize", "build", cases.small_overlay(folder / "small")), 5, 8)
    for name in ("real-kueue-config-default", "real-opentelemetry-operator-config-default"):
        real = DATA / "kustomize" / name
        if real.is_dir():
            row(report, folder, f"kustomize-{name}", "kustomize: real manifests",
                Case("kustomize", "build", (real / "target").read_text().strip(), folder=real / "in"), 20)


def bench_kustomize_many(report, folder):
    row(report, folder, "kustomize-3000", "kustomize: 3 000 resources with prefix, labels and references",
        many_resources(folder, 3000), 200)
    growth(report, folder, "kustomize", "resources", partial(many_resources, folder), (300, 3000, 30000))


# ---- in the server ----

def commits(folder, apps, objects, rounds):
    """What a commit that changes one file costs: see bench/appload.c."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        done = subprocess.run([APPLOAD, data, str(apps), str(objects), str(rounds)], text=True, capture_output=True)
    if done.returncode:
        raise Failed(f"{apps} Applications of {objects} objects: {done.stderr.strip()}")
    return zip(*([float(x) for x in line.split()] for line in done.stdout.splitlines()))


def bench_applications(report, folder):
    for apps in (10, 100, 1000):
        changed, told, _, renders = commits(folder, apps, 3, ROUNDS)
        what = f"server: {apps} Applications, a commit concerns one"
        report.add(f"render/server-{apps}-applications", f"{what}: until the API has the change", "ms", changed,
                   goal=Goal(limit=50 if apps == 1000 else None))
        report.add(f"render/server-{apps}-applications-renders", "renders it takes", "", renders, goal=Goal(limit=1))
        report.add(f"render/server-{apps}-applications-told", "until every Application says that it has seen the commit",
                   "ms", told)


def bench_resources(report, folder):
    for objects in (30, 300, 3000):
        changed, _, rendering, _ = commits(folder, 1, objects, ROUNDS)
        what = f"server: {objects} resources, half of which name another, one file changed"
        report.add(f"render/server-{objects}-resources", f"{what}: its render", "ms", rendering,
                   goal=Goal(limit=5 if objects == 3000 else None))
        report.add(f"render/server-{objects}-resources-changed", "until the API has the change", "ms", changed)


# ---- helm ----

def template(chart, *args, folder=None):
    return Case("helm", "template", "demo", chart, "-n", "demo", *args, *KUBE, folder=folder)


def created_chart(folder):
    helm = peers.go_program(*PEERS["helm"])
    chart = folder / "web"
    if helm and not chart.exists():
        peers.run([str(helm), "create", str(chart)])
    return chart if helm else None


def real_charts():
    for chart in sorted(CHARTS.iterdir()) if CHARTS.is_dir() else ():
        yield chart.name, template(chart)
    for name in ("datadog", "argo-cd", "cilium", "prometheus", "keycloak"):
        chart = DATA / "helm" / name
        if chart.is_dir():
            yield name, template("./chart", "-f", "cases/default/values.yaml", folder=chart)


def umbrella(folder, charts):
    return template(cases.umbrella_chart(folder / f"umbrella-{charts}", charts))


def copies(folder, count):
    return template(cases.copies_of(folder / "web", folder / f"copies-{count}", count))


def bench_helm(report, folder):
    created = created_chart(folder)
    if created:
        row(report, folder, "helm-create", "helm: the chart that helm create makes", template(created), 10, 8)
        growth(report, folder, "helm-create", "copies of that chart", partial(copies, folder), (1, 10, 100))


def bench_charts(report, folder):
    for name, case in real_charts():
        row(report, folder, f"helm-{name}", "helm: a large real chart", case, 20)


def bench_umbrella(report, folder):
    row(report, folder, "helm-umbrella", "helm: 60 subcharts and much tpl", umbrella(folder, 60), 20)
    growth(report, folder, "helm-umbrella", "subcharts and much tpl", partial(umbrella, folder), (6, 60, 600))


@contextmanager
def scratch():
    """Helm reads settings of its user's: here there are none."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
            os.environ[name] = str(Path(folder) / "helm")
        yield Path(folder)


# What each of them measures takes less than 100 s.
PARTS = {"kustomize": bench_kustomize, "many": bench_kustomize_many, "applications": bench_applications,
         "resources": bench_resources, "helm": bench_helm, "charts": bench_charts, "umbrella": bench_umbrella}


def bench(report, only=None):
    with scratch() as folder:
        for name, part in PARTS.items():
            if only in (None, name):
                part(report, folder)
