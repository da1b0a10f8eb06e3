#include "render/sops/sops.h"

#include "base/fs.h"
#include "t.h"

#define YAML                                                                                       \
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n  labels:\n    \"n\": \"1\"\n"          \
    "stringData:\n  password: pass word\n  empty: \"\"\n  lines: |\n    one\n    two\n---\n"       \
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  x: plain\ncount: 5\n"         \
    "ratio: 1.5\n\"on\": true\nnone: null\nlist:\n- 1\n- two\n- three: 3\n"

static char *file(struct arena *a, const char *name, size_t *n)
{
    char *text = NULL;
    struct err e = {0};
    T_RC(fs_read(arena_printf(a, "%s/sops/%s", CASES, name), 1 << 20, a, &text, n, &e), &e, name);
    return text;
}

static struct sops_keys keys_of(struct arena *a)
{
    struct age_identity *list = NULL;
    size_t n = 0, len;
    struct err e = {0};
    const char *text = file(a, "keys.txt", &len);
    T_RC(sops_identities(text, len, a, &list, &n, &e), &e, "keys");
    return (struct sops_keys){list, n, NULL, "keys.txt"};
}

static void decrypts(void)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"all.yaml",    YAML                                                },
        {"some.yaml",   YAML                                                },
        {"only.yaml",   YAML                                                },
        {"values.env",  "A=one\nB=two words\nC=x\\ny\n"                     },
        {"values.json", "{\"a\":1.5,\"b\":[true,\"x\"],\"c_unencrypted\":7}"},
        {"bytes.txt",   "raw\nbytes\001"                                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct sops_keys keys = keys_of(a);
        const char *out = NULL, *text;
        size_t n, len;
        struct err e = {0};
        text = file(a, cases[i].name, &len);
        T_OK(sops_is(cases[i].name, text, len), cases[i].name);
        T_RC(sops_decrypt(cases[i].name, text, len, &keys, a, &out, &n, &e), &e, cases[i].name);
        T_EQ_STR(out, cases[i].want, cases[i].name);
    }
}

/* `from` becomes `to`, of the same length or shorter. */
static void change(char *text, size_t *n, const char *from, const char *to)
{
    char *at = memmem(text, *n, from, strlen(from));
    T_OK(at != NULL, from);
    if (!at)
        return;
    size_t was = strlen(from), is = strlen(to);
    memcpy(at, to, is);
    memmove(at + is, at + was, *n - (size_t)(at + was - text) + 1);
    *n -= was - is;
}

static void refuses(void)
{
    static const struct {
        const char *name, *file, *from, *to, *want;
    } cases[] = {
        {"a plain value was changed",    "some.yaml", "count: 5",                                 "count: 6",             "its MAC does not fit"                            },
        {"a plain value was left out",   "some.yaml", "count: 5\n",                               "",                     "its MAC does not fit"                            },
        {"an encrypted value was moved", "some.yaml", "    password: ENC",                        "    passwort: ENC",
         "stringData:passwort: was changed or moved"                                                                                                                        },
        {"a value is plain",             "some.yaml", "    empty: \"\"",                          "    empty: x",
         "stringData:empty: is not encrypted"                                                                                                                               },
        {"the time was changed",         "some.yaml", "lastmodified: \"2026",                     "lastmodified: \"2025",
         "sops.mac was changed"                                                                                                                                             },
        {"groups of keys",               "some.yaml", "    kms: []\n    gcp_kms: []",             "    key_groups: [{}]",
         "sops.key_groups is not offered here"                                                                                                                              },
        {"a rule of comments",           "some.yaml", "    encrypted_regex: ^(data|stringData)$",
         "    encrypted_comment_regex: x",                                                                                "sops.encrypted_comment_regex is not offered here"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct sops_keys keys = keys_of(a);
        const char *out;
        size_t n, len;
        struct err e = {0};
        char *text = file(a, cases[i].file, &len);
        change(text, &len, cases[i].from, cases[i].to);
        int rc = sops_decrypt(cases[i].file, text, len, &keys, a, &out, &n, &e);
        T_OK(rc < 0 && strstr(e.msg, cases[i].want), cases[i].name);
        T_OK(rc < 0 && strncmp(e.msg, cases[i].file, strlen(cases[i].file)) == 0, e.msg);
    }
}

static void wants_a_key(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct sops_keys none = {.origin = "Secret argocd/sops-keys"};
    const char *out;
    size_t n, len;
    struct err e = {0};
    char *text = file(a, "some.yaml", &len);
    T_EQ_INT(sops_decrypt("p/some.yaml", text, len, &none, a, &out, &n, &e), ERR_DENIED, "no key");
    T_EQ_STR(e.msg,
             "p/some.yaml: it is encrypted for "
             "age17yqddjzmj4mezekwx9stxyvhladmzmswu7dl6fn2hd7wd77jwq3qq3u083, and Secret "
             "argocd/sops-keys has no key for it",
             "no key");
}

static void reads_age(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct sops_keys keys = keys_of(a);
    char *out = NULL, *text;
    size_t n = 0, len;
    struct err e = {0};
    text = file(a, "hello.age", &len);
    T_RC(age_decrypt(keys.ages, keys.n_ages, text, len, a, &out, &n, &e), &e, "hello");
    T_EQ_STR(out, "hello", "hello");
    text = file(a, "empty.age", &len);
    T_RC(age_decrypt(keys.ages, keys.n_ages, text, len, a, &out, &n, &e), &e, "empty");
    T_EQ_INT(n, 0, "empty");
    for (size_t cut = 1; cut < len; cut += 7)
        T_OK(age_decrypt(keys.ages, keys.n_ages, text, len - cut, a, &out, &n, &e) < 0 || cut < 3,
             "cut off");
    static const char *const wrong[] = {
        "", "AGE-SECRET-KEY-1",
        "AGE-SECRET-KEY-1MF20X4SMFC2EGRUX2A50JL5RMCTTV9DFL9ZX0K4E0XAP7MAAUYQQ4WLKU6",
        "age17yqddjzmj4mezekwx9stxyvhladmzmswu7dl6fn2hd7wd77jwq3qq3u083"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct age_identity id;
        T_OK(age_identity_parse(wrong[i], strlen(wrong[i]), &id, &e) < 0, wrong[i]);
    }
}

static int give_keys(void *arg, struct arena *a, struct sops_keys *out, struct err *e)
{
    (void)e;
    ++*(int *)arg;
    *out = keys_of(a);
    return 0;
}

static void reads_through(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    size_t len, n;
    int asked = 0;
    const char *text;
    struct err e = {0};
    struct tree_file files[] = {
        {"a/some.yaml", file(a, "some.yaml", &len)},
        {"plain.yaml",        "a: 1\n"             },
        {NULL,NULL}
    };
    AUTO(tree) struct tree *real = tree_of_table(files);
    AUTO(tree) struct tree *t = sops_tree(real, &(struct sops_source){give_keys, &asked});
    T_RC(tree_read(t, "plain.yaml", a, &text, &n, &e), &e, "plain");
    T_EQ_STR(text, "a: 1\n", "plain");
    T_EQ_INT(asked, 0, "no key is needed");
    for (int i = 0; i < 2; i++)
        T_RC(tree_read(t, "a/some.yaml", a, &text, &n, &e), &e, "encrypted");
    T_EQ_STR(text, YAML, "encrypted");
    T_EQ_INT(asked, 1, "keys are asked for once");
}

T_MAIN(decrypts, refuses, wants_a_key, reads_age, reads_through)
