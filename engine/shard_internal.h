/* shard_internal -- what the files of a shard share; nobody else includes it. */
#ifndef SHARD_INTERNAL_H
#define SHARD_INTERNAL_H

#include "codec/mail.h"
#include "ledger/book.h"
#include "ledger/delta.h"
#include "ledger/directory.h"
#include "ledger/dues.h"
#include "ledger/merge.h"
#include "ledger/person_index.h"
#include "ledger/rules.h"
#include "ledger/shelf.h"
#include "ledger/stretch.h"
#include "shard.h"
#include "shard_facts.h"
#include "shard_wallet.h"
#include "types/province.h"
#include "wallet/plain.h"
#include "wallet/wallet.h"

/* A message that changes something, decoded. */
struct message {
    uint16_t type; /* enum message_type */
    uint16_t province;
    struct bytes body;
    bool formed;         /* It is the protobuf message it says … */
    bool settles;        /* … and a settlement. */
    uint32_t bad_field;  /* Where it is not. */
    uint64_t msgid_hash; /* Of settlements, for the look ahead. */
    uint64_t setl_id_hash;
    struct cell_key cell; /* Of settlements: where it will go in the usual month. */
    union {
        struct settlement settlement;
        struct reversal reversal;
        struct adjustment adjustment;
        struct correction correction;
    };
};

/* What a settlement or refund does to the state, beside its entry. */
struct record {
    const struct settlement *settlement; /* NULL: not worked out. */
    uint64_t msgid_hash;
    uint64_t setl_id_hash;
    struct posting posting;
};

/* What the judge says. When code is OK and dup is not set, `entry` is the decision to append. */
struct verdict {
    uint16_t code;
    bool dup;
    uint8_t state;
    bool wallet;                  /* shard->work holds the wallet entry that goes with it. */
    struct entry entry;           /* For a duplicate: the entry that was the first answer. */
    struct settlement settlement; /* For a reversal: the refund it stands for. */
    struct record record;         /* Of an accepted settlement, refund or reversal. */
    struct failures failures;
};

#define STRETCH       32 /* Messages decoded ahead, so that memory is asked for in time. */
#define IDS_PER_ENTRY 3  /* So many there is room for. */

#define RESULTS_MAX   65536 /* Results waiting for their block; a power of two. */
#define FAILURES_RING 32768 /* Failures of these; a power of two. */
#define CONTROLS_MAX  64

/* What a result waits for. */
struct wait {
    uint64_t need_seq;     /* It leaves when this entry is durable. */
    uint64_t failures_end; /* Ring position after its failures. */
};

/* A result for the desk. */
struct control {
    struct result result;
    uint64_t need_seq;
};

/* Two of them: one is filled while the other is being written. */
struct group {
    uint8_t *buffer; /* SEGMENT_HEAD_SIZE, then the block. */
    size_t payload;  /* Bytes of entries so far. */
    uint64_t first_seq;
    uint32_t entries;
    uint8_t *unsealed; /* Its newest entry, whose sum is still to be made; NULL: none is. */
};

/* -- wallets -------------------------------------------------------------------------------- */

#define DUES_MAX (1u << 20) /* Persons who are due at most. */

/* A person as a decision leaves it, packed: what replay makes of the rows its entry puts and drops.
 */
struct put_person {
    struct psn_key key;
    int64_t due_before;
    int64_t due_after;
    size_t at;   /* In wallet_work.packed. */
    size_t size; /* 0: no row is left. */
};

/* Persons one entry changes at most. Mail has the only entries for more than one. */
#define ENTRY_PERSONS_MAX 16

/* A person that will be looked for (shard_ahead.c). */
struct person_ahead {
    bool has_hash;
    bool has_due;
    bool below;        /* Not on the active shelf. */
    uint64_t hash;     /* Of the row's key. */
    uint64_t due_hash; /* Of the key of the row that says when the person is due. */
};

/* A transfer begun a moment ago: whoever accepts it need not look for its entry and read it. What
 * is not among them any more is looked for. */
