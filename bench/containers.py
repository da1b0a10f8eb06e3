"""Rows of containers: one that starts and ends, and a small build."""
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench import peers
from bench.namespaces import own_namespaces
from bench.report import Goal
from bench.servers import BUILD, SLIPWAY, Failed

CONTAINERS, BUILDS = 30, 5
ROUNDS = 3
CONTAINERFILE = """FROM scratch
COPY busybox /bin/busybox
COPY page /www/page
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox mkdir /made && /bin/busybox cp /www/page /made"]
CMD ["/bin/busybox", "httpd", "-f", "-h", "/www"]
"""


def run(*argv, folder=None):
    begin = time.monotonic()
    done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, cwd=folder)
    if done.returncode:
        raise Failed(f"{Path(argv[0]).name}: {done.stderr.strip()}")
    return (time.monotonic() - begin) * 1000, done.stdout


def crun_sees_one_cgroup_version():
    """crun refuses hosts whose cgroups are hybrid; slipway hides the second version from it in the same way."""
    if os.path.ismount("/sys/fs/cgroup/unified"):
        subprocess.run(["umount", "-l", "/sys/fs/cgroup/unified"], check=True)


# ---- start and end ----

def crun_bundle(folder, root):
    """crun's own default specification, with our program."""
    bundle = folder / "bundle"
    bundle.mkdir()
    run("crun", "spec", folder=bundle)
    spec = json.loads((bundle / "config.json").read_text())
    spec["process"] |= {"terminal": False, "args": ["/bin/busybox", "true"]}
    spec["root"] = {"path": str(root), "readonly": True}
    (bundle / "config.json").write_text(json.dumps(spec))
    return bundle


def bench_start(report, folder, crun):
    root = folder / "root"
    for name in ("bin", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    bundle = crun_bundle(folder, root)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours += [float(ms) for ms in run(BUILD / "bench/ctrload", folder / "state", root, CONTAINERS, "/bin/busybox",
                                         "true")[1].split()]
        theirs += [run(crun, "--root", folder / "crun", "--cgroup-manager=cgroupfs", "run", "--bundle", bundle,
                       f"bench-{i}")[0] for i in range(CONTAINERS)]
    report.add("containers/start-end", "a container from asked for to ended and removed (peer: plain `crun run`)", "ms",
               ours, theirs)


# ---- build ----

def bench_build(report, folder, buildah):
    context = folder / "context"
    context.mkdir()
    shutil.copy(shutil.which("busybox"), context / "busybox")
    (context / "Containerfile").write_text(CONTAINERFILE)

    def change(i):
        (context / "page").write_text(f"page {i}\n")

    def ours(*options):
        return run(SLIPWAY, "build", context, "--data-dir", folder / "data", "--network", "none", "-t", "bench", *options)[0]

    def theirs(*options):
        return run(buildah, "--root", folder / "buildah", "--runroot", folder / "buildah-run", "--storage-driver", "overlay",
                   "bud", "--isolation", "oci", "--runtime", "crun", "--network", "none", "--layers", "-q", "-t", "bench",
                   *options, context)[0]

    sides = [ours]
    change(0)
    if buildah:
        try:
            theirs()
            sides.append(theirs)
        except Failed as why:
            peers.say(f"buildah cannot build here: {why}")
    kinds = {"cold": ("a build of four steps, nothing cached", ("--no-cache",)),
             "changed": ("the same, one copied file changed", ()), "cached": ("the same, nothing changed", ())}
    for name, (what, options) in kinds.items():
        samples = [[], []]
        for i in range(BUILDS):
            if name == "changed":
                change(i + 1)
            for side, build in enumerate(sides):
                samples[side].append(build(*options))
        report.add(f"containers/build-{name}", what, "ms", *samples, goal=Goal(times=1))


def bench(report):
    crun, buildah = peers.program("crun"), peers.program("buildah")
    folder = Path(tempfile.mkdtemp(prefix="slipway-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        with own_namespaces():
            crun_sees_one_cgroup_version()
            bench_start(report, folder, crun)
            bench_build(report, folder, buildah)
    finally:
        shutil.rmtree(folder)
