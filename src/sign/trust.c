#include "sign/trust.h"

#include <string.h>

#include "base/clock.h"
#include "codec/json.h"
#include "sign/message_int.h"

enum { ENTRIES_MAX = 256 };

static int read_moment(const struct value *v, int64_t dflt, int64_t *out, struct err *e)
{
    int64_t ns;
    *out = dflt;
    if (!v || value_is(v, VALUE_NULL))
        return 0;
    int r = clock_parse_rfc3339(value_str(v, ""), &ns, e);
    if (r == 0)
        *out = ns / 1000000;
    return r;
}

static int read_time(const struct value *v, struct trust_time *out, struct err *e)
{
    int r = read_moment(value_get(v, "start"), INT64_MIN, &out->from_ms, e);
    return r < 0 ? r : read_moment(value_get(v, "end"), INT64_MAX, &out->until_ms, e);
}

static int read_log(const struct value *v, struct arena *a, struct trust_log *out, struct err *e)
{
    const struct value *key = value_get(v, "publicKey");
    const struct value *note = value_at(v, "checkpointKeyId.keyId");
    out->url = arena_strdup(a, value_at_str(v, "baseUrl", ""));
    int r = message__octets(value_at(v, "logId.keyId"), "keyId of a log", a, &out->id, e);
    if (r == 0)
        r = message__octets(value_get(key, "rawBytes"), "key of a log", a, &out->key, e);
    out->note_id = out->id;
    if (r == 0 && note)
        r = message__octets(note, "checkpointKeyId of a log", a, &out->note_id, e);
    return r < 0 ? r : read_time(value_get(key, "validFor"), &out->time, e);
}

static int read_authority(const struct value *v, struct arena *a, struct trust_authority *out,
                          struct err *e)
{
    out->url = arena_strdup(a, value_at_str(v, "uri", ""));
    const struct value *chain = value_at(v, "certChain.certificates");
    if (value_count(chain) == 0 || value_count(chain) > TRUST_CHAIN_MAX)
        return err_set(e, ERR_INVALID, "authority %s has %zu certificates; 1 to %d are meant",
                       out->url, value_count(chain), TRUST_CHAIN_MAX);
    VALUE_EACH_ITEM (c, chain) {
        int r = message__octets(value_get(c, "rawBytes"), "certificate of an authority", a,
                                &out->chain[out->n_chain++], e);
        if (r < 0)
            return r;
    }
    return read_time(value_get(v, "validFor"), &out->time, e);
}

static int read_logs(const struct value *list, struct arena *a, struct trust_log **out, size_t *n,
                     struct err *e)
{
    if (value_count(list) > ENTRIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d logs", ENTRIES_MAX);
    *out = ARENA_ARRAY(a, struct trust_log, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list) {
        int r = read_log(v, a, &(*out)[(*n)++], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_authorities(const struct value *list, struct arena *a, struct trust_authority **out,
                            size_t *n, struct err *e)
{
    if (value_count(list) > ENTRIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d authorities", ENTRIES_MAX);
    *out = ARENA_ARRAY(a, struct trust_authority, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list) {
        int r = read_authority(v, a, &(*out)[(*n)++], e);
        if (r < 0)
            return r;
    }
    return 0;
}

int trust_root_read(const char *json, size_t n, struct arena *a, struct trust_root **out,
                    struct err *e)
{
    struct value *v;
    struct trust_root *t = ARENA_NEW(a, struct trust_root);
    if (n > TRUST_ROOT_MAX)
        return err_set(e, ERR_TOO_LARGE, "the trusted root is larger than %d bytes",
                       TRUST_ROOT_MAX);
    int r = json_parse(a, json, n, JSON_STRICT_KEYS | JSON_SHALLOW, &v, e);
    if (r < 0)
        return err_wrap(e, r, "trusted root");
    const char *type = value_at_str(v, "mediaType", "");
    if (strncmp(type, "application/vnd.dev.sigstore.trustedroot", 40) != 0)
        return err_set(e, ERR_INVALID, "this is no trusted root: its mediaType is \"%s\"", type);
    r = read_logs(value_get(v, "tlogs"), a, &t->logs, &t->n_logs, e);
    if (r == 0)
        r = read_logs(value_get(v, "ctlogs"), a, &t->certificate_logs, &t->n_certificate_logs, e);
    if (r == 0)
        r = read_authorities(value_get(v, "certificateAuthorities"), a, &t->authorities,
                             &t->n_authorities, e);
    if (r == 0)
        r = read_authorities(value_get(v, "timestampAuthorities"), a, &t->timestampers,
                             &t->n_timestampers, e);
    if (r < 0)
        return err_wrap(e, r, "trusted root");
    *out = t;
    return 0;
}

bool trust_time_has(struct trust_time t, int64_t at_ms)
{
    return at_ms >= t.from_ms && at_ms <= t.until_ms;
}

const struct trust_log *trust_log_find(const struct trust_log *logs, size_t n, struct octets id)
{
    for (size_t i = 0; i < n; i++)
        if (octets_equal(logs[i].id, id))
            return &logs[i];
    return NULL;
}
