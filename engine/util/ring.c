#include "util/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "types/ensure.h"

#define HEAD_SIZE 8 /* Before each message: its size; WRAP means go on at the start. */
#define WRAP      UINT64_MAX

/* Positions only grow; the place is the position modulo the size. Writer's and reader's own lines
 * are apart, so that neither slows the other. */
struct ring {
    uint8_t *data;
    uint64_t size;
    _Alignas(64) uint64_t reserved; /* Writer's. */
    uint64_t read_seen;             /* Writer's last look at `read`. */
    _Alignas(64) _Atomic uint64_t published;
    _Alignas(64) _Atomic uint64_t read;
    _Alignas(64) uint64_t at; /* Reader's. */
    uint64_t published_seen;  /* Reader's last look at `published`. */
};

struct ring *ring_new(size_t bytes)
{
    ENSURE(bytes >= 4096);
    ENSURE((bytes & (bytes - 1)) == 0);
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    if (ring == NULL) return NULL;
    memset(ring, 0, sizeof *ring);
    ring->size = bytes;
    ring->data = aligned_alloc(64, bytes);
    if (ring->data == NULL) {
        free(ring);
        return NULL;
    }
    atomic_init(&ring->published, 0);
    atomic_init(&ring->read, 0);
    return ring;
}

void ring_free(struct ring *ring)
{
    if (ring == NULL) return;
    free(ring->data);
    free(ring);
}

static bool has_room(struct ring *ring, uint64_t needed)
{
    if (ring->reserved + needed - ring->read_seen <= ring->size) return true;
    ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
    return ring->reserved + needed - ring->read_seen <= ring->size;
}

void *ring_reserve(struct ring *ring, size_t size)
{
    const uint64_t needed = HEAD_SIZE + ((size + 7) & ~(size_t)7);
    uint64_t at = ring->reserved & (ring->size - 1);
    const uint64_t to_end = ring->size - at;
    const bool wraps = needed > to_end;

    ENSURE(size != 0);
    if (!has_room(ring, wraps ? to_end + needed : needed)) return NULL;
    if (wraps) {
        memcpy(ring->data + at, &(uint64_t){WRAP}, HEAD_SIZE);
        ring->reserved += to_end;
        at = 0;
    }
    memcpy(ring->data + at, &(uint64_t){size}, HEAD_SIZE);
    ring->reserved += needed;
    return ring->data + at + HEAD_SIZE;
}

bool ring_publish(struct ring *ring)
{
    if (atomic_load_explicit(&ring->published, memory_order_relaxed) == ring->reserved) {
        return false;
    }
    atomic_store_explicit(&ring->published, ring->reserved, memory_order_release);
    return true;
}

struct bytes ring_next(struct ring *ring)
{
    for (;;) {
        if (ring->at == ring->published_seen) {
            ring->published_seen = atomic_load_explicit(&ring->published, memory_order_acquire);
            if (ring->at == ring->published_seen) return (struct bytes){0};
        }
        const uint64_t at = ring->at & (ring->size - 1);
        uint64_t size;
        memcpy(&size, ring->data + at, HEAD_SIZE);
        if (size == WRAP) {
            ring->at += ring->size - at;
            continue;
        }
        ring->at += HEAD_SIZE + ((size + 7) & ~(uint64_t)7);
        return (struct bytes){ring->data + at + HEAD_SIZE, size};
    }
}

void ring_release(struct ring *ring)
{
    atomic_store_explicit(&ring->read, ring->at, memory_order_release);
}