struct recent_transfer {
    uint64_t seq; /* Of the entry that began it; 0: nothing stands here. */
    int64_t amount;
    struct psn_key giver;
    struct psn_key receiver;
    char trsf_id[WALLET_ID_SIZE];
};

/* The ids by which it is seen whether an order was answered before. */
struct answer_ids {
    bool known; /* Else they have to be made yet. */
    bool has_key;
    uint16_t conflict; /* What is answered when the key leads to something else. */
    struct psn_key person;
    struct wallet_id msgid;
    struct wallet_id key;
    uint64_t msgid_hash;
    uint64_t key_hash;
};

/* A request about a wallet, read before its turn. */
struct opened {
    bool sound; /* `order` is its message, decoded; else whoever judges it reads it again. */
    struct wallet_order order;
    struct person_ahead ahead;
    struct answer_ids ids;
    struct person_ahead other; /* Who is looked at first, if at home here. */
    uint64_t transfer_hash; /* Of the transfer it names and whose entry is looked for; 0: none. */
};

/* How the body of an entry was made: by way of ops, or at once (wallet/plain.h). */
enum body_way {
    BODY_BY_OPS,
    BODY_PLAIN_ORDER,
    BODY_PLAIN_MAIL,
};

/* One judgement about wallets: what it is made from and what comes of it. Too large for the stack;
 * there is one a shard, and it means nothing from one judgement to the next. */
struct wallet_work {
    struct wallet_order order;
    bool has_fact;
    struct wallet_fact fact;
    struct wallet_past past;
    struct institution institution;
    struct person after;
    struct bytes packed_before; /* The same person as it stands in the state; lent for the step. */
    struct person before;       /* Made of that by work_before() alone: few decisions need it. */
    bool has_before;
    bool has_person; /* Else the decision concerns nobody. */
    struct wallet_decision decision;
    struct wallet_id ids[WALLET_IDS_MAX + 2]; /* Of the entry: decision's, msgid, business key. */
    uint64_t id_hashes[WALLET_IDS_MAX + 2];   /* hash_wallet_id() of each. */
    uint32_t id_count;
    int64_t debt_ms; /* setl_time of its debts. */
    bool inline_of;  /* It stands behind a settlement, which may need a new cell itself. */
    bool acks;       /* An outbox: up to where its destination has it. */
    uint32_t ack_dest;
    uint64_t ack_upto;

    /* Of mail: what stands behind the items taken so far, and how many went to each outbox. */
    struct ops_writer ops;
    uint8_t ops_bytes[WALLET_BODY_MAX];
    uint32_t queued[OUTBOX_COUNT];

    /* Of mail of which all is plain: the batch with the items taken, and what became of them. */
    struct mail_batch batch;
    struct plain_item items[PLAIN_ITEMS_MAX];

    /* Who is put away when it is applied. */
    uint32_t put_count;
    struct put_person puts[ENTRY_PERSONS_MAX];
    size_t packed_size;
    uint8_t packed[2 * PERSON_PACKED_MAX];

    /* The entry, when there is something to write; its body is `shortened`, made of `body` unless
     * it is plain. */
    bool writes;
    enum body_way way;
    bool in_words; /* Not one entry is to be plain: what is judged again is compared as words. */
    struct entry entry;
    size_t body_size;
    uint8_t body[WALLET_BODY_MAX];
    uint8_t shortened[TERSE_ROOM(WALLET_BODY_MAX)];

    /* The answer: the decision's, or of what was answered before. */
    bool dup;
    uint64_t seq;
    int64_t stamp_ms;
    struct wallet_said said;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
};

/* The first old record that could not be read since the request began that needs it.
 *
 *   (R1) While one is noted nothing is appended, and no request ends: whatever was judged or
 *        answered without that record is thrown away (unread_take()), or ends before it and is
 *        whole without it (unread_leave()). Judging and answering change nothing, so they may go on
 *        to their end, as if there were no such record. */
struct unread {
    uint64_t seq; /* 0: none. */
    uint32_t segment;
    uint32_t offset;
    uint64_t count; /* Requests refused because of one, since shard_open(). */
};

