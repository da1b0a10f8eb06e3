/* issues_secrets.c - keys and tokens that can be told by their form. */
#include <ctype.h>
#include <string.h>

#include "base/own.h"
#include "scan/issues_int.h"

static const struct secret {
    struct issue_rule rule;
    const char *prefix;
    const char *also;   /* besides letters and digits */
    size_t least, most; /* characters behind the prefix */
    bool upper;         /* no small letters */
} secrets[] = {
    {{"secret-aws-key", "an AWS access key", "revoke it and take it out of every layer",
      SEVERITY_CRITICAL},
     "AKIA",        "",
     16, 16,
     true },
    {{"secret-aws-key", "an AWS access key", "revoke it and take it out of every layer",
      SEVERITY_CRITICAL},
     "ASIA",        "",
     16, 16,
     true },
    {{"secret-github-token", "a GitHub token", "revoke it and mount it as a secret instead",
      SEVERITY_CRITICAL},
     "ghp_",        "",
     36, 36,
     false},
    {{"secret-github-token", "a GitHub token", "revoke it and mount it as a secret instead",
      SEVERITY_CRITICAL},
     "gho_",        "",
     36, 36,
     false},
    {{"secret-github-token", "a GitHub token", "revoke it and mount it as a secret instead",
      SEVERITY_CRITICAL},
     "ghs_",        "",
     36, 36,
     false},
    {{"secret-github-token", "a GitHub token", "revoke it and mount it as a secret instead",
      SEVERITY_CRITICAL},
     "github_pat_", "_",
     60, 100,
     false},
    {{"secret-gitlab-token", "a GitLab token", "revoke it and mount it as a secret instead",
      SEVERITY_CRITICAL},
     "glpat-",      "-_",
     20, 40,
     false},
    {{"secret-slack-token", "a Slack token", "revoke it", SEVERITY_HIGH},
     "xoxb-",       "-",
     20, 90,
     false},
    {{"secret-slack-token", "a Slack token", "revoke it", SEVERITY_HIGH},
     "xoxp-",       "-",
     20, 90,
     false},
    {{"secret-stripe-key", "a Stripe key of a live account", "revoke it", SEVERITY_CRITICAL},
     "sk_live_",    "",
     24, 99,
     false},
    {{"secret-google-key", "a Google API key", "revoke it", SEVERITY_HIGH},
     "AIza",        "-_",
     35, 35,
     false},
    {{"secret-npm-token", "an npm token", "revoke it and mount .npmrc as a secret",
      SEVERITY_CRITICAL},
     "npm_",        "",
     36, 36,
     false},
};

static const struct issue_rule private_key = {"secret-private-key", "a private key",
                                              "replace the key and mount it as a secret",
                                              SEVERITY_HIGH};

static bool is_word(unsigned char c, const char *also)
{
    return isalnum(c) || (c && strchr(also, c));
}

static bool fits(const struct secret *s, const char *at, const char *text, const char *end)
{
    const char *p = at + strlen(s->prefix);
    size_t n = 0;
    if (at > text && is_word((unsigned char)at[-1], "_"))
        return false;
    while (p + n < end && is_word((unsigned char)p[n], s->also) &&
           !(s->upper && islower((unsigned char)p[n])))
        n++;
    bool varied = false; /* "xxxxxxxx" stands in documentation */
    for (size_t i = 1; i < n && !varied; i++)
        varied = p[i] != p[0];
    return n >= s->least && n <= s->most && varied;
}

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* A PEM block whose second line is base64: a header alone is a mention. */
static bool is_pem(const char *at, const char *end)
{
    const char *p = memchr(at, '\n', (size_t)(end - at));
    size_t n = 0;
    if (!p || p - at > 60)
        return false;
    for (p++; p + n < end && is_word((unsigned char)p[n], "+/="); n++)
        continue;
    return n >= 40 || (p + n < end && p[n] == ':'); /* "Proc-Type: 4,ENCRYPTED" */
}

void issues__secrets(struct issue_list *l, struct arena *a, const char *path, const char *text,
                     size_t n)
{
    const char *end = text + n;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        const struct secret *s = &secrets[i];
        size_t len = strlen(s->prefix);
        for (const char *p = text; (p = memmem(p, (size_t)(end - p), s->prefix, len)); p += len)
            if (fits(s, p, text, end)) {
                issues__add(l, a, ISSUE_SECRET, &s->rule, path, line_of(text, p));
                break; /* one of a kind names the file */
            }
    }
    for (const char *p = text; (p = memmem(p, (size_t)(end - p), "-----BEGIN ", 11)); p += 11) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        if (line_end && memmem(p, (size_t)(line_end - p), "PRIVATE KEY-----", 16) &&
            is_pem(p, end)) {
            issues__add(l, a, ISSUE_SECRET, &private_key, path, line_of(text, p));
            break;
        }
    }
}
