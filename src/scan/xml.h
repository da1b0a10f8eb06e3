/* xml.h - the elements, attributes and texts of a small XML document. Private to scan/.
 *
 * Model      A scanner, not a parser: it knows no document types and opens no entities but the five
 *            that XML has and those that give a character's number. Names are without their prefix.
 * Limits     Depth. What is not XML ends the document.                                        */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { XML_DEPTH_MAX = 64 };

struct xml {
    const char *p, *end;
    struct arena *arena;
    bool empty; /* <a/>: its end comes next */
    const char *name;
};

enum xml_event { XML_END_OF_DOCUMENT, XML_OPEN, XML_CLOSE, XML_TEXT };

/* The next event; x->name of an element, *text of a text, decoded; *attributes what stands behind
 * an element's name. */
enum xml_event xml__next(struct xml *x, const char **text, const char **attributes);

/* An attribute's value, decoded, or NULL. */
const char *xml__attribute(struct xml *x, const char *attributes, const char *name);
