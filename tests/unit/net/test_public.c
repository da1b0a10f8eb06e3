#include "net/public.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "t.h"

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&in);
    T_EQ_INT(inet_pton(AF_INET6, text, &in6.sin6_addr), 1, text);
    return address_is_public((const struct sockaddr *)&in6);
}

static void addresses(void)
{
    static const char *const ours[] = {
        "127.0.0.1",        "127.9.9.9",       "0.0.0.0", "169.254.169.254",
        "224.0.0.1",        "255.255.255.255", "::1",     "::",
        "::ffff:127.0.0.1", "fe80::1",         "ff02::1", "::ffff:169.254.1.1"};
    static const char *const others[] = {"1.1.1.1",         "10.0.0.1",        "192.168.1.1",
                                         "126.255.255.255", "2606:4700::1111", "fd00::1",
                                         "::ffff:8.8.8.8"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        T_OK(!is_public(ours[i]), ours[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        T_OK(is_public(others[i]), others[i]);
    struct sockaddr path = {.sa_family = AF_UNIX};
    T_OK(!address_is_public(&path), "no address of the internet");
}

static void pins(void)
{
    static const struct {
        const char *url, *want; /* NULL: refused */
        int rc;
    } cases[] = {
        {"https://192.0.2.7/a.git",            "192.0.2.7:443:192.0.2.7",  0          },
        {"http://u:p@192.0.2.7:8080/a.git#x",  "192.0.2.7:8080:192.0.2.7", 0          },
        {"https://127.0.0.1/a.git",            NULL,                       ERR_DENIED },
        {"https://1.2.3.4@127.0.0.1:99/a.git", NULL,                       ERR_DENIED },
        {"https://[::1]:99/a.git",             NULL,                       ERR_DENIED },
        {"https://localhost/a.git",            NULL,                       ERR_DENIED },
        {"ssh://192.0.2.7/a.git",              NULL,                       ERR_INVALID},
        {"https:///a.git",                     NULL,                       ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        const char *out = NULL;
        struct err e = {0};
        T_EQ_INT(address_pin(cases[i].url, a, &out, &e), cases[i].rc, cases[i].url);
        if (cases[i].want)
            T_EQ_STR(out, cases[i].want, cases[i].url);
    }
}

T_MAIN(addresses, pins)
