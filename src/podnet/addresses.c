#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "podnet/podnet_int.h"

int range_parse(const char *text, struct range *out, struct err *e)
{
    char ip[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : 0;
    struct in_addr a;
    char *end = NULL;
    long prefix = slash ? strtol(slash + 1, &end, 10) : -1;
    if (n > 0 && n < sizeof ip) {
        memcpy(ip, text, n);
        ip[n] = '\0';
    }
    if (n == 0 || n >= sizeof ip || inet_pton(AF_INET, ip, &a) != 1 || *end || prefix < 8 ||
        prefix > 28)
        return err_set(e, ERR_INVALID, "\"%.40s\" is not an IPv4 range between /8 and /28", text);
    uint32_t mask = UINT32_MAX << (32 - prefix);
    *out = (struct range){ntohl(a.s_addr) & mask, (int)prefix};
    return 0;
}

void address_text(uint32_t address, char out[INET_ADDRSTRLEN])
{
    struct in_addr a = {htonl(address)};
    (void)inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
}

void range_text(const struct range *r, char out[INET_ADDRSTRLEN + 4])
{
    address_text(r->base, out);
    size_t n = strlen(out);
    (void)snprintf(out + n, INET_ADDRSTRLEN + 4 - n, "/%d", r->prefix);
}

static int take_one(const char *dir, uint32_t ip, const char *id, struct err *e)
{
    char text[INET_ADDRSTRLEN], path[512];
    address_text(ip, text);
    (void)snprintf(path, sizeof path, "%s/%s", dir, text);
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_EXISTS : err_sys(e, errno, "take address %s", path);
    size_t n = strlen(id);
    if (write(fd, id, n) != (ssize_t)n) {
        int sys = errno;
        (void)unlink(path);
        return err_sys(e, sys, "write %s", path);
    }
    return 0;
}

int addresses_take(const char *dir, const struct range *r, const char *id, uint32_t *out,
                   struct err *e)
{
    int rc = addresses_find(dir, id, out, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    /* Start at a place of the id's own: a new pod seldom gets what an old one just had. */
    uint32_t usable = range_size(r) - 3; /* not the network, the gateway, the broadcast */
    uint32_t at = (uint32_t)(map_hash(id, strlen(id)) % usable);
    for (uint32_t i = 0; i < usable; i++) {
        uint32_t ip = r->base + 2 + (at + i) % usable;
        rc = take_one(dir, ip, id, e);
        if (rc == 0)
            *out = ip;
        if (rc != ERR_EXISTS)
            return rc;
    }
    return err_set(e, ERR_TOO_LARGE, "all %u pod addresses are taken", usable);
}

/* The name of the file that holds `id`. */
static int find(const char *dir, const char *id, char *out_name, size_t room, struct err *e)
{
    DIR *d = opendir(dir);
    if (!d)
        return err_sys(e, errno, "open %s", dir);
    int rc = ERR_NOT_FOUND;
    AUTO(arena) struct arena *a = arena_new(0);
    for (const struct dirent *f; rc == ERR_NOT_FOUND && (f = readdir(d));) {
        char path[512], *text;
        if (f->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        if (fs_read(path, 256, a, &text, NULL, NULL) < 0 || strcmp(text, id) != 0)
            continue;
        (void)snprintf(out_name, room, "%.*s", (int)room - 1, f->d_name);
        rc = 0;
    }
    (void)closedir(d);
    return rc == 0 ? 0 : err_set(e, rc, "pod %s has no address", id);
}

int addresses_find(const char *dir, const char *id, uint32_t *out, struct err *e)
{
    char name[64];
    int rc = find(dir, id, name, sizeof name, e);
    struct in_addr a;
    if (rc < 0)
        return rc;
    if (inet_pton(AF_INET, name, &a) != 1)
        return err_set(e, ERR_SYSTEM, "%s/%s is not named like an address", dir, name);
    *out = ntohl(a.s_addr);
    return 0;
}

int addresses_give_back(const char *dir, const char *id, struct err *e)
{
    char name[64], path[512];
    int rc = find(dir, id, name, sizeof name, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(e, errno, "remove %s", path);
    return 0;
}
