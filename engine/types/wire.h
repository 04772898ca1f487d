/* wire -- the frame and the numbers of the message types; docs/wire.md is the full text.
 *
 * FRAME   A 24-byte head and a protobuf payload. All integers little-endian.
 *           OFFSET  SIZE  FIELD
 *                0     4  magic        "QF01"
 *                4     4  length       bytes of payload, at most FRAME_PAYLOAD_MAX
 *                8     8  request_id   chosen by the client, echoed in the reply
 *               16     2  type         enum message_type; a reply's is its request's | 0x8000
 *               18     1  version      1
 *               19     1  flags        0
 *               20     4  crc          CRC32C (Castagnoli) of bytes 0..19, then of the payload
 */
#ifndef TYPES_WIRE_H
#define TYPES_WIRE_H

#define FRAME_HEAD_SIZE   24
#define FRAME_PAYLOAD_MAX (1024 * 1024) /* Bytes. */
#define FRAME_VERSION     1
#define BATCH_RECORDS_MAX 1024
#define DEFAULT_PORT      7040

enum message_type {
    MESSAGE_HELLO = 0x0001,
    MESSAGE_SETL_POST = 0x0101,
    MESSAGE_SETL_REVERSE = 0x0102,
    MESSAGE_SETL_ADJUST = 0x0103,
    MESSAGE_SETL_BATCH = 0x0104,
    MESSAGE_RECON_DAY = 0x0105,
    MESSAGE_RECON_LIST = 0x0106,
    MESSAGE_CORRECTION = 0x0107,
    MESSAGE_PERIOD_CUT = 0x0401,
    MESSAGE_BATCH_STEP = 0x0402,
    MESSAGE_CLR_CONFIRM = 0x0403,
    MESSAGE_DISPUTE_OPEN = 0x0404,
    MESSAGE_BATCH_SIGN = 0x0405,
    MESSAGE_PAY_REPORT = 0x0406,
    MESSAGE_PREFUND_SET = 0x0407,
    MESSAGE_CLR_WITHDRAW = 0x0408,
    MESSAGE_RECOVERY = 0x0409,
    MESSAGE_DISPUTE_REPLY = 0x040a,
    MESSAGE_DISPUTE_RESOLVE = 0x040b,
    MESSAGE_RECEIPT_REPORT = 0x040c,
    MESSAGE_NOTICE_REISSUE = 0x040d,
    MESSAGE_PREFUND_APPLY = 0x040e,
    MESSAGE_PREFUND_DECIDE = 0x040f,
    MESSAGE_PERIOD_LIST = 0x0411,
    MESSAGE_NET_REPORT = 0x0412,
    MESSAGE_POSITION_REPORT = 0x0413,
    MESSAGE_YEAR_CLOSE = 0x0414,
    MESSAGE_SETTING_SET = 0x0420,
    MESSAGE_BATCH_GET = 0x0421,
    MESSAGE_NOTICE_LIST = 0x0422,
    MESSAGE_DISPUTE_LIST = 0x0423,
    MESSAGE_PREFUND_LIST = 0x0424,
    MESSAGE_DIFFERENCE_LIST = 0x0425,
    MESSAGE_CALENDAR_GET = 0x0426,
    MESSAGE_AREA_REPORT = 0x0427,
    MESSAGE_EXCEPTION_LIST = 0x0428,
    MESSAGE_CELL_LIST = 0x0429,
    MESSAGE_SETTING_LIST = 0x042a,
    MESSAGE_BOOK_GET = 0x042b,
    MESSAGE_SETTLEMENT_GET = 0x0510,
    MESSAGE_CLOCK_SET = 0x0601,
    MESSAGE_STATUS_GET = 0x0602,
    MESSAGE_REPLY_BIT = 0x8000,
    MESSAGE_ERROR = 0xffff, /* ErrorReply, to a frame that cannot be understood. */
};

#endif
