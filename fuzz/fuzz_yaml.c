/* What parses prints to a text that means the same, however it is printed; an edit changes what
 * it should and leaves a text that parses; JSON means the same whoever reads it. */
#include "fuzz.h"

#include "codec/yaml.h"

static void round_trip(struct arena *a, const struct value *v, unsigned flags)
{
    struct value *again = NULL;
    struct err e;
    const char *text = yaml_text(a, v, flags);
    MUST(yaml_parse(a, text, strlen(text), YAML_STRICT_KEYS, &again, &e) == 0);
    MUST(value_equal(v, again));
    MUST(strcmp(text, yaml_text(a, again, flags)) == 0);
}

/* The first key with a text, in a text without aliases, which an edit would not follow. */
static void edit(struct arena *a, const char *text, size_t n, const struct value *v)
{
    char *out = NULL;
    size_t out_n = 0;
    struct value *again = NULL;
    struct err e;
    const struct member *m = value_members(v);
    if (value_members_count(v) == 0 || m->value.kind != VALUE_STRING || memchr(text, '*', n) ||
        memchr(text, '<', n) || m->key_len == 0 || strlen(m->key) != m->key_len ||
        strpbrk(m->key, ".[]"))
        return;
    if (yaml_edit_scalar(a, text, n, 0, m->key, "new: value", &out, &out_n, &e))
        return;
    MUST(yaml_parse(a, out, out_n, 0, &again, &e) == 0);
    MUST(value_members_count(again) == value_members_count(v));
}

/* JSON inside YAML is read by another parser, unless something stands before it. */
static void same_behind_a_comment(struct arena *a, const char *text, size_t n)
{
    struct value *v = NULL, *again = NULL;
    struct err e;
    char *behind = arena_alloc(a, n + 3);
    memcpy(behind, "#\n", 2);
    memcpy(behind + 2, text, n);
    int rc = yaml_parse(a, text, n, 0, &v, &e);
    if (n == 0 || *text != '{')
        return;
    MUST(yaml_parse(a, behind, n + 2, 0, &again, &e) == rc);
    MUST(rc < 0 || value_equal(v, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value **docs = NULL;
    size_t n = 0;
    struct err e;
    same_behind_a_comment(a, (const char *)data, size);
    if (yaml_parse_all(a, (const char *)data, size, 0, &docs, &n, &e))
        return 0;
    for (size_t i = 0; i < n; i++) {
        round_trip(a, docs[i], 0);
        round_trip(a, docs[i], YAML_KEEP_ORDER | YAML_FOLD);
    }
    if (n == 1)
        edit(a, (const char *)data, size, docs[0]);
    return 0;
}
