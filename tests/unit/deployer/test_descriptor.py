# SPDX-License-Identifier: Apache-2.0

import os
import pathlib

import pytest

from ecrae import exception
from ecrae.deployer import descriptor
from tests.unit.deployer import world


COMPUTE = 'server: {type: tosca.nodes.Compute}'


def _faults(nodes, **parts):
    with pytest.raises(exception.TemplateError) as caught:
        world.read(nodes, **parts)
    return str(caught.value)


@pytest.mark.parametrize('version', ['1_0', '1_1', '1_2', '1_3'])
def test_versions(version):
    assert world.read(COMPUTE, version=version).nodes


@pytest.mark.parametrize('line', ['ecrae_tosca_1', '2026-11-20'])
def test_the_line_for_heat_is_dropped(line):
    read = world.read(COMPUTE, more=f'heat_template_version: {line}')

    assert 'heat_template_version' not in read.document


def test_the_version_of_another_template_is_refused():
    assert 'line 2: heat_template_version' in _faults(
        COMPUTE, more='heat_template_version: 2013-05-23'
    )


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is not a TOSCA document'),
        ('- a', 'is not a TOSCA document'),
        ('a: b', 'tosca_definitions_version is None; valid are'),
        (
            'tosca_definitions_version: [1]',
            'line 1: tosca_definitions_version',
        ),
        (
            'tosca_definitions_version: tosca_simple_yaml_1_3',
            'topology_template is missing',
        ),
        (
            'tosca_definitions_version: tosca_simple_yaml_1_3\n'
            'topology_template: []',
            'line 2: topology_template is missing or not',
        ),
        (
            'tosca_definitions_version: tosca_simple_yaml_1_3\n'
            'topology_template: {node_templates: [a]}',
            'line 2: node_templates is not a mapping',
        ),
        (
            'tosca_definitions_version: tosca_simple_yaml_1_3\n'
            'topology_template:\n  node_templates:\n    a: b',
            'line 4: a is not a mapping',
        ),
        (
            'tosca_definitions_version: tosca_simple_yaml_1_3\n'
            'topology_template:\n  node_templates: {1: {}}',
            'line 3: name 1 is not text',
        ),
    ],
    ids=range(9),
)
def test_shapes_that_nothing_can_work_with(text, message):
    with pytest.raises(exception.TemplateError, match=message):
        descriptor.read(text, name='app')


OUTSIDE = [
    ('http://example.com/x', 'is a URL'),
    ('ftp://example.com/x', 'is a URL'),
    ('file:///etc/passwd', 'is a URL'),
    ('/etc/passwd', 'is not a relative path'),
    ('../secret', 'leads out'),
    ('a/../../secret', 'leads out'),
    ('~/secret', 'is not a relative path'),
    ('..\\\\secret', 'is not a relative path'),
]


@pytest.mark.parametrize(('reference', 'reason'), OUTSIDE)
@pytest.mark.parametrize(
    'nodes',
    [
        'a: {type: t, interfaces: {Standard: {create: "%s"}}}',
        'a: {type: t, interfaces: {Standard: '
        '{create: {implementation: "%s"}}}}',
        'a: {type: t, interfaces: {Standard: {create: '
        '{implementation: {primary: "%s"}}}}}',
        'a: {type: t, interfaces: {Standard: {create: '
        '{implementation: {primary: x, dependencies: ["%s"]}}}}}',
        'a: {type: t, interfaces: {Standard: {create: '
        '{implementation: {primary: {file: "%s"}}}}}}',
        'a: {type: t, interfaces: {Standard: {operations: {create: '
        '{implementation: "%s"}}}}}',
        'a: {type: t, interfaces: {Standard: {create: '
        '{implementation: x, inputs: {i: {get_file: "%s"}}}}}}',
        'a: {type: t, artifacts: {x: "%s"}}',
        'a: {type: t, artifacts: {x: {file: "%s"}}}',
        'a: {type: t, properties: {user_data: {get_file: "%s"}}}',
        'a: {type: t, requirements: [{host: {node: b, relationship: '
        '{type: r, interfaces: {Configure: {pre_configure_source: '
        '{implementation: "%s"}}}}}}]}',
    ],
    ids=range(11),
)
def test_nothing_outside_is_referred_to(nodes, reference, reason):
    text = _faults(nodes % reference)

    assert text.startswith('app: line 4: ')
    assert reason in text


