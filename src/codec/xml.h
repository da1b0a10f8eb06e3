/* xml.h - an XML document, read in order.
 *
 * Model      libexpat underneath: every encoding it knows comes as UTF-8, entities that a document
 *            declares are expanded within its limits, nothing outside the document is opened.
 *            Names come without their prefix. A run of character data comes as one text.
 * Guarantees What is not well-formed is refused with its line; what was before it has been told.
 * Lifetime   What a handler is given is good until it returns.                               */
#pragma once
#include <stddef.h>

#include "base/err.h"

enum { XML_DEPTH_MAX = 64 };

struct xml_reader {
    /* attributes: name, value, name, value, …, NULL; a name without its prefix */
    void (*open)(void *arg, const char *name, const char *const *attributes);
    void (*text)(void *arg, const char *text); /* with the blanks around it */
    void (*close)(void *arg, const char *name);
    void *arg;
};

/* Tells the reader what the document holds; handlers that are NULL are not called. */
int xml_read(const char *text, size_t n, const struct xml_reader *reader, struct err *e) MUST_CHECK;

/* The value of an attribute; NULL when it is not there. */
const char *xml_attribute(const char *const *attributes, const char *name);
