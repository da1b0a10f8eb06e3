/* registry.h - what the verbs about this machine's registry share. */
#pragma once
#include "cli/verb.h"

struct image_store;

int registry_open_images(const char *data_dir, struct arena *a, struct image_store **out,
                         struct err *e) MUST_CHECK;
const char *registry_bytes_text(uint64_t n, struct arena *a); /* "1.5 MiB" */
