# SPDX-License-Identifier: Apache-2.0

"""Images of processes, with and without a handler that is not theirs."""

import pytest

from ecrae import exception
from ecrae.migration.drivers.criu import images
from ecrae.privsep import cure


_ALL = (1 << 64) - 1
_FOREIGN = (cure.HANDLER, 0x4C000000, cure.HANDLER, _ALL)
_OTHER = (0x55D0C0FFEE00, 0x14000000, 0x7F0000001000, 0x4000)
_DEFAULT = (0, 0, 0, 0)


def _varint(value):
    found = b''
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _field(number, value):
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    return _varint(number << 3) + _varint(value)


def _image(*actions, is_thread=False):
    """A core image as criu writes it, as far as it matters here."""
    task = b''.join(
        _field(15, b''.join(map(_field, (1, 2, 3, 4), action)))
        for action in actions
    )
    body = _field(1, 1) + _field(2, b'registers')
    if not is_thread:
        body += _field(3, _field(1, 3) + task + _field(7, b'name'))
    return (
        b'\x55\x10\x59\x40\x00\x11\x22\x33'
        + len(body).to_bytes(4, 'little')
        + body
    )


def _actions(data):
    """What a parser of protobuf, which skips padding, finds."""
    found = []
    buffer = bytearray(data)
    for task in images._named(buffer, 3, 12, len(buffer)):
        for action in images._named(buffer, 15, *task):
            fields = images._fields(buffer, *action)
            found.append(
                tuple(images._varint(buffer, at)[0] for _, at, _ in fields)
            )
    return found


@pytest.mark.parametrize(
    'own',
    [
        _DEFAULT,
        (1, 0, 0, 0),
        _OTHER,
        (0x7FFFFFFFFFFF, 0xDC000007, 0x7FFFFFFFFFFF, _ALL),
    ],
)
def test_a_process_gets_its_own_action_back(tmp_path, own):
    path = tmp_path / 'core-7.img'
    path.write_bytes(_image(_OTHER, _FOREIGN, _DEFAULT))
    size = path.stat().st_size
    images.restore_handlers(tmp_path, [own])
    assert _actions(path.read_bytes()) == [_OTHER, own, _DEFAULT]
    assert path.stat().st_size == size


def test_each_process_has_a_handler_of_its_own(tmp_path):
    second = cure.HANDLER + cure.HANDLER_STEP
    (tmp_path / 'core-7.img').write_bytes(
        _image((second, 0x4C000000, second, _ALL))
    )
    (tmp_path / 'core-8.img').write_bytes(_image(_FOREIGN))
    (tmp_path / 'core-9.img').write_bytes(_image(is_thread=True))
    images.restore_handlers(tmp_path, [_DEFAULT, _OTHER])
    assert _actions((tmp_path / 'core-7.img').read_bytes()) == [_OTHER]
    assert _actions((tmp_path / 'core-8.img').read_bytes()) == [_DEFAULT]


def test_a_process_without_a_foreign_handler_is_left_alone(tmp_path):
    path = tmp_path / 'core-7.img'
    path.write_bytes(_image(_OTHER))
    before = path.read_bytes()
    images.restore_handlers(tmp_path, [None])
    assert path.read_bytes() == before


@pytest.mark.parametrize('data', [_image(_OTHER), _image(_FOREIGN)[:-9]])
def test_an_image_that_is_otherwise_is_not_sent(tmp_path, data):
    (tmp_path / 'core-7.img').write_bytes(data)
    with pytest.raises(exception.TransferFailed, match='image'):
        images.restore_handlers(tmp_path, [_DEFAULT])


def test_an_action_that_needs_more_room_is_an_error(tmp_path):
    (tmp_path / 'core-7.img').write_bytes(_image(_FOREIGN))
    with pytest.raises(exception.TransferFailed):
        images.restore_handlers(tmp_path, [(1 << 60, 0, 0, 0)])
