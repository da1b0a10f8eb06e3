#!/usr/bin/env python3
"""conformance_helm.py [-v] FOLDER: `slipway helm template` against what the real tool printed.

Charts are FOLDER/CHART/chart with cases/NAME/{values.yaml,meta.json,expected.yaml or
expected_error.txt}; small charts are lines of microcharts.jsonl. A case passes when standard output
and the exit code are the same, byte for byte; of a render with random content, all lines but those
meta.json names. An error case passes when the sentence is the same, up to the order of the lines
of a schema's complaints (the real tool's differs from run to run). -v names what failed.

Parts: helm-charts, helm-microcharts; helm is both, with the snippets where their program is built.
"""
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
build = Path(os.environ.get("BUILD", root / "build"))
slipway = str(build / "slipway")
verbose = "-v" in sys.argv


def run(args, cwd):
    done = subprocess.run([slipway, "helm", *args], cwd=cwd, capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def difference(got, want):
    lines = difflib.unified_diff(want.decode(errors="replace").splitlines(),
                                 got.decode(errors="replace").splitlines(), lineterm="", n=1)
    return "\n    ".join(list(lines)[2:14]) or "only line ends differ"


def same_text(got, want, unstable):
    if got == want:
        return True
    a, b = got.split(b"\n"), want.split(b"\n")
    return bool(unstable) and len(a) == len(b) and all(
        x == y or i + 1 in unstable for i, (x, y) in enumerate(zip(a, b)))


def error_of(text):
    """The error without warnings before it, its lines in an order of their own."""
    at = text.find("Error: ")
    return sorted(text[at:].strip().split("\n")) if at >= 0 else text


def judge(args, cwd, exit_code, want, error, unstable=()):
    """None when it is right, else what is wrong."""
    try:
        code, out, said = run(args, cwd)
    except subprocess.TimeoutExpired:
        return "took more than two minutes"
    if error is not None:
        if code == exit_code and error_of(said) == error_of(error):
            return None
        return f"exit {code}, said {said[:600]!r}\n    want {error[:600]!r}"
    if code != exit_code:
        return f"exit {code}: {said[:600]}"
    return None if same_text(out, want, set(unstable)) else difference(out, want)


def chart_case(case):
    meta = json.loads((case / "meta.json").read_text())
    error = case / "expected_error.txt"
    want = case / "expected.yaml"
    return judge(meta["args"], case.parent.parent, 1 if error.exists() else 0,
                 want.read_bytes() if want.exists() else b"",
                 error.read_text() if error.exists() else None, meta.get("unstable_lines", ()))


def micro_case(case):
    with tempfile.TemporaryDirectory() as folder:
        for path, content in case["files"].items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode())
        return judge(case["args"], folder, case["exit"], (case.get("expected") or "").encode(),
                     case.get("error"))


def suite(name, cases, run_case):
    passed = failed = 0
    with ThreadPoolExecutor(2) as pool:
        for label, wrong in zip(cases, pool.map(run_case, cases.values())):
            passed += wrong is None
            failed += wrong is not None
            if wrong is not None and verbose:
                print(f"failed {label}: {wrong}")
    print(f"{name}: {passed} passed, {failed} failed")
    return passed, failed


def snippets(folder):
    program = build / "tests/conformance/conformance-helm-snippets"
    if not program.is_file():
        return 0, 0
    done = subprocess.run([str(program), str(folder / "snippets.jsonl")], text=True, capture_output=True)
    rows = re.findall(r"^[\w/-]+: (\d+) passed, (\d+) failed", done.stdout, re.M)
    print(done.stdout, end="")
    return (int(rows[-1][0]), int(rows[-1][1])) if rows else (0, 1)


def main():
    folder = Path(sys.argv[-1])
    charts = {f"{c.parent.parent.name}/{c.name}": c for c in sorted(folder.glob("*/cases/*"))}
    lines = (folder / "microcharts.jsonl").read_text().splitlines()
    micro = {case["name"]: case for case in map(json.loads, lines)}
    parts = [suite("helm-charts", charts, chart_case), suite("helm-microcharts", micro, micro_case),
             snippets(folder)]
    passed, failed = (sum(p[i] for p in parts) for i in (0, 1))
    print(f"helm: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
