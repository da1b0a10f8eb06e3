#include "codec/xml.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"

enum { TEXT_MAX = 1 << 20, ATTRIBUTES_MAX = 64 };

struct reading {
    const struct xml_reader *to;
    XML_Parser parser;
    struct buf text; /* what came since the last tag */
    int depth;
    const char *refused; /* a limit that the document is over */
};

static void refuse(struct reading *r, const char *why)
{
    r->refused = why;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

static void flush(struct reading *r)
{
    if (r->text.len && r->to->text)
        r->to->text(r->to->arg, buf_text(&r->text));
    buf_clear(&r->text);
}

static void on_open(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = arg;
    const char *plain[2 * ATTRIBUTES_MAX + 1];
    size_t n = 0;
    flush(r);
    if (++r->depth > XML_DEPTH_MAX) {
        refuse(r, "elements are nested deeper than 64");
        return;
    }
    for (; attributes[n] && n < 2 * (size_t)ATTRIBUTES_MAX; n++)
        plain[n] = n % 2 ? attributes[n] : local(attributes[n]);
    if (attributes[n]) {
        refuse(r, "an element has more than 64 attributes");
        return;
    }
    plain[n] = NULL;
    if (r->to->open)
        r->to->open(r->to->arg, local(name), plain);
}

static void on_close(void *arg, const XML_Char *name)
{
    struct reading *r = arg;
    flush(r);
    r->depth--;
    if (r->to->close)
        r->to->close(r->to->arg, local(name));
}

static void on_text(void *arg, const XML_Char *text, int n)
{
    struct reading *r = arg;
    buf_add(&r->text, text, (size_t)n);
    if (r->text.overflow)
        refuse(r, "a text is longer than 1 MiB");
}

static int failed(const struct reading *r, struct err *e)
{
    const char *why = r->refused ? r->refused : XML_ErrorString(XML_GetErrorCode(r->parser));
    return err_set(e, r->refused ? ERR_TOO_LARGE : ERR_INVALID, "line %lu: %s",
                   XML_GetCurrentLineNumber(r->parser), why);
}

int xml_read(const char *text, size_t n, const struct xml_reader *reader, struct err *e)
{
    if (n > INT_MAX)
        return err_set(e, ERR_TOO_LARGE, "an XML document of %zu bytes is too large", n);
    struct reading r = {.to = reader, .parser = XML_ParserCreate(NULL)};
    if (!r.parser)
        return err_sys(e, ENOMEM, "read XML");
    buf_init(&r.text, TEXT_MAX);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_open, on_close);
    XML_SetCharacterDataHandler(r.parser, on_text);
    bool read = XML_Parse(r.parser, text, (int)n, XML_TRUE) == XML_STATUS_OK && !r.refused;
    int rc = read ? 0 : failed(&r, e);
    buf_done(&r.text);
    XML_ParserFree(r.parser);
    return rc;
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}