struct shard {
    struct shard_config config;
    const struct tables *tables;
    struct store *store;
    struct journal_view *journal;
    struct unread *unread; /* Like `work` it is no state: who only reads the shard notes there. */

    /* State. */
    struct book *book;
    struct directory *directory;
    struct delta *active;
    struct delta *frozen;       /* Being merged or about to be; then, until the next freeze, what
                                 * the store has learnt last: marks need not be read there. */
    struct shelf *shelf;        /* Rows changed since the last freeze. */
    struct shelf *shelf_frozen; /* Goes with `frozen`. */
    size_t shelf_spent;         /* What the puts of this block may have taken of the shelf. */
    uint64_t outboxes_paid;     /* Of it: destinations whose row is counted, a bit each. */
    bool frozen_used;           /* The store has not got it yet. */
    uint64_t last_seq;
    int64_t stamp_ms;
    uint32_t cut_through;
    uint32_t closed_year;
    uint64_t cuts;

    /* Wallets. */
    struct params *params;        /* The store's table, and what RulePush brought. */
    bool checked[PROVINCE_COUNT]; /* A rule of the insured province may ask for a person's switch
                                   * or filing before a settlement. */
    struct shelf_counters counters;
    struct dues *dues;
    struct person *applied; /* Scratch of state_apply(). */
    bool judged;            /* What is applied is what stands in `work`: nothing is loaded again. */
    struct wallet_work *work;
    struct recent_transfers *recent;  /* Filled by live submits alone: it decides nothing. */
    struct mail_slot *mail_ring;      /* Rows of mail that are not acknowledged (shard_mail.c). */
    size_t mail_unshelved;            /* What those of them that no checkpoint has take there. */
    uint64_t mail_sent[SHARDS_MAX];   /* Last number handed out in this run. */
    uint64_t mail_said[SHARDS_MAX];   /* What we last told it that we have. */
    uint64_t mail_sealed[SHARDS_MAX]; /* counters.mail_has with the block on its way … */
    uint64_t mail_safe[SHARDS_MAX];   /* … and on stable storage. */

    /* Journal. */
    struct group groups[2];
    uint32_t filling;       /* Index of the group that takes entries. */
    bool writing;           /* The other one is on its way to the device. */
    uint64_t written_first; /* First and last entry of the block on its way. */
    uint64_t written_seq;
    size_t written_bytes;
    uint64_t durable_seq;
    uint64_t next_block;
    uint8_t hash[BLOCK_HASH_SIZE];
    uint32_t segment; /* Where the next block will stand, as the driver says. */
    uint32_t offset;
    uint64_t journal_bytes;

    /* Checkpoint. */
    struct merge merge;
    struct cell *merge_cells;
    bool merge_waits; /* Frozen, but its last block is not written yet. */
    bool merge_runs;
    bool checkpoint_wanted;
    uint64_t checkpoint_seq;
    uint32_t run_ids; /* Ids that the active delta's run holds in the store. */

    /* Results. */
    struct result *results; /* A ring of RESULTS_MAX, in the order of the judgements, … */
    struct wait *waits;     /* … and beside it what each waits for. */
    uint64_t waiting_head;  /* First not handed out. */
    uint64_t waiting_done;  /* First whose memory is still lent out with the last effects. */
    uint64_t waiting_tail;
    struct failure *failures;
    uint64_t failures_head;
    uint64_t failures_tail;
    struct control controls[CONTROLS_MAX];
    uint32_t control_count;
    struct result control_out[CONTROLS_MAX];
    uint64_t hold_from; /* Results from this place on wait for REQUEST_CUT_RELEASE. */
    bool holding;
    uint32_t closing; /* yyyymm about to be cut: no month before it may begin now. 0: none. */

    shard_watch_fn *watch; /* NULL: nobody watches the replay. */
    void *watch_context;

    struct message *scratch; /* Decoded requests of one stretch. */
    struct opened *opened;   /* Those about wallets. */
    struct shard_status status;
};

