#include "bench/peers/postgres_sql.h"

#define FIELDS                                                                               \
    "sender, insu_admdvs, mdtrtarea_admvs, insutype, med_type, clr_type, setl_time, msgid, " \
    "setl_id, mdtrt_id, fixmedins_code, psn_key, medfee_sumamt, fund_pay_sumamt, hifp_pay, " \
    "cvlserv_pay, hifes_pay, hifmi_pay, hifob_pay, hifdm_pay, maf_pay, oth_pay, acct_pay, "  \
    "psn_cash_pay"

#define COLUMNS                                                                                  \
    "sender int NOT NULL, insu_admdvs int NOT NULL, mdtrtarea_admvs int NOT NULL, "              \
    "insutype int NOT NULL, med_type int NOT NULL, clr_type int NOT NULL, "                      \
    "setl_time bigint NOT NULL, msgid text NOT NULL, setl_id text NOT NULL, "                    \
    "mdtrt_id text NOT NULL, fixmedins_code text NOT NULL, psn_key uuid NOT NULL, "              \
    "medfee_sumamt bigint NOT NULL, fund_pay_sumamt bigint NOT NULL, hifp_pay bigint NOT NULL, " \
    "cvlserv_pay bigint NOT NULL, hifes_pay bigint NOT NULL, hifmi_pay bigint NOT NULL, "        \
    "hifob_pay bigint NOT NULL, hifdm_pay bigint NOT NULL, maf_pay bigint NOT NULL, "            \
    "oth_pay bigint NOT NULL, acct_pay bigint NOT NULL, psn_cash_pay bigint NOT NULL"

#define PARAMETERS                                                                                 \
    "$1::int AS sender, $2::int AS insu_admdvs, $3::int AS mdtrtarea_admvs, $4::int AS insutype, " \
    "$5::int AS med_type, $6::int AS clr_type, $7::bigint AS setl_time, $8::text AS msgid, "       \
    "$9::text AS setl_id, $10::text AS mdtrt_id, $11::text AS fixmedins_code, "                    \
    "$12::uuid AS psn_key, $13::bigint AS medfee_sumamt, $14::bigint AS fund_pay_sumamt, "         \
    "$15::bigint AS hifp_pay, $16::bigint AS cvlserv_pay, $17::bigint AS hifes_pay, "              \
    "$18::bigint AS hifmi_pay, $19::bigint AS hifob_pay, $20::bigint AS hifdm_pay, "               \
    "$21::bigint AS maf_pay, $22::bigint AS oth_pay, $23::bigint AS acct_pay, "                    \
    "$24::bigint AS psn_cash_pay"

/* Persons and positions in one order on every connection. Legs: the insured province's fund owes,
 * the province of treatment is owed; the same for account money. */
#define SETTLE(source, again)                                                                     \
    "WITH fresh AS ("                                                                             \
    "  INSERT INTO settlement (" FIELDS ") SELECT " FIELDS " FROM " source again                  \
    "  RETURNING id, psn_key, insu_admdvs / 10000 AS insured,"                                    \
    "    mdtrtarea_admvs / 10000 AS treating, clr_type, fund_pay_sumamt AS fund,"                 \
    "    acct_pay AS acct), "                                                                     \
    "posted AS ("                                                                                 \
    "  INSERT INTO posting SELECT id, leg, account, amount FROM fresh CROSS JOIN LATERAL (VALUES" \
    "    (1::smallint, 1000 + insured, -fund), (2::smallint, 2000 + treating, fund),"             \
    "    (3::smallint, 3000 + insured, -acct), (4::smallint, 4000 + treating, acct))"             \
    "  AS legs (leg, account, amount)), "                                                         \
    "persons AS ("                                                                                \
    "  INSERT INTO account SELECT psn_key, count(*), sum(fund)::bigint, sum(acct)::bigint"        \
    "  FROM fresh GROUP BY psn_key ORDER BY psn_key"                                              \
    "  ON CONFLICT (psn_key) DO UPDATE SET records = account.records + excluded.records,"         \
    "    fund = account.fund + excluded.fund, acct = account.acct + excluded.acct), "             \
    "positions AS ("                                                                              \
    "  INSERT INTO position SELECT current_setting('peer.lane')::int, insured, treating, "        \
    "clr_type, count(*), sum(fund)::bigint,"                                                      \
    "    sum(acct)::bigint FROM fresh GROUP BY insured, treating, clr_type"                       \
    "  ON CONFLICT (lane, insured, treating, clr_type) DO UPDATE"                                 \
    "  SET records = position.records + excluded.records, fund = position.fund + excluded.fund,"  \
    "    acct = position.acct + excluded.acct) "                                                  \
    "SELECT count(*)"

