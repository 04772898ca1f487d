/* recount_ids -- which ids a person has used. Must not know what the entries that used them do. */
#include <stdio.h>
#include <string.h>

#include "tools/verify/recount_look.h"
#include "util/checksum.h"

struct full_id full_id_make(enum id_kind kind, uint32_t scope, struct bytes psn_key,
                            struct bytes text)
{
    uint8_t all[5 + PSN_KEY_SIZE + 64] = {0};
    const size_t size = text.size < 64 ? text.size : 64;
    all[0] = (uint8_t)kind;
    memcpy(all + 1, &scope, 4);
    memcpy(all + 5, psn_key.data, psn_key.size < PSN_KEY_SIZE ? psn_key.size : PSN_KEY_SIZE);
    memcpy(all + 5 + PSN_KEY_SIZE, text.data, size);
    return (struct full_id){
        .hash = checksum_hash64(0, all, 5 + PSN_KEY_SIZE + size),
        .kind = kind,
        .scope = scope,
        .psn_key = psn_key,
        .text = text,
    };
}

struct full_id full_id_of_adjustment(const struct adjustment *a)
{
    struct full_id id = full_id_make(ID_ADJ, a->insu_admdvs, a->psn_key, a->adj_no);
    id.of = a->setl_id;
    return id;
}

static bool id_equal(const struct full_id *a, const struct full_id *b)
{
    return a->kind == b->kind && a->scope == b->scope && bytes_equal(a->psn_key, b->psn_key) &&
           bytes_equal(a->text, b->text) && bytes_equal(a->of, b->of);
}

/* The ids an entry uses, at most two; 0 for entries without any. */
static int ids_of(struct arena *arena, const struct entry *entry, struct full_id ret_ids[2])
{
    struct settlement s;
    struct adjustment a;
    struct correction c;

    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
    case ENTRY_DEBT:
        if (!body_settlement(arena, entry->body, &s)) return 0;
        ret_ids[0] = full_id_make(ID_MSGID, entry->sender, s.psn_key, s.msgid);
        ret_ids[1] = full_id_make(ID_SETL, s.insu_admdvs, s.psn_key, s.setl_id);
        return 2;
    case ENTRY_ADJUSTMENT:
        if (!body_adjustment(arena, entry->body, &a)) return 0;
        ret_ids[0] = full_id_make(ID_MSGID, entry->sender, a.psn_key, a.msgid);
        ret_ids[1] = full_id_of_adjustment(&a);
        return 2;
    case ENTRY_CORRECTION:
        if (!body_correction(arena, entry->body, &c)) return 0;
        ret_ids[0] = full_id_make(ID_MSGID, entry->sender, c.psn_key, c.msgid);
        return 1;
    case ENTRY_CUT:
    case ENTRY_CLOCK:
    case ENTRY_YEAR_CLOSE:
    case ENTRY_CYCLE:
    case ENTRY_WALLET:
    case ENTRY_KIND_END:
        break;
    }
    return 0;
}

bool look_add_id(const struct look *look, const struct full_id *id)
{
    struct recount *recount = look->recount;
    uint64_t cursor = 0;
    uint64_t seq;

    if (id->text.size == 0) return look_wrong(look, "an id is empty");
    while ((seq = idset_find(&recount->ids, id->hash, &cursor)) != 0) {
        struct full_id its[2];
        const struct entry earlier = recount_entry(recount, seq);
        const int count = ids_of(&recount->other, &earlier, its);
        for (int i = 0; i < count; i++) {
            if (!id_equal(id, &its[i])) continue;
            char what[96];
            snprintf(what, sizeof what, "%s used before, by seq %llu",
                     id->kind == ID_MSGID  ? "the msgid was"
                     : id->kind == ID_SETL ? "the setl_id was"
                                           : "the adj_no was",
                     (unsigned long long)seq);
            return look_wrong(look, what);
        }
    }
    if (!idset_add(&recount->ids, id->hash, look->entry->seq))
        return look_wrong(look, "out of memory");
    return true;
}