/* -- shard_open.c: how it is made ------------------------------------------------------------- */

/* Bytes of the memory that was made for it, all of its life. */
size_t shard_memory(const struct shard *shard);

/* -- shard_state.c: what is known, and how a decision changes it ---------------------------- */

/* Hashes of ids. In setl_id's the person is not: the centre looks one up without knowing whose it
 * is. Who asks compares the person in any case. */
uint64_t hash_msgid(const struct shard *shard, uint32_t sender, struct bytes msgid,
                    struct bytes psn_key);
uint64_t hash_setl_id(const struct shard *shard, uint32_t insu_admdvs, struct bytes setl_id);
uint64_t hash_adj_no(const struct shard *shard, uint32_t insu_admdvs, struct bytes adj_no,
                     struct bytes psn_key);

/* Entries with an id, one after the other. */
struct lookup {
    uint64_t hash;
    uint32_t place; /* 0: active delta, 1: frozen, 2 and up: runs of the store. */
    uint64_t cursor;
    uint32_t run_count;
    bool all_runs; /* Too many runs may hold it: every one is asked, `runs` is not looked at. */
    uint16_t runs[DIRECTORY_HITS_MAX];
};

void lookup_begin(const struct shard *shard, uint64_t hash, struct lookup *ret_lookup);

/* False: there are no more, or the next one cannot be read (R1). */
bool lookup_next(const struct shard *shard, struct lookup *lookup, struct entry *ret_entry);

/* An entry by its number, borrowed for the step. It must exist. False: it cannot be read, or one
 * before it could not be (R1); *ret_entry means nothing then. */
__attribute__((warn_unused_result)) bool entry_at(const struct shard *shard, uint64_t seq,
                                                  struct entry *ret_entry);

/* The same where nobody can be refused: the process ends when it cannot be read. */
struct entry entry_needed(const struct shard *shard, uint64_t seq);

/* What a reading of the store came to: true for 0, false for -ENOENT. After any other nobody may go
 * on: taken for "not there", a read error would let a message happen twice. */
bool was_found(int status);

/* Entries by ascending numbers: a stretch of the store is looked up once. Begins as zeros; valid
 * for one step. */
struct walk {
    struct stretch stretch;
};

/* entry_at() for a walk. */
__attribute__((warn_unused_result)) bool walk_to(const struct shard *shard, struct walk *walk,
                                                 uint64_t seq, struct entry *ret_entry);

/* entry_needed() for a walk. */
struct entry walk_needed(const struct shard *shard, struct walk *walk, uint64_t seq);

/* True while a record is noted that could not be read. */
static inline bool unread_any(const struct shard *shard)
{
    return shard->unread->seq != 0;
}

/* Ends a judgement or an answer: true when it needs a record that cannot be read. Then it has to be
 * refused, with *ret_failure (6010), and nothing is noted any more. */
bool unread_take(const struct shard *shard, struct failure *ret_failure);

/* Ends an answer in which nothing is said of the record that could not be read nor of what comes
 * behind it: nobody is refused. Without one it does nothing. */
void unread_leave(const struct shard *shard);

/* What became of a record; zeros when nothing did. */
struct mark mark_of(const struct shard *shard, uint64_t seq);

/* A row by its key (ledger/shelf.h): from the active shelf, else the frozen one, else the store.
 * False when there is none. Borrowed until the next change or step. */
bool shelf_read(const struct shard *shard, struct bytes key, struct bytes *ret_value);

/* Puts or drops a row, and counts it; what is put in any other way is counted by shelf_spend(), in
 * the same block and wherever the row stands, because of
 *
 *   (P1) The puts and drops of one block, counted as if each took a new place, need no more than
 *        shelf_block_max(). A shelf with that much room therefore takes any block of the journal,
 *        whatever it held when the block was first made: so replay can never run out of it. A
 *        build before this one may have counted a row as less; so a replay has twice the room.
 *        What a row that grew is given on top comes from the first half of a shelf alone.
 *
 * Live it is kept by asking shelf_can_take() before a request is judged, with a bound of the rows
 * its entry may write; when it says no, the block has to be sealed first. */
