/* login.h - who asks a repository that an Application names, and what for.
 *
 * Model      Secrets as Argo CD has them (label argocd.argoproj.io/secret-type): `repository` is
 * for one URL, `repo-creds` for all that begin with theirs. They are looked for in the
 *            Application's namespace and in Argo CD's.
 * Guarantees A kind of credentials that is not offered is refused by name, not left out.     */
#pragma once
#include "api/object.h"
#include "charts/store.h"

struct gitops_logins {
    const struct object *const *secrets;
    size_t n;
    const char *ns;      /* of the Application */
    const char *home;    /* Argo CD's namespace */
    const char *project; /* of the Application */
};

struct gitops_login {
    const struct object *secret; /* NULL: there is none for this URL */
    const char *user, *password; /* NULL: not said */
    bool oci, insecure;
};

int gitops_login_find(const struct gitops_logins *l, const char *url, struct arena *a,
                      struct gitops_login *out, struct err *e) MUST_CHECK;

/* What a source with `chart` asks for; `path` names it in messages. */
int gitops_chart_wish(const struct gitops_logins *l, const struct value *source, const char *path,
                      struct arena *a, struct charts_wish *out, struct err *e) MUST_CHECK;
