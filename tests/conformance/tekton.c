/* conformance-tekton FOLDER [-v] - runs others' Tekton files through the control loops, with a
 * node that plays their scripts. FOLDER holds tekton/ or is it. */
#include "tekton.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"

enum { FILE_MAX_BYTES = 64 << 20 };

void score_pass(struct score *s)
{
    s->passed++;
}

void score_skip(struct score *s, const char *name, const char *why)
{
    s->skipped++;
    if (s->verbose)
        (void)printf("%s: %s: skipped: %s\n", s->suite, name, why);
}

void score_fail(struct score *s, const char *name, const char *fmt, ...)
{
    va_list ap;
    s->failed++;
    (void)printf("%s: %s: ", s->suite, name);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

void score_print(const struct score *s)
{
    (void)printf("%s: %u passed, %u failed, %u skipped\n", s->suite, s->passed, s->failed,
                 s->skipped);
}

char *score_read(struct score *s, const char *path, struct arena *a, size_t *n)
{
    struct err e = {0};
    char *text;
    if (fs_read(arena_printf(a, "%s/%s", s->root, path), FILE_MAX_BYTES, a, &text, n, &e) == 0)
        return text;
    score_fail(s, path, "%s", e.msg);
    return NULL;
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(256 << 20);
    if (argc < 2) {
        (void)fprintf(stderr, "usage: conformance-tekton FOLDER [-v]\n");
        return 2;
    }
    bool verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    const char *root = arena_printf(a, "%s/tekton", argv[1]);
    if (access(root, R_OK) != 0)
        root = argv[1];
    struct score head = {.suite = "tekton", .root = root};
    struct value *index;
    struct err e = {0};
    size_t n;
    char *text = score_read(&head, "index.json", a, &n);
    if (!text || json_parse(a, text, n, 0, &index, &e) < 0) {
        (void)printf("tekton: 0 passed, 1 failed, 0 skipped\n");
        return 1;
    }
    static const struct {
        const char *suite;
        void (*run)(struct score *s, const struct value *index);
    } parts[] = {
        {"tekton/runs",     tekton_runs    },
        {"tekton/catalog",  tekton_catalog },
        {"tekton/triggers", tekton_triggers},
    };
    struct score total = {.suite = "tekton"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct score s = {.suite = parts[i].suite, .root = root, .verbose = verbose};
        parts[i].run(&s, index);
        score_print(&s);
        total.failed += s.failed;
    }
    return total.failed != 0;
}
