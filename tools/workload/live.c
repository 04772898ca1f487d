#include "tools/workload/live.h"

#include "codec/messages.h"
#include "codec/wire_table.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/cache_line.h"
#include "util/le.h"

#define LIVE_SINCE   202511 /* Records are as of then. */
#define PEOPLE       16000000
#define HOUR         10 /* Of the day, for the mix of classes. */
#define RECORD_STEP  UINT64_C(0xd1342543de82ef95)
#define ANHUI        11 /* Indexes of provinces, as in province_codes. */
#define SHANGHAI     8
#define WHOLE        1024 /* A refund's part. */
#define ID_SIZE      30   /* C30. */
#define ID_TINY      15
#define DISEASE_SIZE 6
#define FORM_USES    16
#define NUMBER_WIDTH 10 /* Digits: seven hours of 400,000 a second. */
#define SEQUENCE_MAX UINT64_C(10000000000)

/* Times that take six bytes, 1971 to 2109: a form has room for these. */
#define FORM_TIME_MIN_MS (INT64_C(1) << 35)
#define FORM_TIME_MAX_MS ((INT64_C(1) << 42) - 1)

/* Shape `month`: a refund closes each block of 98 records. Its original stands 0, 32, 64, … blocks
 * back, and the distance says which record of that block it is: so none has two. */
#define REFUND_BLOCK    98
#define REFUND_WAYS     90
#define REFUND_STRIDE   32
#define DUPLICATE_BLOCK 200
#define DUPLICATE_PLACE 150
#define DUPLICATE_FARTH 100

/* Shape `max`: so large an amount takes five bytes, and all accounts together hold the sum of four
 * thousand million such records. Larger ones are valid and would end in refusals of full cells. */
#define AMOUNT_LARGE (INT64_C(1) << 27)

const char *const live_shape_names[LIVE_SHAPE_COUNT] = {
#define X(symbol, name, what) name,
    LIVE_SHAPES(X)
#undef X
};

const char *const live_shape_texts[LIVE_SHAPE_COUNT] = {
#define X(symbol, name, what) what,
    LIVE_SHAPES(X)
#undef X
};

/* Digits of numbers to the base 32; no two look alike. */
static const char base32[] = "0123456789ABCDEFGHJKLMNPQRSTUVWX";

static char *put_base32(char *out, uint64_t number, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++)
        out[i] = base32[number >> 5 * (width - 1 - i) & 31];
    return out + width;
}

void live_init(struct live *live, enum live_shape shape, uint64_t seed, uint32_t run, uint32_t lane)
{
    ENSURE(lane < LIVE_LANES);
    memset(live, 0, sizeof(*live));
    source_init(&live->source, PEOPLE, LIVE_SINCE);
    live->shape = shape;
    live->seed = mix(mix(seed + DICE_STEP) + ((uint64_t)run << 10) + lane);
    live->run = run;
    live->lane = lane;
    put_digits(put_digits(live->run_text, run, 10), lane, 3);
    put_base32(put_base32(live->short_text, run, 7), lane, 1);
    if (shape == LIVE_ONE_PROVINCE) live->source.only_pair = ANHUI * PROVINCE_COUNT + SHANGHAI;
}

uint64_t live_left(const struct live *live)
{
    return (live->originals == 0 ? SEQUENCE_MAX : 2 * live->originals) - live->sequence;
}

void live_turn(struct live *live)
{
    ENSURE(live->shape == LIVE_REFUNDS);
    ENSURE(live->sequence > 0);
    live->originals = live->sequence;
}

bool live_is_duplicate(const struct live *live)
{
    return live->number + 1 != live->sequence;
}

/* ---- Which record comes, and what it refers to ---- */

/* Shape `month`: whether record `number` is a refund, and of which. */
static bool month_refund(const struct live *live, uint64_t number, uint64_t *ret_original)
{
    if (number % REFUND_BLOCK != REFUND_BLOCK - 1) return false;
    const uint64_t block = number / REFUND_BLOCK;
    uint64_t way = mix(live->seed ^ block) % REFUND_WAYS;
    if (way * REFUND_STRIDE > block) way = 0;
    *ret_original = (block - way * REFUND_STRIDE) * REFUND_BLOCK + way;
    /* A duplicate has no ids of its own, so it has no refund: that block goes without. */
    return *ret_original % DUPLICATE_BLOCK != DUPLICATE_PLACE;
}