void shelf_write(struct shard *shard, struct bytes key, struct bytes value);
void shelf_write_new(struct shard *shard, struct bytes key,
                     struct bytes value); /* There is none. */
void shelf_erase(struct shard *shard, struct bytes key);

/* Counts a row with a value of that size that is put past shelf_write(), now or later. */
void shelf_spend(struct shard *shard, size_t size);

/* A block begins: nothing is counted yet. */
void shelf_spend_anew(struct shard *shard);

/* True when `rows` more writes, of values of `bytes` in all, fit on the shelf and into (P1). */
bool shelf_can_take(const struct shard *shard, uint32_t rows, size_t bytes);
size_t shelf_block_max(const struct shard *shard);

/* What a block that is read again may take: half of a shelf. */
size_t shelf_replay_max(const struct shard *shard);

/* Applies a decision: book, ids, marks, months. `record` is what the judge worked out about a
 * settlement or refund, or on replay record_ahead(). The entry's bytes stand in their block, where
 * the delta will take them from when that is whole. */
void state_apply(struct shard *shard, const struct entry *entry, const struct record *record,
                 struct bytes entry_bytes);

/* Freezes the active delta and shelf, to be merged up to the last entry; the other ones become
 * active. */
void state_freeze(struct shard *shard);

/* Ends a merge that went well. */
void state_merged(struct shard *shard);

/* The entries of a block, from `first_seq` on, have their place in the journal. */
void note_block(struct shard *shard, uint64_t first_seq, uint32_t segment, uint32_t offset);

/* Works out again what the judge knew of a settlement or refund, decoded to *ret_settlement, and
 * asks memory for what applying it will touch. Of another entry record->settlement is NULL. */
void record_ahead(const struct shard *shard, const struct entry *entry,
                  struct settlement *ret_settlement, struct record *ret_record);

/* What an adjustment changes, AMOUNT_COUNT amounts: its parts change the fund total too, so that a
 * later full refund fits. */
void adjustment_amounts(const struct adjustment *adjustment, int64_t *ret_amounts);

/* Notes that `entry` refers to the entry `seq`, and adds `sign` times its amounts to what has
 * changed there. */
void change_mark(struct shard *shard, uint64_t seq, const struct entry *entry,
                 const int64_t *amounts, int sign, int refunds);

/* An id leads to an entry from now on. */
void add_id(struct shard *shard, uint64_t hash, uint64_t seq);

/* -- shard.c: entries and results ------------------------------------------------------------ */

/* What of a delta's room is used when a checkpoint that writes many persons is due; where merges
 * keep up, no more ever is, and that much is touched at the start. */
static inline size_t part_of_persons(size_t room)
{
    return room - room / 3;
}

/* True when the block takes `entries` more with `size` bytes in all, and the delta them, `ids` and
 * `marks`. */
bool has_entry_room(const struct shard *shard, uint32_t entries, size_t size, uint32_t ids,
                    uint32_t marks);

/* Numbers the decision, writes it into the group and applies it. */
void append(struct shard *shard, struct entry *entry, const struct record *record);

/* A place among the results, in the order of the judgements, to be filled in; it leaves when every
 * entry there is is durable (J1). */
struct result *put_answer(struct shard *shard, const struct request *request, uint32_t code);

/* The same for what needs a record that cannot be read. */
void put_unread(struct shard *shard, const struct request *request, const struct failure *failure);

/* put_answer() for the desk, beside what a cut holds back; there is room for CONTROLS_MAX. */
struct result *put_control(struct shard *shard, const struct request *request, uint32_t code);

/* -- shard_control.c: what the desk asks ------------------------------------------------------ */

/* Serves a request of the desk. Room for an entry and an answer was asked for before. */
void take_control(struct shard *shard, const struct request *request, int64_t now_ms);

/* -- shard_persons.c: what a wallet entry does to the state ----------------------------------- */

/* Hash of an id of wallets; without a person where the id names one by itself. */
uint64_t hash_wallet_id(const struct shard *shard, const struct psn_key *person,
                        const struct wallet_id *id);

