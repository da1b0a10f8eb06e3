/* yaml_block_int.h - a quick reader for the YAML that most files are written in.
 *
 * Model      Tells the events that libyaml would tell, with the same text, style, line and column.
 *            It knows block maps and lists, all styles of text and brackets on one line. At
 *            anything else, anchors, tags, tabs between words or what is wrong, it gives up, and
 *            libyaml reads the text from its beginning.
 * Guarantees What it tells to the end is what libyaml says; fuzz_yaml_block holds it to that.   */
#pragma once
#include <stdbool.h>
#include <yaml.h>

#include "base/buf.h"

/* Text in an event is borrowed until the function returns. 0: go on; all else ends the reading. */
typedef int (*yaml_event_fn)(void *arg, const yaml_event_t *event);

/* False when it gave up or fn failed (a negative answer). */
bool yaml__block_events(const char *text, size_t n, yaml_event_fn fn, void *arg);

/* ---- its own ---- */

struct yaml_block {
    const char *p, *end;
    const char *line; /* where the line of p begins */
    size_t line_no;   /* from 0 */
    bool ascii;       /* a byte is a character in all of the text */
    int depth;        /* of what is open */
    struct buf text;  /* of the scalar that is being read */
    yaml_event_fn fn;
    void *arg;
    bool enough; /* fn wants no more */
};

static inline char yaml__peek(const struct yaml_block *b, size_t ahead)
{
    return (size_t)(b->end - b->p) > ahead ? b->p[ahead] : '\0';
}

static inline bool yaml__ends_word(char c)
{
    return c == ' ' || c == '\n' || c == '\0' || c == '\t';
}

yaml_mark_t yaml__mark(const struct yaml_block *b, const char *at);
bool yaml__emit(struct yaml_block *b, const yaml_event_t *event);
bool yaml__emit_text(struct yaml_block *b, yaml_scalar_style_t style, yaml_mark_t mark);
void yaml__next_line(struct yaml_block *b);
/* Behind a value: goes on to the next line with something on it. False when more stands here. */
bool yaml__line_done(struct yaml_block *b);
/* From the beginning of a line to the next thing that is no comment. */
void yaml__next_content(struct yaml_block *b);

/* Whether unquoted text may begin at p. */
bool yaml__plain_begins(const struct yaml_block *b, bool flow);
/* The text at p; a value goes on in lines that stand deeper than its parent. */
bool yaml__quoted(struct yaml_block *b, bool one_line);
bool yaml__plain_value(struct yaml_block *b, long parent);
bool yaml__plain_in_flow(struct yaml_block *b);
bool yaml__block_scalar(struct yaml_block *b, long parent);