/* The number of the record at a place of the stream: an earlier one's for a duplicate. */
static uint64_t number_at(const struct live *live, uint64_t sequence)
{
    if (live->shape == LIVE_DUPLICATES) return sequence % LIVE_DUPLICATES_SET;
    if (live->shape == LIVE_MONTH && sequence % DUPLICATE_BLOCK == DUPLICATE_PLACE)
        return sequence - 1 - mix(live->seed + sequence) % DUPLICATE_FARTH;
    return sequence;
}

/* The number of the draft that a record takes: of those there are by then one of the latest, the
 * one whose number has the chosen remainder. */
static uint64_t draft_number(const struct live *live, uint64_t number)
{
    const uint64_t now = number / FORM_USES + LIVE_FORMS;
    const uint64_t place = mix(live->seed ^ number * RECORD_STEP) % LIVE_FORMS;
    return now - (now - place) % LIVE_FORMS;
}

static void draw_draft(struct live *live, uint64_t draft_number)
{
    struct dice dice = {live->seed + draft_number * RECORD_STEP};
    draft_draw(&live->source, &dice, HOUR, &live->draft);
}

static size_t write_draft(const struct live *live, int64_t time_ms, uint8_t *out);

/* The form of a draft, made when it is not there. */
static const struct live_form *form_of(struct live *live, uint64_t draft_number)
{
    struct live_form *form = &live->forms[draft_number % LIVE_FORMS];
    if (form->draft == draft_number + 1) return form;

    uint8_t body[LIVE_BODY_MAX] = {0};
    draw_draft(live, draft_number);
    form->draft = draft_number + 1;
    form->size = (uint32_t)write_draft(live, FORM_TIME_MIN_MS, body);
    form->insured_area = live->draft.insured_area;
    form->neighbours = live->draft.neighbours;
    form->is_employee = live->draft.is_employee;
    ENSURE(form->size <= sizeof(form->body));
    memcpy(form->body, body, sizeof(form->body));
    return form;
}

/* Ordinary messages have forms; the others are written anew each time. */
static bool has_form(const struct live *live)
{
    return live->part == 0 && live->shape != LIVE_RANDOM_IDS && live->shape != LIVE_TINY &&
           live->shape != LIVE_MAX;
}

/* The key of the person of a record: a cheap hash, not the HMAC that real numbers need. */
static void make_key(struct live *live, uint64_t number, uint32_t area, uint32_t neighbours,
                     bool is_employee)
{
    const uint64_t chance = mix(live->seed + number * DICE_STEP);
    const uint64_t person =
        mix((uint64_t)area << 40 ^ draft_neighbour(neighbours, is_employee, chance));
    le_store64(live->psn_key, mix(person + DICE_STEP));
    le_store64(live->psn_key + 8, mix(person + 2 * DICE_STEP));
}

const uint8_t *live_draw(struct live *live)
{
    ENSURE(live_left(live) != 0);
    live->number = number_at(live, live->sequence++);
    live->part = 0;

    uint64_t number = live->number; /* Of the record whose person and draft it has. */
    if (live->originals != 0) {
        live->original = number -= live->originals;
        live->part = WHOLE;
    } else if (live->shape == LIVE_MONTH && month_refund(live, number, &live->original)) {
        number = live->original;
        const uint64_t chance = mix(live->seed - live->number);
        live->part = chance % 5 == 0 ? 100 + (uint32_t)(chance >> 8) % 413 : WHOLE;
    }
    if (has_form(live)) {
        const struct live_form *form = form_of(live, draft_number(live, number));
        make_key(live, number, form->insured_area, form->neighbours, form->is_employee);
        live->form = form;
        /* The next one's, most likely; it is not in the nearest cache. */
        const uint64_t next = draft_number(live, live->sequence) % LIVE_FORMS;
        for (uint32_t at = 0; at < sizeof(*form); at += CACHE_LINE)
            __builtin_prefetch((const uint8_t *)&live->forms[next] + at);
    } else {
        draw_draft(live, draft_number(live, number));
        make_key(live, number, live->draft.insured_area, live->draft.neighbours,
                 live->draft.is_employee);
        if (live->part != 0 && live->part != WHOLE) draft_scale(&live->draft, live->part);
        live->form = NULL;
    }
    return live->psn_key;
}

/* Seconds since the epoch: a duplicate has its original's. */
static int64_t time_of(struct live *live, int64_t now_ms)
{
    const int64_t now_s = now_ms / MS_PER_SECOND;
    if (live->shape == LIVE_DUPLICATES) {
        if (live->set_s == 0) live->set_s = now_s;
        return live->set_s;
    }
    if (live->shape != LIVE_MONTH) return now_s;
    int64_t *time_s = &live->times_s[live->number % LIVE_TIMES];
    if (!live_is_duplicate(live)) *time_s = now_s;
    return *time_s;
}

