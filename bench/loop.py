"""Rows of the loop: replicas, pipeline steps, a push that deploys, a release that takes itself back."""
import time

from bench import peers
from bench.client import Api, await_account, condition, log_lines
from bench.delivery import Delivery
from bench.namespaces import own_namespaces
from bench.report import Goal, percentile
from bench.servers import Failed, Kubernetes, Slipway

REPLICAS, REPLICA_ROUNDS = 50, 7
TASK_RUNS, STEPS = 12, 10
RELEASES = 5


# ---- 50 replicas ----

def deployment(name, replicas):
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "pause", "image": "pause"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}}


def replicas_s(server, rounds=REPLICA_ROUNDS):
    """Seconds from creating a Deployment until a watch has seen all its Pods, once a round."""
    api = Api(server)
    await_account(api, "default")
    samples = []
    for i in range(rounds + 1):
        name = f"many-{i}"
        with api.watch(f"/api/v1/namespaces/default/pods?labelSelector=app%3D{name}") as pods:
            begin = time.monotonic()
            api.post("/apis/apps/v1/namespaces/default/deployments", deployment(name, REPLICAS))
            for left, _ in zip(reversed(range(REPLICAS)), (e for e in pods if e[0] == "ADDED")):
                if left == 0:
                    samples.append(time.monotonic() - begin)
        time.sleep(3)  # a client's limit fills up again
    return samples[1:]  # the first one warms up


def bench_replicas(report):
    programs = peers.kubernetes()
    with Slipway("--no-node") as server:
        server.start()
        ours = [s * 1000 for s in replicas_s(server)]
    for name, what, options in (
            ("50-replicas", "from creating a Deployment of 50 to 50 Pods existing", ()),
            ("50-replicas-unlimited", "the same; the peer's client limit lifted",
             ("--kube-api-qps=10000", "--kube-api-burst=10000"))):
        theirs = []
        if programs:
            try:
                with Kubernetes(programs, controllers=options) as server:
                    server.start()
                    theirs = [s * 1000 for s in replicas_s(server)]
            except Failed as why:
                peers.say(why)
        report.add(f"loop/{name}", what, "ms", ours, theirs, goal=Goal(20))


# ---- no-op steps ----

def task_run(name, steps):
    return {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": name},
            "spec": {"taskSpec": {"steps": [{"name": f"step{i}", "image": "slipway.local/busybox",
                                             "command": ["echo", "done"]} for i in range(steps)]}}}


def run_steps(api, name, steps):
    """Runs a TaskRun of no-op steps: milliseconds of each step since the one before (of the first: since the TaskRun was
    asked for), and of the whole until it was seen to have succeeded."""
    path = "/apis/tekton.dev/v1/namespaces/default/taskruns"
    with api.watch(path) as runs:
        before = begin = time.time()
        api.post(path, task_run(name, steps))
        done = runs.until(lambda run: run["metadata"]["name"] == name and condition(run, "Succeeded")[0] in ("True", "False"))
        whole = time.time() - begin
    if condition(done, "Succeeded")[0] != "True":
        raise Failed(f"TaskRun {name}: {done['status']['conditions']}")
    samples = []
    for i in range(steps):
        at = next(log_lines(api, "default", done["status"]["podName"], f"step-step{i}"))[0]
        samples.append((at - before) * 1000)
        before = at
    return samples, whole * 1000


def bench_steps(report, server):
    api = Api(server)
    await_account(api, "default")
    run_steps(api, "warm", 1)
    steps, wholes = [], []
    for i in range(TASK_RUNS):
        steps += run_steps(api, f"steps-{i}", STEPS)[0]
        wholes.append(run_steps(api, f"single-{i}", 1)[1])
    n = f"of {len(steps)} in {TASK_RUNS} TaskRuns, the Pods' starts included"
    report.add("loop/step-p50", f"a no-op pipeline step, p50 {n}", "ms", [percentile(steps, .5)], goal=Goal(25))
    report.add("loop/step-p99", f"a no-op pipeline step, p99 {n}", "ms", [percentile(steps, .99)], goal=Goal(100))
    report.add("loop/taskrun", "a TaskRun of one no-op step, from asked for to Succeeded", "ms", wholes)


# ---- push and rollback ----

def bench_delivery(report, server):
    overhead, total, back = [], [], []
    delivery = Delivery(server)
    delivery.release(errors=0)
    for _ in range(RELEASES):
        good = delivery.release(errors=0)
        total.append(good.ready_s)
        overhead.append(good.ready_s - good.work_s)
        back.append(delivery.bad_release())
    report.add("loop/push-to-ready", "push to the first Pod of the new version ready, less the steps' own work", "s",
               overhead, goal=Goal(1))
    report.add("loop/push-to-ready-whole", "the same, the work of its 7 steps included", "s", total)
    report.add("loop/rollback", "a bad release's first answer to its last, only the last good one serving from there", "s",
               back, goal=Goal(delivery.interval_s + 2))


def bench(report):
    peers.kubernetes()
    with own_namespaces():
        bench_replicas(report)
        with Slipway() as server:
            server.bootstrap()
            server.start()
            server.await_node()
            time.sleep(5)
            report.add("loop/idle-memory", "resident memory, idle, with a node", "MiB", [server.rss_mib()], goal=Goal(32))
            bench_steps(report, server)
            bench_delivery(report, server)