@pytest.mark.parametrize(('reference', 'reason'), OUTSIDE)
@pytest.mark.parametrize(
    'section',
    [
        'imports: ["%s"]',
        'imports: [{x: "%s"}]',
        'imports: [{x: {file: "%s"}}]',
        'imports: [{file: "%s"}]',
        'node_types: {t: {artifacts: {x: {file: "%s"}}}}',
        'node_types: {t: {interfaces: {Standard: {create: "%s"}}}}',
    ],
    ids=range(6),
)
def test_definitions_come_from_inside_too(section, reference, reason):
    text = _faults(COMPUTE, more=section % reference)

    assert 'line 2: ' in text
    assert reason in text


@pytest.mark.parametrize(
    ('nodes', 'more'),
    [
        (COMPUTE, 'repositories: {r: {url: http://example.com}}'),
        (COMPUTE, 'imports: [{x: {file: a.yaml, repository: r}}]'),
        ('a: {type: t, artifacts: {x: {file: a, repository: r}}}', ''),
    ],
)
def test_repositories_are_refused(nodes, more):
    assert 'repositories are not allowed' in _faults(nodes, more=more)


def test_a_property_may_be_called_like_what_is_refused_elsewhere():
    assert world.read(
        'a: {type: t, properties: {repository: http://example.com/x.git, '
        'artifacts: {x: /etc/passwd}, file: /var/lib/x}}'
    ).nodes


def test_imports_are_put_in_place():
    files = {
        'types/a.yaml': b'imports: [b.yaml]\n'
        b'node_types: {a.A: {derived_from: b.B}, x: {version: 1}}',
        'types/b.yaml': b'node_types: {b.B: {derived_from: c}}\n'
        b'topology_template: {node_templates: {}}',
        'c.yaml': b'node_types: {c: {}}\nrelationship_types: {r: {}}',
    }

    read = world.read(
        COMPUTE,
        files=files,
        more="""
        imports:
        - types/a.yaml
        - c: {file: c.yaml, namespace_prefix: p}
        node_types: {x: {version: 2}}
        """,
    )

    assert read.document['node_types'] == {
        'b.B': {'derived_from': 'c'},
        'a.A': {'derived_from': 'b.B'},
        'p.c': {},
        'x': {'version': 2},
    }
    assert read.document['relationship_types'] == {'p.r': {}}
    assert 'imports' not in read.document
    assert list(read.nodes) == ['server']


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ({}, "app: line 2: import 'a.yaml' is not among the submitted"),
        ({'a.yaml': b'- x'}, 'app, a.yaml: is not a TOSCA document'),
        ({'a.yaml': b'a: b: c'}, 'app, a.yaml: line 1: not YAML'),
        (
            {'a.yaml': b'\nimports: [/etc/passwd]'},
            'app, a.yaml: line 2: import',
        ),
        (
            {'a.yaml': b'node_types:\n  t: {artifacts: {x: http://x/y}}'},
            'app, a.yaml: line 2: .* is a URL',
        ),
        ({'a.yaml': b'imports: 3'}, '"imports" is not a list'),
    ],
    ids=range(6),
)
def test_bad_imports_name_their_file(files, message):
    with pytest.raises(exception.TemplateError, match=message):
        world.read(COMPUTE, files=files, more='imports: [a.yaml]')


def test_imports_in_a_circle_end():
    files = {'a.yaml': b'imports: [b.yaml]', 'b.yaml': b'imports: [a.yaml]'}

    assert world.read(COMPUTE, files=files, more='imports: [a.yaml]').nodes


def test_imports_are_limited():
    files = {
        f'{i}.yaml': f'imports: [{i + 1}.yaml]'.encode() for i in range(500)
    }

    with pytest.raises(exception.TemplateError, match='too many'):
        world.read(COMPUTE, files=files, more='imports: [0.yaml]')


def test_values_of_all_imports_together_are_limited():
    files = {f'{i}.yaml': b'a:\n' + b'- x\n' * 90_000 for i in range(5)}

    with pytest.raises(exception.TemplateError, match='too many values'):
        world.read(COMPUTE, files=files, more=f'imports: {list(files)}')


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / 'secret.yaml').write_text('node_types: {s: {}}')
    folder = tmp_path / 'app'
    folder.mkdir()
    (folder / 'link.yaml').symlink_to(tmp_path / 'secret.yaml')
    os.mkfifo(folder / 'pipe.yaml')
    for name in ('link.yaml', 'pipe.yaml'):
        (folder / 'app.yaml').write_text(
            world.tosca(COMPUTE, more=f'imports: [{name}]')
        )

        with pytest.raises(exception.TemplateError, match='not among'):
            descriptor.read(folder / 'app.yaml')


def test_a_file_that_is_not_there():
    with pytest.raises(exception.TemplateError, match='gone: No such file'):
        descriptor.read(pathlib.Path('gone'))
