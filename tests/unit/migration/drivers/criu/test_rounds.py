# SPDX-License-Identifier: Apache-2.0

import struct

import pytest

from ecrae.migration.drivers.criu import rounds


Verdict = rounds.Verdict


@pytest.mark.parametrize(
    ('written', 'verdict'),
    [
        ([500000], Verdict.AGAIN),
        ([500000, 60000], Verdict.AGAIN),
        ([500000, 60000, 900], Verdict.ENOUGH),
        ([800], Verdict.ENOUGH),
        ([500000, 60000, 58000], Verdict.DIVERGES),
        ([500000, 60000, 70000], Verdict.DIVERGES),
        ([9, 8, 7, 6, 5, 4, 3, 2], Verdict.ENOUGH),
        ([900000 >> n for n in range(8)], Verdict.LIMIT),
    ],
)
def test_rounds_end_when_another_would_not_pay(written, verdict):
    assert rounds.judge(written, rounds.DEFAULT) is verdict


def _varint(value):
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])


def _image(fields):
    dump = b''.join(
        _varint(number << 3) + _varint(value) for number, value in fields
    )
    entry = _varint(1 << 3 | 2) + _varint(len(dump)) + dump
    return struct.pack('<III', 0x55105940, 0x57093306, len(entry)) + entry


def test_pages_written_are_read_from_crius_own_image():
    image = _image([(1, 1200), (2, 30000), (5, 131072), (7, 130560)])
    assert rounds.pages_written(image) == 130560


@pytest.mark.parametrize('image', [b'', b'\0' * 8, _image([(1, 5)])])
def test_no_number_is_none_written(image):
    assert rounds.pages_written(image) == 0