/* True for ids that mean something only together with a person. */
bool wallet_id_scoped(char domain);

/* The rows of a person, none for an unknown one. */
void person_load(const struct shard *shard, const struct psn_key *key, struct person *ret_person);

/* The entry that has the message at that position of an outbox; false when the state lacks it. */
bool outbox_find(const struct shard *shard, uint32_t dest, uint64_t position, uint64_t *ret_seq);

/* The packed person, lent until the next change or step; false for an unknown one. */
bool person_find(const struct shard *shard, const struct psn_key *key, struct bytes *ret_packed);

/* The same without what stands in lists: only how many rows they have. */
void person_glance(const struct shard *shard, const struct psn_key *key, struct person *ret_person);

/* Packs the person as it is now into `out`, with its new due time; put.at is the caller's. */
struct put_person person_put_away(struct person *person, uint8_t *out);

bool institution_load(const struct shard *shard, struct bytes code,
                      struct institution *ret_institution);

void apply_wallet(struct shard *shard, const struct entry *entry);

/* What a debt posts; its settlement is decoded into *ret_settlement. */
struct posting debt_posting(const struct entry *entry, struct settlement *ret_settlement);
void apply_debt(struct shard *shard, const struct entry *entry);

/* shard_state.c: leaves a note of a settlement, refund or debt for the merge. */
void note_settlement(struct shard *shard, enum note_kind note, uint64_t seq,
                     const struct settlement *s, const struct posting *posting,
                     struct posting_kind kind);

/* Reads counters, rules and due times from the store. 0 or a negative errno. */
int persons_open(struct shard *shard, const char **ret_why);

/* Puts on the shelf what is kept in memory; just before a freeze. */
void persons_freeze(struct shard *shard);

/* -- shard_wallet.c: what is decided about wallets --------------------------------------------- */

/* What one entry of a wallet may bring at most: ids; marks, of the transfers it ends and of what it
 * refers to. */
#define WALLET_ENTRY_IDS_MAX (WALLET_IDS_MAX + 2)
#define WALLET_MARKS_MAX     (TRANSFERS_MAX + 1)

/* True when there is room for so many wallet decisions, one of them with debts and a settlement,
 * and for so many rows dropped beside; for a message of that type. */
bool wallets_have_room(const struct shard *shard, uint32_t decisions, uint32_t rows);
bool wallet_has_room(const struct shard *shard, uint16_t type);

/* True for an effect on one of this shard's persons, or a message of an outbox that is here. */
bool mail_item_sound(const struct shard *shard, uint16_t op, struct bytes data);

/* Transfers begun lately (shard_wallet_past.c): memory for them, NULL without; how large it is; one
 * more, as work->entry begins it; the one with that id, or NULL; asks memory for its slot. */
struct recent_transfers *recent_new(void);
size_t recent_bytes(void);
void recent_put(struct shard *shard);
const struct recent_transfer *recent_find(const struct shard *shard, struct bytes trsf_id);
void recent_ahead(const struct shard *shard, struct bytes trsf_id);

/* Judges the first items of a sound batch into shard->work, as many as one entry takes; gives how
 * many: 0 only when there are none. The entry's message is the batch with these alone. */
uint32_t judge_mail(const struct shard *shard, const struct mail_batch *batch, int64_t now_ms);

/* `opened`: the request as orders_open() read it. */
void take_wallet(struct shard *shard, const struct request *request, const struct opened *opened,
                 int64_t now_ms);
void take_wallet_fact(struct shard *shard, const struct request *request,
                      const struct opened *opened, int64_t now_ms);

/* True when what the request asks for is known of the person alone: its body is the key. */
static inline bool fact_by_key(const struct request *request)
{
    return request->type == REQUEST_WALLET_FACT && fact_is_look((uint16_t)request->period);
}

/* Serves REQUEST_PAY_ID. */
void take_pay_id(struct shard *shard, const struct request *request);

