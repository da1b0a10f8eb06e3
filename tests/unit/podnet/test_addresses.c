#include "base/fs.h"
#include "podnet/podnet_int.h"
#include "t.h"

static struct err e;

static void parses_ranges(void)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"10.88.0.0/16",  "10.88.0.0/16"},
        {"10.88.7.9/16",  "10.88.0.0/16"},
        {"10.88.0.0/28",  "10.88.0.0/28"},
        {"10.88.0.0",     NULL          },
        {"10.88.0.0/30",  NULL          },
        {"10.88.0/16",    NULL          },
        {"10.88.0.0/16x", NULL          },
        {"/16",           NULL          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct range r;
        char text[INET_ADDRSTRLEN + 4];
        int rc = range_parse(cases[i].text, &r, &e);
        T_EQ_INT(rc, cases[i].printed ? 0 : ERR_INVALID, cases[i].text);
        if (rc == 0) {
            range_text(&r, text);
            T_EQ_STR(text, cases[i].printed, cases[i].text);
        }
    }
}

static void gives_each_pod_its_own(void)
{
    char dir[] = "/tmp/slipway-net-XXXXXX", id[16];
    T_OK(mkdtemp(dir), "mkdtemp");
    struct range r;
    T_RC(range_parse("10.0.0.0/28", &r, &e), &e, "range");
    bool seen[16] = {false};
    uint32_t ip, again;
    for (int i = 0; i < 13; i++) { /* 16 less network, gateway and broadcast */
        (void)snprintf(id, sizeof id, "pod-%d", i);
        T_RC(addresses_take(dir, &r, id, &ip, &e), &e, id);
        T_OK(ip > r.base + 1 && ip < r.base + 15 && !seen[ip & 15], "in range and free");
        seen[ip & 15] = true;
        T_RC(addresses_take(dir, &r, id, &again, &e), &e, "once more");
        T_EQ_INT(again, ip, "the same one");
    }
    T_EQ_INT(addresses_take(dir, &r, "one-more", &ip, &e), ERR_TOO_LARGE, "full");
    T_RC(addresses_give_back(dir, "pod-3", &e), &e, "give back");
    T_RC(addresses_give_back(dir, "pod-3", &e), &e, "give back twice");
    T_RC(addresses_take(dir, &r, "one-more", &ip, &e), &e, "room again");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(parses_ranges, gives_each_pod_its_own)
