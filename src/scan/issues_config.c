/* issues_config.c - Containerfiles and manifests that give away more than they need. */
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "codec/yaml.h"
#include "scan/issues_int.h"

/* ---- Containerfiles ---- */

enum {
    RUNS_AS_ROOT,
    LATEST_BASE,
    SECRET_IN_ENV,
    PIPED_TO_SHELL,
    SSH_PORT,
    ADD_REMOTE,
};

static const struct issue_rule image_rules[] = {
    [RUNS_AS_ROOT] = {"image-root",       "the image runs as root",
                      "end it with USER and a number above 0",                                                        SEVERITY_MEDIUM},
    [LATEST_BASE] = {"image-latest",     "the base image has no fixed version",
                      "name a version or a digest in FROM",                                                           SEVERITY_LOW   },
    [SECRET_IN_ENV] = {"image-secret-env", "a secret is set by ENV or ARG and stays in the image",
                      "use RUN --mount=type=secret",                                                                  SEVERITY_HIGH  },
    [PIPED_TO_SHELL] = {"image-pipe-shell", "what is downloaded is run unseen",
                      "check its digest first, or ADD --checksum",                                                    SEVERITY_MEDIUM},
    [SSH_PORT] = {"image-ssh",        "the image offers SSH",                                 "use kubectl exec", SEVERITY_LOW   },
    [ADD_REMOTE] = {"image-add-remote", "ADD takes a URL without its checksum",
                      "use ADD --checksum=sha256:…",                                                                SEVERITY_MEDIUM},
};

struct containerfile {
    struct issue_list *list;
    struct arena *arena;
    const char *path;
    bool root, built;
    unsigned from_line;
    const char *stages; /* " a b " */
};

static void image_issue(struct containerfile *c, int rule, unsigned line)
{
    issues__add(c->list, c->arena, ISSUE_CONFIG, &image_rules[rule], c->path, line);
}

static void from(struct containerfile *c, char *rest, unsigned line)
{
    char *image = NULL, *stage = NULL;
    for (char *word; (word = strsep(&rest, " \t"));) {
        if (!*word || strncmp(word, "--", 2) == 0)
            continue;
        if (!image)
            image = word;
        else if (strcasecmp(word, "as") != 0)
            stage = word;
    }
    if (!image)
        return;
    const char *slash = strrchr(image, '/'), *tag = strchr(slash ? slash : image, ':');
    bool known = strstr(c->stages, arena_join(c->arena, " ", image, " ", NULL)) ||
                 strcmp(image, "scratch") == 0 || strchr(image, '$') || strchr(image, '@');
    if (!known && (!tag || strcmp(tag, ":latest") == 0))
        image_issue(c, LATEST_BASE, line);
    if (stage)
        c->stages = arena_join(c->arena, c->stages, stage, " ", NULL);
    c->root = true;
    c->built = true;
    c->from_line = line;
}

/* KEY=value or KEY value with a key that names a secret and a value that is one. */
static bool sets_secret(const char *rest, bool arg)
{
    static const char *const words[] = {"PASSWORD", "PASSWD", "SECRET",      "TOKEN",
                                        "API_KEY",  "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"};
    size_t n = strcspn(rest, "= \t");
    const char *value = rest + n + (rest[n] != '\0');
    if (!*value || (arg && rest[n] != '='))
        return false;
    value += *value == '"' || *value == '\'';
    if (!*value || strchr("\"'$/", *value)) /* empty, a variable, the path of a file */
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const char *at = strcasestr(rest, words[i]);
        if (at && at < rest + n)
            return true;
    }
    return false;
}

static void instruction(struct containerfile *c, char *line, unsigned number)
{
    char *rest = line + strspn(line, " \t"), *verb = strsep(&rest, " \t");
    if (!rest)
        return;
    rest += strspn(rest, " \t");
    bool fetches = strstr(rest, "curl ") || strstr(rest, "wget ");
    bool pipes = strstr(rest, "| sh") || strstr(rest, "| bash") || strstr(rest, "|sh") ||
                 strstr(rest, "|bash");
    if (strcasecmp(verb, "FROM") == 0)
        from(c, rest, number);
    else if (strcasecmp(verb, "USER") == 0)
        c->root = strcmp(rest, "root") == 0 || strcmp(rest, "0") == 0 ||
                  strncmp(rest, "0:", 2) == 0 || strncmp(rest, "root:", 5) == 0;
    else if ((strcasecmp(verb, "ENV") == 0 && sets_secret(rest, false)) ||
             (strcasecmp(verb, "ARG") == 0 && sets_secret(rest, true)))
        image_issue(c, SECRET_IN_ENV, number);
    else if (strcasecmp(verb, "RUN") == 0 && fetches && pipes)
        image_issue(c, PIPED_TO_SHELL, number);
    else if (strcasecmp(verb, "EXPOSE") == 0 &&
             (strcmp(rest, "22") == 0 || strncmp(rest, "22/", 3) == 0))
        image_issue(c, SSH_PORT, number);
    else if (strcasecmp(verb, "ADD") == 0 && strstr(rest, "://") && !strstr(rest, "--checksum") &&
             !strstr(rest, ".git"))
        image_issue(c, ADD_REMOTE, number);
}

