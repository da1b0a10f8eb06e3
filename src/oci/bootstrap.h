/* bootstrap.h - base images made on this machine, for places no registry can be reached from.
 *
 * Model      Each makes a root folder, packs it into one deterministic layer and stores an
 *            ordinary OCI image under the name given.
 * Guarantees The same inputs give the same digest. Nothing of this machine's configuration gets in.
 */
#pragma once
#include "oci/images.h"

/* A static busybox with its applets in /bin, /tmp, /etc/passwd, CA certificates.
 * `busybox`: the program, NULL: looked for in /bin and /usr/bin. */
int bootstrap_busybox(struct image_store *s, const char *name, const char *busybox,
                      char out_digest[DIGEST_MAX], struct err *e) MUST_CHECK;

struct bootstrap_debian {
    const char *suite;           /* NULL: this machine's, else "bookworm" */
    const char *mirror;          /* NULL: the one apt uses here */
    const char *const *packages; /* besides the minimal base; NULL-terminated, or NULL */
    const char *http_proxy;      /* for the downloads, or NULL */
    int64_t epoch;               /* SOURCE_DATE_EPOCH; 0: 1970 */
    image_progress progress;     /* the tool's output, line by line; or NULL */
    void *progress_arg;
};
/* Debian or Ubuntu by mmdebstrap, from distribution packages. */
int bootstrap_debian(struct image_store *s, const char *name, const struct bootstrap_debian *o,
                     char out_digest[DIGEST_MAX], struct err *e) MUST_CHECK;

/* busybox, git, CA certificates and this program with the libraries it needs, the steps'
 * entrypoint. `program`: NULL: /proc/self/exe. */
int bootstrap_tools(struct image_store *s, const char *name, const char *program,
                    char out_digest[DIGEST_MAX], struct err *e) MUST_CHECK;
