/* verify -- `qingfen verify`: is everything in a store as it must be?
 *
 * An independent reading. It shares the formats with the engine (blocks, entries, the store's
 * tables) and no rule: bodies are decoded by protobuf-c, cells and refunds are worked out again by
 * straightforward code of its own, so that a mistake in the engine is not made here a second time.
 *
 * INVARIANTS looked at (docs/rules.md): every checksum and the hash chain; dense numbers, time
 * that never goes back (J2, J3); each id once per person; refunds and adjustments within their
 * original, amount by amount; each record in the right period and cell; accounts of a cell sum to
 * zero (C1); cut cells as they were cut; stored cells, tallies, records and marks as the journal
 * implies them (B1); the tallies of a cell its sum (T1); the sum of all net positions zero (N1);
 * wallets of all shards together, with what is on its way between them (wallet_check.h). */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

/* The command: `qingfen verify --data DIR [--deep]`. Summary and `verify: ok` on stdout, exit 0;
 * the first difference, or why it cannot be looked for, on stderr, exit 1; 2: there is no
 * store. */
int cmd_verify(int argc, char **argv);

#endif
