/* light_heap.c - memory of a process that renders once and ends: few faults, large pages. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/light.h"

enum { LARGE_PAGE = 2 << 20, SOON = 256 << 10, SMALL = 768 << 10, HEAP = 64 << 20, MORE = 1 << 20 };

void light_heap(void)
{
    /* The heap is one stretch of addresses from here on, which is neither cut nor given back. */
    char *start = (char *)sbrk(0);
    (void)sbrk((intptr_t)(-((uintptr_t)start + SMALL) & (LARGE_PAGE - 1)));
    (void)mallopt(M_MMAP_THRESHOLD, HEAP / 2);
    (void)mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    (void)mallopt(M_TOP_PAD, HEAP);
    start = (char *)sbrk(0);
    char *first = malloc(SMALL / 2), *end = (char *)sbrk(0);
    (void)mallopt(M_TOP_PAD, MORE); /* beyond it, and where limits forbid so much at once */
    if (first >= start && first < start + SMALL && end - start >= HEAP) {
        /* What every render needs comes at once; beyond what a small chart needs, one fault does
         * instead of 512. */
        (void)madvise(start, SOON, MADV_POPULATE_WRITE);
        (void)madvise(start + SMALL, HEAP - SMALL, MADV_HUGEPAGE);
    }
    free(first);
}
