/* bundle_log.c - what a transparency log says: its promise to include an entry (Rekor's signed
 * entry timestamp), and the proof that it did, up to a checkpoint that it signed (RFC 9162, C2SP
 * tlog-checkpoint). */
#include <gnutls/crypto.h>
#include <string.h>

#include "base/log.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "sign/bundle_int.h"

enum { HASH = 32, KEY_HINT = 4, NOTE_MAX = 64 << 10 };

void bundle__sha256(unsigned char out[HASH], const struct octets *runs, size_t n)
{
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
        log_die("SHA-256 is not there");
    for (size_t i = 0; i < n; i++)
        (void)gnutls_hash(h, runs[i].p, runs[i].n);
    gnutls_hash_deinit(h, out);
}

/* {"body":…,"integratedTime":…,"logID":…,"logIndex":…}, canonical, is what the log signed. */
static int check_promise(const struct bundle_entry *t, struct public_key *log, struct arena *a,
                         struct err *e)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "body", base64_encode(a, t->body.p, t->body.n, BASE64_STD));
    (void)value_set_int(a, v, "integratedTime", t->integrated_s);
    (void)value_set_str(a, v, "logID", hex_encode(a, t->log.p, t->log.n));
    (void)value_set_int(a, v, "logIndex", t->index);
    char *text = json_text(a, v, JSON_NO_HTML);
    int r = public_key_verify(log, text, strlen(text), t->promise.p, t->promise.n, e);
    return r < 0 ? err_wrap(e, r, "the log's promise (signed entry timestamp)") : 0;
}

static void hash_node(unsigned char out[HASH], struct octets left, struct octets right)
{
    static const unsigned char node = 1;
    bundle__sha256(out,
                   (struct octets[]){
                       {&node, 1},
                       left, right
    },
                   3);
}

/* RFC 9162, 2.1.3.2 */
static bool proof_holds(const struct bundle_proof *p, struct octets body)
{
    static const unsigned char leaf = 0;
    unsigned char at[HASH];
    struct octets here = {at, HASH};
    uint64_t index = (uint64_t)p->index, last = (uint64_t)p->size - 1;
    if (p->index >= p->size)
        return false;
    bundle__sha256(at,
                   (struct octets[]){
                       {&leaf, 1},
                       body
    },
                   2);
    for (size_t i = 0; i < p->n_hashes; i++) {
        if (last == 0 || p->hashes[i].n != HASH)
            return false;
        if ((index & 1) || index == last) {
            hash_node(at, p->hashes[i], here);
            while (index && !(index & 1)) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash_node(at, here, p->hashes[i]);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && octets_equal(here, p->root);
}

/* A line without its end; false when there is none. */
static bool take_line(const char **at, const char **line, size_t *n)
{
    const char *end = strchr(*at, '\n');
    if (!end)
        return false;
    *line = *at;
    *n = (size_t)(end - *at);
    *at = end + 1;
    return true;
}

struct note {
    const char *text; /* what is signed, with its last line end */
    size_t n_text;
    const char *origin;
    size_t n_origin;
    struct octets root;
    const char *signatures;
};

/* Origin, size, root hash, perhaps more lines, a blank one, signatures. */
static int read_note(const char *envelope, const struct bundle_proof *p, struct arena *a,
                     struct note *out, struct err *e)
{
    const char *at = envelope, *size, *root;
    size_t n_size, n_root;
    char *bytes;
    int64_t want;
    *out = (struct note){.text = envelope};
    if (strlen(envelope) > NOTE_MAX)
        return err_set(e, ERR_TOO_LARGE, "the checkpoint is larger than %d bytes", NOTE_MAX);
    const char *blank = strstr(envelope, "\n\n");
    if (!blank || !take_line(&at, &out->origin, &out->n_origin) || out->n_origin == 0 ||
        !take_line(&at, &size, &n_size) || !take_line(&at, &root, &n_root) || at > blank + 1)
        return err_set(e, ERR_INVALID, "the checkpoint lacks its origin, size or root hash");
    if (!value_int_from_text(arena_strndup(a, size, n_size), &want) || want < 0)
        return err_set(e, ERR_INVALID, "the checkpoint's second line is no size");
    if (base64_decode(a, root, n_root, BASE64_STD, &bytes, &out->root.n, e) < 0)
        return err_set(e, ERR_INVALID, "the checkpoint's third line is no root hash");
    out->root.p = (unsigned char *)bytes;
    if (want != p->size || !octets_equal(out->root, p->root))
        return err_set(e, ERR_DENIED, "the checkpoint is of another tree than the inclusion proof");
    out->n_text = (size_t)(blank + 1 - envelope);
    out->signatures = blank + 2;
    return 0;
}

/* "— NAME BASE64" whose first bytes are the start of the log's identity. */
static bool is_signed_line(const char *line, size_t n, const struct note *note,
                           const struct trust_log *log, struct public_key *key, struct arena *a)
{
    static const char dash[] = "\xe2\x80\x94 ";
    char *bytes;
    size_t n_bytes;
    if (n < sizeof dash || memcmp(line, dash, sizeof dash - 1) != 0)
        return false;
    const char *name = line + sizeof dash - 1, *end = line + n;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    size_t n_name = blank ? (size_t)(blank - name) : 0;
    /* Rekor v1 signs "NAME - TREE" as NAME. */
    bool is_origin = n_name && n_name <= note->n_origin &&
                     memcmp(name, note->origin, n_name) == 0 &&
                     (n_name == note->n_origin || note->origin[n_name] == ' ');
    if (!is_origin || log->note_id.n < KEY_HINT ||
        base64_decode(a, blank + 1, (size_t)(end - blank - 1), BASE64_STD, &bytes, &n_bytes, NULL) <
            0 ||
        n_bytes <= KEY_HINT || memcmp(bytes, log->note_id.p, KEY_HINT) != 0)
        return false;
    return public_key_verify(key, note->text, note->n_text, bytes + KEY_HINT, n_bytes - KEY_HINT,
                             NULL) == 0;
}

static int check_proof(const struct bundle_entry *t, const struct trust_log *log,
                       struct public_key *key, struct arena *a, struct err *e)
{
    struct note note;
    const char *line;
    size_t n;
    int r = read_note(t->proof->checkpoint, t->proof, a, &note, e);
    if (r < 0)
        return r;
    if (!proof_holds(t->proof, t->body))
        return err_set(e, ERR_DENIED, "the inclusion proof does not lead to its root hash");
    for (const char *at = note.signatures; take_line(&at, &line, &n);)
        if (is_signed_line(line, n, &note, log, key, a))
            return 0;
    return err_set(e, ERR_DENIED, "no signature of the checkpoint is the log's");
}

int bundle__check_log(const struct bundle *b, const struct bundle_entry *t,
                      const struct trust_root *root, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    const struct trust_log *log = trust_log_find(root->logs, root->n_logs, t->log);
    if (!log)
        return err_set(e, ERR_DENIED, "no log of the trusted root is the one with the entry");
    int r = public_key_read(log->key, &key, e);
    if (r == 0 && t->promise.n)
        r = check_promise(t, key, a, e);
    if (r == 0 && t->promise.n && !trust_time_has(log->time, t->integrated_s * 1000))
        r = err_set(e, ERR_DENIED, "the log was not in use when it took the entry");
    if (r == 0 && t->proof && (b->minor > 1 || t->proof->checkpoint))
        r = check_proof(t, log, key, a, e);
    return r < 0 ? err_wrap(e, r, "log %s", log->url) : 0;
}