/* Looking for records that were sent before costs a sixth of a batch: settle_stage() does so only
 * when the batch fails without. */
#define SENT_BEFORE "  ON CONFLICT DO NOTHING"

const char postgres_schema[] =
    "SET client_min_messages = warning; "
    "DROP TABLE IF EXISTS settlement, posting, account, position; "
    "CREATE TABLE settlement (id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1024), " COLUMNS ", "
    "  UNIQUE (sender, msgid), UNIQUE (insu_admdvs, setl_id)); "
    "CREATE TABLE posting (settlement bigint NOT NULL, leg smallint NOT NULL, "
    "  account int NOT NULL, amount bigint NOT NULL); "
    "CREATE TABLE account (psn_key uuid PRIMARY KEY, records bigint NOT NULL, "
    "  fund bigint NOT NULL, acct bigint NOT NULL) WITH (fillfactor = 70); "
    "CREATE TABLE position (lane int NOT NULL, insured int NOT NULL, treating int NOT NULL, "
    "  clr_type int NOT NULL, records bigint NOT NULL, fund bigint NOT NULL, "
    "  acct bigint NOT NULL, PRIMARY KEY (lane, insured, treating, clr_type)) "
    "  WITH (fillfactor = 20); "
    "CREATE OR REPLACE FUNCTION settle_stage() RETURNS bigint LANGUAGE plpgsql AS $$ "
    "DECLARE fresh_records bigint; "
    "BEGIN "
    "  BEGIN "
    "    " SETTLE("stage", "") " INTO fresh_records FROM fresh; "
                               "    RETURN fresh_records; "
                               "  EXCEPTION WHEN unique_violation THEN NULL; "
                               "  END; "
                               "  " SETTLE("stage", SENT_BEFORE) " INTO fresh_records FROM fresh; "
                                                                 "  RETURN fresh_records; "
                                                                 "END $$; "
                                                                 "CHECKPOINT";

const char postgres_session[] =
    "SET client_min_messages = warning; SET jit = off; SET work_mem = '64MB'; "
    "SET temp_buffers = '64MB'; SET synchronous_commit = on; "
    "SET plan_cache_mode = force_generic_plan; "
    "CREATE TEMP TABLE stage (" COLUMNS ") ON COMMIT DELETE ROWS";

const char postgres_settle_one[] =
    SETTLE("(SELECT " PARAMETERS ") AS stage", SENT_BEFORE) " FROM fresh";

const char postgres_totals[] =
    "SELECT s.*, p.*, a.*, o.* FROM"
    " (SELECT count(*), coalesce(sum(medfee_sumamt), 0), coalesce(sum(fund_pay_sumamt), 0),"
    "    coalesce(sum(acct_pay), 0) FROM settlement) s,"
    " (SELECT count(*), coalesce(sum(amount), 0) FROM posting) p,"
    " (SELECT coalesce(sum(records), 0), coalesce(sum(fund), 0) FROM account) a,"
    " (SELECT coalesce(sum(records), 0), coalesce(sum(fund), 0) FROM position) o";