/* Everybody who is due until then, each at the time itself. False when there is no room for more:
 * the block has to be written first, and what comes after that time has to wait. */
bool sweep(struct shard *shard, int64_t until_ms);

/* What a settlement that pays from a wallet or a refund that gives back to one does to it, into
 * shard->work. `record` is the entry it will have; what stands in the way is added to `failures`.
 * Gives true when there is an entry to append behind it. */
bool judge_inline(const struct shard *shard, const struct settlement *s, const struct entry *record,
                  struct failures *failures);

/* The same when `record`, a correction with that msgid, takes the settlement of `original` back. */
bool judge_inline_correction(const struct shard *shard, const struct settlement *s,
                             const struct entry *original, const struct entry *record,
                             struct bytes msgid, uint32_t field, struct failures *failures);

/* Whether the insured person's switch and filing, and the directory, let the settlement pass. Only
 * for provinces in shard->checked. */
void judge_switches(const struct shard *shard, const struct settlement *s, uint8_t line,
                    struct failures *failures);

/* Appends the entry in shard->work with its debts. */
void append_wallet(struct shard *shard);

/* The person of the judgement as it was before; in entries of mail the last one. */
struct person *work_before(struct wallet_work *w);

/* What would be decided otherwise today; NULL when nothing. */
const char *wallet_judge_again(const struct shard *shard, const struct entry *entry);

/* -- shard_ahead.c: memory asked for in time --------------------------------------------------- */

/* Reads the requests about wallets among the next ones, and asks memory for what they need. */
void orders_open(const struct shard *shard, const struct request *list, uint32_t count,
                 struct opened *ret_opened);

/* The same in the midst of judging, when it is found only then whom an order is about: ids by which
 * it may have been answered before, and the person. The second step comes after those are used. */
void found_ahead(const struct shard *shard, const struct wallet_order *order, uint16_t sender,
                 const struct psn_key *person, struct person_ahead *ret_ahead,
                 struct answer_ids *ret_ids);
void found_ahead_more(const struct shard *shard, const struct person_ahead *ahead);

/* An id, by its hash, that will lead to the entry that is being written. */
void id_ahead(const struct shard *shard, uint64_t hash);

/* The ids of an order of that person; NULL: of one that concerns nobody. Not known when the msgid
 * is too long to be one. */
void answer_ids_of(const struct shard *shard, const struct wallet_order *order, uint16_t sender,
                   const struct psn_key *person, struct answer_ids *ret_ids);

/* The same for the persons whom a sound batch is for. */
void mail_ahead(const struct shard *shard, const struct mail_batch *batch);

/* -- shard_mail.c ---------------------------------------------------------------------------- */

void take_mail(struct shard *shard, const struct request *request, int64_t now_ms);

bool mail_has_room(const struct shard *shard, struct bytes batch);

/* State: an item for a shard, an item taken and what the sender has. */
void mail_put(struct shard *shard, uint32_t to, uint16_t op, struct bytes data, uint64_t seq);
void mail_took(struct shard *shard, const struct mail_batch *batch);

/* The row of an item that is not acknowledged, in memory or on the shelf. */
bool mail_row(const struct shard *shard, uint32_t to, uint64_t number, struct bytes *ret_row);

/* Puts on the shelf what is kept in memory; just before a freeze. */
void mail_freeze(struct shard *shard);

/* Memory for it, of so many shards; NULL without. How large it is. */
struct mail_slot *mail_ring_new(uint32_t shards);
size_t mail_ring_bytes(uint32_t shards);

/* The block on its way has what is counted now; it is on stable storage; both. */
void mail_seal(struct shard *shard);
void mail_durable(struct shard *shard);

/* -- shard_records.c: the records of one person ---------------------------------------------- */

/* Where a search of a person's records stands. It may be kept between steps, whatever checkpoints
 * come between, and be sent away and come back. */
struct person_records {
    uint8_t psn_key[PSN_KEY_SIZE];
    struct person_cursor cursor;
};

/* From entry `from_seq` on, upwards or downwards; downwards from UINT64_MAX: from the last one. */
struct person_records person_records_from(struct bytes psn_key, uint64_t from_seq, bool descending);

