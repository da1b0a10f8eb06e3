/* message_int.h - what the files that put notices into words share. */
#pragma once
#include "alert/message.h"
#include "template/template.h"

struct renderer {
    struct arena *arena;
    const struct alert_notice *notice;
    const struct alert_words *words;
    struct go_value dot;
};

int renderer_init(struct renderer *r, const struct alert_notice *n, const struct alert_words *w,
                  struct arena *a, struct err *e) MUST_CHECK;
/* A template's text over the notice. */
int renderer_text(struct renderer *r, const char *text, const char **out, struct err *e) MUST_CHECK;
/* A setting of the channel that is a template; `dflt` where it is not set. */
int renderer_setting(struct renderer *r, const char *name, const char *dflt, const char **out,
                     struct err *e) MUST_CHECK;

/* data.c */
struct go_value alert_data(const struct alert_notice *n, const char *external_url, struct arena *a);
const char *alert_status(const struct alert_notice *n); /* "firing" or "resolved" */
/* "[FIRING:2] web (page)": what a group is about, in a line. */
char *alert_subject(const struct alert_notice *n, struct arena *a);
struct labels alert_common(const struct alert_notice *n, bool annotations, struct arena *a);

extern const char alert_default_templates[];
