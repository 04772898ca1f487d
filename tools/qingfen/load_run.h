/* load_run -- sends a stream of settlements through a fleet and measures.
 *
 * WHAT    Closed loop: a window of frames on every connection, the next one goes when one is
 *         answered; this finds the capacity. Open loop: record k is due k / rate after the start
 *         of its run, and its latency counts from then, whatever kept it from being sent.
 *
 * LAWS    (O1) No coordinated omission: in an open loop every record that was due has a latency
 *              from its due time in the histogram, also those that waited for room in a window,
 *              those that were never answered, and those that could not even be sent: the last
 *              two with the time they had waited when the run gave up.
 *         (O2) A record counts as done when the engine answered what it had to: accepted, or for a
 *              duplicate that it knows it. Everything else is an error.
 *
 * Must not know options, thresholds or files. */
#ifndef QINGFEN_LOAD_RUN_H
#define QINGFEN_LOAD_RUN_H

#include "tools/client/fleet.h"
#include "tools/qingfen/load_result.h"
#include "tools/workload/live.h"

struct load_step {
    uint64_t rate;  /* Records a second; 0: closed loop. */
    int64_t for_ns; /* Nothing becomes due from then on. */
    uint64_t count; /* Records to send; UINT64_MAX: until the time is over. */
};

struct load_run {
    struct fleet fleet;
    struct live live;
    struct histogram latency_ns; /* Of the whole step, but for the second that is not over. */
    struct histogram second_ns;  /* Of the second that is not over. */
    struct histogram late_ns;
    struct load_step step;
    int64_t patience_ns; /* For answers, after the last record was due. */
    uint64_t done;
    uint64_t errors;
    uint64_t sent; /* In this step. */
    int64_t start_ns;
    int64_t end_ns;      /* Nothing is due from here on. */
    int64_t give_up_ns;  /* Nothing is sent from here on, however much was due. */
    int64_t answered_ns; /* Of the last answer. */
    int64_t reported_ns;
    uint64_t reported; /* Done then. */
    uint32_t said;     /* Errors explained on stderr: the first one is. */
    bool is_quiet;     /* No line a second: the originals of refunds. */
    bool is_lost;      /* fleet.text says why. */
};

/* Connects and stands before the first record. 0, or negative errno with run->fleet.text. `options`
 * lacks `answered` and `owner`. load_run_close() only after 0. */
int load_run_open(struct load_run *run, struct fleet_options options);
void load_run_close(struct load_run *run);

/* One step, on the same connections as the one before, going on with the same stream. False when
 * the connection is lost or answers are missing: then no further step is possible. A line a second
 * goes to stderr, unless it is quiet. */
bool load_run_step(struct load_run *run, struct load_step step, struct load_result *ret_result);

#endif
