#!/usr/bin/env python3
"""Runs others' Tekton files against a running slipway: tekton_live.py KUBECONFIG FOLDER [NAME ...]

Each file gets a namespace of its own; its images are mapped to what SLIPWAY_IMAGES maps them to
("busybox=slipway.local/busybox,bash=slipway.local/debian"); its first run must end as expected.
Prints what failed and "tekton/live: N passed, N failed, N skipped".
"""
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

config, folder, only = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
images = dict(x.split("=", 1) for x in os.environ.get(
    "SLIPWAY_IMAGES", "busybox=slipway.local/busybox").split(","))
prefix = os.environ.get("SLIPWAY_KUBECTL", "kubectl").split()
WAIT_S = int(os.environ.get("SLIPWAY_WAIT", "60"))


def kubectl(*args, text=None, check=True):
    done = subprocess.run([*prefix, "--kubeconfig", config, *args], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def image_for(case):
    """The poorest image that can run all of the file's steps, or None."""
    needs = set(case.get("step_needs", [])) - {"busybox"}
    if not needs and "busybox" in images:
        return images["busybox"]
    if needs <= {"bash"} and "bash" in images:
        return images["bash"]
    if needs <= {"bash", "perl"} and "debian" in images:
        return images["debian"]
    return None


def documents(text, image):
    text = re.sub(r"namespace: default\b", "", text)
    text = re.sub(r"(?m)^(\s*-?\s*image:\s*)(?!.*\$\()\S+.*$", lambda m: m[1] + image, text)
    text = re.sub(r'(default|value): ["\']?(?:mirror.gcr.io/)?(ubuntu|alpine|busybox|bash)["\']?\s*$',
                  lambda m: f"{m[1]}: {image}", text, flags=re.M)
    return [d for d in re.split(r"(?m)^---.*$", text) if re.search(r"(?m)^kind:", d)]


def succeeded(obj):
    for c in obj.get("status", {}).get("conditions", []):
        if c["type"] == "Succeeded":
            return c
    return {"status": "Unknown", "reason": "", "message": "no condition yet"}


def wait(ns, kind, name, until, seconds):
    end = time.time() + seconds
    while True:
        obj = json.loads(kubectl("-n", ns, "get", f"{kind}.tekton.dev", name, "-o", "json"))
        if until(obj) or time.time() > end:
            return obj
        time.sleep(0.2)


def play(case, ns):
    image = image_for(case)
    if not image or case.get("runnable_offline") is False or "setup" in case["expected"]:
        return None
    expected = case["expected"]
    if expected.get("outcome", "success") != "success":
        return None
    text = (folder / case["file"]).read_text()
    kubectl("create", "-f", "-", text=json.dumps(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}))
    first = None
    for doc in documents(text, image):
        out = kubectl("-n", ns, "create", "-f", "-", "-o", "json", text=doc)
        obj = json.loads(out)
        if obj["kind"] in ("TaskRun", "PipelineRun") and not first:
            first = obj
    if not first:
        return "the file makes no run"
    name, kind = first["metadata"]["name"], first["kind"].lower()
    for action in expected.get("actions", []):
        found = re.search(r"/spec/status = (\w+)|spec.status = \"()\"", action)
        if found:
            wait(ns, kind, name, lambda o: succeeded(o).get("reason") == "Running", 5)
            time.sleep(1)
            kubectl("-n", ns, "patch", f"{kind}.tekton.dev", name, "--type=merge", "-p",
                    json.dumps({"spec": {"status": found[1] or ""}}))
    obj = wait(ns, kind, name, lambda o: succeeded(o)["status"] != "Unknown", WAIT_S)
    return judge(case, kind, obj)


def judge(case, kind, obj):
    expected, got = case["expected"], succeeded(obj)
    if "rejected_at_create" in expected:
        part = expected["rejected_at_create"]["error_contains"]
        return "" if part in got["message"] else f"message is {got['message']}"
    want = expected.get("condition") or expected.get(kind) or {"status": "True"}
    for key in ("status", "reason", "message"):
        if key == "reason" and want.get(key) == "Failed" and kind == "taskrun":
            continue
        if key in want and got.get(key) != want[key]:
            return f"{key} is {got.get(key)} ({got.get('reason')}: {got.get('message')}), not {want[key]}"
    if want.get("message_contains", "") not in got.get("message", ""):
        return f"message is {got.get('message')}"
    results = expected.get("results")
    if isinstance(results, dict):
        have = {r["name"]: r["value"] for r in obj["status"].get("results", [])}
        for key, value in results.items():
            if have.get(key) != value:
                return f"result {key} is {have.get(key)}, not {value}"
    return ""


def run(numbered):
    i, case = numbered
    ns = f"tekton-{os.getpid()}-{i}"
    try:
        why = play(case, ns)
    except Exception as e:
        why = f"{e}"
    if not os.environ.get("SLIPWAY_KEEP"):
        kubectl("delete", "namespace", ns, "--wait=false", check=False)
    return case["file"], why


def main():
    index = json.loads((folder / "index.json").read_text())
    cases = index["examples"] + index["conformance"] + index["e2e"]
    if only:
        cases = [c for c in cases if any(o in c["file"] for o in only)]
    passed = failed = skipped = 0
    with ThreadPoolExecutor(int(os.environ.get("SLIPWAY_JOBS", "4"))) as pool:
        for name, why in pool.map(run, enumerate(cases)):
            if why is None:
                skipped += 1
            elif why:
                failed += 1
                print(f"tekton/live: {name}: {why}", flush=True)
            else:
                passed += 1
    print(f"tekton/live: {passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


sys.exit(main())
