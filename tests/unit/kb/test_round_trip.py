# SPDX-License-Identifier: Apache-2.0

import hypothesis

from ecrae.kb import assembly
from ecrae.kb import document
from ecrae.kb import entries
from tests.unit.kb import strategies


@hypothesis.given(strategies.knowledge())
def test_any_knowledge_survives_its_document(before):
    text = document.render(entries.of(before))
    assert assembly.build(document.read(text, 'kb.yaml')) == before
    again = assembly.build(document.read(text, 'kb.yaml'))
    assert document.render(entries.of(again)) == text
