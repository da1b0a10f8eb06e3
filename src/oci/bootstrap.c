#include "oci/bootstrap.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "entrypoint/program.h"
#include "oci/bootstrap_int.h"
#include "oci/spawn_int.h"

#define SEARCH_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static struct value *run_config(struct arena *a, const char *shell)
{
    struct value *config = value_new_object(a);
    struct value *list = value_set(a, config, "Env", value_new_array(a));
    (void)value_push_str(a, list, SEARCH_PATH);
    list = value_set(a, config, "Cmd", value_new_array(a));
    (void)value_push_str(a, list, shell);
    return config;
}

int bootstrap_busybox(struct image_store *s, const char *name, const char *busybox,
                      char out_digest[DIGEST_MAX], struct err *e)
{
    struct root r;
    int rc = root_new(s, &r, e);
    if (rc < 0)
        return rc;
    rc = root_busybox(&r, busybox, e);
    if (rc == 0)
        rc = root_finish(&r, name, run_config(r.arena, "sh"), 0, out_digest, e);
    root_done(&r);
    return rc < 0 ? err_wrap(e, rc, "bootstrap busybox") : 0;
}

/* ---- tools ---- */

static void on_exec_path(void *arg, const char *line)
{
    (void)snprintf(arg, PATH_MAX, "%s", line);
}

/* git itself and the helpers that are programs or scripts of their own. */
static int add_git(struct root *r, struct err *e)
{
    static const char *const scripts[] = {"git-sh-setup", "git-sh-i18n", "git-submodule"};
    static const char *const programs[] = {"git-remote-http", "git-sh-i18n--envsubst"};
    static const char *const argv[] = {"git", "--exec-path", NULL};
    char core[PATH_MAX] = "", file[PATH_MAX + 64];
    int code, rc = spawn_lines(argv, NULL, false, on_exec_path, core, &code, e);
    if (rc < 0 || code != 0 || core[0] != '/') {
        (void)err_set(e, ERR_NOT_FOUND, "there is no git on this machine");
        return err_hint(e, "install the package git");
    }
    (void)snprintf(file, sizeof file, "%s/git", core);
    rc = root_program(r, file, "/usr/bin/git", e);
    for (size_t i = 0; i < ARRAY_LEN(programs) && rc == 0; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", core, programs[i]);
        rc = access(file, X_OK) == 0 ? root_program(r, file, file, e) : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(scripts) && rc == 0; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", core, scripts[i]);
        rc = access(file, R_OK) == 0 ? root_copy(r, file, file, 0755, e) : 0;
    }
    (void)snprintf(file, sizeof file, "%s/git-remote-https", core);
    if (rc == 0)
        rc = root_link(r, file, "git-remote-http", e);
    (void)snprintf(file, sizeof file, "%s/git", core);
    if (rc == 0)
        rc = root_link(r, file, "/usr/bin/git", e);
    if (rc == 0)
        rc = root_mkdir(r, "/usr/share/git-core/templates", 0755, e);
    /* Checkouts are made by one step's user and read by another's. */
    return rc < 0 ? rc : root_write(r, "/etc/gitconfig", 0644, "[safe]\n\tdirectory = *\n", e);
}

static int add_self(struct root *r, const char *program, struct err *e)
{
    char self[PATH_MAX];
    if (!program) {
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n < 0)
            return err_sys(e, errno, "find this program");
        self[n] = '\0';
        program = self;
    }
    return root_program(r, program, "/usr/bin/slipway", e);
}

/* What a pod's first container copies for the steps, on nodes that are not ours. */
static int add_entrypoint(struct root *r, struct err *e)
{
    const struct program p = program_entrypoint();
    return program_install(&p, root_path(r, "/usr/bin/slipway-entrypoint"), e);
}

int bootstrap_tools(struct image_store *s, const char *name, const char *program,
                    char out_digest[DIGEST_MAX], struct err *e)
{
    struct root r;
    int rc = root_new(s, &r, e);
    if (rc < 0)
        return rc;
    rc = root_busybox(&r, NULL, e);
    if (rc == 0)
        rc = add_git(&r, e);
    if (rc == 0)
        rc = add_self(&r, program, e);
    if (rc == 0)
        rc = add_entrypoint(&r, e);
    if (rc == 0)
        rc = root_finish(&r, name, run_config(r.arena, "sh"), 0, out_digest, e);
    root_done(&r);
    return rc < 0 ? err_wrap(e, rc, "bootstrap tools") : 0;
}

/* ---- Debian ---- */

struct debian_log {
    const struct bootstrap_debian *opts;
    char first[240]; /* what the tool found wrong first: the rest is its echo */
};

