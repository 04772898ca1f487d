#include "shard_facts.h"

#include "codec/messages.h"
#include "types/civil.h"
#include "types/ensure.h"

static struct decided decided_of(const struct entry *entry)
{
    return (struct decided){
        .line = entry->line,
        .insurance = entry->insurance,
        .acct_pay_includes_mulaid = (entry->flags & ENTRY_MULAID_IN_ACCT) != 0,
        .fund_sum_includes_acct = (entry->flags & ENTRY_ACCT_IN_FUND) != 0,
        .clear_mulaid = (entry->flags & ENTRY_MULAID_CLEARED) != 0,
    };
}

void posting_write(const struct entry *entry, const struct settlement *settlement,
                   struct posting *ret_posting)
{
    rules_posting(settlement, decided_of(entry), entry->period, ret_posting);
}

struct posting adjustment_posting_of(const struct entry *entry, const struct adjustment *adjustment)
{
    struct posting posting = rules_adjustment_posting(adjustment, decided_of(entry));
    posting.key.period = entry->period;
    return posting;
}

/* What all kinds have in common. */
static void fill_in(struct record_facts *facts, const struct entry *entry,
                    const struct posting *posting, enum record_kind kind, uint32_t insu_admdvs,
                    struct bytes id)
{
    *facts = (struct record_facts){
        .seq = entry->seq,
        .period = entry->period,
        .payer = posting->key.payer,
        .payee = posting->key.payee,
        .line = entry->line,
        .insurance = entry->insurance,
        .kind = (uint8_t)kind,
        .flags = (entry->flags & ENTRY_LATE) != 0 ? RECORD_LATE : 0,
        .medfee = posting->medfee,
        .ref = {.insu_admdvs = insu_admdvs, .size = (uint8_t)id.size},
    };
    ENSURE(id.size <= ID_SIZE_MAX);
    if (id.size != 0) memcpy(facts->ref.setl_id, id.data, id.size);
    memcpy(facts->funds, posting->funds, sizeof facts->funds);
}

static void read_adjustment(const struct entry *entry, struct record_facts *ret_facts,
                            struct bytes *ret_psn_key)
{
    struct adjustment a;
    uint32_t field;
    ENSURE(adjustment_decode(entry->body, &a, &field));
    const struct posting posting = adjustment_posting_of(entry, &a);
    fill_in(ret_facts, entry, &posting, RECORD_ADJUSTMENT, a.insu_admdvs, a.adj_no);
    ret_facts->mdtrtarea_admvs = a.mdtrtarea_admvs;
    ret_facts->day = civil_day(entry->stamp_ms); /* It has no time of its own. */
    ret_facts->content_hash = adjustment_content_hash(&a);
    *ret_psn_key = a.psn_key;
}

/* Decoded once for both. */
static bool read_record(const struct entry *entry, struct record_facts *ret_facts,
                        struct bytes *ret_psn_key)
{
    if (entry->kind == ENTRY_ADJUSTMENT) {
        read_adjustment(entry, ret_facts, ret_psn_key);
        return true;
    }
    if (!is_settlement(entry)) return false;

    struct settlement s;
    uint32_t field;
    ENSURE(settlement_decode(entry->body, &s, &field));
    const struct posting posting = posting_of(entry, &s);
    fill_in(ret_facts, entry, &posting, s.refd_setl_flag ? RECORD_REFUND : RECORD_SETTLEMENT,
            s.insu_admdvs, s.setl_id);
    ret_facts->mdtrtarea_admvs = s.mdtrtarea_admvs;
    ret_facts->day = civil_day(s.setl_time);
    ret_facts->content_hash = settlement_content_hash(&s);
    *ret_psn_key = s.psn_key;
    return true;
}

bool facts_of(const struct entry *entry, struct record_facts *ret_facts)
{
    struct bytes psn_key;
    return read_record(entry, ret_facts, &psn_key);
}

bool facts_person(const struct entry *entry, struct bytes *ret_psn_key)
{
    struct record_facts facts;
    return read_record(entry, &facts, ret_psn_key);
}
