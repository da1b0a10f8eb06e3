#include "net/mail.h"

#include <curl/curl.h>
#include <string.h>

#include "base/arena.h"
#include "net/cancel_int.h"

struct reader {
    const char *at;
    size_t left;
};

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
    struct reader *r = arg;
    size_t n = size * count < r->left ? size * count : r->left;
    memcpy(to, r->at, n);
    r->at += n;
    r->left -= n;
    return n;
}

static void set_tls(CURL *h, const struct mail_call *m)
{
    curl_easy_setopt(h, CURLOPT_USE_SSL, (long)(m->require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (m->insecure) {
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (m->ca_file)
        curl_easy_setopt(h, CURLOPT_CAINFO, m->ca_file);
    if (m->cert_file)
        curl_easy_setopt(h, CURLOPT_SSLCERT, m->cert_file);
    if (m->key_file)
        curl_easy_setopt(h, CURLOPT_SSLKEY, m->key_file);
}

static void set_call(CURL *h, const struct mail_call *m, struct reader *r, struct arena *a)
{
    const char *port = strrchr(m->server, ':');
    bool tls = port && strcmp(port, ":465") == 0;
    const char *hello = m->hello && *m->hello ? m->hello : "localhost";
    curl_easy_setopt(h, CURLOPT_URL,
                     arena_join(a, tls ? "smtps://" : "smtp://", m->server, "/", hello, NULL));
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)m->timeout_ms);
    curl_easy_setopt(h, CURLOPT_MAIL_FROM, arena_join(a, "<", m->from, ">", NULL));
    curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(h, CURLOPT_READDATA, r);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    if (m->user) {
        curl_easy_setopt(h, CURLOPT_USERNAME, m->user);
        curl_easy_setopt(h, CURLOPT_PASSWORD, m->password ? m->password : "");
    }
    set_tls(h, m);
    http__cancel_by(h, m->cancel);
}

/* 4xx asks to come again; what the network does may be better next time. */
static bool may_work_later(CURL *h, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    return status < 500 && code != CURLE_URL_MALFORMAT && code != CURLE_LOGIN_DENIED;
}

int mail_send(const struct mail_call *m, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct reader r = {m->text, strlen(m->text)};
    struct curl_slist *to = NULL;
    CURL *h = curl_easy_init();
    if (!h)
        return err_set(e, ERR_SYSTEM, "libcurl does not start");
    for (const char *const *t = m->to; *t; t++)
        to = curl_slist_append(to, arena_join(a, "<", *t, ">", NULL));
    curl_easy_setopt(h, CURLOPT_MAIL_RCPT, to);
    set_call(h, m, &r, a);
    CURLcode code = curl_easy_perform(h);
    enum err_code kind = code == CURLE_ABORTED_BY_CALLBACK ? ERR_CANCELLED
                         : may_work_later(h, code)         ? ERR_AGAIN
                                                           : ERR_INVALID;
    curl_easy_cleanup(h);
    curl_slist_free_all(to);
    return code == CURLE_OK
               ? 0
               : err_set(e, kind, "mail server %s: %s", m->server, curl_easy_strerror(code));
}
