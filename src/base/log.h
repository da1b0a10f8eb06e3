/* log.h - lines for the operator, on standard error.
 *
 * Model    One line an event: time, level, area, sentence. Libraries never log; the edge
 *          that handles an error logs it once. Secrets are never passed here.
 * Threads  Any. A line is written by one write(2).                                 */
#pragma once
#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least);
void log_line(enum log_level level, const char *area, const char *fmt, ...) PRINTF(3, 4);

#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...)  log_line(LOG_INFO, area, __VA_ARGS__)
#define log_warn(area, ...)  log_line(LOG_WARN, area, __VA_ARGS__)
#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)

/* Prints the sentence and a backtrace, then aborts: for our bugs and for memory that
 * is not to be had. Never for input. */
_Noreturn void log_die(const char *fmt, ...) PRINTF(1, 2);
