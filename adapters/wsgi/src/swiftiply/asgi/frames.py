"""WebSocket messages (RFC 6455) without any I/O: bytes in, messages out; messages in, bytes out.

The library ``websockets`` does the frames and their compression (RFC 7692). What is added here is what an application
wants to see: whole messages, text that is text, one end.
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from ..errors import ReplyError

__all__ = ["Closed", "Event", "Frames", "Message"]

# The library's own lines tell of every connection that ends; here only what should not happen is worth one.
_log = logging.getLogger("swiftiply.websocket")
_log.setLevel(logging.WARNING)

#: Bytes of UTF-8 that a reason may have beside its code: a control frame holds 125 (RFC 6455 section 5.5).
_REASON_BYTES_MAX = 123

_NO_STATUS = 1005
_INVALID_DATA = 1007

#: As uvicorn has it: windows of 4 KiB, so that compression costs a connection some 64 KiB instead of 300.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)


class Message(NamedTuple):
    """A whole message: text or bytes."""

    data: str | bytes


class Closed(NamedTuple):
    """The WebSocket is over: the client has closed it, or has broken a rule, and this is what it was told."""

    code: int
    reason: str


Event = Union[Message, Closed]


class Frames:
    """The server's end of an open WebSocket."""

    def __init__(self, offers: Sequence[str], *, max_size: int, deflate: bool) -> None:
        extensions = [_DEFLATE] if deflate else []
        self._protocol = ServerProtocol(extensions=extensions, state=OPEN, max_size=max_size, logger=_log)
        #: What the handshake answers to the client's offers of extensions.
        self.extensions = self._agree(offers)
        self._output: list[bytes] = []
        #: Of a message whose end has not come: decoded text, or bytes.
        self._pieces: list[Any] = []
        self._decoder: codecs.IncrementalDecoder | None = None
        #: Nothing more is said on our side.
        self.is_over = False
        self._is_closed = False

    def feed(self, data: bytes) -> list[Event]:
        """Take what the client sent, in pieces of any size. ``b""`` is its end."""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        events: list[Event] = []
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame) and not self._is_closed:
                self._take(frame, events)
        if self._protocol.parser_exc is not None and self._protocol.close_sent is not None:
            self._end(self._protocol.close_sent, events)
        self._gather()
        return events

    def message(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self._protocol.send_text(data.encode())
        else:
            self._protocol.send_binary(data)
        self._gather()

    def ping(self) -> None:
        self._protocol.send_ping(b"swiftiply")
        self._gather()

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. A reason that is too long is cut: better than not to close."""
        try:
            if code == _NO_STATUS:
                self._protocol.send_close()
            else:
                self._protocol.send_close(code, _shortened(reason))
        except ProtocolError as error:
            raise ReplyError(f"a WebSocket cannot be closed with the code {code}: {error}") from None
        self._is_closed = True
        self._gather()

    def take_output(self) -> list[bytes]:
        """What is to be sent."""
        output, self._output = self._output, []
        return output

    def _agree(self, offers: Sequence[str]) -> str | None:
        headers = Headers()
        for offer in offers:
            headers["Sec-WebSocket-Extensions"] = offer
        try:
            answer, self._protocol.extensions = self._protocol.process_extensions(headers)
        except InvalidHandshake:
            return None  # what cannot be read was not offered
        return answer

    def _take(self, frame: Frame, events: list[Event]) -> None:
        if frame.opcode is Opcode.CLOSE:
            if self._protocol.close_rcvd is not None:
                self._end(self._protocol.close_rcvd, events)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            try:
                data = self._joined(frame)
            except UnicodeDecodeError:
                self._protocol.fail(_INVALID_DATA, "text that is not UTF-8")
                self._end(Close(_INVALID_DATA, "text that is not UTF-8"), events)
                return
            if data is not None:
                events.append(Message(data))

    def _joined(self, frame: Frame) -> str | bytes | None:
        """The message that this frame completes. Text is decoded as it comes, so that nobody waits for the end of what
        is wrong from the beginning."""
        if frame.opcode is not Opcode.CONT:
            is_text = frame.opcode is Opcode.TEXT
            if frame.fin:
                return str(frame.data, "utf-8") if is_text else bytes(frame.data)
            self._pieces = []
            self._decoder = codecs.getincrementaldecoder("utf-8")() if is_text else None
        piece = bytes(frame.data)
        self._pieces.append(piece if self._decoder is None else self._decoder.decode(piece, frame.fin))
        if not frame.fin:
            return None
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces) if self._decoder is None else "".join(pieces)

    def _end(self, close: Close, events: list[Event]) -> None:
        if not self._is_closed:
            self._is_closed = True
            events.append(Closed(close.code, close.reason))

    def _gather(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._output.append(bytes(data))
            else:
                self.is_over = True  # the library's word for the end


def _shortened(reason: str) -> str:
    return reason.encode()[:_REASON_BYTES_MAX].decode("utf-8", "ignore")
