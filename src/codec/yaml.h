/* yaml.h - YAML text to values and back, with the scalar rules of Go's sigs.k8s.io/yaml.
 *
 * Model      libyaml's events give structure; scalars resolve as go-yaml v2 does and keys
 *            become strings. Anchors, aliases and merge keys are resolved, with a limit on
 *            what aliases may expand to. Values carry the line they were written on.
 * Guarantees yaml_print() writes what sigs.k8s.io/yaml.Marshal writes (members sorted by key
 *            and, where the caller asks, broken into lines: YAML_FOLD is what kubectl, Helm and
 *            Kustomize write), or, with YAML_KEEP_ORDER, in tree order. With YAML_NODES the words
 *            yes, no, on, off, y and n are text, a key that is no text is refused, and a merged
 *            key gives way to one that is written.                                          */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

enum yaml_flag {
    YAML_KEEP_ORDER = 1 << 0,
    YAML_STRICT_KEYS = 1 << 1,  /* parse: a key that stands twice is an error */
    YAML_FOLD = 1 << 2,         /* print: long text goes on in the next line past column 80 */
    YAML_FIRST = 1 << 3,        /* parse: only the first document, as Unmarshal does */
    YAML_GO_ERRORS = 1 << 4,    /* parse: errors in go-yaml's words, "yaml: line 3: ..." */
    YAML_NODES = 1 << 5,        /* parse: as go-yaml v3 does, which Kustomize reads with */
    YAML_INDENT_LISTS = 1 << 6, /* print: a list under a key is indented, as go-yaml v3 does */
};

/* One document; an empty input gives null; a second document is an error. */
int yaml_parse(struct arena *a, const char *text, size_t n, unsigned flags, struct value **out,
               struct err *e) MUST_CHECK;

/* Every document in order, empty ones left out. */
int yaml_parse_all(struct arena *a, const char *text, size_t n, unsigned flags, struct value ***out,
                   size_t *out_n, struct err *e) MUST_CHECK;

/* Like yaml_parse_all, also for a text that is JSON (one document or several in a row). */
int yaml_or_json_parse_all(struct arena *a, const char *text, size_t n, unsigned flags,
                           struct value ***out, size_t *out_n, struct err *e) MUST_CHECK;

void yaml_print(struct buf *b, const struct value *v, unsigned flags);
char *yaml_text(struct arena *a, const struct value *v, unsigned flags);

/* Kustomize writes its nodes (YAML_NODES) with go-yaml v3 and reads them back, in which not all
 * stays: a null written as nothing is text within brackets, a number that took the place of
 * quoted text is quoted, a time gets its long form, folded text gets more line breaks. Does that
 * to `v`, which is then a plain tree. ERR_INVALID for a key that is no text. */
int yaml_settle(struct arena *a, struct value *v, struct err *e) MUST_CHECK;

/* Gives a plain tree the styles that it has once it was printed. */
void yaml_restyle(struct value *v);

/* What becomes of text that is written as JSON and read as YAML: U+0085 is a line break then,
 * other control characters are refused. */
int yaml_through_json(struct arena *a, struct value *v, struct err *e) MUST_CHECK;

/* Replaces scalars in a user's file without touching anything else: comments, order, quoting
 * style and line ends stay, so that an image update is a one-line diff. `path` as in value.h,
 * within document `doc` (0-based); the key must exist. */
int yaml_edit_scalar(struct arena *a, const char *text, size_t n, size_t doc, const char *path,
                     const char *new_value, char **out, size_t *out_n, struct err *e) MUST_CHECK;
