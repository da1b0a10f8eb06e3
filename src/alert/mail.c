/* mail.c - notices as mails (RFC 5322, MIME). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "alert/message_int.h"
#include "base/map.h"
#include "codec/base64.h"

enum { MAIL_MAX = 8 << 20, COLUMNS = 76, ADDRESSES_MAX = 100 };

/* A header's value in one line, as ASCII. */
static const char *header_text(const char *s, struct arena *a)
{
    char *out = arena_strdup(a, s);
    bool plain = true;
    for (char *p = out; *p; p++) {
        if ((unsigned char)*p < ' ')
            *p = ' ';
        plain &= (unsigned char)*p < 127;
    }
    return plain ? out
                 : arena_join(a, "=?utf-8?B?", base64_encode(a, out, strlen(out), BASE64_STD),
                              "?=", NULL);
}

static void put_header(struct buf *b, const char *name, const char *value, struct arena *a)
{
    for (const char *p = name; *p; p++)
        if (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
            buf_putc(b, *p);
    buf_printf(b, ": %s\r\n", header_text(value, a));
}

static void put_part(struct buf *b, const char *boundary, const char *type, const char *text,
                     struct arena *a)
{
    const char *coded = base64_encode(a, text, strlen(text), BASE64_STD);
    buf_printf(b,
               "--%s\r\nContent-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n"
               "\r\n",
               boundary, type);
    for (size_t left = strlen(coded); left;) {
        size_t n = left < COLUMNS ? left : COLUMNS;
        buf_add(b, coded, n);
        buf_puts(b, "\r\n");
        coded += n;
        left -= n;
    }
}

/* "Name <a@b>" without the name and the brackets. */
static const char *address(const char *s, size_t n, struct arena *a)
{
    char *text = arena_strndup(a, s, n), *open = strrchr(text, '<');
    text = open ? open + 1 : text;
    text += strspn(text, " \t");
    text[strcspn(text, "> \t\r\n")] = '\0';
    return text;
}

static const char *const *addresses(const char *list, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, ADDRESSES_MAX + 1);
    size_t n = 0;
    while (*list && n < ADDRESSES_MAX) {
        size_t len = strcspn(list, ",");
        const char *one = address(list, len, a);
        if (*one)
            out[n++] = one;
        list += len + (list[len] == ',');
    }
    return out;
}

static const char *date_text(int64_t ms, struct arena *a)
{
    char text[64];
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    return arena_strdup(a, text);
}

static const struct value *find_header(const struct value *headers, const char *name)
{
    VALUE_EACH_MEMBER (m, headers)
        if (strcasecmp(m->key, name) == 0)
            return &m->value;
    return NULL;
}

/* Those of the file, and what every mail has. */
static int put_headers(struct renderer *r, struct buf *b, const char *from, const char *to,
                       struct err *e)
{
    const struct value *own = value_get(r->notice->channel->settings, "headers");
    uint64_t hash = map_hash(r->notice->log_key, strlen(r->notice->log_key));
    const char *id = arena_printf(r->arena, "<%llx.%lld@slipway>", (unsigned long long)hash,
                                  (long long)r->notice->at_ms);
    const struct {
        const char *name, *text;
    } usual[] = {
        {"From",    from                                      },
        {"To",      to                                        },
        {"Subject", "{{template \"email.default.subject\" .}}"},
        {"Date",    date_text(r->notice->at_ms,                 r->arena)},
        {"Message-Id",         id                                       },
    };
    const char *text;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(usual); i++) {
        if (find_header(own, usual[i].name))
            continue;
        rc = renderer_text(r, usual[i].text, &text, e);
        if (rc == 0)
            put_header(b, usual[i].name, text, r->arena);
    }
    VALUE_EACH_MEMBER (m, own) {
        if (rc == 0)
            rc = renderer_text(r, value_str(&m->value, ""), &text, e);
        if (rc == 0)
            put_header(b, m->key, text, r->arena);
    }
    return rc;
}

int alert_message_mail(const struct alert_notice *n, const struct alert_words *w, struct arena *a,
                       struct alert_mail *out, struct err *e)
{
    struct renderer r;
    const char *from, *to, *html, *text;
    AUTO_BUF struct buf b;
    buf_init(&b, MAIL_MAX);
    int rc = renderer_init(&r, n, w, a, e);
    if (rc == 0)
        rc = renderer_setting(&r, "from", "", &from, e);
    if (rc == 0)
        rc = renderer_setting(&r, "to", "", &to, e);
    if (rc == 0)
        rc = renderer_setting(&r, "html", "{{template \"email.default.html\" .}}", &html, e);
    if (rc == 0)
        rc = renderer_setting(&r, "text", "", &text, e);
    if (rc == 0)
        rc = put_headers(&r, &b, from, to, e);
    if (rc < 0)
        return rc;
    const char *boundary = arena_printf(a, "part-%llx", (unsigned long long)n->at_ms);
    buf_printf(&b,
               "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"%s\"\r\n"
               "\r\n",
               boundary);
    if (*text)
        put_part(&b, boundary, "text/plain", text, a);
    if (*html)
        put_part(&b, boundary, "text/html", html, a);
    buf_printf(&b, "--%s--\r\n", boundary);
    *out = (struct alert_mail){address(from, strlen(from), a), addresses(to, a),
                               arena_strdup(a, buf_text(&b))};
    if (!*out->from || !out->to[0])
        return err_set(e, ERR_INVALID, "the mail has no sender or nobody to go to");
    return buf_check(&b, e);
}
