# SPDX-License-Identifier: Apache-2.0

"""The one thing that is changed in criu's images before they are sent.

While criu dumps a process, SIGTRAP has a handler there that is not the
process's own (:mod:`ecrae.privsep.cure`). The image gets back what was.
"""

import pathlib
from collections.abc import Iterator
from collections.abc import Sequence

from ecrae import exception
from ecrae.privsep import cure


#: Two magic words and the length of the message.
_HEAD_BYTES = 12
#: core_entry.tc, task_core_entry.sigactions (criu's images/core.proto).
_TASK, _ACTIONS = 3, 15
#: sa_entry: sigaction, flags, restorer, mask.
_ACTION = (1, 2, 3, 4)

_Actions = Sequence[Sequence[int] | None]


def _varint(data: bytearray, at: int) -> tuple[int, int]:
    """(value, position after it)."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def _fields(
    data: bytearray, at: int, end: int
) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of each field's value in a protobuf message."""
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            stop = _varint(data, at)[1]
        elif kind == 2:
            size, at = _varint(data, at)
            stop = at + size
        else:
            stop = at + (8 if kind == 1 else 4)
        yield key >> 3, at, stop
        at = stop


def _put(data: bytearray, start: int, end: int, value: int) -> None:
    """Write a number in the room that another one had, padded."""
    for at in range(start, end):
        data[at] = 0x80 | value & 0x7F
        value >>= 7
    data[end - 1] &= 0x7F
    if value:
        raise IndexError(start)


def _restore_action(
    data: bytearray, start: int, end: int, actions: _Actions
) -> bool:
    """Undo a signal's action if it is the foreign one."""
    places = {
        number: (first, last)
        for number, first, last in _fields(data, start, end)
    }
    handler = _varint(data, places[_ACTION[0]][0])[0]
    number, rest = divmod(handler - cure.HANDLER, cure.HANDLER_STEP)
    if rest or not 0 <= number < cure.HANDLERS:
        return False
    for field, value in zip(_ACTION, actions[number] or (), strict=True):
        _put(data, *places[field], value)
    return True


def _named(
    data: bytearray, number: int, start: int, end: int
) -> Iterator[tuple[int, int]]:
    for found, first, last in _fields(data, start, end):
        if found == number:
            yield first, last


def restore_handlers(folder: pathlib.Path, actions: _Actions) -> None:
    """Give the processes of a dump their own SIGTRAP back.

    :param actions: what :func:`ecrae.privsep.cure.actions` says.
    :raises TransferFailed: when an image is not as criu writes them.
    """
    count = 0
    for path in sorted(folder.glob('core-*.img')):
        data = bytearray(path.read_bytes())
        try:
            found = [
                _restore_action(data, *action, actions)
                for task in _named(data, _TASK, _HEAD_BYTES, len(data))
                for action in _named(data, _ACTIONS, *task)
            ]
        except (IndexError, KeyError, ValueError) as error:
            raise exception.TransferFailed(
                f'{path} is no image of a process.'
            ) from error
        if any(found):
            path.write_bytes(data)
            count += 1
    if count != (wanted := sum(each is not None for each in actions)):
        raise exception.TransferFailed(
            f'{folder} has {count} images of the {wanted} processes whose '
            'SIGTRAP has to be put right.'
        )
