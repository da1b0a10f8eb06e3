#!/usr/bin/env python3
"""conformance_promtool FOLDER: rule files and tests of rules as Prometheus's own tool judges them.

Every file below promtool/, model/rulefmt/testdata/ and rules/fixtures/ that has `tests:` is run and
every one that has `groups:` is checked. A file that says "bad", "invalid" or "fail" in its name, or
has extra fields, must be refused; any other must pass. In a test whose name has "fuzzy" the groups
called "correct" pass unless the file has fuzzy_compare off and those called "wrong" never do. Rules
whose names say "-error" are good ones whose evaluation fails: only their test is refused. Names that
only the legacy scheme refuses are skipped: names are UTF-8 here.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

data = Path(sys.argv[1])
slipway = Path(os.environ.get("BUILD", "build")) / "slipway"
ALL = ["promql-experimental-functions", "promql-extended-range-selectors", "promql-binop-fill-modifiers"]
passed = failed = skipped = 0


def slipway_says(*args):
    flags = [f"--enable-feature={name}" for name in ALL]
    done = subprocess.run([str(slipway), "promtool", *args, *flags], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


def expect(name, want, *args):
    global passed, failed
    got, text = slipway_says(*args)
    if got == want:
        passed += 1
        return
    failed += 1
    print(f"{name}: {'refused' if want else 'let through'}")
    if "-v" in sys.argv:
        print(text)


def judge_test(path, name, text, bad):
    if not re.search(r"name: *wrong", text):
        loose = re.search(r"^fuzzy_compare: *false", text, re.M) is None
        expect(name, not bad and loose, "test", "rules", str(path))
        return
    expect(name, True, "test", "rules", "--run", "correct", str(path))
    expect(name, False, "test", "rules", "--run", "wrong", str(path))


def judge(path):
    global skipped
    text = path.read_text(errors="replace")
    name = path.relative_to(data)
    bad = re.search(r"bad|invalid|fail|extrafields", path.name) is not None
    if re.search(r"^tests:", text, re.M):
        judge_test(path, name, text, bad)
    elif "legacy" in path.name:
        skipped += 1
    elif re.search(r"^groups:", text, re.M):
        expect(name, not bad or "-error." in path.name, "check", "rules", str(path))
        if "extrafields" in path.name:
            expect(name, True, "check", "rules", "--ignore-unknown-fields", str(path))


for folder in ("promtool", "model/rulefmt/testdata", "rules/fixtures"):
    for path in sorted((data / folder).rglob("*.y*ml")):
        judge(path)
print(f"promtool: {passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
