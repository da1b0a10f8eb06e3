/* Property: what --set makes of a text does not depend on how it is cut into options: the whole
 * text gives the same values each time, a failure the same sentence, and the values have a JSON
 * form. */
#include "codec/json.h"
#include "fuzz.h"
#include "render/helm/helm.h"

static int no_file(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                   size_t *n, struct err *e)
{
    (void)r, (void)a;
    *out = path;
    *n = strlen(path);
    return *path ? 0 : err_set(e, ERR_NOT_FOUND, "open : no such file or directory");
}

static const char *outcome(enum helm_values_kind kind, const char *text, struct arena *a)
{
    struct helm_reader files = {no_file};
    struct helm_log log = {.arena = a};
    struct err e = {0};
    struct value plain;
    struct go_map *m = go_map_new(a, 0);
    if (helm_values_set(kind, text, &files, &log, m, &e) < 0)
        return log.error;
    struct go_value v = go_map(m);
    MUST(go_to_value(a, &v, &plain, &e) == 0);
    return json_text(a, &plain, JSON_SORTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (size < 1 || size > 4096)
        return 0;
    enum helm_values_kind kind = HELM_SET_JSON + data[0] % (HELM_SET_LITERAL - HELM_SET_JSON + 1);
    const char *text = arena_strndup(a, (const char *)data + 1, size - 1);
    MUST(strcmp(outcome(kind, text, a), outcome(kind, text, a)) == 0);
    return 0;
}
