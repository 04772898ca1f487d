/* checksum_pieces -- the SHA-256 of a long body by its pieces, two of them at a time.
 *
 * One SHA-256 waits for its own rounds; a second beside it costs next to nothing where the
 * processor has instructions for it. Without them each piece goes to libcrypto. Apart from
 * checksum.c, so that programs which only send need no library for it. */
#include <intel-ipsec-mb.h>

#include "types/ensure.h"
#include "util/checksum.h"

static _Thread_local IMB_MGR *lanes;
static _Thread_local bool looked;

static void look_for_lanes(void)
{
    looked = true;
    lanes = alloc_mb_mgr(0);
    NEED_MEMORY(lanes);
    init_mb_mgr_avx2(lanes);
    if (imb_get_errno(lanes) == 0 && (lanes->features & IMB_FEATURE_SHANI) != 0) return;
    free_mb_mgr(lanes);
    lanes = NULL;
}

void checksum_pieces_thread_done(void)
{
    if (lanes != NULL) free_mb_mgr(lanes);
    lanes = NULL;
    looked = false;
}

static struct bytes piece_at(struct bytes body, uint32_t piece)
{
    const size_t offset = (size_t)piece * SHA256_PIECE;
    const size_t left = body.size - offset;
    return (struct bytes){body.data + offset, left < SHA256_PIECE ? left : SHA256_PIECE};
}

static uint32_t count_done(const IMB_JOB *job)
{
    uint32_t done = 0;
    for (; job != NULL; job = IMB_GET_COMPLETED_JOB(lanes), done++)
        ENSURE(job->status == IMB_STATUS_COMPLETED);
    return done;
}

static void hash_side_by_side(struct bytes body, uint32_t count, uint8_t (*ret)[SHA256_SIZE])
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct bytes piece = piece_at(body, i);
        IMB_JOB *job = IMB_GET_NEXT_JOB(lanes);
        *job = (IMB_JOB){
            .cipher_mode = IMB_CIPHER_NULL,
            .cipher_direction = IMB_DIR_ENCRYPT,
            .chain_order = IMB_ORDER_HASH_CIPHER,
            .hash_alg = IMB_AUTH_SHA_256,
            .src = piece.data,
            .msg_len_to_hash_in_bytes = piece.size,
            .auth_tag_output = ret[i],
            .auth_tag_output_len_in_bytes = SHA256_SIZE,
        };
        done += count_done(IMB_SUBMIT_JOB(lanes));
    }
    while (done < count) {
        const IMB_JOB *job = IMB_FLUSH_JOB(lanes);
        ENSURE(job != NULL);
        done += count_done(job);
    }
}

void checksum_sha256_pieces(struct bytes head, struct bytes body, uint8_t ret_hash[SHA256_SIZE])
{
    uint8_t hashes[SHA256_PIECES_MAX][SHA256_SIZE];
    const uint32_t count = (uint32_t)((body.size + SHA256_PIECE - 1) / SHA256_PIECE);
    ENSURE(count <= SHA256_PIECES_MAX);

    if (!looked) look_for_lanes();
    if (lanes != NULL && count > 1) {
        hash_side_by_side(body, count, hashes);
    } else {
        for (uint32_t i = 0; i < count; i++)
            checksum_sha256(piece_at(body, i), (struct bytes){NULL, 0}, hashes[i]);
    }
    checksum_sha256(head, (struct bytes){hashes[0], (size_t)count * SHA256_SIZE}, ret_hash);
}
