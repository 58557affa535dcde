# SPDX-License-Identifier: Apache-2.0

import textwrap

import hypothesis
import pytest
from hypothesis import strategies as st

from ecrae import exception
from ecrae.kb import assembly
from ecrae.kb import catalogue
from ecrae.kb import document
from ecrae.kb import entries


GOOD = """
    ecrae_knowledge: 1
    power_profiles:
      flat:
        quality: measured
        source: our own meter
        power_w: [50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50]
    node_types:
      small:
        architecture: x86_64
        cpu: a chip
        cores: 4
        threads: 8
        memory_mib: 1024
        disk_gib: 10
        hypervisor_type: qemu
        power_profile: flat
    flavors:
      m1.small: {vcpus: 1, memory_mib: 512, disk_gib: 1}
    tags:
      web:
        kind: hint
        targets:
          - {node_type: small, flavor: m1.small, preference: 1}
    hosts:
      compute-1: {node_type: small}
"""


def _build(text):
    return assembly.build(document.read(textwrap.dedent(text), 'kb.yaml'))


def _faults(text):
    with pytest.raises(exception.KnowledgeError) as caught:
        _build(text)
    assert caught.value.source == 'kb.yaml'
    return caught.value.faults


def test_a_small_document_is_understood():
    knowledge = _build(GOOD)
    target = knowledge.tags['web'].targets[0]
    assert target.node_type.curve.power_w == (50.0,) * 11
    assert target.flavor.memory_mib == 512
    assert knowledge.host_node_types == {'compute-1': 'small'}


def test_the_catalogue_round_trips():
    before = catalogue.load()
    text = document.render(entries.of(before))
    assert assembly.build(document.read(text, 'again')) == before


def test_all_faults_are_named_at_once():
    text = (
        GOOD.replace('cores: 4', 'cores: many')
        .replace('kind: hint', 'kind: wish')
        .replace('vcpus: 1', 'vcpus: 0')
        .replace('{node_type: small}', '{node_type: smal, rack: 3}')
    )
    assert _faults(text) == [
        "node_types.small.cores: 'many' is not a whole number",
        'flavors["m1.small"].vcpus: 0 is less than the minimum of 1',
        "tags.web.kind: 'wish' is not one of ['hint', 'exact']",
        'hosts.compute-1: Additional properties are not allowed '
        "('rack' was unexpected)",
    ]


def test_formal_faults_and_dangling_references_come_together():
    text = GOOD.replace('cores: 4', 'cores: 0').replace(
        'flavor: m1.small', 'flavor: m1.smal'
    )
    assert _faults(text) == [
        'node_types.small.cores: 0 is less than the minimum of 1',
        "tags.web.targets[0].flavor: there is no flavor named 'm1.smal'",
    ]


@pytest.mark.parametrize(
    ('old', 'new', 'fault'),
    [
        (
            'power_profile: flat',
            'power_profile: flatt',
            'node_types.small.power_profile: there is no power profile '
            "named 'flatt'",
        ),
        (
            'threads: 8',
            'threads: 2',
            'node_types.small.threads: 2 is less than the 4 cores',
        ),
        (
            '{node_type: small}',
            '{node_type: large}',
            'hosts.compute-1.node_type: there is no node type named '
            "'large'",
        ),
        (
            '[50, 50, 50,',
            '[50, 60, 55,',
            'power_profiles.flat.power_w[2]: 55 W at 20 % load after 60 W at '
            'a lower one; watts must not fall as load rises: repeat the '
            'higher reading',
        ),
        (
            '[50, 50,',
            '[50, .nan,',
            'power_profiles.flat.power_w[1]: nan is not a finite number',
        ),
        (
            'source: our own meter',
            'source: our own meter\n        sleep_w: 51',
            'power_profiles.flat.sleep_w: sleep watts must lie between 0 and '
            'idle watts',
        ),
        (
            '[50, 50,',
            '[50,',
            'power_profiles.flat.power_w: 10 items; at least 11 are needed',
        ),
        (
            'compute-1:',
            '1001:',
            'line 26: name 1001 must be quoted',
        ),
        (
            'hosts:',
            'flavors:',
            "line 25: 'flavors' stands twice",
        ),
        (
            '      compute-1: {node_type: small}',
            '      - compute-1',
            "hosts: ['compute-1'] is not a mapping",
        ),
        (
            'power_profile: flat\n',
            'power_profile: flat\n        accelerators:\n          - {kind: '
            'gpu, model: L4, power_profile: l4}\n',
            'node_types.small.accelerators[0].power_profile: there is no '
            "power profile named 'l4'",
        ),
        (
            'preference: 1}',
            'preference: 1, accelerator: gpu, accelerators_busy: 0.5}',
            'tags.web.targets[0].accelerator: small has no gpu accelerator; '
            'it has: none',
        ),
        (
            'preference: 1}',
            'preference: 1, accelerator: gpu}',
            "tags.web.targets[0]: 'accelerators_busy' is a dependency of "
            "'accelerator'",
        ),
        ('ecrae_knowledge: 1', 'ecrae_knowledge: 2', 'ecrae_knowledge: 1 was '
         'expected'),
        (
            'compute-1:',
            '" compute":',
            'hosts[" compute"]: \' compute\' is not allowed; expected: '
            'Printable, no blanks at the ends.',
        ),
    ],
)  # fmt: skip
def test_a_fault_has_its_place_and_its_mend(old, new, fault):
    assert fault in _faults(GOOD.replace(old, new))


def test_an_exact_tag_names_one_node_type():
    more = GOOD.replace('kind: hint', 'kind: exact').replace(
        '- {node_type: small,',
        '- {node_type: other, flavor: m1.small, preference: 2}\n'
        '          - {node_type: small,',
    )
    assert (
        'tags.web.targets: an exact tag names one node type, not other, small'
        in _faults(more)
    )


def test_a_pair_stands_once_in_a_tag():
    twice = '- {node_type: small, flavor: m1.small, preference: 2}\n'
    more = GOOD.replace(
        '- {node_type: small,', f'{twice}          - {{node_type: small,'
    )
    assert _faults(more) == [
        "tags.web.targets[1]: node type 'small' with 'm1.small' stands twice"
    ]


def test_text_that_is_not_yaml_is_refused_with_its_line():
    [fault] = _faults('a: b\nc: d: e')
    assert fault.startswith('line 2: not YAML: ')


@pytest.mark.parametrize('text', ['', '- 1', 'true', '[' * 5000])
def test_what_is_no_document_is_refused(text):
    assert _faults(text)


@hypothesis.given(st.text(max_size=60))
def test_no_text_does_anything_but_build_or_be_refused(text):
    with pytest.raises(exception.KnowledgeError):
        document.read(text, 'kb.yaml')


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(['hint', 'small', 'flat', 'm1.small', 'awake']),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
    max_leaves=8,
)


@hypothesis.given(st.sampled_from(document.SECTIONS), st.data())
def test_a_spoiled_entry_is_a_fault_and_never_a_crash(section, data):
    value, _faults = document.yaml_text.load(textwrap.dedent(GOOD), 'kb')
    [name] = value[section]
    entry = value[section][name]
    field = data.draw(st.sampled_from([*entry, 'unknown']))
    entry[field] = data.draw(_TREES)
    faults = []
    try:
        assembly.build(document.check(value, 'kb.yaml'))
    except exception.KnowledgeError as error:
        faults = error.faults
    assert all(name in fault for fault in faults)
