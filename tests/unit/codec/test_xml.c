#include "codec/xml.h"

#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "t.h"

static void on_open(void *arg, const char *name, const char *const *attributes)
{
    buf_printf(arg, "<%s", name);
    for (; *attributes; attributes += 2)
        buf_printf(arg, " %s=%s", attributes[0], attributes[1]);
    buf_puts(arg, ">");
}

static void on_text(void *arg, const char *text)
{
    buf_printf(arg, "'%s'", text);
}

static void on_close(void *arg, const char *name)
{
    buf_printf(arg, "</%s>", name);
}

/* What a document tells, or what the refusal holds. */
static void reads(void)
{
    static const struct {
        const char *text, *want;
        bool refused;
    } cases[] = {
        {"<a/>",                                                   "<a></a>",                       false},
        {"<a>1<b x='y' p:z=\"&lt;>\"/>2</a>",                      "<a>'1'<b x=y z=<>></b>'2'</a>", false},
        {"<m:a>&amp;&#233;<![CDATA[<]]>&gt;</m:a>",                "<a>'&\xc3\xa9<>'</a>",          false},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "<a>'\xc3\xa9'</a>",             false},
        {"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",               "<a>'x'</a>",                    false},
        {"<!-- <b> --><a>1<!-- 2 -->3</a>",                        "<a>'13'</a>",                   false},
        {"<a>\n<b></a>",                                           "line 2: mismatched tag",        true },
        {"<a>",                                                    "line 1: no element found",      true },
        {"",                                                       "line 1: no element found",      true },
        {"<a>&unknown;</a>",                                       "line 1: undefined entity",      true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        AUTO_BUF struct buf b;
        buf_init(&b, 4096);
        struct xml_reader r = {on_open, on_text, on_close, &b};
        int rc = xml_read(cases[i].text, strlen(cases[i].text), &r, &e);
        T_OK((rc < 0) == cases[i].refused, cases[i].text);
        if (rc < 0)
            T_OK(strstr(e.msg, cases[i].want), cases[i].text);
        else
            T_EQ_STR(buf_text(&b), cases[i].want, cases[i].text);
    }
}

/* Documents made to cost much more than their bytes. */
static void has_limits(void)
{
    AUTO_BUF struct buf b;
    struct err e = {0};
    struct xml_reader none = {0};
    buf_init(&b, 1 << 20);
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        buf_puts(&b, "<a>");
    T_EQ_INT(xml_read(b.data, b.len, &none, &e), ERR_TOO_LARGE, "deep");
    T_OK(strstr(e.msg, "nested"), "and says so");
    buf_clear(&b);
    buf_puts(&b, "<!DOCTYPE a [<!ENTITY e0 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'>");
    for (int i = 1; i < 12; i++)
        buf_printf(&b, "<!ENTITY e%d '&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;'>", i,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    buf_puts(&b, "]><a>&e11;</a>");
    e = (struct err){0};
    T_OK(xml_read(b.data, b.len, &none, &e) < 0, "a billion laughs");
    T_OK(strstr(e.msg, "line "), "and says where");
}

T_MAIN(reads, has_limits)
