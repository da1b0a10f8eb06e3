/* watching_int.h - store events as a watcher with a selector sees them. */
#pragma once
#include "apiserver/apiserver_int.h"

enum watching { WATCHING_NOTHING, WATCHING_ADDED, WATCHING_MODIFIED, WATCHING_DELETED };

/* Sends what a stream between events has to send, where that needs no waiting; false: its own
 * thread has to look after it. */
struct stream;
bool web__cast(struct stream *s);

/* *view: the entry to show, with the event's revision; borrowed from the event. */
enum watching watching__classify(struct apiserver *s, const struct selection *sel,
                                 const struct served *k, const struct watch_event *ev,
                                 struct entry *view);
