#!/usr/bin/env python3
"""Turn schemas/crd/*.yaml into the C text behind crd_builtin(): one document an element, and its name.

    tools/crd-gen.py OUT.c FILE.yaml ...
"""
import re
import sys


def documents(paths):
    for path in paths:
        for text in open(path).read().split("\n---\n"):
            lines = [x for x in text.split("\n") if x.strip() and not x.lstrip().startswith("#")]
            if lines:
                yield "\n".join(lines) + "\n"


def name_of(text):
    return re.search(r"^metadata:\n(?:  .*\n)*?  name: (\S+)$", text, re.M)[1]


def quoted(text):
    out = []
    for line in text.splitlines(keepends=True):
        line = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        out.append('    "%s"\n' % line)
    return "".join(out)


def main():
    texts = list(documents(sys.argv[2:]))
    with open(sys.argv[1], "w") as out:
        out.write('#include "api/crd.h"\n\n')
        for i, text in enumerate(texts):
            out.write("static const char DOC_%d[] =\n%s;\n" % (i, quoted(text).rstrip()))
        out.write("static const struct crd_text DOCS[] = {\n")
        out.write("".join('    {"%s", DOC_%d},\n' % (name_of(x), i) for i, x in enumerate(texts)) + "};\n")
        out.write(
            "\nconst struct crd_text *crd_builtin(size_t i)\n{\n"
            "    return i < sizeof DOCS / sizeof DOCS[0] ? &DOCS[i] : NULL;\n}\n"
        )


if __name__ == "__main__":
    main()
