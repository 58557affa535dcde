# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.model import hints


PINNED = {hints.PINNED: 'true'}
NOT_PINNED = {hints.PINNED: 'false'}
RELOCATABLE = {hints.RELOCATABLE: 'yes'}
NOT_RELOCATABLE = {hints.RELOCATABLE: 'no'}


@pytest.mark.parametrize('text', ['1', 'true', 'True', ' YES ', 'on', 'y'])
def test_texts_that_nova_takes_for_true(text):
    assert hints.is_true(text)


@pytest.mark.parametrize('text', ['', '0', 'false', 'no', 'off', 'maybe'])
def test_texts_that_it_does_not(text):
    assert not hints.is_true(text)


def test_the_owner_is_heard_before_the_flavor():
    assert hints.mark(hints.TAG, {hints.TAG: 'a'}, {hints.TAG: 'b'}) == 'a'
    assert hints.mark(hints.TAG, {}, {hints.TAG: 'b'}) == 'b'
    assert hints.mark(hints.TAG, {}, {}) == ''


@pytest.mark.parametrize(
    ('metadata', 'extra_specs', 'is_pinned'),
    [
        ({}, {}, False),
        (PINNED, {}, True),
        ({}, PINNED, True),
        # Neither can loosen what the other holds.
        (NOT_PINNED, PINNED, True),
        (PINNED, NOT_PINNED, True),
        (NOT_PINNED, NOT_PINNED, False),
    ],
)
def test_one_word_pins_a_server(metadata, extra_specs, is_pinned):
    assert hints.is_pinned(metadata, extra_specs) is is_pinned


@pytest.mark.parametrize(
    ('metadata', 'extra_specs', 'is_relocatable'),
    [
        ({}, {}, False),
        (RELOCATABLE, {}, True),
        ({}, RELOCATABLE, True),
        (NOT_RELOCATABLE, RELOCATABLE, False),
        (RELOCATABLE, NOT_RELOCATABLE, True),
        (RELOCATABLE | PINNED, {}, False),
        (RELOCATABLE, PINNED, False),
        (PINNED, RELOCATABLE, False),
    ],
)
def test_relocation_needs_consent_and_no_pin(
    metadata, extra_specs, is_relocatable
):
    assert hints.is_relocatable(metadata, extra_specs) is is_relocatable
