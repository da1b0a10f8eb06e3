/* streams_int.h - what exec, attach and the ways of port-forward share. */
#pragma once
#include "apiserver/pod_door.h"
#include "apiserver/subs_int.h"

enum { STREAMS_MESSAGE_MAX = 4 * 1024 * 1024, STREAMS_PIECE = 16 * 1024 };

/* Refuses: there is no node. */
int streams__unavailable(struct call *c);
/* Closes it unless it is -1, which it is then. */
void streams__close(int *fd);
/* All of it to `fd`, which does not block; false when it takes no more or the client at `peer` has
 * gone, for one that reads nothing must not hide that. */
bool streams__write(int peer, int fd, const unsigned char *p, size_t n);

/* ---- forward.c, tunnel.c: port-forward, in channels of a WebSocket or in streams of SPDY ---- */
int streams__forward(struct web *w, const struct object *pod);
bool tunnel__asked(const struct http_request *q);
int tunnel__serve(struct web *w, const struct object *pod);