enum person_next {
    PERSON_RECORD,  /* *ret_entry is a settlement, refund, adjustment or debt of the person. */
    PERSON_LATER,   /* *looks is used up: go on in another step. */
    PERSON_NO_MORE, /* Upwards, entries that come later are found by going on. Also (R1). */
};

/* The next record, taken back or not (mark_of()); borrowed for the step. Takes one off *looks for
 * each run of the index and each entry it looks at, some microseconds each. */
enum person_next person_records_next(const struct shard *shard, struct person_records *records,
                                     uint32_t *looks, struct entry *ret_entry);

/* -- shard_judge.c: what is decided --------------------------------------------------------- */

/* Decodes; the body stays borrowed. */
void message_open(const struct shard *shard, uint16_t type, uint16_t province, struct bytes body,
                  struct message *ret_message);

/* Asks memory for what judging the settlements among these messages will look at. */
void messages_ahead(const struct shard *shard, const struct message *list, uint32_t count);

/* Judges without changing anything. `out` has room for SETTLEMENT_ENCODED_MAX bytes: a reversal's
 * refund is written there, and verdict.entry.body may point to it. */
void judge(const struct shard *shard, const struct message *message, int64_t now_ms, uint8_t *out,
           struct verdict *ret_verdict, uint64_t *soft);

/* The month that is cleared for something of `month`: itself, or the first that is not cut. */
uint32_t open_period(const struct shard *shard, uint32_t month);

/* True when a record of that open month has to come again a moment later: a later one is just being
 * cut, and would be cut before it. */
bool period_closing(const struct shard *shard, uint32_t period);

/* Refuses for want of room in the book: 3034, with the number of cells there are and may be.
 * Nothing is wrong with the message; but to send it again helps only when the centre has made room.
 */
void refuse_full(const struct shard *shard, struct failures *failures);

/* Says why the book does not take a posting: it has no room for its cell, or a sum would overflow
 * (2005). */
void refuse_unfit(const struct shard *shard, const struct posting *posting, uint32_t field,
                  struct failures *failures);

/* The area may be given as its province alone. */
uint32_t province_said(uint32_t admdvs);

/* -- shard_answers.c: what the cycle asks about records -------------------------------------- */

struct answer {
    void *data;  /* malloc'ed: the receiver of the result frees it. NULL when there is nothing. */
    size_t size; /* Bytes. */
    uint64_t seq;
};

/* Each reads the question in `body` (shard.h) and gives enum error_code: ERROR_MALFORMED when it
 * has the wrong size, ERROR_OVERLOAD without memory; then *ret_answer is as it was. */
typedef uint32_t answer_fn(const struct shard *shard, struct bytes body, struct answer *ret_answer);
answer_fn answer_tallies; /* REQUEST_TALLIES */
answer_fn answer_scan;    /* REQUEST_SCAN */
answer_fn answer_facts;   /* REQUEST_FACTS */

/* -- shard_questions.c: what persons ask ------------------------------------------------------ */

/* Answers the message of type `request->period` (REQUEST_PERSON); a cursor of `request->area` bytes
 * stands before it in request->body. A refusal gives its code and an answer, too: a reply with that
 * code. There is none without memory (ERROR_OVERLOAD) and when the cursor is none of ours
 * (ERROR_MALFORMED).
 *
 * One call does a bounded piece of work. When that was not enough *ret_more is set and the answer
 * is the cursor to ask again with, at most PERSON_CURSOR_MAX bytes. It counts entries, so it stays
 * good whatever is posted or merged meanwhile; what was posted is not seen. */
#define PERSON_CURSOR_MAX 64
uint32_t person_answer(const struct shard *shard, const struct request *request, int64_t now_ms,
                       struct answer *ret_answer, bool *ret_more);

/* The refusal of a question that needs a record which cannot be read; its code, or ERROR_OVERLOAD
 * without memory. */
uint32_t person_unread(const struct failure *failure, struct answer *ret_answer);

#endif
