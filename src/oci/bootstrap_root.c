#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/json.h"
#include "oci/bootstrap_int.h"
#include "oci/spawn_int.h"
#include "oci/store_int.h"

int root_new(struct image_store *s, struct root *out, struct err *e)
{
    struct arena *a = arena_new(64 << 20);
    char *place = arena_printf(a, "%s/.new-XXXXXX", s->layers);
    if (!mkdtemp(place)) {
        int rc = err_sys(e, errno, "create %s", place);
        arena_free(a);
        return rc;
    }
    *out = (struct root){s, a, arena_printf(a, "%s/root", place), place};
    if (mkdir(out->folder, 0755) < 0 || chmod(out->folder, 0755) < 0) {
        int rc = err_sys(e, errno, "create %s", out->folder);
        root_done(out);
        return rc;
    }
    return 0;
}

void root_done(struct root *r)
{
    int gone = fs_remove_tree(r->place, NULL); /* else collection does it */
    (void)gone;
    arena_free(r->arena);
}

char *root_path(struct root *r, const char *path)
{
    return arena_printf(r->arena, "%s%s%s", r->folder, *path == '/' ? "" : "/", path);
}

static int make_parents(struct root *r, const char *path, struct err *e)
{
    char *folder = root_path(r, path);
    *strrchr(folder, '/') = '\0';
    return fs_mkdirs(folder, 0755, e);
}

int root_mkdir(struct root *r, const char *path, mode_t mode, struct err *e)
{
    int rc = fs_mkdirs(root_path(r, path), 0755, e);
    if (rc < 0)
        return rc;
    return chmod(root_path(r, path), mode) < 0 ? err_sys(e, errno, "set mode of %s", path) : 0;
}

int root_write(struct root *r, const char *path, mode_t mode, const char *text, struct err *e)
{
    int rc = make_parents(r, path, e);
    return rc < 0 ? rc : fs_write_atomic(root_path(r, path), mode, text, strlen(text), e);
}

int root_link(struct root *r, const char *path, const char *target, struct err *e)
{
    int rc = make_parents(r, path, e);
    if (rc < 0)
        return rc;
    if (symlink(target, root_path(r, path)) < 0 && errno != EEXIST)
        return err_sys(e, errno, "link %s to %s", path, target);
    return 0;
}

int root_copy(struct root *r, const char *from, const char *path, mode_t mode, struct err *e)
{
    struct stat st;
    int rc = make_parents(r, path, e);
    if (rc < 0)
        return rc;
    AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0)
        return err_sys(e, errno, "open %s", from);
    AUTO_FD int out = open(root_path(r, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0 || fchmod(out, mode) < 0)
        return err_sys(e, errno, "create %s", root_path(r, path));
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(out, in, NULL, (size_t)left);
        if (n <= 0)
            return err_sys(e, n < 0 ? errno : EIO, "copy %s", from);
        left -= n;
    }
    return 0;
}

/* ---- programs ---- */

/* The dynamic loader an ELF file names; "" for a static one. */
static int read_loader(const char *file, char out[PATH_MAX], struct err *e)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", file);
    out[0] = '\0';
    if (pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
        return err_set(e, ERR_INVALID, "%s is not a 64-bit ELF program", file);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        off_t at = (off_t)(head.e_phoff + (uint64_t)i * head.e_phentsize);
        if (pread(fd, &part, sizeof part, at) != sizeof part)
            return err_set(e, ERR_INVALID, "%s is cut short", file);
        if (part.p_type != PT_INTERP)
            continue;
        size_t n = part.p_filesz < PATH_MAX ? part.p_filesz : PATH_MAX - 1;
        if (pread(fd, out, n, (off_t)part.p_offset) != (ssize_t)n)
            return err_set(e, ERR_INVALID, "%s is cut short", file);
        out[n] = '\0';
    }
    return 0;
}

struct libraries {
    struct root *root;
    struct err *e;
    int rc;
};

/* "\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)" or "\t/lib64/ld-linux-x86-64.so.2 (0x…)"
 */
static void on_library(void *arg, const char *line)
{
    struct libraries *l = arg;
    const char *path = strchr(line, '/'), *missing = strstr(line, "=> not found");
    if (l->rc < 0)
        return;
    if (missing) {
        l->rc = err_set(l->e, ERR_NOT_FOUND, "library%.100s", line);
        return;
    }
    if (!path)
        return;
    char *file = arena_strndup(l->root->arena, path, strcspn(path, " "));
    if (access(root_path(l->root, file), F_OK) < 0)
        l->rc = root_copy(l->root, file, file, 0755, l->e);
}

int root_program(struct root *r, const char *from, const char *path, struct err *e)
{
    char loader[PATH_MAX];
    int code, rc = read_loader(from, loader, e);
    if (rc < 0 || (rc = root_copy(r, from, path, 0755, e)) < 0)
        return rc;
    if (!loader[0])
        return 0;
    struct libraries l = {.root = r, .e = e};
    const char *argv[] = {loader, "--list", from, NULL};
    if ((rc = spawn_lines(argv, NULL, false, on_library, &l, &code, e)) < 0)
        return rc;
    if (l.rc < 0)
        return err_wrap(e, l.rc, "libraries of %s", from);
    if (code != 0)
        return err_set(e, ERR_SYSTEM, "%s --list %s ends with %d", loader, from, code);
    return access(root_path(r, loader), F_OK) == 0 ? 0 : root_copy(r, loader, loader, 0755, e);
}

