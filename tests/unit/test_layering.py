# SPDX-License-Identifier: Apache-2.0

"""Who may import whom. The tables are the documentation; keep them short."""

import ast
import pathlib

import pytest

import ecrae


ROOT = pathlib.Path(ecrae.__file__).parent

LEAVES = {'model', 'conf', 'exception', 'context'}
ADAPTERS = {
    'clients',
    'command',
    'kb',
    'plugins',
    'privsep',
    'rpc',
    'service',
    'telemetry',
}
FEATURES = {'deployer', 'migration', 'scheduler_filters', 'simulator'}

#: What a package may import besides itself. ``cmd`` may import anything.
ALLOWED = {
    'exception': set(),
    'model': {'exception'},
    'context': LEAVES,
    'conf': LEAVES,
    **dict.fromkeys(ADAPTERS, LEAVES | ADAPTERS),
    **dict.fromkeys(FEATURES, LEAVES | ADAPTERS),
}

#: The simulator replays traces through the optimizer, which is pure.
EXCEPTIONS = {('simulator', 'ecrae.migration.optimizer')}

#: Third-party objects stop at one package or module.
CONFINED = {
    'nova': ('scheduler_filters',),
    'heat': ('deployer/heat',),
    'toscaparser': ('deployer/tosca.py',),
    'translator': ('deployer/tosca.py',),
    'novaclient': ('clients',),
    'heatclient': ('clients',),
    'openstack': ('clients',),
    'keystoneauth1': ('clients', 'telemetry'),
    'gnocchiclient': ('telemetry',),
    'observabilityclient': ('telemetry',),
    'ceilometerclient': ('telemetry',),
    'sqlalchemy': ('kb',),
    'alembic': ('kb',),
    'oslo_db': ('kb',),
    'stevedore': ('plugins.py',),
    'oslo_messaging': ('rpc.py',),
    'oslo_service': ('service.py', 'rpc.py'),
    'pylxd': ('migration/drivers/containers',),
    'prometheus_client': ('migration/rebalancer/metrics.py',),
    'tooz': ('migration/rebalancer/leader.py',),
    'oslo_privsep': ('privsep', 'cmd'),
    'matplotlib': ('simulator/plot.py',),
    'cliff': ('command.py', 'cmd'),
    'scipy': ('migration/optimizer', 'simulator/bound.py'),
}

#: Pure: no clock, configuration, logging or I/O.
PURE = (
    'model',
    'migration/optimizer',
    'migration/rebalancer/assembly.py',
    'migration/rebalancer/guard.py',
    'migration/rebalancer/proposal.py',
    'migration/rebalancer/validity.py',
    'migration/rebalancer/windows.py',
    'deployer/fleet.py',
    'deployer/selection.py',
)
IMPURE_MODULES = {
    'logging',
    'os',
    'random',
    'socket',
    'subprocess',
    'time',
    'oslo_config',
    'oslo_log',
    'oslo_utils',
}


def _modules():
    return sorted(ROOT.rglob('*.py'))


def _imports(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f'{node.module}.{alias.name}'


def _is_below(path, places):
    relative = path.relative_to(ROOT)
    return any(relative.is_relative_to(place) for place in places)


@pytest.mark.parametrize('path', _modules(), ids=str)
def test_package_imports_only_what_its_layer_allows(path):
    package = path.relative_to(ROOT).parts[0].removesuffix('.py')
    if package in ('cmd', '__init__'):
        return
    for name in _imports(path):
        parts = name.split('.')
        if parts[0] != 'ecrae' or len(parts) < 2 or parts[1] == package:
            continue
        if any(
            package == importer and name.startswith(allowed)
            for importer, allowed in EXCEPTIONS
        ):
            continue
        assert parts[1] in ALLOWED[package], f'{path} imports {name}'


@pytest.mark.parametrize('path', _modules(), ids=str)
def test_third_party_objects_stop_where_they_should(path):
    for name in _imports(path):
        places = CONFINED.get(name.split('.')[0])
        assert places is None or _is_below(path, places), (
            f'{path} imports {name}; only {places} may'
        )


@pytest.mark.parametrize(
    'path', [p for p in _modules() if _is_below(p, PURE)], ids=str
)
def test_pure_code_has_no_clock_config_or_io(path):
    impure = {name.split('.')[0] for name in _imports(path)} & IMPURE_MODULES
    assert not impure, f'{path} imports {sorted(impure)}'


@pytest.mark.parametrize('path', _modules(), ids=str)
def test_eventlet_is_nowhere(path):
    assert 'eventlet' not in {n.split('.')[0] for n in _imports(path)}
