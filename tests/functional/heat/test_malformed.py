# SPDX-License-Identifier: Apache-2.0

"""Whatever a stranger submits, heat-engine answers with a sentence."""

import pytest

from tests.functional.heat.engine import Refused
from tests.functional.heat.topology import descriptor
from tests.functional.heat.topology import server


INPUTS = [
    {'type': 'string', 'constraints': [{'pattern': '['}]},
    {'type': 'string', 'constraints': [{'pattern': 3}]},
    {'type': 'string', 'constraints': [{'in_range': [1, 2]}]},
    {'type': 'string', 'default': {'a': 'b'}},
    {'type': 'string', 'default': ['a']},
    {'type': 'integer', 'default': 'x'},
    {'type': 'integer', 'constraints': [{'valid_values': ['x']}]},
    {'type': 'integer', 'constraints': [{'in_range': [9, 1]}]},
    {'type': 'integer', 'constraints': [{'length': 3}]},
    {'type': 'boolean', 'default': 'perhaps'},
    {'type': 'list', 'default': 3},
    {'type': 'map', 'default': 'x'},
    {'type': ['string']},
    {'type': {'a': 'b'}},
    {'type': 'string', 'description': 3},
    {},
]

DOCUMENTS = [
    {'topology_template': {}},
    {'topology_template': 'x'},
    {'topology_template': {'node_templates': {'a': None}}},
    {'topology_template': {'inputs': [1], 'node_templates': {}}},
    {'topology_template': {'outputs': {'': {'value': 1}}}},
    {'description': ['x']},
    {'metadata': {'ecrae.files': {'a': {'get_file': ['x']}}}},
    {'imports': [{'file': '../../etc/passwd'}]},
    {'parameters': {'a': 1}, 'resources': {'b': 2}},
]


def _is_answered(engine, document):
    try:
        engine.validate(document)
    except Refused as refusal:
        return bool(str(refusal)) and 'Traceback' not in str(refusal)
    return True


@pytest.mark.parametrize('schema', INPUTS, ids=str)
def test_input(engine, schema):
    assert _is_answered(
        engine, descriptor(inputs={'x': schema}, web=server('web-frontend'))
    )


@pytest.mark.parametrize('document', DOCUMENTS, ids=str)
def test_document(engine, document):
    assert _is_answered(
        engine, {**descriptor(web=server('web-frontend')), **document}
    )


def test_pattern_is_tried_where_it_harms_nobody(engine):
    asked = descriptor(
        inputs={
            'x': {'type': 'string', 'constraints': [{'pattern': '[a-z]+'}]}
        },
        web=server('web-frontend'),
    )
    with pytest.raises(Refused, match='x'):
        engine.preview('shop', asked, parameters={'x': 'ABC'})
    assert engine.preview('shop', asked, parameters={'x': 'abc'})
