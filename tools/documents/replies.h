/* replies -- the engine's answers into plain data: the one file here that knows messages.
 *
 * Nothing is judged but codes of provinces; month.h does the rest. Texts that are too long for
 * their field are refused, not cut. */
#ifndef DOCUMENTS_REPLIES_H
#define DOCUMENTS_REPLIES_H

#include "cycle.pb-c.h"
#include "tools/documents/month.h"

/* Takes the head of a BatchGetReply, its payments and its positions. `month` is initialised. */
bool replies_batch(struct month *month, const Qingfen__V1__BatchGetReply *reply,
                   struct document_fault *fault);

/* Takes one page of lines. False also when the batch is another one than the head said: it changed
 * while it was read. */
bool replies_lines(struct month *month, const Qingfen__V1__BatchGetReply *reply,
                   struct document_fault *fault);

bool replies_area(const Qingfen__V1__AreaRow *row, struct month_area *ret_area,
                  struct document_fault *fault);
bool replies_notice(const Qingfen__V1__NoticeInfo *info, struct month_notice *ret_notice,
                    struct document_fault *fault);
bool replies_prefund(const Qingfen__V1__PrefundInfo *info, struct month_prefund *ret_prefund,
                     struct document_fault *fault);
bool replies_recon(const Qingfen__V1__ReconCell *cell, struct recon_cell *ret_cell,
                   struct document_fault *fault);
bool replies_cell(const Qingfen__V1__CellRow *row, struct recon_state *ret_state,
                  struct document_fault *fault);
bool replies_difference(const Qingfen__V1__Difference *difference,
                        struct recon_difference *ret_difference, struct document_fault *fault);

#endif
