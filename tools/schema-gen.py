#!/usr/bin/env python3
"""Turn schemas/*.schema into the constant tables of src/api (see schemas/README.md).

    tools/schema-gen.py OUT.c FILE.schema ...
"""
import json
import sys

SCALARS = {
    "string": ("STRING", "NONE"),
    "int32": ("INT", "INT32"),
    "int64": ("INT", "INT64"),
    "double": ("NUMBER", "DOUBLE"),
    "bool": ("BOOL", "NONE"),
    "byte": ("STRING", "BYTE"),
    "time": ("STRING", "TIME"),
    "microtime": ("STRING", "MICRO_TIME"),
    "quantity": ("STRING", "QUANTITY"),
    "intstr": ("INT_OR_STRING", "NONE"),
    "any": ("ANY", "NONE"),
    "raw": ("ANY", "RAW"),
}


class Type:
    def __init__(self, name, group_version, attrs):
        self.name, self.group_version, self.attrs, self.fields = name, group_version, attrs, []


class Tables:
    """Nodes are shared: the same place-independent facts make one row."""

    def __init__(self, types):
        self.types = types
        self.nodes, self.index = [], {}
        self.keys, self.key_at = [], {}
        self.first_field, self.n_fields = {}, 0
        for name in sorted(types):
            self.first_field[name] = self.n_fields
            self.n_fields += len(types[name].fields)

    def map_keys(self, text):
        if text not in self.key_at:
            self.key_at[text] = len(self.keys)
            self.keys += text.split(",")
        return self.key_at[text]

    def node(self, type_text, attrs):
        row = {}
        flags = []
        if type_text.startswith("[]"):
            row["type"] = "SCHEMA_LIST"
            row["items"] = "&NODES[%d]" % self.node(type_text[2:], [])
        elif type_text.startswith("map[]"):
            row["type"] = "SCHEMA_MAP"
            row["items"] = "&NODES[%d]" % self.node(type_text[5:], [])
        elif type_text in SCALARS:
            kind, form = SCALARS[type_text]
            row["type"] = "SCHEMA_" + kind
            if form != "NONE":
                row["format"] = "FORMAT_" + form
        else:
            t = self.types[type_text]
            row["type"] = "SCHEMA_STRUCT"
            row["name"] = json.dumps(t.name)
            if t.fields:
                row["fields"] = "&FIELDS[%d]" % self.first_field[type_text]
                row["n_fields"] = str(len(t.fields))
            if type_text == "meta.v1.ObjectMeta":
                flags.append("SCHEMA_META")
            attrs = t.attrs + attrs
        for a in attrs:
            key, _, value = a.partition("=")
            if key == "atomic":
                if row["type"] == "SCHEMA_LIST":
                    row["list_type"] = "LIST_ATOMIC"
                elif "SCHEMA_ATOMIC" not in flags:
                    flags.append("SCHEMA_ATOMIC")
            elif key == "set":
                row["list_type"] = "LIST_SET"
            elif key == "map":
                row["list_type"] = "LIST_MAP"
                row["map_keys"] = "&KEYS[%d]" % self.map_keys(value)
                row["n_map_keys"] = str(value.count(",") + 1)
            elif key == "merge":
                flags.append("SCHEMA_PATCH_MERGE")
                if value:
                    row["merge_key"] = json.dumps(value)
            elif key == "retainKeys":
                flags.append("SCHEMA_PATCH_RETAIN")
            elif key == "pointer":
                flags.append("SCHEMA_POINTER")
            elif key == "always":
                flags.append("SCHEMA_ALWAYS")
            elif key == "default":
                row["dflt"] = json.dumps(value)
            else:
                raise SystemExit("unknown attribute %r" % a)
        if flags:
            row["flags"] = " | ".join(flags)
        text = "{" + ", ".join(".%s = %s" % kv for kv in row.items()) + "}"
        if text not in self.index:
            self.index[text] = len(self.nodes)
            self.nodes.append(text)
        return self.index[text]


def read(paths):
    types = {}
    for path in paths:
        for line in open(path):
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words[0] == "type" and not line.startswith(" "):
                group_version = ""
                attrs = words[2:]
                if attrs and (attrs[0].startswith("v") or "/" in attrs[0]):
                    group_version = attrs.pop(0)
                current = types[words[1]] = Type(words[1], group_version, attrs)
            elif words[0] == "extend" and not line.startswith(" "):
                current = types[words[1]]
            else:
                current.fields.append((words[0], words[1], words[2:]))
    return types


def main():
    types = read(sys.argv[2:])
    tables = Tables(types)
    fields, named, kinds = [], [], []
    for name in sorted(types):
        t = types[name]
        for field, type_text, attrs in sorted(t.fields, key=lambda f: f[0].rstrip("!")):
            node = tables.node(type_text, attrs)
            fields.append(
                '{"%s", &NODES[%d], %s}'
                % (field.rstrip("!"), node, "true" if field.endswith("!") else "false")
            )
        named.append('{"%s", "%s", &NODES[%d]}' % (name, t.group_version, tables.node(name, [])))
    with open(sys.argv[1], "w") as out:
        out.write('#include "api/tables_int.h"\n\n')
        out.write("static const struct schema NODES[%d];\n" % len(tables.nodes))
        out.write("static const char *const KEYS[] = {\n")
        out.write("".join('    "%s",\n' % k for k in tables.keys) + "};\n")
        out.write("static const struct schema_field FIELDS[] = {\n")
        out.write("".join("    %s,\n" % f for f in fields) + "};\n")
        out.write("static const struct schema NODES[%d] = {\n" % len(tables.nodes))
        out.write("".join("    %s,\n" % n for n in tables.nodes) + "};\n")
        out.write("const struct named_type schema__types[] = {\n")
        out.write("".join("    %s,\n" % n for n in named) + "};\n")
        out.write("const size_t schema__n_types = %d;\n" % len(named))


if __name__ == "__main__":
    main()