/* A backslash at its end joins a line with the next. */
void issues__containerfile(struct issue_list *l, struct arena *a, const char *path,
                           const char *text, size_t n)
{
    struct containerfile c = {.list = l, .arena = a, .path = path, .stages = " "};
    char *rest = arena_strndup(a, text, n), *joined = NULL;
    unsigned number = 0, first = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        size_t len = strlen(line);
        while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
            line[--len] = '\0';
        if (line[strspn(line, " \t")] == '#' || (!joined && !*line))
            continue;
        bool more = len && line[len - 1] == '\\';
        if (more)
            line[len - 1] = ' ';
        if (!joined)
            first = number;
        joined = joined ? arena_join(a, joined, line, NULL) : line;
        if (more)
            continue;
        instruction(&c, joined, first);
        joined = NULL;
    }
    if (c.built && c.root)
        image_issue(&c, RUNS_AS_ROOT, c.from_line);
}

/* ---- manifests ---- */

enum { PRIVILEGED, HOST_NAMESPACE, HOST_SOCKET, ESCALATION, CAPABILITY, POD_ROOT, POD_LATEST };

static const struct issue_rule pod_rules[] = {
    [PRIVILEGED] = {"pod-privileged",     "a container is privileged",
                    "drop securityContext.privileged and add the capability it needs",                                           SEVERITY_HIGH    },
    [HOST_NAMESPACE] = {"pod-host-namespace", "a pod shares the host's network, processes or IPC",
                    "take hostNetwork, hostPID and hostIPC out",                                                                 SEVERITY_HIGH    },
    [HOST_SOCKET] = {"pod-host-socket",    "a pod mounts the container engine's socket",
                    "take the hostPath volume out",                                                                              SEVERITY_CRITICAL},
    [ESCALATION] = {"pod-escalation",     "a container may gain rights",
                    "set securityContext.allowPrivilegeEscalation: false",                                                       SEVERITY_LOW     },
    [CAPABILITY] = {"pod-capability",     "a container gets a capability that is as good as root",
                    "take SYS_ADMIN, NET_ADMIN or ALL out of capabilities.add",                                                  SEVERITY_HIGH    },
    [POD_ROOT] = {"pod-root",           "a container may run as root",
                    "set securityContext.runAsNonRoot: true",                                                                    SEVERITY_MEDIUM  },
    [POD_LATEST] = {"pod-latest",         "an image has no fixed version",                         "name a version or a digest",
                    SEVERITY_LOW                                                                                                                  },
};

struct manifest {
    struct issue_list *list;
    struct arena *arena;
    const char *path;
};

static void pod_issue(struct manifest *m, int rule, unsigned line)
{
    issues__add(m->list, m->arena, ISSUE_CONFIG, &pod_rules[rule], m->path, line);
}

static bool adds_root(const struct value *security)
{
    static const char *const as_root[] = {"ALL", "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE",
                                          "SYS_MODULE"};
    VALUE_EACH_ITEM (v, value_at(security, "capabilities.add"))
        for (size_t i = 0; i < ARRAY_LEN(as_root); i++)
            if (strcmp(value_str(v, ""), as_root[i]) == 0)
                return true;
    return false;
}

static void check_container(struct manifest *m, const struct value *c, const struct value *pod)
{
    const struct value *security = value_get(c, "securityContext");
    const char *image = value_at_str(c, "image", ""), *slash = strrchr(image, '/');
    const char *tag = strchr(slash ? slash : image, ':');
    bool pod_user = value_at_bool(pod, "securityContext.runAsNonRoot", false) ||
                    value_at_int(pod, "securityContext.runAsUser", 0) > 0;
    if (value_at_bool(security, "privileged", false))
        pod_issue(m, PRIVILEGED, c->line);
    if (value_at_bool(security, "allowPrivilegeEscalation", true))
        pod_issue(m, ESCALATION, c->line);
    if (adds_root(security))
        pod_issue(m, CAPABILITY, c->line);
    if (!value_at_bool(security, "runAsNonRoot", pod_user) &&
        value_at_int(security, "runAsUser", 0) <= 0)
        pod_issue(m, POD_ROOT, c->line);
    if (*image && !strchr(image, '@') && (!tag || strcmp(tag, ":latest") == 0))
        pod_issue(m, POD_LATEST, c->line);
}

static void check_pod(struct manifest *m, const struct value *pod)
{
    static const char *const lists[] = {"initContainers", "containers"};
    if (value_at_bool(pod, "hostNetwork", false) || value_at_bool(pod, "hostPID", false) ||
        value_at_bool(pod, "hostIPC", false))
        pod_issue(m, HOST_NAMESPACE, pod->line);
    VALUE_EACH_ITEM (v, value_get(pod, "volumes")) {
        const char *path = value_at_str(v, "hostPath.path", "");
        if (strstr(path, "docker.sock") || strstr(path, "containerd.sock") ||
            strstr(path, "crio.sock") || strcmp(path, "/") == 0)
            pod_issue(m, HOST_SOCKET, v->line);
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        VALUE_EACH_ITEM (c, value_get(pod, lists[i]))
            check_container(m, c, pod);
}

/* What is no manifest (a chart's template, say) is none of ours. */
void issues__manifest(struct issue_list *l, struct arena *a, const char *path, const char *text,
                      size_t n)
{
    static const char *const pods[] = {"spec.template.spec", "spec.jobTemplate.spec.template.spec",
                                       "spec"};
    struct manifest m = {l, a, path};
    struct value **docs;
    size_t n_docs;
    if (!memmem(text, n, "apiVersion:", 11) || !memmem(text, n, "containers:", 11) ||
        yaml_parse_all(a, text, n, 0, &docs, &n_docs, NULL) < 0)
        return;
    for (size_t i = 0; i < n_docs; i++)
        for (size_t k = 0; k < ARRAY_LEN(pods); k++) {
            const struct value *pod = value_at(docs[i], pods[k]);
            if (value_is(value_get(pod, "containers"), VALUE_ARRAY)) {
                check_pod(&m, pod);
                break;
            }
        }
}
