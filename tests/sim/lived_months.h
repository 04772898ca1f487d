/* lived_months -- the months of all shards as they grew: every record and debt that came into a
 * cell or left it, by the place in its shard's journal; and the search for the places at which the
 * shards were looked at when somebody was told of a month.
 *
 * Each shard is looked at by itself, so an answer adds up some place of each. There are many such
 * combinations and what an answer says is a sum: each state gets a number that adds up likewise
 * (a mark), and only combinations whose marks add up to the answer's are looked at. */
#ifndef TESTS_SIM_LIVED_MONTHS_H
#define TESTS_SIM_LIVED_MONTHS_H

#include "tests/model/desk_model.h"
#include "tests/sim/asks.h"

/* What a cell holds; a record is one, and what leaves is one below zero. */
struct month_cell {
    struct cell_key key;
    int64_t count;
    int64_t refunds;
    int64_t late;
    int64_t medfee;
    uint64_t checksum;
    int64_t funds[FUND_COUNT];
};

/* From the records of all shards (check_settlements.h) and the debts in the journals. */
void months_live(const struct evidence *evidence, const struct desk_record *records,
                 uint32_t count);

/* The debts among them, by shard and number. */
const struct record_facts *months_debts(uint32_t *ret_count);

/* A number for a name and a figure's place beside it, to multiply figures by. */
uint64_t months_weight(uint64_t name, uint32_t figure);

/* A name of a cell, or of less than that. */
uint64_t months_name(const struct cell_key *key);

struct month_search {
    const struct asks *asks;
    const struct sim_said *said;
    uint32_t period; /* 0: all months. */
    /* What a cell adds to the mark; it must be a sum of figures with weights. */
    uint64_t (*mark)(const struct month_cell *cell, const void *of);
    uint64_t want; /* The answer's own mark. */
    /* Is the answer that of these cells? In the order of their keys, none of them empty. */
    bool (*is)(const struct month_cell *cells, uint32_t count, const void *of);
    const void *of;
};

/* True when some combination fits; also when there are more of them than can be looked at. */
bool months_search(const struct month_search *search);

/* The months that held something at every place at which the shards may have been looked at, and
 * those that did so at some; ascending, at most `room` of each. */
void months_held(const struct asks *asks, const struct sim_said *said, uint32_t room,
                 uint32_t *ret_always, uint32_t *ret_always_count, uint32_t *ret_sometimes,
                 uint32_t *ret_sometimes_count);

#endif
