#include "cli/signing.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/fs.h"
#include "sign/keyref.h"

enum { PASSPHRASE_MAX = 1024 };

/* ---- keys and trust ---- */

static bool ask(const char *question, char line[PASSPHRASE_MAX])
{
    struct termios was, quiet;
    bool terminal = tcgetattr(0, &was) == 0;
    if (terminal) {
        (void)fprintf(stderr, "%s: ", question);
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(0, TCSAFLUSH, &quiet);
    }
    bool got = fgets(line, PASSPHRASE_MAX, stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(0, TCSAFLUSH, &was);
        (void)fputc('\n', stderr);
    }
    return got;
}

int signing_passphrase(const char *question, struct arena *a, const char **out, struct err *e)
{
    char line[PASSPHRASE_MAX];
    const char *given = getenv("COSIGN_PASSWORD");
    if (given) {
        *out = given;
        return 0;
    }
    if (!ask(question, line))
        return err_set(e, ERR_INVALID, "the key needs a passphrase: set COSIGN_PASSWORD");
    line[strcspn(line, "\r\n")] = '\0';
    *out = arena_strdup(a, line);
    explicit_bzero(line, sizeof line);
    return 0;
}

static int ask_passphrase(void *arg, struct arena *a, const char **out, struct err *e)
{
    (void)arg;
    return signing_passphrase("Passphrase of the key", a, out, e);
}

static const struct keyref_ports keys = {
    .secret = signing_read_secret, .passphrase = ask_passphrase, .files = true};

int signing_key(const struct signing_words *w, struct key **out, struct err *e)
{
    if (w->upload)
        return err_set(e, ERR_UNSUPPORTED,
                       "no transparency log is written to: leave --tlog-upload out");
    if (!w->key) {
        (void)err_set(e, ERR_INVALID, "there is no --key: signing needs one");
        return err_hint(e, "slipway generate-key-pair makes one");
    }
    return keyref_private(w->key, &keys, out, e);
}

static int check_words(const struct signing_words *w, struct err *e)
{
    if (w->key)
        return 0;
    if (!w->identity && !w->identity_pattern)
        return err_set(e, ERR_INVALID,
                       "say who should have signed: --key, or "
                       "--certificate-identity with --certificate-oidc-issuer");
    if (!w->issuer && !w->issuer_pattern)
        return err_set(e, ERR_INVALID,
                       "say who vouches for the identity: --certificate-oidc-issuer");
    return 0;
}

static int read_root(const struct signing_words *w, struct arena *a, struct trust_root **out,
                     struct err *e)
{
    char *text;
    size_t n;
    if (!w->root)
        return trust_root_public(a, out, e);
    int r = fs_read(w->root, TRUST_ROOT_MAX, a, &text, &n, e);
    if (r == 0)
        r = trust_root_read(text, n, a, out, e);
    return r < 0 ? err_wrap(e, r, "%s", w->root) : 0;
}

int signing_policy(const struct signing_words *w, struct arena *a, struct public_key **key,
                   struct bundle_policy *out, struct err *e)
{
    struct trust_root *root = NULL;
    bool no_log = w->ignore_log || w->private;
    int r = check_words(w, e);
    if (r == 0 && w->key)
        r = keyref_public(w->key, &keys, key, e);
    if (r == 0 && !(w->key && no_log))
        r = read_root(w, a, &root, e);
    if (r < 0)
        return r;
    *out = (struct bundle_policy){
        .root = root,
        .key = *key,
        .identity = {w->identity_pattern ? w->identity_pattern : w->identity,
                     w->identity_pattern != NULL                                                       },
        .issuer = {w->issuer_pattern ? w->issuer_pattern : w->issuer,       w->issuer_pattern != NULL},
        .without_log = no_log || w->key,
        .without_certificate_log = w->ignore_certificate_log,
    };
    return 0;
}

int signing_annotations(const struct option_list *list, struct arena *a, struct value **out,
                        struct err *e)
{
    *out = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (!equals || equals == list->items[i])
            return err_set(e, ERR_INVALID, "--annotations %s is not NAME=VALUE", list->items[i]);
        if (!*out)
            *out = value_new_object(a);
        (void)value_setn(a, *out, list->items[i], (size_t)(equals - list->items[i]),
                         value_new_str(a, equals + 1));
    }
    return 0;
}