/* ---- Ids: thirty characters, fifteen of the shape `tiny` ---- */

static char *put_short(char *out, const struct live *live)
{
    memcpy(out, live->short_text, sizeof(live->short_text));
    return out + sizeof(live->short_text);
}

/* An id of a settlement, a visit, …: the letter says which. */
static void put_id(char *out, const struct live *live, char letter, uint64_t number)
{
    if (live->shape == LIVE_TINY) {
        put_base32(put_short(out, live), number, ID_TINY - sizeof(live->short_text));
        return;
    }
    *out++ = letter;
    if (live->shape == LIVE_RANDOM_IDS) {
        /* All of 64 bits that are a one to one function of the number: different within the run,
         * which the middle names. */
        const uint64_t random = mix(live->seed + number);
        out = put_short(put_base32(out, random >> 4, 12), live);
        put_base32(out, random, 9);
        return;
    }
    out = put_digits(out, live->draft.insured_area, 6);
    memcpy(out, live->run_text, sizeof(live->run_text));
    put_digits(out + sizeof(live->run_text), number, NUMBER_WIDTH);
}

/* The institution's code in front, as the interface wants it. */
static void put_msgid(char *out, const struct live *live, const char institution[INSTITUTION_SIZE])
{
    if (live->shape == LIVE_RANDOM_IDS || live->shape == LIVE_TINY) {
        put_id(out, live, 'M', live->number);
        return;
    }
    memcpy(out, institution, INSTITUTION_SIZE);
    put_digits(put_short(out + INSTITUTION_SIZE, live), live->number, NUMBER_WIDTH);
}

/* ---- Bytes ---- */

/* What follows writes the bytes in the order of the fields, with the little functions of
 * wire_table.h. A varint without a loop or a branch on its size was tried and is slower: each field
 * then waits for where the one before it ended. */

/* Tag and length of a text whose bytes come next; fewer than 128 of them, and `field` below 32. */
static inline uint8_t *put_text_head(uint8_t *at, uint32_t field, uint32_t size)
{
    at = wire_put_varint(at, field << 3 | 2);
    *at = (uint8_t)size;
    return at + 1;
}

/* The amounts of a draft in the order of their fields; totals by E1 to E3. */
static inline uint8_t *put_amounts(uint8_t *at, const struct draft *draft, int64_t sign)
{
    const int64_t fund = draft->hifp + draft->cvlserv + draft->hifmi + draft->hifob + draft->maf;
    const int64_t person = draft->acct + draft->cash;
    at = wire_put_signed(at, SETL_FIELD_MEDFEE, sign * (fund + person + draft->hosp));
    at = wire_put_signed(at, SETL_FIELD_FUND_SUM, sign * fund);
    at = wire_put_signed(at, SETL_FIELD_HIFP, sign * draft->hifp);
    at = wire_put_signed(at, SETL_FIELD_PSN_PART, sign * person);
    at = wire_put_signed(at, SETL_FIELD_ACCT, sign * draft->acct);
    at = wire_put_signed(at, SETL_FIELD_CASH, sign * draft->cash);
    at = wire_put_signed(at, SETL_FIELD_CVLSERV, sign * draft->cvlserv);
    at = wire_put_signed(at, SETL_FIELD_HIFMI, sign * draft->hifmi);
    at = wire_put_signed(at, SETL_FIELD_HIFOB, sign * draft->hifob);
    at = wire_put_signed(at, SETL_FIELD_MAF, sign * draft->maf);
    return wire_put_signed(at, SETL_FIELD_HOSP_PART, sign * draft->hosp);
}

/* Fields 1 to 3: the ids. */
static inline uint8_t *put_ids(uint8_t *at, const struct live *live,
                               const char institution[INSTITUTION_SIZE], uint32_t size)
{
    at = put_text_head(at, SETL_FIELD_MSGID, size);
    put_msgid((char *)at, live, institution);
    at = put_text_head(at + size, SETL_FIELD_SETL_ID, size);
    char *setl_id = (char *)at;
    put_id(setl_id, live, 'L', live->number);
    at += size;
    if (live->shape == LIVE_TINY) return at;

    /* The visit's id is like the settlement's, but that a refund has its original's. */
    at = put_text_head(at, SETL_FIELD_MDTRT_ID, size);
    memcpy(at, setl_id, ID_SIZE);
    if (live->part != 0) put_id((char *)at, live, 'S', live->original);
    *at = 'S';
    return at + size;
}

