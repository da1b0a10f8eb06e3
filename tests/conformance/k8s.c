/* conformance-k8s FOLDER: quantities, strategic merge patches, server-side apply and
 * round trips over cases that others made (conformance/k8s). */
#include "k8s.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "api/admit.h"
#include "api/quantity.h"
#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"

enum { FILE_MAX = 64 << 20 };

void tally_case(struct tally *t, bool ok, const char *suite, const char *name, const char *why)
{
    if (ok) {
        t->passed++;
        return;
    }
    t->failed++;
    (void)printf("FAIL %s/%s: %s\n", suite, name, why);
}

struct value *k8s_read_json(struct arena *a, const char *folder, const char *name)
{
    char *text;
    size_t n;
    struct value *v;
    if (fs_read(arena_printf(a, "%s/%s", folder, name), FILE_MAX, a, &text, &n, NULL) < 0 ||
        json_parse(a, text, n, 0, &v, NULL) < 0)
        return NULL;
    return v;
}

static const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

/* ---- quantities ---- */

static enum quantity_format format_of(const struct value *c)
{
    const char *f = str(c, "format");
    return strcmp(f, "BinarySI") == 0          ? QUANTITY_BINARY
           : strcmp(f, "DecimalExponent") == 0 ? QUANTITY_EXPONENT
                                               : QUANTITY_DECIMAL;
}

static __int128 nano_of(const struct value *c)
{
    __int128 v = (__int128)value_int(value_get(c, "value"), 0);
    int64_t exponent = value_int(value_get(c, "exponent"), 0) + 9;
    for (; exponent > 0; exponent--)
        v *= 10;
    for (; exponent < 0; exponent++)
        v /= 10;
    return v;
}

static void quantities(struct tally *t, const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct quantity q;
    char text[QUANTITY_TEXT_MAX];
    VALUE_EACH_ITEM (c, value_get(k8s_read_json(a, folder, "quantity-parse.json"), "cases")) {
        struct err e = {.msg = "another value"};
        bool ok = quantity_parse(str(c, "input"), &q, &e) == 0 && q.nano == nano_of(c) &&
                  q.format == format_of(c);
        tally_case(t, ok, "quantity-parse", str(c, "input"), e.msg);
    }
    VALUE_EACH_ITEM (c, value_get(k8s_read_json(a, folder, "quantity-string.json"), "cases")) {
        q = (struct quantity){nano_of(c), format_of(c)};
        quantity_print(&q, text);
        tally_case(t, strcmp(text, str(c, "canonical")) == 0, "quantity-string",
                   str(c, "canonical"), text);
    }
    VALUE_EACH_ITEM (c, value_get(k8s_read_json(a, folder, "quantity-invalid.json"), "cases"))
        tally_case(t, quantity_parse(str(c, "input"), &q, NULL) < 0, "quantity-invalid",
                   str(c, "input"), "accepted");
}

/* ---- round trips ---- */

static struct value *read_any(struct arena *a, const char *path)
{
    char *text;
    size_t n;
    struct value *v;
    bool json = strcmp(path + strlen(path) - 5, ".json") == 0;
    if (fs_read(path, FILE_MAX, a, &text, &n, NULL) < 0)
        return NULL;
    int r = json ? json_parse(a, text, n, 0, &v, NULL) : yaml_parse(a, text, n, 0, &v, NULL);
    return r < 0 ? NULL : v;
}

static void round_trip(struct tally *t, const char *path, const char *name)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct value *v = read_any(a, path);
    const struct resource *r = resource_find(str(v, "apiVersion"), str(v, "kind"));
    const struct schema *s = schema_builtin(str(v, "apiVersion"), str(v, "kind"));
    struct resource other = {.group = "", .version = "v1", .kind = str(v, "kind")};
    struct kind k = {.resource = r ? r : &other, .schema = s};
    struct strict_errors strict = {0};
    struct err e = {.msg = ""};
    if (!v || !s) {
        t->skipped++;
        return;
    }
    struct value *copy = value_copy(a, v);
    bool ok = admit_decode(&k, copy, &strict, a, &e) == 0 && strict.n == 0 && value_equal(v, copy);
    tally_case(t, ok, "api-roundtrip", name,
               strict.n ? strict_errors_text(&strict, a)
               : *e.msg ? e.msg
                        : json_text(a, copy, 0));
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

static void round_trips(struct tally *t, const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *dir = arena_printf(a, "%s/api-roundtrip", folder);
    struct dirent **list;
    int n = scandir(dir, &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.')
            round_trip(t, arena_printf(a, "%s/%s", dir, list[i]->d_name), list[i]->d_name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

int main(int argc, char **argv)
{
    struct tally t = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: conformance-k8s FOLDER\n");
        return 2;
    }
    quantities(&t, argv[1]);
    k8s_patch_suite(&t, argv[1]);
    k8s_apply_suite(&t, argv[1]);
    round_trips(&t, argv[1]);
    k8s_edit_suite(&t, argv[1]);
    k8s_validate_suite(&t, argv[1]);
    (void)printf("k8s: %zu passed, %zu failed, %zu skipped\n", t.passed, t.failed, t.skipped);
    return t.failed != 0;
}
