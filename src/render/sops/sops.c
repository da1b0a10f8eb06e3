/* sops.c - whole files, in each of SOPS's forms. */
#include "render/sops/sops.h"

#include <nettle/memops.h>
#include <string.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/number.h"
#include "codec/yaml.h"
#include "render/sops/sops_int.h"
#include "vcs/repo.h"

enum { DEPTH_MAX = 100 };

enum form { FORM_YAML, FORM_JSON, FORM_DOTENV, FORM_INI, FORM_BINARY };

static enum form form_of(const char *path)
{
    static const struct {
        const char *suffix;
        enum form form;
    } forms[] = {
        {".yaml", FORM_YAML  },
        {".yml",  FORM_YAML  },
        {".json", FORM_JSON  },
        {".env",  FORM_DOTENV},
        {".ini",  FORM_INI   },
    };
    size_t n = strlen(path);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t len = strlen(forms[i].suffix);
        if (n >= len && strcmp(path + n - len, forms[i].suffix) == 0)
            return forms[i].form;
    }
    return FORM_BINARY;
}

/* ---- walking a document ---- */

static const char *const *longer(struct sops_file *f, const char *const *path, size_t n,
                                 const char *key)
{
    const char **more = ARENA_ARRAY(f->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        more[i] = path[i];
    more[n] = key;
    return more;
}

static const char *place_of(struct sops_file *f, const char *const *path, size_t n)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = arena_printf(f->a, "%s%s:", text, path[i]);
    return text;
}

/* As SOPS turns a value into bytes. */
static void count(struct sops_file *f, const struct value *v)
{
    char number[NUMBER_PLAIN_MAX];
    switch (v->kind) {
    case VALUE_STRING:
        sha512_update(&f->mac, v->n, (const uint8_t *)v->text);
        return;
    case VALUE_BOOL:
        sha512_update(&f->mac, v->boolean ? 4 : 5,
                      (const uint8_t *)(v->boolean ? "True" : "False"));
        return;
    case VALUE_INT:
        (void)snprintf(number, sizeof number, "%lld", (long long)v->i);
        break;
    case VALUE_FLOAT:
        (void)number_format_plain(v->d, number);
        break;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return;
    }
    sha512_update(&f->mac, strlen(number), (const uint8_t *)number);
}

static int walk(struct sops_file *f, struct value *v, const char *const *path, size_t n,
                struct err *e);

static int walk_scalar(struct sops_file *f, struct value *v, const char *const *path, size_t n,
                       struct err *e)
{
    if (!sops__is_encrypted(f, path, n)) {
        if (!f->mac_only_encrypted)
            count(f, v);
        return 0;
    }
    const char *place = place_of(f, path, n);
    if (v->kind != VALUE_STRING)
        return err_set(e, ERR_INVALID, "%s: %s is not encrypted, though SOPS says so", f->path,
                       place);
    int rc = sops__open(f, v->text, v->n, place, v, e);
    if (rc == 0)
        count(f, v);
    return rc;
}

static int walk(struct sops_file *f, struct value *v, const char *const *path, size_t n,
                struct err *e)
{
    int rc = 0;
    if (n > DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: nested in more than %d levels", f->path, DEPTH_MAX);
    if (v->kind == VALUE_OBJECT)
        for (size_t i = 0; rc == 0 && i < v->n; i++)
            rc = walk(f, &v->members[i].value, longer(f, path, n, v->members[i].key), n + 1, e);
    else if (v->kind == VALUE_ARRAY)
        for (size_t i = 0; rc == 0 && i < v->n; i++)
            rc = walk(f, &v->items[i], path, n, e);
    else if (v->kind != VALUE_NULL)
        rc = walk_scalar(f, v, path, n, e);
    return rc;
}

/* ---- the file's own MAC ---- */

static int check_mac(struct sops_file *f, struct err *e)
{
    unsigned char sum[SHA512_DIGEST_SIZE];
    struct value said;
    const char *sealed = value_at_str(f->meta, "mac", "");
    int rc =
        sops__open(f, sealed, strlen(sealed), value_at_str(f->meta, "lastmodified", ""), &said, e);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "%s: sops.mac was changed", f->path);
    sha512_digest(&f->mac, sizeof sum, sum);
    char *have = hex_encode(f->a, sum, sizeof sum);
    const char *want = value_str(&said, "");
    if (strcasecmp(have, want) != 0)
        return err_set(e, ERR_INVALID,
                       "%s: its MAC does not fit: a value was changed, added or left out since it "
                       "was encrypted",
                       f->path);
    return 0;
}

/* What a MAC over encrypted values only begins with, so that it is never one over all. */
static const unsigned char only_encrypted[] = {
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69};