static void on_debian_line(void *arg, const char *line)
{
    struct debian_log *log = arg;
    if (!log->first[0] && (strncmp(line, "E:", 2) == 0 || strncmp(line, "error", 5) == 0))
        (void)snprintf(log->first, sizeof log->first, "%.239s", line);
    if (log->opts->progress)
        log->opts->progress(log->opts->progress_arg, line);
}

/* VERSION_CODENAME of this machine, which its mirrors and keys fit. */
static const char *host_suite(struct arena *a)
{
    char *text;
    size_t n;
    if (fs_read("/etc/os-release", 1 << 16, a, &text, &n, NULL) < 0)
        return "bookworm";
    char *at = strstr(text, "VERSION_CODENAME=");
    if (!at)
        return "bookworm";
    at += strlen("VERSION_CODENAME=");
    return arena_strndup(a, at, strcspn(at, "\"\n"));
}

/* Nothing that says where or when it was made. */
static int forget_host(struct root *r, struct err *e)
{
    static const char *const files[] = {
        "etc/resolv.conf",
        "etc/hostname",
        "etc/machine-id",
        "var/lib/apt/lists",
        "var/cache/apt",
        "var/cache/ldconfig/aux-cache",
        "var/cache/debconf",
        "var/log/bootstrap.log",
        "var/log/dpkg.log",
        "var/log/apt",
        "var/log/alternatives.log",
        "var/lib/dbus/machine-id",
        "etc/apt/sources.list~",
        "var/lib/dpkg/status-old",
        "var/lib/dpkg/diversions-old",
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int rc = fs_remove_tree(root_path(r, files[i]), e);
        if (rc < 0)
            return rc;
    }
    int rc = root_mkdir(r, "var/lib/apt/lists/partial", 0755, e);
    if (rc == 0)
        rc = root_mkdir(r, "var/cache/apt/archives/partial", 0755, e);
    return rc < 0 ? rc : root_mkdir(r, "var/cache/debconf", 0755, e);
}

static char *join(struct arena *a, const char *const *list)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; list && list[i]; i++)
        buf_printf(&b, "%s%s", i ? "," : "", list[i]);
    return arena_strdup(a, buf_text(&b));
}

static int run_mmdebstrap(struct root *r, const struct bootstrap_debian *o, struct err *e)
{
    struct arena *a = r->arena;
    struct debian_log log = {.opts = o};
    const char *argv[12], *env[8];
    size_t n = 0, k = 0;
    const char *packages = join(a, o->packages);
    argv[n++] = "mmdebstrap";
    argv[n++] = "--mode=root";
    argv[n++] = "--variant=minbase";
    argv[n++] = "--format=directory";
    if (*packages)
        argv[n++] = arena_printf(a, "--include=%s", packages);
    argv[n++] = o->suite ? o->suite : host_suite(a);
    argv[n++] = r->folder;
    if (o->mirror)
        argv[n++] = o->mirror;
    argv[n] = NULL;
    env[k++] = SEARCH_PATH;
    env[k++] = "LC_ALL=C.UTF-8";
    env[k++] = "DEBIAN_FRONTEND=noninteractive";
    env[k++] = arena_printf(a, "SOURCE_DATE_EPOCH=%lld", (long long)o->epoch);
    if (o->http_proxy)
        env[k++] = arena_printf(a, "http_proxy=%s", o->http_proxy);
    env[k] = NULL;
    int code, rc = spawn_lines(argv, env, true, on_debian_line, &log, &code, e);
    if (rc < 0) {
        (void)err_hint(e, "install the package mmdebstrap");
        return rc;
    }
    if (code != 0)
        return err_set(e, ERR_AGAIN, "mmdebstrap ends with %d: %s", code,
                       log.first[0] ? log.first : "it does not say why");
    return 0;
}

int bootstrap_debian(struct image_store *s, const char *name, const struct bootstrap_debian *o,
                     char out_digest[DIGEST_MAX], struct err *e)
{
    struct root r;
    int rc = root_new(s, &r, e);
    if (rc < 0)
        return rc;
    if (rmdir(r.folder) < 0) /* mmdebstrap wants to make it */
        rc = err_sys(e, errno, "remove %s", r.folder);
    if (rc == 0)
        rc = run_mmdebstrap(&r, o, e);
    if (rc == 0)
        rc = forget_host(&r, e);
    if (rc == 0)
        rc = root_finish(&r, name, run_config(r.arena, "bash"), o->epoch, out_digest, e);
    root_done(&r);
    return rc < 0 ? err_wrap(e, rc, "bootstrap debian") : 0;
}
