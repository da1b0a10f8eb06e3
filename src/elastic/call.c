/* call.c - what is wrong with a request, in Elasticsearch's words. */
#include <stdio.h>

#include "elastic/elastic_int.h"

int elastic__vfault(struct elastic_call *c, struct err *e, const char *fault, const char *fmt,
                    va_list ap)
{
    char text[600];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    c->fault = fault;
    return err_set(e, ERR_INVALID, "%s", text);
}

int elastic__fault(struct elastic_call *c, struct err *e, enum err_code code, const char *fault,
                   const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)elastic__vfault(c, e, fault, fmt, ap);
    va_end(ap);
    if (e)
        e->code = code;
    return code;
}