/* ---- busybox ---- */

static int basic_files(struct root *r, struct err *e)
{
    static const struct {
        const char *path;
        mode_t mode;
    } folders[] = {
        {"bin",      0755 },
        {"dev",      0755 },
        {"etc",      0755 },
        {"home",     0755 },
        {"proc",     0755 },
        {"root",     0700 },
        {"sys",      0755 },
        {"run",      0755 },
        {"tmp",      01777},
        {"usr/bin",  0755 },
        {"var",      0755 },
        {"opt",      0755 },
        {"sbin",     0755 },
        {"var/tmp",  01777},
        {"usr/sbin", 0755 },
    };
    static const struct {
        const char *path, *text;
    } files[] = {
        {"etc/passwd",        "root:x:0:0:root:/root:/bin/sh\n"
                       "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                       "www-data:x:33:33:www-data:/var/www:/bin/false\n"
                       "nobody:x:65534:65534:nobody:/home:/bin/false\n"       },
        {"etc/group",         "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"},
        {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"                     },
        {"etc/shells",        "/bin/sh\n"                                                           },
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders) && rc == 0; i++)
        rc = root_mkdir(r, folders[i].path, folders[i].mode, e);
    for (size_t i = 0; i < ARRAY_LEN(files) && rc == 0; i++)
        rc = root_write(r, files[i].path, 0644, files[i].text, e);
    static const char certificates[] = "/etc/ssl/certs/ca-certificates.crt";
    if (rc == 0 && access(certificates, R_OK) == 0)
        rc = root_copy(r, certificates, certificates, 0644, e);
    return rc;
}

static void on_applet(void *arg, const char *line)
{
    struct libraries *l = arg;
    if (l->rc == 0 && *line && !strchr(line, '/') && strcmp(line, "busybox") != 0)
        l->rc = root_link(l->root, arena_printf(l->root->arena, "bin/%s", line), "busybox", l->e);
}

static int find_busybox(const char **path, struct err *e)
{
    static const char *const places[] = {"/bin/busybox", "/usr/bin/busybox",
                                         "/usr/local/bin/busybox"};
    char loader[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(places) && !*path; i++) {
        if (access(places[i], X_OK) == 0)
            *path = places[i];
    }
    if (!*path) {
        (void)err_set(e, ERR_NOT_FOUND, "there is no busybox on this machine");
        return err_hint(e, "install the package busybox-static");
    }
    int rc = read_loader(*path, loader, e);
    if (rc == 0 && loader[0]) {
        rc = err_set(e, ERR_INVALID, "%s is not static", *path);
        (void)err_hint(e, "install the package busybox-static");
    }
    return rc;
}

int root_busybox(struct root *r, const char *busybox, struct err *e)
{
    int code, rc = find_busybox(&busybox, e);
    if (rc < 0 || (rc = basic_files(r, e)) < 0 ||
        (rc = root_copy(r, busybox, "bin/busybox", 0755, e)) < 0)
        return rc;
    struct libraries l = {.root = r, .e = e};
    const char *argv[] = {busybox, "--list", NULL};
    if ((rc = spawn_lines(argv, NULL, false, on_applet, &l, &code, e)) < 0 || (rc = l.rc) < 0)
        return rc;
    /* Scripts of others begin with #!/usr/bin/env. */
    return root_link(r, "usr/bin/env", "../../bin/busybox", e);
}

/* ---- the image ---- */

int root_finish(struct root *r, const char *name, const struct value *config, int64_t epoch,
                char out_digest[DIGEST_MAX], struct err *e)
{
    struct arena *a = r->arena;
    struct image_layer layer;
    const struct image_layer_opts o = {.epoch = epoch, .adopt = true};
    int rc = image_layer_pack(r->store, r->folder, &o, &layer, e);
    if (rc < 0)
        return err_wrap(e, rc, "image %s", name);
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339(epoch * 1000, when);
    struct value *doc = value_new_object(a), *entry = value_new_object(a);
    struct value *history = value_new_array(a);
    const char *platform = r->store->platform, *slash = strchr(platform, '/');
    (void)value_set_str(a, doc, "created", when);
    (void)value_set(a, doc, "architecture", value_new_strn(a, slash + 1, strcspn(slash + 1, "/")));
    (void)value_set(a, doc, "os", value_new_strn(a, platform, (size_t)(slash - platform)));
    (void)value_set(a, doc, "config", config);
    (void)value_set_str(a, entry, "created", when);
    (void)value_set_str(a, entry, "created_by", "slipway image bootstrap");
    (void)value_push(a, history, entry);
    (void)value_set(a, doc, "history", history);
    char lease[64];
    (void)snprintf(lease, sizeof lease, "bootstrap/%.40s", layer.digest + 7);
    if ((rc = image_store_assemble(r->store, a, doc, &layer, 1, NULL, lease, out_digest, e)) < 0)
        return err_wrap(e, rc, "image %s", name);
    if ((rc = image_store_tag(r->store, name, out_digest, e)) < 0)
        return rc;
    return image_store_unlease(r->store, lease, e);
}
