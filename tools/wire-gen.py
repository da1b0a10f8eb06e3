#!/usr/bin/env python3
"""wire-gen.py OUT IN - turns schemas/wire.txt into the C tables of src/apiserver/protobuf.c."""
import sys

SCALARS = {"s": "TEXT", "b": "BOOL", "i": "INT", "y": "BYTES", "d": "DOUBLE", "time": "TIME",
           "microtime": "MICRO_TIME", "intstr": "INT_OR_STRING", "quantity": "QUANTITY",
           "raw": "RAW", "duration": "DURATION", "texts": "TEXTS"}


def read(path):
    messages = []
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith(" "):
            messages[-1][1].append(line.split())
        else:
            messages.append((line, []))
    return sorted(messages)


def main():
    out, source = sys.argv[1:3]
    messages = read(source)
    index = {name: i for i, (name, _) in enumerate(messages)}
    with open(out, "w", encoding="utf-8") as f:
        f.write('#include "apiserver/protobuf_int.h"\n\n')
        for i, (_, fields) in enumerate(messages):
            if not fields:
                continue
            f.write("static const struct wire_field f%d[] = {\n" % i)
            for number, name, kind in fields:
                flags = []
                while kind[0] in "*?{":
                    flags.append({"*": "WIRE_REPEATED", "?": "WIRE_OPTIONAL", "{": "WIRE_MAP"}[kind[0]])
                    kind = kind[1:]
                what = "WIRE_" + SCALARS[kind] if kind in SCALARS else "WIRE_MESSAGE"
                target = index.get(kind, 0xffff) if kind not in SCALARS else 0
                text = "NULL" if name == "-" else '"%s"' % name
                f.write("    {%s, %s, %s, %d, %s},\n" % (text, number, what, target, " | ".join(flags) or "0"))
            f.write("};\n")
        f.write("\nconst struct wire_message wire_messages[] = {\n")
        for i, (name, fields) in enumerate(messages):
            f.write('    {"%s", %s, %d},\n' % (name, "f%d" % i if fields else "NULL", len(fields)))
        f.write("};\nconst unsigned wire_n_messages = %d;\n" % len(messages))


main()
