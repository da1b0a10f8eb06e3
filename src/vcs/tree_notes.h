/* tree_notes.h - what was asked of a commit's files, and whether another commit answers the same.
 *
 * Model      A note for every path that somebody looked at, links that were followed on the way
 *            and paths where nothing stood among them, and for every folder that was listed.
 *            The difference of two commits is a set of points: paths that differ, and folders
 *            above them that something was added or removed below.
 * Guarantees tree_notes_touched() is false only when every question has the same answer in both
 *            commits. It may be true for a difference that nobody would see (a file more, deep
 *            below a folder that was listed).
 *            It costs what the smaller of the two sets has members; no file is read.
 * Threads    None of its own; what nobody writes, any number of threads may ask.           */
#pragma once
#include "base/map.h"
#include "vcs/tree.h"

struct tree_notes {
    struct map paths; /* to a set of enum tree_note */
};

void tree_notes_init(struct tree_notes *n);
void tree_notes_done(struct tree_notes *n);

/* tree_of_commit() that notes what it is asked; the notes outlive it. */
struct tree *tree_of_commit_noted(struct repo *r, const char *commit, struct tree_notes *notes);

struct tree_points {
    struct map paths; /* to a set of enum tree_point */
};

/* What differs between two commits. */
int tree_points_between(struct repo *r, const char *from, const char *to, struct tree_points *out,
                        struct err *e) MUST_CHECK;
/* The same for a list of changes. */
struct repo_change;
void tree_points_init(struct tree_points *p, const struct repo_change *changes, size_t n);
void tree_points_done(struct tree_points *p);

bool tree_notes_touched(const struct tree_notes *notes, const struct tree_points *points);

/* The files that were read and whose text differs, NULL-terminated; NULL: something else that was
 * asked may have another answer, too. */
const char *const *tree_notes_texts(const struct tree_notes *notes,
                                    const struct tree_points *points, struct arena *a);
