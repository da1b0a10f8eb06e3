/* names_int.h - what names, labels and keys may look like, and upstream's words for why not.
 *
 * Model    Each check adds sentences to a short list; an empty list is a valid name.     */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { NAME_ERRORS_MAX = 4 };

struct name_errors {
    const char *text[NAME_ERRORS_MAX];
    size_t n;
};

bool name__is_dns1123_label(const char *s, size_t n);
bool name__is_dns1123_subdomain(const char *s);
bool name__is_qualified(const char *s);

struct name_errors name__dns1123_label(const char *s, struct arena *a);
struct name_errors name__dns1123_subdomain(const char *s, struct arena *a);
struct name_errors name__dns1035_label(const char *s, struct arena *a);
struct name_errors name__wildcard_subdomain(const char *s, struct arena *a);
struct name_errors name__qualified(const char *s, struct arena *a); /* label and annotation keys */
struct name_errors name__label_value(const char *s, struct arena *a);
struct name_errors name__path_segment(const char *s, struct arena *a);
struct name_errors name__config_key(const char *s, struct arena *a);
struct name_errors name__env_var(const char *s, struct arena *a);
struct name_errors name__port(const char *s, struct arena *a);
struct name_errors name__ip(const char *s, struct arena *a);
struct name_errors name__domain_path(const char *s, struct arena *a); /* "example.com/path" */
struct name_errors name__fqdn(const char *s, struct arena *a);

bool name__is_ip(const char *s, bool *out_v6); /* as Go's ParseIP, no leading zeros */
