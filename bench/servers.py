"""What is measured: slipway, and Kubernetes as etcd, kube-apiserver and kube-controller-manager.

Both listen on loopback only, keep their data in a folder of their own on the same disk, and are gone with it at the end.
"""
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from bench.client import Api, Refused, condition

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
SLIPWAY = BUILD / "slipway"


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def loopback():
    return f"127.0.0.1:{free_port()}"


class Server:
    """Processes that serve an API together."""
    host = "127.0.0.1"

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="slipway-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.port = free_port()
        self.url = f"https://{self.host}:{self.port}"
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def spawn(self, *argv):
        with open(self.dir / "log", "ab") as log:
            process = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log, cwd=self.dir)
        self.processes.append(process)
        return process

    def start(self):
        """Returns how many seconds it took until a request was answered."""
        begin = time.monotonic()
        self.launch()
        while not self.answers():
            if time.monotonic() - begin > 60 or any(p.poll() is not None for p in self.processes):
                raise Failed(f"{type(self).__name__} does not start: {self.last_words()}")
            time.sleep(0.001)
        return time.monotonic() - begin

    def answers(self):
        try:
            socket.create_connection((self.host, self.port), 1).close()
            Api(self, timeout=5).ask("GET", "/api/v1/namespaces")
            return True
        except (OSError, Refused):
            return False

    def last_words(self):
        lines = (self.dir / "log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it says nothing"

    def rss_mib(self):
        kib = (re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{p.pid}/status").read_text()) for p in self.processes)
        return sum(int(m[1]) for m in kib) / 1024

    def signal(self, number):
        for p in self.processes:
            p.send_signal(number)

    def pause(self):
        """So that the other side has the machine to itself."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self):
        self.resume()
        for p in reversed(self.processes):
            p.terminate()
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes.clear()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Slipway(Server):
    def __init__(self, *options):
        super().__init__()
        self.options = options
        self.data = self.dir / "data"
        self.ca, self.token = self.data / "pki/ca.crt", self.data / "pki/admin.token"
        self.git, self.metrics, self.registry = loopback(), loopback(), loopback()

    def launch(self):
        self.spawn(SLIPWAY, "up", "--quiet", "--data-dir", self.data, "--api-address", f"{self.host}:{self.port}",
                   "--registry-address", self.registry, "--git-address", self.git, "--metrics-address", self.metrics,
                   *self.options)

    def run(self, *argv):
        """A verb of the command line, over the same data."""
        env = os.environ | {"KUBECONFIG": str(self.data / "admin.kubeconfig")}
        done = subprocess.run([str(SLIPWAY), *(str(a) for a in argv)], text=True, capture_output=True, env=env)
        if done.returncode:
            raise Failed(f"slipway {argv[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def bootstrap(self):
        """What containers and steps need, before the start."""
        for argv in (("image", "bootstrap", "busybox"), ("image", "bootstrap", "tools"), ("db", "build", ROOT / "examples/osv")):
            self.run(*argv, "--data-dir", self.data)

    def await_node(self):
        api = Api(self)
        with api.watch("/api/v1/nodes") as nodes:
            if not any(condition(n, "Ready")[0] == "True" for n in api.get("/api/v1/nodes")["items"]):
                nodes.until(lambda n: condition(n, "Ready")[0] == "True")

    def close(self):
        self.stop()
        (self.data / "lock").touch()
        self.run("down", "--data-dir", self.data, "--forget")
        shutil.rmtree(self.dir, ignore_errors=True)


class Kubernetes(Server):
    """controllers: None, or further options of the kube-controller-manager."""

    def __init__(self, programs, controllers=None):
        super().__init__()
        self.programs, self.controllers = programs, controllers
        self.ca, self.token = self.dir / "pki/apiserver.crt", self.dir / "token"
        self.key = self.dir / "accounts.key"
        self.token.write_text(secrets.token_hex(16))
        (self.dir / "tokens.csv").write_text(f"{self.token.read_text()},admin,admin,system:masters\n")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, stderr=subprocess.DEVNULL)
        self.etcd = f"http://{loopback()}"

    def launch(self):
        etcd_peer = f"http://{loopback()}"
        self.spawn(self.programs["etcd"], "--data-dir", self.dir / "etcd", "--listen-client-urls", self.etcd,
                   "--advertise-client-urls", self.etcd, "--listen-peer-urls", etcd_peer,
                   "--initial-advertise-peer-urls", etcd_peer, "--initial-cluster", f"default={etcd_peer}",
                   "--quota-backend-bytes", 8 << 30, "--log-level", "error")
        # It wants an address to tell others, and loopback is none; nobody reads this one.
        self.spawn(self.programs["kube-apiserver"], "--etcd-servers", self.etcd, "--bind-address", self.host,
                   "--advertise-address", "10.96.0.250", "--secure-port", self.port, "--cert-dir", self.dir / "pki",
                   "--token-auth-file", self.dir / "tokens.csv", "--authorization-mode", "RBAC",
                   "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", self.key,
                   "--service-account-signing-key-file", self.key, "--service-cluster-ip-range", "10.96.0.0/16",
                   "--endpoint-reconciler-type", "none", "--v", 0)

    def start(self):
        took = super().start()
        if self.controllers is not None:
            self.start_controllers()
        return took

    def start_controllers(self):
        config = self.dir / "kubeconfig"
        config.write_text(f"""apiVersion: v1
kind: Config
current-context: bench
clusters: [{{name: bench, cluster: {{server: "{self.url}", certificate-authority: {self.ca}}}}}]
users: [{{name: bench, user: {{tokenFile: {self.token}}}}}]
contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]
""")
        self.spawn(self.programs["kube-controller-manager"], "--kubeconfig", config, "--bind-address", self.host,
                   "--secure-port", free_port(), "--cert-dir", self.dir / "pki-controllers", "--leader-elect=false",
                   "--use-service-account-credentials=false", "--service-account-private-key-file", self.key, "--v", 0,
                   *self.controllers)
