#include "tools/verify/bodies.h"

#include <stdlib.h>
#include <string.h>

#include "proto/settlement.pb-c.h"

#define ARENA_SIZE \
    (256 * 1024) /* A body is at most 4 KiB; the message made of it far below this. */

static void *arena_alloc(void *data, size_t size)
{
    struct arena *arena = data;
    size = (size + 15) & ~(size_t)15;
    if (size > arena->size - arena->used) return NULL;
    void *place = arena->memory + arena->used;
    arena->used += size;
    return place;
}

/* Everything is given back at once. */
static void arena_free(void *data, void *place)
{
    (void)data;
    (void)place;
}

bool arena_init(struct arena *arena)
{
    arena->memory = malloc(ARENA_SIZE);
    arena->size = ARENA_SIZE;
    arena->used = 0;
    arena->allocator = (ProtobufCAllocator){arena_alloc, arena_free, arena};
    return arena->memory != NULL;
}

void arena_done(struct arena *arena)
{
    free(arena->memory);
    arena->memory = NULL;
}

static struct bytes binary_of(ProtobufCBinaryData data)
{
    return (struct bytes){data.data, data.len};
}

bool body_settlement(struct arena *arena, struct bytes body, struct settlement *ret_settlement)
{
    arena->used = 0;
    const Qingfen__V1__SetlPost *m =
        qingfen__v1__setl_post__unpack(&arena->allocator, body.size, body.data);
    if (m == NULL) return false;

    *ret_settlement = (struct settlement){
#define X(symbol, name, field) .amounts[AMOUNT_##symbol] = m->name,
        SETTLEMENT_AMOUNTS(X)
#undef X
            .setl_time = m->setl_time,
        .begndate = m->begndate,
        .enddate = m->enddate,
        .inf_time = m->inf_time,
        .clr_amt = m->clr_amt,
        .msgid = bytes_of(m->msgid),
        .setl_id = bytes_of(m->setl_id),
        .mdtrt_id = bytes_of(m->mdtrt_id),
        .psn_key = binary_of(m->psn_key),
        .fixmedins_code = bytes_of(m->fixmedins_code),
        .orig_setl_id = bytes_of(m->orig_setl_id),
        .dise_codg = bytes_of(m->dise_codg),
        .medins_setl_id = bytes_of(m->medins_setl_id),
        .detail_digest = binary_of(m->detail_digest),
        .insu_admdvs = m->insu_admdvs,
        .mdtrtarea_admvs = m->mdtrtarea_admvs,
        .insutype = m->insutype,
        .med_type = m->med_type,
        .clr_type = m->clr_type,
        .clr_way = m->clr_way,
        .clr_optins = m->clr_optins,
        .mdtrt_cert_type = m->mdtrt_cert_type,
        .filing_type = m->filing_type,
        .psn_type = m->psn_type,
        .sender_admdvs = m->sender_admdvs,
        .refd_setl_flag = m->refd_setl_flag,
        .clr_amt_present = m->clr_amt_check_case == QINGFEN__V1__SETL_POST__CLR_AMT_CHECK_CLR_AMT,
    };
    return true;
}

bool body_adjustment(struct arena *arena, struct bytes body, struct adjustment *ret_adjustment)
{
    arena->used = 0;
    const Qingfen__V1__SetlAdjust *m =
        qingfen__v1__setl_adjust__unpack(&arena->allocator, body.size, body.data);
    if (m == NULL) return false;

    *ret_adjustment = (struct adjustment){
        .amounts = {[AMOUNT_HIFP] = m->hifp_pay,
                    [AMOUNT_ACCT] = m->acct_pay,
                    [AMOUNT_CVLSERV] = m->cvlserv_pay,
                    [AMOUNT_HIFES] = m->hifes_pay,
                    [AMOUNT_HIFMI] = m->hifmi_pay,
                    [AMOUNT_HIFOB] = m->hifob_pay,
                    [AMOUNT_HIFDM] = m->hifdm_pay,
                    [AMOUNT_MAF] = m->maf_pay,
                    [AMOUNT_OTH] = m->oth_pay},
        .inf_time = m->inf_time,
        .msgid = bytes_of(m->msgid),
        .adj_no = bytes_of(m->adj_no),
        .setl_id = bytes_of(m->setl_id),
        .psn_key = binary_of(m->psn_key),
        .reason = bytes_of(m->reason),
        .approval_no = bytes_of(m->approval_no),
        .insu_admdvs = m->insu_admdvs,
        .mdtrtarea_admvs = m->mdtrtarea_admvs,
        .approved_by = m->approved_by,
        .sender_admdvs = m->sender_admdvs,
    };
    return true;
}

bool body_correction(struct arena *arena, struct bytes body, struct correction *ret_correction)
{
    arena->used = 0;
    const Qingfen__V1__Correction *m =
        qingfen__v1__correction__unpack(&arena->allocator, body.size, body.data);
    if (m == NULL) return false;

    *ret_correction = (struct correction){
        .inf_time = m->inf_time,
        .msgid = bytes_of(m->msgid),
        .omsgid = bytes_of(m->omsgid),
        .oinfno = bytes_of(m->oinfno),
        .psn_key = binary_of(m->psn_key),
        .sender_admdvs = m->sender_admdvs,
    };
    return true;
}
