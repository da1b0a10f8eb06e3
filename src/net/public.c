#include "net/public.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static bool is_public4(uint32_t ip)
{
    return ip >> 24 != 0 && ip >> 24 != 127 && ip >> 16 != 0xa9fe && ip >> 28 < 0xe;
}

static bool is_public6(const struct in6_addr *ip)
{
    if (IN6_IS_ADDR_V4MAPPED(ip) || IN6_IS_ADDR_V4COMPAT(ip)) {
        uint32_t v4;
        memcpy(&v4, ip->s6_addr + 12, sizeof v4);
        return is_public4(ntohl(v4));
    }
    return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_LOOPBACK(ip) &&
           !IN6_IS_ADDR_LINKLOCAL(ip) && !IN6_IS_ADDR_MULTICAST(ip);
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return is_public6(&in.sin6_addr);
    }
    return false;
}

/* Host and port of "http[s]://[user[:password]@]host[:port]/…". */
static int split(const char *url, struct arena *a, const char **host, const char **port,
                 struct err *e)
{
    const char *at = strstr(url, "://");
    if (!at || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return err_set(e, ERR_INVALID, "it is not an http(s) address");
    *port = url[4] == 's' ? "443" : "80";
    at += 3;
    size_t n = strcspn(at, "/?#");
    const char *user = memrchr(at, '@', n);
    if (user) {
        n -= (size_t)(user + 1 - at);
        at = user + 1;
    }
    const char *end = at + n, *colon = memrchr(at, ':', n);
    if (colon && !memchr(colon, ']', (size_t)(end - colon))) {
        if (colon + 1 < end)
            *port = arena_strndup(a, colon + 1, (size_t)(end - colon - 1));
        end = colon;
    }
    if (end - at > 2 && *at == '[' && end[-1] == ']') {
        at++;
        end--;
    }
    *host = arena_strndup(a, at, (size_t)(end - at));
    return **host ? 0 : err_set(e, ERR_INVALID, "the address has no host");
}

int address_pin(const char *url, struct arena *a, const char **out, struct err *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const char *host = NULL, *port = NULL, *list = NULL;
    struct addrinfo *found;
    int rc = split(url, a, &host, &port, e);
    if (rc < 0)
        return rc;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed)
        return err_set(e, ERR_AGAIN, "host %.200s: %s", host, gai_strerror(failed));
    for (struct addrinfo *i = found; rc == 0 && i; i = i->ai_next) {
        char text[NI_MAXHOST];
        if (!address_is_public(i->ai_addr))
            rc = err_set(e, ERR_DENIED, "host %.200s is this machine's own network", host);
        else if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0,
                             NI_NUMERICHOST) == 0)
            list = arena_printf(a, "%s%s%s", list ? list : "", list ? "," : "", text);
    }
    freeaddrinfo(found);
    if (rc == 0 && !list)
        rc = err_set(e, ERR_AGAIN, "host %.200s has no address", host);
    if (rc == 0)
        *out = arena_printf(a, "%s:%s:%s", host, port, list);
    return rc;
}
