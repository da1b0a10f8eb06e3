#!/usr/bin/env python3
"""Take the facts of Kubernetes' OpenAPI v3 documents into schemas/k8s/*.schema.

    tools/schema-import.py FOLDER schemas/k8s

FOLDER holds documents as an API server serves them under /openapi/v3. Only structure is taken:
names, types, formats, defaults, list and patch strategies; no descriptions.
schemas/README.md describes the form written.
"""
import collections
import json
import pathlib
import sys

SCALARS = {
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "pkg.runtime.RawExtension": "raw",
    "meta.v1.FieldsV1": "raw",
    "meta.v1.Patch": "any",
    "apiextensions.v1.JSON": "any",
    "apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
    "apiextensions.v1.CustomResourceSubresourceStatus": "raw",
}
PRIMITIVES = {
    ("string", None): "string",
    ("string", "byte"): "byte",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("number", "double"): "double",
    ("number", None): "double",
    ("boolean", None): "bool",
}


def short(name):
    """io.k8s.api.core.v1.Pod -> core.v1.Pod"""
    return ".".join(name.split(".")[-3:])


def type_text(node):
    ref = node.get("$ref") or next((x["$ref"] for x in node.get("allOf", []) if "$ref" in x), None)
    if ref:
        name = short(ref.rsplit("/", 1)[1])
        return SCALARS.get(name, name)
    kind = node.get("type")
    if kind == "array":
        return "[]" + type_text(node["items"])
    if kind == "object":
        inner = node.get("additionalProperties")
        return "map[]" + type_text(inner) if isinstance(inner, dict) else "raw"
    if kind is None:
        return "any"
    return PRIMITIVES[(kind, node.get("format"))]


def attributes(node):
    out = []
    list_type = node.get("x-kubernetes-list-type")
    if list_type == "map":
        out.append("map=" + ",".join(node["x-kubernetes-list-map-keys"]))
    elif list_type:
        out.append(list_type)
    if node.get("x-kubernetes-map-type") == "atomic":
        out.append("atomic")
    strategy = node.get("x-kubernetes-patch-strategy", "").split(",")
    if "merge" in strategy:
        key = node.get("x-kubernetes-patch-merge-key")
        out.append("merge=" + key if key else "merge")
    if "retainKeys" in strategy:
        out.append("retainKeys")
    if "default" in node:
        out.append("default=" + json.dumps(node["default"], separators=(",", ":")))
    return out


def write_type(name, node, out):
    head = ["type", name]
    for gvk in node.get("x-kubernetes-group-version-kind", []):
        if gvk["kind"] == name.rsplit(".", 1)[1] and (
            not name.startswith("meta.") or gvk["group"] == ""
        ):
            head.append("/".join(x for x in (gvk["group"], gvk["version"]) if x))
    head += attributes({k: v for k, v in node.items() if k != "default"})
    out.append(" ".join(head))
    required = set(node.get("required", []))
    for field, sub in sorted(node.get("properties", {}).items()):
        mark = "!" if field in required else ""
        out.append("  " + " ".join([field + mark, type_text(sub)] + attributes(sub)))


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    types = {}
    for doc in sorted(source.rglob("*.json")):
        for name, node in json.loads(doc.read_text())["components"]["schemas"].items():
            types.setdefault(short(name), node)
    files = collections.defaultdict(list)
    for name, node in sorted(types.items()):
        if name not in SCALARS:
            write_type(name, node, files[name.rsplit(".", 1)[0]])
    target.mkdir(parents=True, exist_ok=True)
    for package, lines in files.items():
        (target / (package + ".schema")).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
