/* What is measured without asking; the texts beside the inputs say what is wanted. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "codec/yaml.h"
#include "monitor/kubestate.h"
#include "monitor/machine.h"
#include "t.h"

enum { TEXT_MAX = 1 << 20 };

struct written {
    struct buf text;
    struct arena *a;
};

static void write_sample(void *to, const struct label *labels, size_t n, double v)
{
    struct written *w = to;
    struct label *copy = ARENA_ARRAY(w->a, struct label, n);
    memcpy(copy, labels, n * sizeof *copy);
    struct labels l = labels_make(w->a, copy, n);
    buf_printf(&w->text, "%s %.12g\n", labels_text(&l, w->a), v);
}

/* What this very machine is, is no case. */
static void write_constant(void *to, const struct label *labels, size_t n, double v)
{
    const char *name = labels[0].value;
    if (strcmp(name, "node_uname_info") != 0 && strcmp(name, "node_time_seconds") != 0)
        write_sample(to, labels, n, v);
}

static void compare(struct written *w, const char *path)
{
    struct err e = {0};
    char *want;
    size_t n;
    const char *golden = getenv("SLIPWAY_GOLDEN");
    if (golden && strcmp(golden, "write") == 0)
        T_RC(fs_write_atomic(path, 0644, w->text.data, w->text.len, &e), &e, path);
    T_RC(fs_read(path, TEXT_MAX, w->a, &want, &n, &e), &e, path);
    buf_putc(&w->text, '\0');
    T_EQ_STR(w->text.data, want, path);
}

static void objects(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct written w = {.a = a};
    struct err e = {0};
    struct value **docs;
    char *text;
    size_t n, count = 0;
    buf_init(&w.text, TEXT_MAX);
    T_RC(fs_read(CASES "/monitor/objects.yaml", TEXT_MAX, a, &text, &n, &e), &e, "cases");
    T_RC(yaml_parse_all(a, text, n, 0, &docs, &count, &e), &e, "cases");
    for (size_t i = 0; i < count; i++) {
        AUTO(object) struct object *o = object_new(arena_new(1 << 20), docs[i]);
        const struct resource *r = resource_find(value_at_str(docs[i], "apiVersion", ""),
                                                 value_at_str(docs[i], "kind", ""));
        T_OK(r != NULL, "kind");
        kubestate_object(r, o, write_sample, &w);
    }
    compare(&w, CASES "/monitor/objects.txt");
    T_OK(strstr(w.text.data, "secret") == NULL, "nothing of a Secret");
    buf_done(&w.text);
}

static void machine(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct written w = {.a = a};
    char proc[] = CASES "/monitor/proc", none[] = CASES "/monitor/none";
    buf_init(&w.text, TEXT_MAX);
    machine_emit(proc, write_constant, &w);
    compare(&w, CASES "/monitor/proc.txt");
    buf_done(&w.text);
    buf_init(&w.text, TEXT_MAX);
    machine_emit(none, write_constant, &w);
    T_EQ_INT(w.text.len, 0, "a kernel that tells nothing");
    buf_done(&w.text);
}

T_MAIN(objects, machine)
