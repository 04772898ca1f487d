"""wire_client -- a client of the clearing engine, written from docs/wire.md alone.

It proves that the document is enough: it knows the frame, the numbers of the messages and the
rules of the conversation, and takes the messages themselves from proto/ through the stock protobuf
library. The stubs are made by protoc into a temporary folder when this file is imported.

Not fast on purpose: a straight socket, a table-driven CRC, no threads. See Client for use.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from typing import Iterable, Optional

try:
    import google.protobuf  # noqa: F401
except ImportError:  # Say what to do: the interpreter on PATH is often not the system's.
    sys.exit("wire_client: no protobuf for %s; use Debian's python3 with python3-protobuf"
             % sys.executable)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _load_stubs():
    """Runs protoc over proto/ and imports what it made."""
    folder = tempfile.mkdtemp(prefix="qingfen-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    proto = ROOT / "proto"
    files = sorted(str(path) for path in proto.glob("*.proto"))
    subprocess.run([os.environ.get("PROTOC", "protoc"), "--proto_path=%s" % proto,
                    "--python_out=%s" % folder] + files, check=True, timeout=60)
    sys.path.insert(0, folder)
    try:
        return [importlib.import_module(name + "_pb2")
                for name in ("common", "session", "settlement", "centre", "cycle", "wallet",
                             "premium", "person")]
    finally:
        sys.path.remove(folder)


common, session, settlement, centre, cycle, wallet, premium, person = _load_stubs()

# docs/wire.md, 2 The frame
HEAD = struct.Struct("<4sIQHBBI")
HEAD_UNTIL_CRC = struct.Struct("<4sIQHBB")
MAGIC = b"QF01"
VERSION = 1
PAYLOAD_MAX = 1024 * 1024
BATCH_MAX = 1024
REPLY_BIT = 0x8000
ERROR_TYPE = 0xFFFF

# docs/wire.md, 4 The messages: number -> (request, reply)
MESSAGES = {
    0x0001: (session.Hello, session.HelloReply),
    0x0101: (settlement.SetlPost, common.Reply),
    0x0102: (settlement.SetlReverse, common.Reply),
    0x0103: (settlement.SetlAdjust, common.Reply),
    0x0104: (settlement.SetlBatch, settlement.SetlBatchReply),
    0x0107: (settlement.Correction, common.Reply),
    0x0401: (centre.PeriodCut, centre.PeriodCutReply),
    0x0411: (centre.PeriodList, centre.PeriodListReply),
    0x0412: (centre.NetReport, centre.NetReportReply),
    0x0413: (centre.PositionReport, centre.PositionReportReply),
    0x0414: (centre.YearClose, common.Reply),
    0x0510: (centre.SettlementGet, centre.SettlementGetReply),
    0x0601: (centre.ClockSet, common.Reply),
    0x0602: (centre.StatusGet, centre.StatusReply),
    0x0105: (cycle.ReconDay, cycle.ReconDayReply),
    0x0106: (cycle.ReconList, cycle.ReconListReply),
    0x0402: (cycle.BatchStep, cycle.OrderReply),
    0x0403: (cycle.ClrConfirm, cycle.OrderReply),
    0x0404: (cycle.DisputeOpen, cycle.OrderReply),
    0x0405: (cycle.BatchSign, cycle.OrderReply),
    0x0406: (cycle.PayReport, cycle.OrderReply),
    0x0407: (cycle.PrefundSet, cycle.OrderReply),
    0x0408: (cycle.ClrWithdraw, cycle.OrderReply),
    0x0409: (cycle.Recovery, cycle.OrderReply),
    0x040a: (cycle.DisputeReply, cycle.OrderReply),
    0x040b: (cycle.DisputeResolve, cycle.OrderReply),
    0x040c: (cycle.ReceiptReport, cycle.OrderReply),
    0x040d: (cycle.NoticeReissue, cycle.OrderReply),
    0x040e: (cycle.PrefundApply, cycle.OrderReply),
    0x040f: (cycle.PrefundDecide, cycle.OrderReply),
    0x0420: (cycle.SettingSet, cycle.OrderReply),
    0x0421: (cycle.BatchGet, cycle.BatchGetReply),
    0x0422: (cycle.NoticeList, cycle.NoticeListReply),
    0x0423: (cycle.DisputeList, cycle.DisputeListReply),
    0x0424: (cycle.PrefundList, cycle.PrefundListReply),
    0x0425: (cycle.DifferenceList, cycle.DifferenceListReply),
    0x0426: (cycle.CalendarGet, cycle.CalendarGetReply),
    0x0427: (cycle.AreaReport, cycle.AreaReportReply),
    0x0428: (cycle.ExceptionList, cycle.ExceptionListReply),
    0x0429: (cycle.CellList, cycle.CellListReply),
    0x042a: (cycle.SettingList, cycle.SettingListReply),
    0x042b: (cycle.BookGet, cycle.BookGetReply),
    0x0201: (wallet.WltOpen, wallet.WalletReply),
    0x0202: (wallet.WltUseLocChg, wallet.WalletReply),
    0x0203: (wallet.WltClose, wallet.WalletReply),
    0x0204: (wallet.WltFreeze, wallet.WalletReply),
    0x0205: (wallet.WltFreeze, wallet.WalletReply),
    0x0211: (wallet.RltsBind, wallet.WalletReply),
    0x0212: (wallet.RltsUnbind, wallet.WalletReply),
    0x0213: (wallet.PsnStatePush, wallet.WalletReply),
    0x0221: (wallet.TrsfSubmit, wallet.WalletReply),
    0x0222: (wallet.TrsfAccept, wallet.WalletReply),
    0x0223: (wallet.TrsfAccept, wallet.WalletReply),
    0x0226: (wallet.TrsfVoid, wallet.WalletReply),
    0x0232: (wallet.PaHoldAck, wallet.WalletReply),
    0x0235: (wallet.PaGrant, wallet.WalletReply),
    0x0241: (wallet.WltPayPre, wallet.WalletReply),
    0x0242: (wallet.WltPay, wallet.WalletReply),
    0x0243: (wallet.WltPayReverse, wallet.WalletReply),
    0x0251: (wallet.LmtReclaim, wallet.WalletReply),
    0x0260: (wallet.OutboxGet, wallet.OutboxGetReply),
    0x0261: (wallet.OutboxAck, wallet.WalletReply),
    0x0301: (premium.PremQuote, wallet.WalletReply),
    0x0302: (premium.PremPay, wallet.WalletReply),
    0x0304: (premium.PremReverse, wallet.WalletReply),
    0x0305: (premium.PremDue, wallet.WalletReply),
    0x0501: (person.StmtGet, person.StmtGetReply),
    0x0502: (person.YearSumGet, person.YearSumGetReply),
    0x0503: (person.WltQuery, person.WltQueryReply),
    0x0504: (person.WltRecords, person.WltRecordsReply),
    0x0505: (person.SetlRecords, person.SetlRecordsReply),
    0x0506: (person.RegionQuery, person.RegionQueryReply),
    0x0507: (person.InstQuery, person.InstQueryReply),
    0x0511: (person.AuthSwitchPush, wallet.WalletReply),
    0x0512: (person.FilingPush, wallet.WalletReply),
    0x0513: (person.InstDirPush, wallet.WalletReply),
    0x0514: (person.RulePush, wallet.WalletReply),
}
# Two messages may have one form (WltFreeze and WltUnfreeze): the first number is the form's own.
TYPE_OF = {request: number for number, (request, _) in reversed(MESSAGES.items())}
WLT_UNFREEZE = 0x0205
TRSF_DECLINE = 0x0223


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data: bytes, crc: int = 0) -> int:
    """CRC32C (Castagnoli) of the bytes, going on from `crc`."""
    table = _CRC_TABLE
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def frame(type_: int, request_id: int, payload: bytes, *, magic: bytes = MAGIC,
          version: int = VERSION, length: Optional[int] = None,
          crc: Optional[int] = None) -> bytes:
    """One frame. The keyword arguments spoil it, for tests."""
    head = HEAD_UNTIL_CRC.pack(magic, len(payload) if length is None else length, request_id,
                               type_, version, 0)
    if crc is None:
        crc = crc32c(payload, crc32c(head))
    return head + struct.pack("<I", crc) + payload


class ConnectionEnded(Exception):
    """The engine closed the connection, or it broke."""


class ProtocolError(Exception):
    """The engine answered with an ErrorReply, or with something that docs/wire.md does not allow."""

    def __init__(self, text: str, reply=None):
        super().__init__(text)
        self.reply = reply


def home_shard(psn_key: bytes, shards: int) -> int:
    """Shard a person is at home in (docs/wire.md, 5)."""
    return (int.from_bytes(psn_key[:4], "little") * shards) >> 32


class Client:
    """One connection.

        with Client("127.0.0.1", 7040) as client:
            client.hello(province=31)
            reply = client.call(SetlPost(...))

    call() sends one message and waits for its answer. post()/take() are the two halves, for
    pipelining: answers come in any order and are matched by request id.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 20.0):
        self.sock = socket.create_connection((host, port), timeout=timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next_id = 1
        self.waiting: dict[int, int] = {}  # request id -> type of the request
        self.arrived: dict[int, object] = {}
        self.buffer = bytearray()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # Frames ------------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are: for tests of what is malformed."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionEnded(str(error)) from error

    def end_sending(self) -> None:
        """Half-closes: the engine sees the end of what we say, we still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def _read_exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError as error:
                raise ConnectionEnded(str(error)) from error
            if not data:
                raise ConnectionEnded("end of stream, %d bytes of a frame" % len(self.buffer))
            self.buffer += data
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def read_frame(self) -> tuple[int, int, bytes]:
        """Next frame: type, request id, payload; all checks of docs/wire.md 2."""
        head = self._read_exactly(HEAD.size)
        magic, length, request_id, type_, version, flags, crc = HEAD.unpack(head)
        if magic != MAGIC or version != VERSION or flags != 0 or length > PAYLOAD_MAX:
            raise ProtocolError("bad frame head from the engine: %s" % head.hex())
        payload = self._read_exactly(length)
        if crc32c(payload, crc32c(head[:20])) != crc:
            raise ProtocolError("bad CRC from the engine")
        return type_, request_id, payload

    def at_end(self) -> bool:
        """True when the engine has closed and everything was read."""
        if self.buffer:
            return False
        try:
            data = self.sock.recv(1)
        except ConnectionResetError:
            return True
        self.buffer += data
        return not data

    # Messages ----------------------------------------------------------------------------------

    def post(self, message, type_: Optional[int] = None) -> int:
        """Sends a request without waiting; gives its request id. `type_` is needed only where two
        types have one form."""
        if type_ is None:
            return self.post_many([message])[0]
        request_id = self.next_id
        self.next_id += 1
        self.waiting[request_id] = type_
        self.send_raw(frame(type_, request_id, message.SerializeToString()))
        return request_id

    def post_many(self, messages: Iterable) -> list[int]:
        """Sends several requests in one write."""
        ids, parts = [], []
        for message in messages:
            type_ = TYPE_OF[type(message)]
            parts.append(frame(type_, self.next_id, message.SerializeToString()))
            self.waiting[self.next_id] = type_
            ids.append(self.next_id)
            self.next_id += 1
        self.send_raw(b"".join(parts))
        return ids

    def take_any(self) -> tuple[int, object]:
        """The next answer in whatever order they come: request id and message."""
        type_, request_id, payload = self.read_frame()
        if type_ == ERROR_TYPE:
            reply = common.ErrorReply.FromString(payload)
            self.waiting.pop(request_id, None)
            raise ProtocolError("ErrorReply %d: %s" % (reply.code, reply.text), reply)
        asked = self.waiting.pop(request_id, None)
        if asked is None or type_ != asked | REPLY_BIT:
            raise ProtocolError("reply 0x%04x to request %d, which asked %s"
                                % (type_, request_id, asked))
        return request_id, MESSAGES[asked][1].FromString(payload)

    def take(self, request_id: int):
        """The answer to one request; others that come meanwhile are kept."""
        while request_id not in self.arrived:
            arrived_id, reply = self.take_any()
            self.arrived[arrived_id] = reply
        return self.arrived.pop(request_id)

    def call(self, message):
        """Sends one request and waits for its answer."""
        return self.take(self.post(message))

    def wallet(self, message, type_: Optional[int] = None):
        """Sends a message of wallet, premium or a push and waits for its WalletReply; makes a msgid
        when it has none."""
        if not message.msgid:
            message.msgid = "M" + os.urandom(12).hex()
        return self.take(self.post(message, type_))

    def outbox(self, dest: int, ack: bool = False) -> list:
        """Everything that waits for a destination (0: the platform); acknowledged on demand."""
        messages: list = []
        while True:
            after = messages[-1].position if messages else 0
            reply = self.call(wallet.OutboxGet(dest=dest, after=after, limit=1000))
            if reply.code != 0:
                raise ProtocolError("OutboxGet %d: %s" % (reply.code, reply.text), reply)
            messages += reply.messages
            if not reply.messages or messages[-1].position >= reply.last:
                break
        if ack and messages:
            reply = self.wallet(wallet.OutboxAck(dest=dest, upto=messages[-1].position))
            if reply.code != 0:
                raise ProtocolError("OutboxAck %d: %s" % (reply.code, reply.text), reply)
        return messages

    def call_many(self, messages: Iterable, window: int = 256) -> list:
        """Sends requests with at most `window` in flight; answers in the order of the requests."""
        messages = list(messages)
        replies = []
        ids: list[int] = []
        sent = 0
        while len(replies) < len(messages):
            room = window - (sent - len(replies))
            if room > 0 and sent < len(messages):
                more = messages[sent:sent + room]
                ids += self.post_many(more)
                sent += len(more)
            replies.append(self.take(ids[len(replies)]))
        return replies

    def error_reply(self):
        """Reads a frame that must be an ErrorReply: request id and message."""
        type_, request_id, payload = self.read_frame()
        if type_ != ERROR_TYPE:
            raise ProtocolError("expected an ErrorReply, got 0x%04x" % type_)
        return request_id, common.ErrorReply.FromString(payload)

    def hello(self, province: int = 0, home: int = 0, version: int = 1):
        """Says who speaks; `home` is a shard plus 1, 0 for any."""
        return self.call(session.Hello(version=version, province=province,
                                       client="wire_client.py", home_shard=home))

    def batch(self, records: Iterable):
        """Sends up to 1,024 settlements in one frame; the answer's results in their order."""
        reply = self.call(settlement.SetlBatch(records=records))
        results = sorted(reply.results, key=lambda result: result.index)
        return reply, results
