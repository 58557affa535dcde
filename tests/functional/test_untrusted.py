# SPDX-License-Identifier: Apache-2.0

"""Descriptors from strangers: a result or a clear error, and nothing else.

The libraries run in this process here, without the sandbox that keeps them
from harm, so that an audit hook sees all that they try: no socket, and no
file but those of the installed packages.
"""

import contextlib
import os
import pathlib
import sys
import sysconfig

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from ecrae import exception
from ecrae.deployer import descriptor
from ecrae.deployer import pipeline
from ecrae.deployer import sandbox
from ecrae.deployer import tosca
from ecrae.deployer import yaml_safety
from tests.unit.deployer import strategies
from tests.unit.deployer import world


class Watch:
    """What was opened and connected to while it is active."""

    def __init__(self):
        self.is_active = False
        self.seen = []
        self.allowed = tuple(
            os.path.realpath(folder)
            for folder in {
                *sysconfig.get_paths().values(),
                # tosca-parser's errors quote the lines of the code.
                pathlib.Path(__file__).parents[2],
            }
        )

    def __call__(self, event, args):
        if not self.is_active:
            return
        if event == 'open':
            path = args[0]
            if isinstance(path, int):
                return
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith(self.allowed):
                self.seen.append((event, real))
        elif event.startswith(
            ('socket.', 'urllib.', 'ftplib.', 'subprocess.', 'os.system')
        ):
            self.seen.append((event, args))


WATCH = Watch()
sys.addaudithook(WATCH)


@contextlib.contextmanager
def watching():
    WATCH.seen.clear()
    WATCH.is_active = True
    try:
        yield
    finally:
        WATCH.is_active = False
    assert WATCH.seen == []


@pytest.fixture(autouse=True)
def no_sandbox(monkeypatch):
    def translate(read, document, values, timeout_s=0):
        try:
            return tosca.translate(document, values)
        except tosca.Invalid as error:
            raise exception.TemplateError(faults=error.faults) from error

    monkeypatch.setattr(sandbox, 'translate', translate)


KNOWLEDGE = world.knowledge()
CLUSTER = world.cluster()


def _plan(source, files=None):
    read = descriptor.read(source, name='app', files=files)
    return pipeline.plan(read, inputs={}, knowledge=KNOWLEDGE, cluster=CLUSTER)


def _result_or_error(source, files=None):
    with watching():
        try:
            plan = _plan(source, files)
        except exception.EcraeError as error:
            text = str(error)
            assert text
            assert '\n' not in text
            assert 'Traceback' not in text
            return
    nodes = plan.completed['topology_template'].get('node_templates') or {}
    assert 'ecrae.nodes.Compute' not in {
        template.get('type') for template in nodes.values()
    }


SLOW = settings(
    max_examples=150,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@SLOW
@given(strategies.broken())
def test_a_broken_descriptor(document):
    _result_or_error(document)


@SLOW
@given(strategies.documents())
def test_a_good_descriptor_gives_a_plan_or_says_what_is_lacking(document):
    with watching():
        try:
            plan = _plan(document)
        except exception.PlacementError:
            return
    chosen = {c.node: c.chosen for c in plan.decision.components}
    for node, choice in chosen.items():
        server = plan.hot['resources'][node]
        assert server['properties']['flavor'] == choice.flavor
        assert server['properties']['image'] == plan.images[node]


@SLOW
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_noise(source):
    _result_or_error(source)


@SLOW
@given(
    strategies.documents(),
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.sampled_from('{}[]:-&*!|>\'"\n \t#,0a\0'),
        ),
        max_size=5,
    ),
)
def test_a_typing_error(document, changes):
    text = list(yaml_safety.dump(document))
    for place, character in changes:
        text[place % len(text)] = character
    _result_or_error(''.join(text))


HOSTILE = [
    ('http://127.0.0.1:9/x.yaml', ''),
    ('ftp://127.0.0.1:9/x.yaml', ''),
    ('file:///etc/passwd', ''),
    ('/etc/passwd', ''),
    ('../../../../etc/passwd', ''),
    ('{get_file: /etc/passwd}', ''),
    ('[/etc/passwd]', ''),
]


@pytest.mark.parametrize('reference', [entry for entry, _ in HOSTILE])
@pytest.mark.parametrize(
    'more',
    [
        'imports: [%s]',
        'imports: [{x: %s}]',
        'imports: [{x: {file: %s}}]',
        'repositories: {x: {url: %s}}',
        'node_types: {my.T: {derived_from: tosca.nodes.Compute, '
        'artifacts: {x: {type: tosca.artifacts.File, file: %s}}}}',
        'node_types: {my.T: {derived_from: tosca.nodes.Compute, '
        'interfaces: {Standard: {create: {implementation: %s}}}}}',
    ],
    ids=range(6),
)
def test_nothing_is_fetched_by_definitions(reference, more):
    with watching(), contextlib.suppress(exception.TemplateError):
        plan = _plan(
            world.tosca('server: {type: my.T}', more=more % reference)
        )
        assert '/etc/passwd' not in str(plan.hot)
        assert '127.0.0.1' not in str(plan.hot)


@pytest.mark.parametrize('reference', [entry for entry, _ in HOSTILE])
@pytest.mark.parametrize(
    'node',
    [
        '{type: tosca.nodes.Compute, interfaces: {Standard: {create: %s}}}',
        '{type: tosca.nodes.Compute, interfaces: {Standard: '
        '{create: {implementation: %s}}}}',
        '{type: tosca.nodes.Compute, artifacts: {x: %s}}',
        '{type: tosca.nodes.Compute, artifacts: {x: {file: %s, '
        'type: tosca.artifacts.File}}, interfaces: {Standard: '
        '{create: {implementation: run.sh, '
        'inputs: {x: {get_artifact: [SELF, x]}}}}}}',
        '{type: tosca.nodes.Compute, interfaces: {Standard: '
        '{create: {implementation: run.sh, inputs: {x: %s}}}}}',
        '{type: my.T, properties: {user_data: %s}}',
    ],
    ids=range(6),
)
def test_nothing_outside_gets_into_the_heat_template(reference, node):
    source = world.tosca(
        f'server: {node % reference}',
        more='node_types: {my.T: {derived_from: tosca.nodes.Compute, '
        'properties: {user_data: {type: string}}}}',
    )
    with watching():
        try:
            plan = _plan(source, {'run.sh': b'true'})
        except exception.TemplateError:
            return
    files = _files(plan.hot)
    assert set(files) <= {'run.sh'}
    assert set(plan.hot_files) <= {'run.sh'}


def _files(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == 'get_file':
                yield item
            else:
                yield from _files(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files(item)


def test_text_never_becomes_structure_as_it_does_without_quotes():
    plan = _plan(
        world.tosca(
            """
            server: {type: tosca.nodes.Compute}
            software:
              type: tosca.nodes.SoftwareComponent
              requirements: [{host: server}]
              interfaces:
                Standard:
                  create:
                    implementation: run.sh
                    inputs: {x: "{ get_file: /etc/passwd }"}
            """
        ),
        {'run.sh': b'true'},
    )

    values = plan.hot['resources']['software_create_deploy']['properties']
    assert values['input_values'] == {'x': '{ get_file: /etc/passwd }'}