/* Everything of a draft; of the shape `tiny` only what must be there. */
static size_t write_draft(const struct live *live, int64_t time_ms, uint8_t *out)
{
    const struct draft *draft = &live->draft;
    const bool tiny = live->shape == LIVE_TINY;
    char institution[INSTITUTION_SIZE];
    draft_institution(draft, institution);
    uint8_t *at = put_ids(out, live, institution, tiny ? ID_TINY : ID_SIZE);

    at = put_text_head(at, SETL_FIELD_PSN_KEY, PSN_KEY_SIZE);
    memcpy(at, live->psn_key, PSN_KEY_SIZE);
    at += PSN_KEY_SIZE;
    if (!tiny) {
        at = put_text_head(at, SETL_FIELD_FIXMEDINS_CODE, INSTITUTION_SIZE);
        memcpy(at, institution, INSTITUTION_SIZE);
        at += INSTITUTION_SIZE;
    }
    at = wire_put_number(at, SETL_FIELD_INSU_ADMDVS, draft->insured_area);
    at = wire_put_number(at, SETL_FIELD_MDTRTAREA_ADMVS, draft->treating_area);
    at = wire_put_number(at, SETL_FIELD_INSUTYPE, draft_insutype(draft));
    at = wire_put_number(at, SETL_FIELD_MED_TYPE, draft->med_type);
    if (!tiny) at = wire_put_number(at, SETL_FIELD_CLR_TYPE, draft_clr_type(draft));
    at = wire_put_number(at, SETL_FIELD_SETL_TIME, (uint64_t)time_ms);
    if (tiny) {
        const int64_t fund = 1 + draft->hifp % 100; /* All of it fund money: no other part. */
        at = wire_put_signed(at, SETL_FIELD_MEDFEE, fund);
        at = wire_put_signed(at, SETL_FIELD_FUND_SUM, fund);
        at = wire_put_signed(at, SETL_FIELD_HIFP, fund);
    } else {
        at = put_amounts(at, draft, live->part != 0 ? -1 : 1);
    }
    if (live->part != 0) {
        at = wire_put_number(at, SETL_FIELD_REFD_SETL_FLAG, 1);
        at = put_text_head(at, SETL_FIELD_ORIG_SETL_ID, ID_SIZE);
        put_id((char *)at, live, 'L', live->original);
        at += ID_SIZE;
    }
    if (draft->care == WORKLOAD_CHRONIC) {
        at = put_text_head(at, SETL_FIELD_DISE_CODG, DISEASE_SIZE);
        memcpy(at, draft_disease(draft), DISEASE_SIZE);
        at += DISEASE_SIZE;
    }
    return (size_t)(at - out);
}

/* ---- Shape `max` ---- */

/* Every amount but the wallet's, which needs a wallet; each of five bytes. */
static void fill_large(const struct live *live, struct settlement *settlement)
{
    int64_t *a = settlement->amounts;
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++) {
        a[i] = AMOUNT_LARGE + live->draft.hifp + i;
        a[AMOUNT_FUND_SUM] += a[i]; /* E1 */
    }
    a[AMOUNT_ACCT] = AMOUNT_LARGE + live->draft.acct;
    a[AMOUNT_MULAID] = AMOUNT_LARGE;
    a[AMOUNT_CASH] = AMOUNT_LARGE + live->draft.cash;
    a[AMOUNT_HOSP_PART] = AMOUNT_LARGE;
    a[AMOUNT_PSN_PART] = a[AMOUNT_ACCT] + a[AMOUNT_MULAID] + a[AMOUNT_CASH];          /* E3 */
    a[AMOUNT_MEDFEE] = a[AMOUNT_FUND_SUM] + a[AMOUNT_PSN_PART] + a[AMOUNT_HOSP_PART]; /* E2 */
    a[AMOUNT_FULAMT_OWNPAY] = a[AMOUNT_OVERLMT] = a[AMOUNT_PRESELFPAY] = AMOUNT_LARGE;
    a[AMOUNT_INSCP_SCP] = a[AMOUNT_MEDFEE] - 3 * AMOUNT_LARGE; /* E4 */
    a[AMOUNT_ACT_PAY_DEDC] = AMOUNT_LARGE;
    settlement->clr_amt_present = true;
    settlement->clr_amt = a[AMOUNT_FUND_SUM] + a[AMOUNT_ACCT] + a[AMOUNT_MULAID]; /* E6 */
}

