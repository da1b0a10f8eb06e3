/* multiline.h - which lines belong to the one before: stack traces of Java, Python, Go, JavaScript,
 * Ruby and .NET. Pure.
 *
 * Model  One state for each stream of lines. A trace has a first line that looks like one, and
 *        lines behind it that only a trace has; no other lines are joined.                  */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum multiline {
    MULTILINE_NONE, /* the last line stands alone */
    MULTILINE_EXCEPTION,
    MULTILINE_PYTHON,
    MULTILINE_PYTHON_END,
    MULTILINE_GO,
};

/* Does the line go on with the record that the last one began or went on with? Afterwards, unless
 * *state is MULTILINE_NONE, the next line may. */
bool multiline_next(enum multiline *state, const char *line, size_t n);
