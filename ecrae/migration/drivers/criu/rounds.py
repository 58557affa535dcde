# SPDX-License-Identifier: Apache-2.0

"""When the rounds of a pre-copy end. Pure.

Each round sends what was dirtied during the one before it. Going on pays
while that shrinks; a workload that dirties memory as fast as it is sent
never gets there, and one more round only costs it time.
"""

import dataclasses
import enum
import struct
from collections.abc import Sequence


#: So few pages go over in about the time freezing takes anyway.
ENOUGH_PAGES = 1024
MAX_ROUNDS = 8
#: A round must at least shrink the rest by this much to be worth another.
WORTHWHILE = 0.9

_MAGIC_BYTES = 8
_PAGES_WRITTEN = 7


class Verdict(enum.StrEnum):
    """What to do after a round."""

    AGAIN = 'again'
    ENOUGH = 'few pages are left'
    LIMIT = 'the limit of rounds is reached'
    DIVERGES = 'it dirties memory as fast as it is sent'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to stop."""

    enough_pages: int = ENOUGH_PAGES
    max_rounds: int = MAX_ROUNDS


DEFAULT = Limits()


def judge(written: Sequence[int], limits: Limits) -> Verdict:
    """What to do after rounds that wrote this many pages each."""
    if written[-1] <= limits.enough_pages:
        return Verdict.ENOUGH
    if len(written) >= limits.max_rounds:
        return Verdict.LIMIT
    # The first round is the whole memory, so only the third can diverge.
    if len(written) > 2 and written[-1] > written[-2] * WORTHWHILE:
        return Verdict.DIVERGES
    return Verdict.AGAIN


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> dict[int, int | bytes]:
    """Fields of a protobuf message that has no repeated ones."""
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            found[key >> 3], at = _varint(data, at)
        else:
            length, at = _varint(data, at)
            found[key >> 3] = data[at : at + length]
            at += length
    return found


def pages_written(statistics: bytes) -> int:
    """Pages a dump wrote, from criu's ``stats-dump`` image.

    The image is two magic words, a length and a ``stats_entry`` whose first
    field is ``dump_stats_entry`` (criu's images/stats.proto).
    """
    if len(statistics) < _MAGIC_BYTES + 4:
        return 0
    (size,) = struct.unpack_from('<I', statistics, _MAGIC_BYTES)
    body = statistics[_MAGIC_BYTES + 4 :][:size]
    dump = _fields(body).get(1, b'')
    written = _fields(dump).get(_PAGES_WRITTEN, 0) if dump else 0  # type: ignore[arg-type]
    return written if isinstance(written, int) else 0