static struct bytes id_view(const char id[ID_SIZE])
{
    return view(id, id + ID_SIZE);
}

static size_t write_max(const struct live *live, int64_t time_ms, uint8_t *out)
{
    const struct draft *draft = &live->draft;
    char institution[INSTITUTION_SIZE];
    char msgid[ID_SIZE], setl_id[ID_SIZE], mdtrt_id[ID_SIZE], medins_setl_id[ID_SIZE];
    char disease[ID_SIZE];
    uint8_t digest[32];
    char *institution_end = draft_institution(draft, institution);

    put_msgid(msgid, live, institution);
    put_id(setl_id, live, 'L', live->number);
    put_id(mdtrt_id, live, 'S', live->number);
    put_id(medins_setl_id, live, 'I', live->number);
    memset(disease, 'X', sizeof(disease)); /* A subcode counts by its first four characters. */
    memcpy(disease, "M039", 4);
    for (uint64_t i = 0; i < sizeof(digest) / 8; i++)
        le_store64(digest + 8 * i, mix(live->seed + 4 * live->number + i));

    struct settlement settlement = {
        .setl_time = time_ms,
        .begndate = time_ms - 10 * MS_PER_DAY,
        .enddate = time_ms,
        .inf_time = time_ms,
        .psn_key = {live->psn_key, PSN_KEY_SIZE},
        .msgid = id_view(msgid),
        .setl_id = id_view(setl_id),
        .mdtrt_id = id_view(mdtrt_id),
        .medins_setl_id = id_view(medins_setl_id),
        .fixmedins_code = view(institution, institution_end),
        .dise_codg = id_view(disease),
        .detail_digest = {digest, sizeof(digest)},
        .insu_admdvs = draft->insured_area,
        .mdtrtarea_admvs = draft->treating_area,
        .insutype = draft_insutype(draft),
        .med_type = 140101, /* A chronic condition: the only line that asks for dise_codg. */
        .clr_type = 9909,
        .clr_way = UINT32_MAX,
        .clr_optins = 999999,
        .mdtrt_cert_type = UINT32_MAX,
        .filing_type = UINT32_MAX,
        .psn_type = UINT32_MAX,
        .sender_admdvs = draft->treating_area,
    };
    fill_large(live, &settlement);
    return settlement_encode(&settlement, out);
}

/* ---- A form, filled in ---- */

/* Where things stand in every form, for the fields before them have always the same sizes. */
enum {
    AT_MSGID_NUMBER = 2 + ID_SIZE - NUMBER_WIDTH,
    AT_SETL_ID_NUMBER = AT_MSGID_NUMBER + 2 + ID_SIZE,
    AT_MDTRT_ID_NUMBER = AT_SETL_ID_NUMBER + 2 + ID_SIZE,
    AT_PSN_KEY = AT_MDTRT_ID_NUMBER + NUMBER_WIDTH + 2,
    AT_SETL_TIME = AT_PSN_KEY + PSN_KEY_SIZE + 2 + INSTITUTION_SIZE + 4 + 4 + 3 + 2 + 2,
};

static size_t write_form(const struct live *live, int64_t time_ms, uint8_t *out)
{
    char number[NUMBER_WIDTH];
    put_digits(number, live->number, NUMBER_WIDTH);
    memcpy(out, live->form->body, sizeof(live->form->body));
    memcpy(out + AT_MSGID_NUMBER, number, NUMBER_WIDTH);
    memcpy(out + AT_SETL_ID_NUMBER, number, NUMBER_WIDTH);
    memcpy(out + AT_MDTRT_ID_NUMBER, number, NUMBER_WIDTH);
    memcpy(out + AT_PSN_KEY, live->psn_key, PSN_KEY_SIZE);
    wire_put_number(out + AT_SETL_TIME, SETL_FIELD_SETL_TIME, (uint64_t)time_ms);
    return live->form->size;
}

size_t live_write(struct live *live, int64_t now_ms, uint8_t *out)
{
    const int64_t time_ms = time_of(live, now_ms) * MS_PER_SECOND;
    if (live->form != NULL) {
        if (time_ms >= FORM_TIME_MIN_MS && time_ms <= FORM_TIME_MAX_MS)
            return write_form(live, time_ms, out);
        draw_draft(live, live->form->draft - 1); /* Another size of the time. */
    }
    return live->shape == LIVE_MAX ? write_max(live, time_ms, out)
                                   : write_draft(live, time_ms, out);
}