static int begin(struct sops_file *f, const struct sops_keys *keys, struct err *e)
{
    if (!value_is(f->meta, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s: sops is not an object", f->path);
    int rc = sops__rules(f, e);
    if (rc == 0)
        rc = sops__data_key(f, keys, e);
    sha512_init(&f->mac);
    f->mac_only_encrypted = value_at_bool(f->meta, "mac_only_encrypted", false) ||
                            strcmp(value_at_str(f->meta, "mac_only_encrypted", ""), "true") == 0;
    if (f->mac_only_encrypted)
        sha512_update(&f->mac, sizeof only_encrypted, only_encrypted);
    return rc;
}

static int decrypt_documents(struct sops_file *f, struct value **docs, size_t n,
                             const struct sops_keys *keys, struct err *e)
{
    f->meta = n > 0 ? value_get(docs[0], "sops") : NULL;
    int rc = begin(f, keys, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct value *bare = value_copy(f->a, docs[i]);
        (void)value_remove(bare, "sops");
        docs[i] = bare;
        rc = walk(f, bare, NULL, 0, e);
    }
    return rc < 0 ? rc : check_mac(f, e);
}

/* ---- dotenv ---- */

static const char *unescaped(struct arena *a, const char *text, size_t n)
{
    char *copy = arena_strndup(a, text, n), *to = copy;
    for (const char *at = copy; *at; at++) {
        bool line_end = at[0] == '\\' && at[1] == 'n';
        *to++ = line_end ? '\n' : *at;
        at += line_end;
    }
    *to = '\0';
    return copy;
}

/* sops_age__list_0__map_enc=… is sops.age[0].enc. */
static void put_meta(struct arena *a, struct value *meta, const char *key, const char *text)
{
    const char *list = strstr(key, "__list_"), *map = list ? strstr(list, "__map_") : NULL;
    if (!list || !map) {
        (void)value_set_str(a, meta, key, text);
        return;
    }
    size_t at = strtoul(list + strlen("__list_"), NULL, 10);
    struct value *entries = value_make_array(a, meta, arena_strndup(a, key, (size_t)(list - key)));
    while (value_count(entries) <= at && at < 100)
        (void)value_push(a, entries, value_new_object(a));
    if (at < 100)
        (void)value_set_str(a, &entries->items[at], map + strlen("__map_"), text);
}

static int decrypt_dotenv(struct sops_file *f, const char *text, size_t n,
                          const struct sops_keys *keys, struct buf *out, struct err *e)
{
    struct value *meta = value_new_object(f->a), *doc = value_new_object(f->a);
    const char *end = text + n;
    for (const char *at = text, *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (at == stop || *at == '#')
            continue;
        if (!equals)
            return err_set(e, ERR_INVALID, "%s: a line has no \"=\"", f->path);
        const char *key = arena_strndup(f->a, at, (size_t)(equals - at));
        const char *value = unescaped(f->a, equals + 1, (size_t)(stop - equals - 1));
        if (strncmp(key, "sops_", 5) == 0)
            put_meta(f->a, meta, key + 5, value);
        else
            (void)value_set_str(f->a, doc, key, value);
    }
    f->meta = meta;
    int rc = begin(f, keys, e);
    if (rc == 0)
        rc = walk(f, doc, NULL, 0, e);
    if (rc == 0)
        rc = check_mac(f, e);
    VALUE_EACH_MEMBER (m, rc == 0 ? doc : NULL) {
        buf_printf(out, "%s=", m->key);
        for (const char *s = value_str(&m->value, ""); *s; s++)
            buf_puts(out, *s == '\n' ? "\\n" : (char[2]){*s});
        buf_putc(out, '\n');
    }
    return rc;
}

/* ---- files ---- */

static int decrypt_tree(struct sops_file *f, enum form form, const char *text, size_t n,
                        const struct sops_keys *keys, struct buf *out, struct err *e)
{
    struct value **docs;
    size_t n_docs;
    int rc = yaml_or_json_parse_all(f->a, text, n, YAML_NODES, &docs, &n_docs, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", f->path);
    rc = decrypt_documents(f, docs, n_docs, keys, e);
    if (rc < 0)
        return rc;
    if (form == FORM_BINARY) {
        const struct value *data = value_get(docs[0], "data");
        buf_add(out, value_str(data, ""), value_count(data));
        return 0;
    }
    for (size_t i = 0; i < n_docs; i++) {
        if (form == FORM_JSON) {
            json_print(out, docs[i], 0);
            continue;
        }
        if (i > 0)
            buf_puts(out, "---\n");
        yaml_print(out, docs[i], YAML_KEEP_ORDER);
    }
    return 0;
}

bool sops_is(const char *path, const char *text, size_t n)
{
    if (!memmem(text, n, "sops", 4) || !memmem(text, n, "ENC[AES256_GCM,", 15))
        return false;
    switch (form_of(path)) {
    case FORM_YAML:
        return memmem(text, n, "\nsops:", 6) || strncmp(text, "sops:", 5) == 0 || *text == '{';
    case FORM_DOTENV:
        return memmem(text, n, "sops_mac=", 9);
    case FORM_INI:
        return memmem(text, n, "[sops]", 6);
    case FORM_JSON:
    case FORM_BINARY:
        return memmem(text, n, "\"sops\"", 6);
    }
    return false;
}

int sops_decrypt(const char *path, const char *text, size_t n, const struct sops_keys *keys,
                 struct arena *a, const char **out, size_t *out_n, struct err *e)
{
    struct sops_file f = {.path = path, .a = a};
    AUTO_BUF struct buf b;
    enum form form = form_of(path);
    int rc;
    buf_init(&b, REPO_BLOB_MAX);
    if (form == FORM_INI)
        return err_set(e, ERR_UNSUPPORTED, "%s: INI files encrypted with SOPS are not offered here",
                       path);
    if (form == FORM_DOTENV)
        rc = decrypt_dotenv(&f, text, n, keys, &b, e);
    else
        rc = decrypt_tree(&f, form, text, n, keys, &b, e);
    explicit_bzero(f.key, sizeof f.key);
    regex_free(f.rule.regex);
    if (rc == 0)
        rc = buf_check(&b, e);
    if (rc < 0)
        return rc;
    *out = arena_strndup(a, buf_text(&b), b.len);
    *out_n = b.len;
    if (b.data)
        explicit_bzero(b.data, b.len);
    return 0;
}
