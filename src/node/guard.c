/* guard.c - the host's files without our own: no volume shows a pod the data folder, where the
 * keys, the administrator's token and everybody's repositories are. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>

#include "base/fs.h"
#include "node/node_int.h"

/* What lies below `dir` after it, without the slash: "" for itself, NULL for what is elsewhere. */
static const char *below(const char *dir, const char *path)
{
    size_t n = strlen(dir);
    while (n > 0 && dir[n - 1] == '/')
        n--;
    if (strncmp(dir, path, n) != 0 || (path[n] != '\0' && path[n] != '/'))
        return NULL;
    return path + n + strspn(path + n, "/");
}

/* Without symbolic links, as far as the path exists; what does not exist yet is taken as written.
 */
static const char *resolve(const char *path, struct arena *a)
{
    char real[PATH_MAX];
    char *head = arena_strdup(a, path);
    size_t n = strlen(head);
    while (!realpath(n ? head : "/", real)) {
        while (n > 0 && head[n - 1] == '/')
            n--;
        while (n > 0 && head[n - 1] != '/')
            n--;
        head[n] = '\0';
        if (n == 0 && !realpath("/", real))
            return path;
    }
    const char *rest = path + n + strspn(path + n, "/");
    size_t end = strlen(real);
    return arena_printf(a, "%s%s%s", real, *rest && real[end - 1] != '/' ? "/" : "", rest);
}

int guard__path(const char *dir, const char *path, const char *open, struct arena *a, struct err *e)
{
    const char *rest = below(resolve(dir, a), resolve(path, a));
    if (!rest || below(open, rest))
        return 0;
    (void)err_set(e, ERR_DENIED, "%s is in slipway's own data folder", path);
    return err_hint(e, "what pods are to share belongs in another folder of the host");
}

const char *guard__hidden(const char *dir, const char *path, struct arena *a)
{
    const char *rest = below(resolve(path, a), resolve(dir, a));
    return rest && *rest ? rest : NULL;
}

int guard__trim(const char *dir, const char *path, const char *at, struct arena *a, struct err *e)
{
    const char *rest = guard__hidden(dir, path, a);
    if (!rest)
        return 0;
    if (mount(NULL, at, NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, errno, "detach %s", at);
    return fs_unmount_below(arena_printf(a, "%s/%s", at, rest), e);
}

bool guard__read_only(const char *dir, const char *path, struct arena *a)
{
    return below(arena_printf(a, "%s/bin", resolve(dir, a)), resolve(path, a)) != NULL;
}
