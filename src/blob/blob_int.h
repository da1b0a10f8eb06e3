/* blob_int.h - what the files of blob/ share. */
#pragma once
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

#include "blob/blob.h"

struct blob_store {
    char *folder;
    pthread_mutex_t lock;   /* between touching a blob and removing it */
    unsigned unsynced[256]; /* by the two digits of a folder: renamed into it, not yet synced */
};
