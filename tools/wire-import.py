#!/usr/bin/env python3
"""wire-import.py K8S.IO/API K8S.IO/APIMACHINERY > schemas/wire.txt

Reads the numbers of fields on the wire out of the tags of Go types in the module folders given
(`go mod download -json k8s.io/api k8s.io/apimachinery` names them). Only facts are taken: message,
field, number, type."""
import os
import re
import sys

GROUPS = [("core", "core/v1"), ("apps", "apps/v1"), ("authentication", "authentication/v1"),
          ("authorization", "authorization/v1"), ("autoscaling", "autoscaling/v1"),
          ("autoscaling", "autoscaling/v2"), ("batch", "batch/v1"),
          ("coordination", "coordination/v1"), ("discovery", "discovery/v1"),
          ("events", "events/v1"), ("networking", "networking/v1"), ("node", "node/v1"),
          ("policy", "policy/v1"), ("rbac", "rbac/v1"), ("scheduling", "scheduling/v1"),
          ("storage", "storage/v1")]
META = "k8s.io/apimachinery/pkg/apis/meta/v1"
SCALARS = {"string": "s", "bool": "b", "int": "i", "int32": "i", "int64": "i", "uint8": "i",
           "float64": "d", "[]byte": "y"}
SPECIAL = {"meta.v1.Time": "time", "meta.v1.MicroTime": "microtime", "meta.v1.Duration": "duration",
           "meta.v1.FieldsV1": "raw", "intstr.IntOrString": "intstr",
           "resource.Quantity": "quantity", "runtime.RawExtension": "raw", "types.UID": "s",
           "types.NodeName": "s", "types.NamespacedName": "s"}
HEAD = """# Kubernetes objects in protobuf: which number a field has on the wire. A message, then a field a
# line: number, name in JSON ("-": its fields stand in the object around it), type. "*" repeated,
# "?" optional (a zero is kept), "{" a map from text; s text, b bool, i integer, y bytes,
# texts a message of one list.
"""
FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`(.*)`")


class Package:
    """What one folder of Go declares: structs with their tagged fields, other named types."""

    def __init__(self, prefix, folder):
        self.prefix, self.structs, self.named, self.imports = prefix, {}, {}, {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".go") and not name.endswith("_test.go") and "generated" not in name:
                self.read(os.path.join(folder, name))

    def read(self, path):
        fields = None
        for line in open(path, encoding="utf-8"):
            if m := re.match(r'^\t?(?:import )?(\w+)? ?"(k8s\.io/[\w./]+)"', line):
                self.imports[m[1] or m[2].split("/")[-1]] = m[2]
            elif m := re.match(r"^type (\w+) struct {(})?", line):
                fields = None if m[2] else self.structs.setdefault(m[1], [])
            elif m := re.match(r"^\s*type (\w+) ([\w.\[\]]+)", line):
                self.named[m[1]] = m[2]
            elif line.startswith("}"):
                fields = None
            elif fields is not None and (m := FIELD.match(line)):
                tag = re.search(r'protobuf:"\w+,(\d+)', m[3])
                if not tag:
                    continue
                json = re.search(r'json:"([^",]*)', m[3])
                fields.append((int(tag[1]), json[1] if json and json[1] else "-", m[2]))


class Importer:
    def __init__(self, api, machinery):
        self.packages = {META: Package("meta.v1", os.path.join(machinery, "pkg/apis/meta/v1"))}
        for group, folder in GROUPS:
            prefix = "%s.%s" % (group, folder.split("/")[1])
            self.packages["k8s.io/api/" + folder] = Package(prefix, os.path.join(api, folder))

    def base(self, package, name):
        """The wire type of a Go type that is no pointer: what it is made of, or a message."""
        if name in SCALARS:
            return SCALARS[name]
        if name.startswith("[]"):
            return "*" + self.base(package, name[2:].lstrip("*"))
        if m := re.match(r"map\[[\w.]+\](.*)", name):
            return "{" + self.base(package, m[1])
        if "." in name:
            alias, name = name.split(".")
            if alias + "." + name in SPECIAL:
                return SPECIAL[alias + "." + name]
            package = self.packages[package.imports[alias]]
        full = "%s.%s" % (package.prefix, name)
        if full in SPECIAL:
            return SPECIAL[full]
        if name in package.structs:
            return full
        inner = self.base(package, package.named[name])
        return "texts" if inner == "*s" else inner

    def field(self, package, kind):
        inner = self.base(package, kind.lstrip("*"))
        return "?" + inner if kind.startswith("*") and inner[0] not in "*{" else inner

    def messages(self):
        for package in self.packages.values():
            for name, fields in package.structs.items():
                full = "%s.%s" % (package.prefix, name)
                if fields and full not in SPECIAL and not name.endswith("List"): # never sent
                    yield full, [(n, j, self.field(package, k)) for n, j, k in fields]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.stdout.write(HEAD)
    for name, fields in sorted(Importer(*sys.argv[1:3]).messages()):
        print(name)
        for number, json, kind in fields:
            print(" %d %s %s" % (number, json, kind))


main()
