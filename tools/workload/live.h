/* live -- settlements without end for a load generator, as the bytes that go onto the wire.
 *
 * WHAT    The national workload's flows, classes and amounts, written straight into the caller's
 *         buffer, without a struct settlement in between. Beside it stand shapes that are not the
 *         generator's friend: an engine that is fast for the national one alone was tuned to it.
 *
 * HOW     Drafts (pair of provinces, places, care, institution, amounts) are numbered, too, and a
 *         record takes one of the 2048 latest, by chance; every 16 records there is a new one. So a
 *         draft serves 16 records, each with ids, person and time of its own, and of the ordinary
 *         shapes its message is kept as a form into which these are filled: a generator that draws
 *         each record anew takes twice the processor time, from the engine that it measures.
 *
 * LAWS    (V1) Every message passes the engine's decoder and rules, and is in canonical form.
 *         (V2) Record k of a stream is a function of seed, run, lane, shape and k alone, its time
 *              apart. So a refund or a duplicate needs nothing kept of its original.
 *         (V3) Streams with other `run` or `lane` never give the same ids. Persons are
 *              the same for all of them.
 *         (V4) What refers to a record comes later in the stream, and is the same person's.
 *
 * Must not know sockets, frames or clocks. */
#ifndef WORKLOAD_LIVE_H
#define WORKLOAD_LIVE_H

#include "tools/workload/draft.h"

/* X(symbol, name, what it is) */
#define LIVE_SHAPES(X)                                                               \
    X(NATIONAL, "national", "flows, classes and amounts of the country")             \
    X(MONTH, "month", "the same with 1 % refunds and 0.5 % duplicates, as `gen`")    \
    X(RANDOM_IDS, "random-ids", "ids without any order")                             \
    X(ONE_PROVINCE, "one-province", "one pair of provinces only, Anhui to Shanghai") \
    X(DUPLICATES, "duplicates", "16,384 settlements, each sent again and again")     \
    X(REFUNDS, "refunds", "refunds; their originals go first, unmeasured")           \
    X(TINY, "tiny", "only the fields that must be there, short ids")                 \
    X(MAX, "max", "every field there is, as long as it may be")

enum live_shape {
#define X(symbol, name, what) LIVE_##symbol,
    LIVE_SHAPES(X)
#undef X
    LIVE_SHAPE_COUNT,
};

/* Name of each shape and what it is; static memory. */
extern const char *const live_shape_names[LIVE_SHAPE_COUNT];
extern const char *const live_shape_texts[LIVE_SHAPE_COUNT];

#define LIVE_LANES          32    /* Streams of one run. */
#define LIVE_BODY_MAX       1024  /* Bytes; no message is longer. */
#define LIVE_DUPLICATES_SET 16384 /* Settlements of the shape `duplicates`. */

/* ---- What follows inside the struct is live.c's own business. ---- */

#define LIVE_FORMS     2048 /* Drafts to choose from. */
#define LIVE_FORM_SIZE 224  /* Bytes; the longest ordinary message has some 210. */

/* A message of a draft, complete but for ids, person and time. */
struct live_form {
    uint8_t body[LIVE_FORM_SIZE];
    uint64_t draft; /* Its number plus 1; 0: no form yet. */
    uint32_t size;  /* Of the body, bytes. */
    uint32_t insured_area;
    uint32_t neighbours;
    bool is_employee;
};

#define LIVE_TIMES 512 /* Records whose time is remembered: a duplicate looks 101 back at most. */

struct live {
    struct workload_source source;
    struct draft draft;           /* Of the record that was drawn, when it has no form. */
    const struct live_form *form; /* Of the record that was drawn; NULL: it is written anew. */
    enum live_shape shape;
    uint64_t seed;
    uint64_t sequence;  /* Records drawn. */
    uint64_t number;    /* Of the record drawn: lower than its sequence for a duplicate. */
    uint64_t original;  /* Of a refund: the number of what it refunds. */
    uint64_t originals; /* Shape `refunds`: how many there are to refund; 0: not yet said. */
    int64_t set_s;      /* Shape `duplicates`: time of the whole set, seconds; 0: not yet. */
    uint32_t part;      /* Of a refund, out of 1024; 0: the record is none. */
    uint32_t run;
    uint32_t lane;
    char run_text[13];  /* Ten digits of run and three of lane. */
    char short_text[8]; /* The same in base 32: seven and one. */
    uint8_t psn_key[PSN_KEY_SIZE];
    int64_t times_s[LIVE_TIMES];
    struct live_form forms[LIVE_FORMS];
};

/* Stands before the first record. */
void live_init(struct live *live, enum live_shape shape, uint64_t seed, uint32_t run,
               uint32_t lane);

/* Chooses the next record and gives its psn_key, good until the next call. */
const uint8_t *live_draw(struct live *live);

/* Writes the record that was drawn, as a SetlPost settled in the second of `now_ms` (ms since the
 * epoch, 1 or more; never less than at the call before). `out` has room for LIVE_BODY_MAX bytes.
 * Gives the size. Once after each live_draw(). */
size_t live_write(struct live *live, int64_t now_ms, uint8_t *out);

/* Shape `refunds`: what was drawn so far are the originals, and refunds of them follow, in the same
 * order. Once, with at least one record drawn and written. */
void live_turn(struct live *live);

/* Records that can still be drawn: ten thousand million in all, as many as the originals when they
 * are refunds. */
uint64_t live_left(const struct live *live);

/* True when the engine must recognise the record drawn last as sent before. */
bool live_is_duplicate(const struct live *live);

#endif
