"""An application and its infrastructure repository in a slipway: releases are pushed, what comes of them is timed.

The manifests are in bench/delivery; the version a release serves is its page, and its errors are what its metrics say.
"""
import base64
import http.client
import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.client import Api, condition, log_lines
from bench.servers import Failed

MANIFESTS = Path(__file__).resolve().parent / "delivery"
NAMESPACE = "bench"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
WEB_PODS = f"{PODS}?labelSelector=app%3Dweb"
ANALYSES = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/analysisruns"


@dataclass
class Release:
    ready_s: float  # from the push to the first ready Pod
    work_s: float   # of its steps


class Visitor:
    """Asks a service all the time what version it serves, and notes when that changes."""

    def __init__(self, address):
        self.address = address
        self.seen = []  # (seconds, version) of every answer
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.visit)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def visit(self):
        while not self.stopping.wait(0.005):
            try:
                connection = http.client.HTTPConnection(self.address, 80, timeout=1)
                connection.request("GET", "/")
                self.seen.append((time.monotonic(), connection.getresponse().read().decode().strip()))
                connection.close()
            except (OSError, http.client.HTTPException):
                pass

    def times(self, version):
        return [at for at, seen in self.seen if seen == version]


class Delivery:
    def __init__(self, server):
        self.server, self.api = server, Api(server)
        self.work = server.dir / "work"
        self.version = 0
        self.setup()

    def setup(self):
        manifests = (MANIFESTS / "cluster.yaml").read_text()
        self.interval_s = float(re.search(r"interval: (\d+)s", manifests)[1])
        env = os.environ | {"KUBECONFIG": str(self.server.data / "admin.kubeconfig")}
        self.api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        subprocess.run(["kubectl", "apply", "--validate=false", "-f", MANIFESTS / "cluster.yaml"], check=True, env=env,
                       stdout=subprocess.DEVNULL)
        self.authorization = f"Authorization: Bearer {self.server.run('user', 'create', 'bench')}"
        repositories = f"/apis/slipway.dev/v1/namespaces/{NAMESPACE}/repositories"
        for name in ("app", "infra"):
            shutil.copytree(MANIFESTS / name, self.work / name)
            self.git(name, "init", "-q", "-b", "main")
            while condition(self.api.get(f"{repositories}/{name}"), "Ready")[0] != "True":
                time.sleep(0.05)
        (self.work / "app/www").mkdir()
        self.commit("infra", "what runs")
        self.push("infra")

    def git(self, repository, *argv):
        env = os.environ | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"http.http://{self.server.git}/.extraHeader",
                            "GIT_CONFIG_VALUE_0": self.authorization, "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", *argv], text=True,
                              cwd=self.work / repository, capture_output=True, env=env)
        if done.returncode:
            raise Failed(f"git {argv[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def commit(self, repository, message):
        self.git(repository, "add", "-A")
        self.git(repository, "commit", "-q", "-m", message)

    def push(self, repository):
        self.git(repository, "push", "-q", f"http://{self.server.git}/git/{repository}.git", "main")

    def prepare(self, errors):
        """Commits another version; its text."""
        self.version += 1
        text = f"version {self.version}"
        (self.work / "app/www/index.html").write_text(text + "\n")
        (self.work / "app/www/metrics").write_text(f"# TYPE release_errors gauge\nrelease_errors {errors}\n")
        self.commit("app", text)
        return text

    def release(self, errors):
        """Pushes a version and waits until its health check is over."""
        before = {pod["metadata"]["uid"] for pod in self.api.get(WEB_PODS)["items"]}
        self.prepare(errors)
        commit = self.git("app", "rev-parse", "HEAD")
        checked = {run["metadata"]["uid"] for run in self.api.get(ANALYSES)["items"]}
        with self.api.watch(WEB_PODS) as pods, self.api.watch(ANALYSES) as analyses:
            begin = time.monotonic()
            self.push("app")
            pods.until(lambda pod: pod["metadata"]["uid"] not in before and condition(pod, "Ready")[0] == "True")
            ready_s = time.monotonic() - begin
            over = analyses.until(lambda run: run["metadata"]["uid"] not in checked and
                                  run.get("status", {}).get("phase") in ("Successful", "Failed", "Error", "Inconclusive"))
        if over["status"]["phase"] != "Successful":
            raise Failed(f"the health check of {commit}: {over['status']}")
        return Release(ready_s, self.work_of(commit))

    def work_of(self, commit):
        """Seconds that the steps of a commit's run worked, by their own words."""
        runs = self.api.get(f"/apis/tekton.dev/v1/namespaces/{NAMESPACE}/pipelineruns?labelSelector=slipway.dev%2Fcommit%3D"
                            f"{commit}")["items"]
        pods = self.api.get(f"{PODS}?labelSelector=tekton.dev%2FpipelineRun%3D{runs[0]['metadata']['name']}")["items"]
        work = 0
        for pod in pods:
            step = next(c["name"] for c in pod["spec"]["containers"] if c["name"].startswith("step-"))
            lines = {said: at for at, said in log_lines(self.api, NAMESPACE, pod["metadata"]["name"], step)}
            work += lines["end"] - lines["begin"]
        return work

    def bad_release(self):
        """Pushes a version whose metrics say errors: seconds from its first answer to its last, after which the version
        before it serves alone."""
        good = f"version {self.version}"
        address = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/web")["spec"]["clusterIP"]
        with Visitor(address) as visitor:
            bad = self.prepare(errors=1)
            self.push("app")
            deadline = time.monotonic() + 60
            while not (visitor.times(bad) and visitor.seen[-1][1] == good and self.settled()):
                if time.monotonic() > deadline:
                    raise Failed(f"{bad} was not taken back: {visitor.seen[-1:]}")
                time.sleep(0.1)
            served = visitor.times(bad)
            return served[-1] - served[0]

    def settled(self):
        app = self.api.get(f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/web")["status"]
        return (app["sync"]["status"], app["health"]["status"]) == ("Synced", "Healthy") and \
            len(self.api.get(WEB_PODS)["items"]) == 1
