# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.deployer import skeleton


def _document(**topology):
    return {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'description': 'A shop',
        'topology_template': topology,
    }


def _parameter(**schema):
    hot = skeleton.skeleton(_document(inputs={'x': schema}))
    return hot['parameters']['x']


def test_inputs_are_parameters_and_outputs_are_named():
    hot = skeleton.skeleton(
        _document(
            inputs={
                'cpus': {
                    'type': 'integer',
                    'description': 'How many',
                    'default': 2,
                }
            },
            outputs={'url': {'value': {'get_attribute': ['web', 'ip']}}},
            node_templates={'web': {'type': 'tosca.nodes.Compute'}},
        )
    )
    assert hot == {
        'heat_template_version': '2013-05-23',
        'description': 'A shop',
        'parameters': {
            'cpus': {
                'type': 'number',
                'description': 'How many',
                'default': 2,
            }
        },
        'resources': {},
        'outputs': {'url': {'value': None}},
    }


@pytest.mark.parametrize(
    ('tosca', 'hot'),
    [
        ('string', 'string'),
        ('integer', 'number'),
        ('float', 'number'),
        ('boolean', 'boolean'),
        ('list', 'comma_delimited_list'),
        ('map', 'json'),
        ('timestamp', 'string'),
        ('scalar-unit.size', 'string'),
        ('version', 'string'),
    ],
)
def test_type_of_a_parameter(tosca, hot):
    assert _parameter(type=tosca) == {'type': hot}


@pytest.mark.parametrize(
    ('tosca', 'hot'),
    [
        ({'equal': 3}, {'allowed_values': [3]}),
        ({'valid_values': [1, 2]}, {'allowed_values': [1, 2]}),
        ({'greater_or_equal': 1}, {'range': {'min': 1}}),
        ({'less_or_equal': 9}, {'range': {'max': 9}}),
        ({'in_range': [1, 4]}, {'range': {'min': 1, 'max': 4}}),
        ({'length': 5}, {'length': {'min': 5, 'max': 5}}),
        ({'min_length': 5}, {'length': {'min': 5}}),
        ({'max_length': 5}, {'length': {'max': 5}}),
    ],
)
def test_constraint_that_hot_has(tosca, hot):
    found = _parameter(type='string', constraints=[tosca])
    assert found['constraints'] == [hot]


@pytest.mark.parametrize(
    'tosca',
    [
        {'greater_than': 1},
        {'pattern': '(a+)+$'},
        {'in_range': [1, 'UNBOUNDED']},
        {'valid_values': 'x'},
        'x',
    ],
)
def test_constraint_that_hot_lacks_is_left_to_planning(tosca):
    assert 'constraints' not in _parameter(type='string', constraints=[tosca])


def test_input_that_may_be_missing_has_a_default():
    assert _parameter(type='string', required=False)['default'] == ''


@pytest.mark.parametrize(
    'document',
    [
        {},
        {'topology_template': None},
        {'topology_template': []},
        {'topology_template': {'inputs': 'x', 'outputs': 3}},
        {'topology_template': {'inputs': {'x': None}}, 'description': 3},
    ],
)
def test_malformed_sections_are_left_to_planning(document):
    hot = skeleton.skeleton(document)
    assert (hot['parameters'], hot['outputs']) == ({}, {})


def test_values_that_were_given_stay_out_of_the_template():
    hot = {
        'parameters': {'secret': {'type': 'string', 'default': 'hunter2'}},
        'resources': {'a': {'properties': {'x': {'get_param': 'secret'}}}},
    }
    found = skeleton.with_parameters(hot, {'secret': {'type': 'string'}})
    assert found == {
        'parameters': {'secret': {'type': 'string'}},
        'resources': {'a': {'properties': {'x': {'get_param': 'secret'}}}},
    }


def test_size_that_became_a_number_is_put_in_its_places():
    hot = {
        'parameters': {'size': {'type': 'number', 'default': 10}},
        'resources': {'disk': {'properties': [{'get_param': 'size'}]}},
        'outputs': {'size': {'value': {'get_param': 'size'}}},
    }
    found = skeleton.with_parameters(hot, {'size': {'type': 'string'}})
    assert found['resources'] == {'disk': {'properties': [10]}}
    assert found['outputs'] == {'size': {'value': 10}}
    assert hot['resources'] == {
        'disk': {'properties': [{'get_param': 'size'}]}
    }


def test_parameter_that_only_the_translation_has_is_kept():
    hot = {'parameters': {'web_image': {'type': 'string'}}, 'resources': {}}
    found = skeleton.with_parameters(hot, {})
    assert found['parameters'] == {'web_image': {'type': 'string'}}
