/* websocket.h - RFC 6455 messages over an upgraded connection, server side.
 *
 * Guarantees A message is at most `max` bytes; larger ones end the connection. Pings are answered.
 * Threads    One thread may receive while others send.
 * Lifetime   Lives in the request's arena; the socket is the request's.                    */
#pragma once
#include <stdbool.h>

#include "net/http_server.h"

struct websocket;

struct websocket_message {
    bool text;
    const unsigned char *bytes; /* until the next receive */
    size_t n;
};

/* Is it a request to upgrade to WebSocket? */
bool websocket_asked(const struct http_request *q);

/* Answers 101 with the first of `protocols` (NULL-terminated, best first) that the client
 * offers. ERR_UNSUPPORTED, not answered: none of them; ERR_INVALID: malformed. */
int websocket_accept(struct http_request *q, const char *const *protocols, size_t max,
                     struct websocket **out, const char **out_protocol, struct err *e) MUST_CHECK;

int websocket_send(struct websocket *w, bool text, const void *bytes, size_t n,
                   struct err *e) MUST_CHECK;
/* A message whose first byte is `channel`: Kubernetes' *.channel.k8s.io. */
int websocket_send_channel(struct websocket *w, unsigned char channel, const void *bytes, size_t n,
                           struct err *e) MUST_CHECK;
/* Waits for the next message. ERR_CANCELLED: the other side closed. */
int websocket_receive(struct websocket *w, struct websocket_message *out, struct err *e) MUST_CHECK;
/* For poll(): POLLRDHUP once the other side has gone, whatever is still unread. */
int websocket_fd(const struct websocket *w);
/* Sends a close frame; receivers end. */
void websocket_close(struct websocket *w, unsigned code);
