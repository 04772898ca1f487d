/* tell -- what the commands of the clearing cycle share: who speaks, one order and its answer, and
 * lists that come in pages.
 *
 * An order changes something and carries a msgid: given again it is answered as before. Must not
 * know what single orders mean. */
#ifndef QINGFEN_TELL_H
#define QINGFEN_TELL_H

#include "cycle.pb-c.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/grid.h"

#define MSGID_TEXT_SIZE 31 /* C30 and its end mark. */

/* Who speaks, to whom, and how the answer is written. */
struct speaker {
    const char *command; /* For messages: "notice pay". */
    struct client_address address;
    uint32_t as;       /* Province of the session, 0: the centre. */
    uint32_t province; /* The party the centre acts for, or whose rows are asked for; 0: none. */
    const char *msgid; /* NULL: made unique. */
    enum format format;
};

/* A speaker with nothing said yet. */
struct speaker speaker_new(const char *command);

/* The options of every command of the cycle, to stand in their lists; the second set is for orders,
 * the third for those that one party gives and the centre may give for it. */
#define SPEAKER_OPTIONS(speaker) \
    OPTION_TO(&(speaker)->address), OPTION_AS(&(speaker)->as), OPTION_OUTPUT(&(speaker)->format)
#define OPTION_MSGID(speaker)                                                        \
    {                                                                                \
        "msgid", OPTION_TEXT, &(speaker)->msgid, "ID",                               \
            "the order's own id, at most 30 characters (default: made unique)", 0, 0 \
    }
#define OPTION_PARTY(speaker)                                                     \
    {                                                                             \
        "province", OPTION_PROVINCE, &(speaker)->province, "PP",                  \
            "the centre acts for this province (default: whom it concerns)", 0, 0 \
    }
#define OPTION_WHOSE(speaker)                                    \
    {                                                            \
        "province", OPTION_PROVINCE, &(speaker)->province, "PP", \
            "only rows this province has a part in", 0, 0        \
    }

/* A new msgid that no other run makes: the time and chance. */
void msgid_make(char ret_msgid[MSGID_TEXT_SIZE]);

/* Texts in messages that are only packed: protobuf-c wants them without const. */
char *borrowed(const char *text);

/* Fills in the order's msgid (its field `msgid`), sends it and prints what the engine says. The
 * exit status. */
int tell(const struct speaker *speaker, ProtobufCMessage *order, uint16_t type);

/* The same over a conversation, with the msgid that is in the order, printing nothing but errors of
 * the conversation. The reply is freed by the caller; NULL: nobody knows whether it was done. */
Qingfen__V1__OrderReply *tell_over(struct talk *talk, const ProtobufCMessage *order, uint16_t type);

/* Prints an order's reply in the speaker's format; errors on stderr. The exit status. */
int tell_print(const struct speaker *speaker, const Qingfen__V1__OrderReply *reply);

/* A whole list, read page by page. */
struct pages {
    ProtobufCMessage **replies; /* Owned. */
    size_t reply_count;
    ProtobufCMessage **rows; /* Of all pages, in their order; they live in the replies. */
    size_t row_count;
    const char *rows_field; /* Name of the repeated field. */
};

/* Asks for page after page; `request` has the fields offset and limit. The exit status; what is
 * wrong was said on stderr. pages_free() in any case. */
int pages_read(struct pages *pages, const struct speaker *speaker, ProtobufCMessage *request,
               uint16_t type, const ProtobufCMessageDescriptor *reply, const char *rows_field);
void pages_free(struct pages *pages);

/* Keeps the rows for which `keep` says so. */
void pages_filter(struct pages *pages, bool (*keep)(const ProtobufCMessage *row, const void *with),
                  const void *with);

/* The pages as one reply in JSON on stdout, as if it had come in one; after pages_filter() with the
 * rows that were kept. */
void pages_json(const struct pages *pages);

/* Reads and prints a list. The exit status. */
int list_show(const struct speaker *speaker, ProtobufCMessage *request, uint16_t type,
              const ProtobufCMessageDescriptor *reply, const char *rows_field,
              const struct grid_column *columns);

#endif
