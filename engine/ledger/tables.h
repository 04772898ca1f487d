/* tables -- the code tables and switches the rules judge by, as loaded data.
 *
 * Provinces, areas, insurance types, medical types, chronic conditions, clearing types, and the
 * per-province switches of the identities E1-E5 (docs/rules.md). The files live in the store's
 * tables/ folder, copied there by `qingfen init`, and are checked at every start. This file knows
 * no file system: it is given the text of each file.
 *
 * The questions a settlement asks (tables_area_known() and the four after it) are answered from
 * small direct indexes that tables_load() builds; the rows are there for those who list them. */
#ifndef LEDGER_TABLES_H
#define LEDGER_TABLES_H

#include "types/bytes.h"
#include "types/cell.h"
#include "types/province.h"
#include "types/settings.h"

/* How an identity is held for a province's records. */
enum strictness {
    STRICT_HARD = 0, /* Refuse. */
    STRICT_SOFT = 1, /* Accept and count. */
    STRICT_OFF = 2,  /* Do not look. */
};

/* Per-province switches; the insured province's row is asked. */
struct province_rules {
    uint8_t identity[6];           /* enum strictness of E1..E5 at [1]..[5]; [0] unused */
    bool acct_pay_includes_mulaid; /* E3: acct_mulaid_pay is inside acct_pay, not beside it. */
    bool fund_sum_includes_acct;   /* E1, E2: fund_pay_sumamt holds acct_pay as well. */
    bool clear_mulaid;             /* E6: acct_mulaid_pay beside acct_pay is cleared too. */
};

struct area {
    uint32_t admdvs;
};

struct insutype_row {
    uint32_t code;
    uint8_t insurance; /* enum insurance */
};

struct med_type_row {
    uint32_t prefix; /* Matches codes that begin with these digits; the longest wins. */
    uint8_t line;    /* enum line */
};

struct chronic_row {
    char code[8];         /* "M03900", ended by NUL. */
    uint32_t since_month; /* yyyymm from which it is settled across provinces; 0: always. */
};

#define AREAS_MAX     1024
#define INSUTYPES_MAX 64
#define MED_TYPES_MAX 128
#define CHRONICS_MAX  64
#define CLR_TYPES_MAX 64

#define TABLES_DIRECT_CODES 10000 /* Codes of up to four digits are looked up directly. */

/* What tables_load() makes of the rows for the hot questions. */
struct table_index {
    uint64_t prefecture_bits[TABLES_DIRECT_CODES / 64 + 1]; /* By first four digits of xxxx00. */
    uint64_t clr_type_bits[TABLES_DIRECT_CODES / 64 + 1];
    uint8_t insurance[TABLES_DIRECT_CODES]; /* enum insurance + 1; 0: unknown. */
    uint8_t line[TABLES_DIRECT_CODES];      /* enum line of the longest prefix; 0: none. */
    uint32_t chronic[CHRONICS_MAX];         /* First four characters of each row's code. */
    uint32_t chronic_since[CHRONICS_MAX];   /* since_month of the same row. */
};

struct tables {
    struct province_rules provinces[PROVINCE_COUNT];
    uint32_t province_bits;       /* Bit i: the row of province index i was read. */
    struct area areas[AREAS_MAX]; /* Ascending. */
    uint32_t area_count;
    struct insutype_row insutypes[INSUTYPES_MAX]; /* Ascending. */
    uint32_t insutype_count;
    struct med_type_row med_types[MED_TYPES_MAX]; /* Ascending. */
    uint32_t med_type_count;
    struct chronic_row chronics[CHRONICS_MAX]; /* As in the file. */
    uint32_t chronic_count;
    uint32_t clr_types[CLR_TYPES_MAX]; /* Ascending. */
    uint32_t clr_type_count;

    /* settings.csv: one name and one value a line; defaults in brackets. */
    bool strict_area_table;         /* [0] 1: an area whose prefecture is not listed is refused. */
    bool strict_code_tables;        /* [0] 1: a med_type no row matches is refused. */
    bool chronic_code_required;     /* [0] 1: med_type 14* needs a listed dise_codg. */
    int64_t setl_time_future_ms;    /* [300000] setl_time may be ahead of the engine by that. */
    uint32_t setl_time_first_month; /* [201401] older settlements are refused. */
    int64_t setl_time_first_ms;     /* Its first millisecond; asked for every message. */
    int64_t tombstone_ttl_ms;       /* [259200000] 72 h, docs/rules.md, Corrections. */
    bool partial_refunds;           /* [1] a refund may be less than its original. */
    int payable_mode;               /* [1] clearing.payable_mode: what notices ask for. 0 gross,
                                     * 1 bilateral, 2 multilateral, 3 multilateral-direct: the
                                     * order of netting's own list, which this room may not see. */
    struct setting_values cycle;    /* First values of the clearing cycle's settings, which this
                                     * room only reads for it; payable_mode is among them, too. */
    uint64_t setting_bits; /* Which settings were read: the rules' own, then the cycle's. */

    struct table_index index;
};

/* Which file a text is. */
enum table_file {
    TABLE_PROVINCES, /* provinces.csv: code,name,e1,e2,e3,e4,e5,acct_pay_includes_mulaid,… */
    TABLE_AREAS,     /* areas.csv: admdvs,name */
    TABLE_INSUTYPES, /* insutypes.csv: insutype,name,class */
    TABLE_MED_TYPES, /* med_types.csv: prefix,name,line */
    TABLE_CHRONICS,  /* chronic_conditions.csv: dise_codg,name,since */
    TABLE_CLR_TYPES, /* clr_types.csv: clr_type,name */
    TABLE_SETTINGS,  /* settings.csv: name,value,meaning */
    TABLE_FILE_COUNT,
};

/* File name of each, "provinces.csv"; static memory. */
extern const char *const table_file_names[TABLE_FILE_COUNT];

/* Where and why a table was refused. */
struct table_error {
    uint32_t line;    /* 1-based; 0: the file as a whole. */
    const char *what; /* Static text. */
};

/* Sets everything to empty tables and default settings. */
void tables_init(struct tables *tables);

/* Reads one file's text into `tables`, each file once. UTF-8, LF or CRLF, '#' starts a comment
 * line, empty lines are skipped, first other line is the header, columns by name in any order; a
 * cell may stand in double quotes. False with *ret_error set when a row is wrong, doubled or too
 * many; `tables` is then not to be used. */
bool tables_load(struct tables *tables, enum table_file file, struct bytes text,
                 struct table_error *ret_error);

/* True when every table that must have rows has them: 32 provinces, at least one insutype, and the
 * table behind each strict_… or …_required setting that is on. */
bool tables_complete(const struct tables *tables, struct table_error *ret_error);

/* True when the area's province takes part and, with strict_area_table, its prefecture is listed
 * (exactly, or as its first four digits). */
bool tables_area_known(const struct tables *tables, uint32_t admdvs);

/* Class of an insutype, or -1 when unknown. */
int tables_insurance(const struct tables *tables, uint32_t insutype);

/* Line of a medical type: longest matching prefix; LINE_OUTPATIENT where none matches, or -1 with
 * strict_code_tables or when it has not 2 to 6 digits. */
int tables_line(const struct tables *tables, uint32_t med_type);

/* True for a clr_type in the table. */
bool tables_clr_type_known(const struct tables *tables, uint32_t clr_type);

/* True when the code is one of the chronic conditions or a subcode of one (its first four
 * characters are the condition's: M07803 is a form of M07801), in force in that month. */
bool tables_chronic_known(const struct tables *tables, struct bytes dise_codg, uint32_t month);

#endif
