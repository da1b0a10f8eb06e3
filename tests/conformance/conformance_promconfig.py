#!/usr/bin/env python3
"""conformance_promconfig FOLDER: configuration files as Prometheus loads or refuses them.

Every file below config/testdata must pass `slipway promtool check config`, unless its name says
"bad", "incompatible" or "deprecated": then it must be refused, for the reason that promconfig.txt
beside this program has, if it has one. With --agent the files agent_mode.with_* are refused. A file
that names scrape_config_files which are not there is skipped.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

data = Path(sys.argv[1]) / "config/testdata"
slipway = Path(os.environ.get("BUILD", "build")) / "slipway"
table = Path(__file__).with_name("promconfig.txt").read_text().splitlines()
reasons = dict(line.split(": ", 1) for line in table if not line.startswith("#"))
passed = failed = skipped = 0


def judge(path, bad, *flags):
    global passed, failed
    done = subprocess.run([str(slipway), "promtool", "check", "config", *flags, str(path)], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    reason = reasons.get(path.name.removesuffix(".bad.yml"), "") if bad else ""
    if done.returncode == (1 if bad else 0) and reason in done.stderr:
        passed += 1
        return
    failed += 1
    print(f"{path.name}: {done.stderr.strip() or 'let through'}")


def is_whole(path):
    named = re.findall(r"^  - (scrape_config_files[^*\s]*)$", path.read_text(errors="replace"), re.M)
    return all((path.parent / name).exists() for name in named)


for path in sorted(data.rglob("*.yml")):
    if not is_whole(path):
        skipped += 1
        continue
    judge(path, re.search(r"[.]bad[.]|incompatible|deprecated", path.name) is not None)
    if path.name.startswith("agent_mode"):
        judge(path, ".with_" in path.name, "--agent")
print(f"promconfig: {passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
