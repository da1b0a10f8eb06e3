/* codec.h - the suites of conformance-codec and what they count. */
#pragma once
#include "codec/json.h"

struct tally {
    const char *suite;
    size_t passed, failed, skipped;
    bool verbose; /* names what is skipped, too */
};

enum { FILE_MAX = 64 << 20 };

/* Counts one case; what failed is printed with the sentence. */
void tally_pass(struct tally *t);
void tally_skip(struct tally *t, const char *name, const char *why);
void tally_fail(struct tally *t, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* Calls visit() for every file below `folder`, sorted by name; false when there is none. */
typedef void file_visitor(struct tally *t, struct arena *a, const char *name, const char *text,
                          size_t n);
bool walk(struct tally *t, const char *folder, file_visitor *visit);

file_visitor suite_json, suite_yaml, suite_yaml_scalars, suite_patch, suite_cel;
