/* recount_look -- an entry while recount looks at it, and what its files ask of each other. Only
 * recount's own files include it. */
#ifndef VERIFY_RECOUNT_LOOK_H
#define VERIFY_RECOUNT_LOOK_H

#include "tools/verify/recount.h"

/* What verify knows of an entry while it looks at it. */
struct look {
    struct recount *recount;
    const struct entry *entry;
    place_t place;
    struct finding *finding;
};

/* Sets the finding about the entry. False, always. */
bool look_wrong(const struct look *look, const char *what);

/* An entry that was taken before; views into the journal. */
static inline struct entry recount_entry(const struct recount *recount, uint64_t seq)
{
    return chain_entry(recount->chain, recount->places[seq - 1]);
}

/* -- recount_state.c -------------------------------------------------------------------------- */

/* The cell of a key, the mark of a record, made when it is not there yet; NULL without memory. */
struct recount_cell *recount_cell_for(struct recount_state *state, struct cell_key key);
struct mark *recount_mark_for(struct recount_state *state, uint64_t seq);

/* -- recount_ids.c ---------------------------------------------------------------------------- */

/* The kinds of ids: each is used once by a person. */
enum id_kind {
    ID_MSGID = 'M',
    ID_SETL = 'S',
    ID_ADJ = 'A'
};

/* An id, with everything that makes it one. */
struct full_id {
    uint64_t hash;
    enum id_kind kind;
    uint32_t scope; /* Sender, or insured area. */
    struct bytes psn_key;
    struct bytes text;
    struct bytes of; /* Of an adjustment: the record it is about has a number of that name once. */
};

/* Borrow key and text. */
struct full_id full_id_make(enum id_kind kind, uint32_t scope, struct bytes psn_key,
                            struct bytes text);
struct full_id full_id_of_adjustment(const struct adjustment *a);

/* Remembers an id. False with a finding when the person has used it before. */
bool look_add_id(const struct look *look, const struct full_id *id);

#endif
