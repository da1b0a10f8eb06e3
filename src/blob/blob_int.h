/* blob_int.h - what the files of blob/ share. */
#pragma once
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "blob/blob.h"

struct blob_store {
    char *folder;
    pthread_rwlock_t lock;     /* shared by who touch a blob, alone for who removes one */
    pthread_mutex_t making;    /* a folder: until it is on the disk */
    atomic_uint n_making;      /* who does, or is about to */
    atomic_uint unsynced[256]; /* by the two digits of a folder: named in it, not yet synced */
};
