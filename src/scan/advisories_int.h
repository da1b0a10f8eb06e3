/* advisories_int.h - the file of advisories.c, and what is put into it. */
#pragma once
#include "base/map.h"
#include "scan/advisories.h"

#define ADVISORIES_MAGIC "SWADV03\n"

enum { ADVISORIES_SIGNATURE_MAX = 4096 };

/* Little endian: head, then `n` slots sorted by key, then the texts they point at: `size` bytes,
 * and behind them their signature, if any. */
struct advisories_head {
    char magic[8];
    int64_t built_ms;
    uint64_t n, records, size;
};

struct advisories_slot {
    uint64_t key, records; /* offsets of texts ended by a zero byte */
    uint64_t records_n;
};

struct advisories {
    const char *path, *bytes;
    size_t n; /* of all bytes, the signature's among them */
    const struct advisories_head *head;
    const struct advisories_slot *slots;
};

/* One package's records, a JSON array. */
struct advisories_item {
    const char *key, *records;
    size_t n;
};

struct advisories_about {
    int64_t built_ms;
    uint64_t records;
};

/* Items in the order of their keys, as a file that replaces the one that is there. */
int advisories__write(const char *path, const struct advisories_item *items, size_t n,
                      const struct advisories_about *about, struct err *e) MUST_CHECK;

/* "ecosystem\npackage", both as they are looked up: names in the spelling that all of the
 * ecosystem's spellings share, ecosystems without what no image says of itself. */
char *advisories__key(struct arena *a, const char *ecosystem, const char *package);

struct advisories_builder {
    struct arena *arena;
    struct map packages; /* key → struct record_list */
    struct map scores;   /* CVE → struct exploit */
    struct advisories_stats stats;
};

/* What is known about attacks. */
struct exploit {
    double epss; /* < 0: not known */
    const char *kev;
};

/* One OSV record, for each package that it names. */
void advisories__add(struct advisories_builder *b, const struct value *record);

/* Whatever a document is: an OSV record, Debian's or Alpine's tracker, CISA's catalogue. With
 * `scores` only what says something about attacks is taken, without it only the rest. */
int advisories__document(struct advisories_builder *b, const struct value *doc, bool scores,
                         struct arena *scratch, struct err *e) MUST_CHECK;

/* EPSS: "cve,epss,percentile" lines behind a comment and a head. The text is cut up. */
void advisories__epss(struct advisories_builder *b, char *text);
