/* Who asks a repository: Secrets as Argo CD has them. `repository` is for one URL, `repo-creds` for
 * all that begin with theirs; they are looked for in the Application's namespace and in Argo CD's.
 */
#include "codec/base64.h"
#include "ctl/gitops/app_int.h"
#include "kube/cache.h"

#define SECRET_TYPE "argocd.argoproj.io/secret-type"

static const char *field(const struct object *secret, const char *name, struct arena *a)
{
    const char *text = value_str(value_get(value_get(secret->root, "data"), name), "");
    char *out;
    size_t n;
    if (!*text || base64_decode(a, text, strlen(text), BASE64_STD, &out, &n, NULL) < 0)
        return "";
    return out;
}

/* Without what one may write or leave out: "oci://" and what stands at the end. */
static const char *plain_url(const char *url, struct arena *a)
{
    url += strncmp(url, "oci://", 6) == 0 ? 6 : 0;
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    if (n > 4 && strncmp(url + n - 4, ".git", 4) == 0)
        n -= 4;
    return arena_strndup(a, url, n);
}

/* "https://h/team" is for "https://h/team/x", and not for "https://h/teams". */
static bool begins(const char *url, const char *with)
{
    size_t n = strlen(with);
    return strncmp(url, with, n) == 0 && (url[n] == '/' || url[n] == '\0');
}

/* How well a Secret fits: 0 not at all; one for the very URL beats every beginning of it. */
static size_t fit(const struct gitops_logins *l, const struct object *secret, const char *url,
                  struct arena *a)
{
    const char *type = object_label(secret, SECRET_TYPE);
    const char *theirs = plain_url(field(secret, "url", a), a);
    const char *project = field(secret, "project", a);
    bool mine = strcmp(secret->ns, l->ns) == 0 || strcmp(secret->ns, l->home) == 0;
    if (!type || !mine || !*theirs || (*project && strcmp(project, l->project) != 0))
        return 0;
    if (strcmp(type, "repository") == 0)
        return strcmp(theirs, url) == 0 ? SIZE_MAX : 0;
    return strcmp(type, "repo-creds") == 0 && begins(url, theirs) ? strlen(theirs) : 0;
}

/* The best of those that say who asks (or, with `any`, of all). */
static const struct object *best(const struct gitops_logins *l, const char *url, bool any,
                                 struct arena *a)
{
    const struct object *found = NULL;
    size_t score = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t n = fit(l, l->secrets[i], url, a);
        if (n > score && (any || *field(l->secrets[i], "username", a))) {
            score = n;
            found = l->secrets[i];
        }
    }
    return found;
}

static int check(const struct object *secret, struct arena *a, struct err *e)
{
    static const char *const refused[] = {"tlsClientCertData", "sshPrivateKey", "bearerToken",
                                          "githubAppID", "gcpServiceAccountKey"};
    for (size_t i = 0; secret && i < ARRAY_LEN(refused); i++)
        if (*field(secret, refused[i], a))
            return err_set(e, ERR_UNSUPPORTED, "Secret %s/%s: %s is not offered here", secret->ns,
                           secret->name, refused[i]);
    return 0;
}

int gitops_login_find(const struct gitops_logins *l, const char *url, struct arena *a,
                      struct gitops_login *out, struct err *e)
{
    const char *plain = plain_url(url, a);
    const struct object *one = best(l, plain, true, a), *who = best(l, plain, false, a);
    int rc = check(one, a, e);
    if (rc == 0 && who != one)
        rc = check(who, a, e);
    if (rc < 0)
        return rc;
    *out = (struct gitops_login){
        .secret = who ? who : one,
        .user = who ? field(who, "username", a) : NULL,
        .password = who ? field(who, "password", a) : NULL,
        .oci = one && strcmp(field(one, "enableOCI", a), "true") == 0,
        .insecure = one && strcmp(field(one, "insecure", a), "true") == 0,
    };
    return 0;
}

/* A registry is one by its scheme, by having none, or because its Secret says so. */
int gitops_chart_wish(const struct gitops_logins *l, const struct value *source, const char *path,
                      struct arena *a, struct charts_wish *out, struct err *e)
{
    const char *url = value_at_str(source, "repoURL", ""), *at = strstr(url, "://");
    struct gitops_login login;
    int rc = gitops_login_find(l, url, a, &login, e);
    if (rc < 0)
        return rc;
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    bool oci = strncmp(url, "oci://", 6) == 0 || !at || login.oci;
    if (!http && !oci)
        return err_set(e, ERR_UNSUPPORTED, "%s.repoURL %s: charts come over HTTP or OCI only", path,
                       url);
    const struct charts_access access = {.user = login.user,
                                         .password = login.password,
                                         .insecure = login.insecure,
                                         .pass_everywhere =
                                             value_at_bool(source, "helm.passCredentials", false)};
    const char *version = value_at_str(source, "targetRevision", "");
    *out = (struct charts_wish){.repository =
                                    oci ? arena_printf(a, "oci://%s", at ? at + 3 : url) : url,
                                .name = value_at_str(source, "chart", ""),
                                .version = strcmp(version, "HEAD") == 0 ? "" : version,
                                .access = arena_dup(a, &access, sizeof access)};
    return 0;
}
