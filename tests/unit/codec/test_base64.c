#include "base/own.h"
#include "codec/base64.h"
#include "t.h"

static void round_trips(void)
{
    static const struct {
        const char *plain, *text;
        enum base64_form form;
    } cases[] = {
        {"",         "",       BASE64_STD    },
        {"f",        "Zg==",   BASE64_STD    },
        {"fo",       "Zm8=",   BASE64_STD    },
        {"foo",      "Zm9v",   BASE64_STD    },
        {"foob",     "Zm9vYg", BASE64_STD_RAW},
        {"\xff\xfe", "__4",    BASE64_URL_RAW},
        {"\xff\xfe", "//4=",   BASE64_STD    },
        {"\xff\xfe", "__4=",   BASE64_URL    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct err e = {0};
        char *out = NULL;
        size_t n = 0;
        T_EQ_STR(base64_encode(a, cases[i].plain, strlen(cases[i].plain), cases[i].form),
                 cases[i].text, cases[i].text);
        T_RC(base64_decode(a, cases[i].text, strlen(cases[i].text), cases[i].form, &out, &n, &e),
             &e, cases[i].text);
        T_EQ_STR(out, cases[i].plain, cases[i].text);
    }
}

static void refuses(void)
{
    static const struct {
        const char *text;
        enum base64_form form;
    } cases[] = {
        {"Zg",       BASE64_STD    },
        {"Zg=",      BASE64_STD    },
        {"Zh==",     BASE64_STD    },
        {"Z",        BASE64_STD_RAW},
        {"Zg==",     BASE64_STD_RAW},
        {"Zm 9v",    BASE64_STD    },
        {"Zm9v=",    BASE64_STD    },
        {"_w==",     BASE64_STD    },
        {"=",        BASE64_STD    },
        {"Zg==Zg==", BASE64_STD    }
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        char *out = NULL;
        size_t n = 0;
        T_EQ_INT(
            base64_decode(a, cases[i].text, strlen(cases[i].text), cases[i].form, &out, &n, NULL),
            ERR_INVALID, cases[i].text);
    }
}

static void hexadecimal(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *out = NULL;
    size_t n = 0;
    struct err e = {0};
    T_EQ_STR(hex_encode(a, "\x00\xab", 2), "00ab", "encode");
    T_RC(hex_decode(a, "00aB", 4, &out, &n, &e), &e, "decode");
    T_OK(n == 2 && memcmp(out, "\x00\xab", 2) == 0, "decode");
    T_EQ_INT(hex_decode(a, "0", 1, &out, &n, &e), ERR_INVALID, "odd");
    T_EQ_INT(hex_decode(a, "0g", 2, &out, &n, &e), ERR_INVALID, "no digit");
}

T_MAIN(round_trips, refuses, hexadecimal)
