# SPDX-License-Identifier: Apache-2.0

import json
import pathlib
import re
import shutil
import subprocess

import pytest
from oslo_config import cfg
from oslo_config import generator

from ecrae import conf
from ecrae.clients import session
from ecrae.cmd import installation
from ecrae.cmd import service_file
from ecrae.conf import opts
from ecrae.migration.rebalancer import metrics


TOP = pathlib.Path(__file__).parents[2]
ETC = TOP / 'etc' / 'ecrae'
GENERATE = (
    'oslo-config-generator --config-file etc/ecrae/ecrae-config-generator.conf'
)


def test_the_sample_is_what_the_code_says(tmp_path):
    made = tmp_path / 'ecrae.conf.sample'
    options = cfg.ConfigOpts()
    generator.register_cli_opts(options)
    options(
        [
            f'--config-file={ETC}/ecrae-config-generator.conf',
            f'--output-file={made}',
        ]
    )
    generator.generate(options)
    sample = (ETC / 'ecrae.conf.sample').read_text()
    assert made.read_text() == sample, f'stale; run: {GENERATE}'


def test_the_sample_is_a_configuration():
    loaded = conf.load([str(ETC / 'ecrae.conf.sample')])
    assert loaded.ecrae_database.connection.startswith('sqlite:///')


def _faults(file):
    groups = [*opts.list_opts(), *session.list_opts()]
    return service_file.faults(file, groups, frozenset({session.GROUP.name}))


def test_the_snippet_for_nova_is_whole():
    file = service_file.read(ETC / 'nova.conf.sample')
    assert installation.nova_plugins(file) == []
    assert _faults(file) == []


def test_the_snippet_for_heat_is_whole():
    file = service_file.read(ETC / 'heat.conf.sample')
    (folder,) = file.items('DEFAULT', 'plugin_dirs')
    assert folder.endswith('/ecrae/deployer/heat/resources')
    assert (TOP / folder.partition('dist-packages/')[2]).is_dir()
    assert _faults(file) == []


def test_every_metric_of_the_dashboard_exists():
    board = json.loads((ETC.parent / 'grafana/ecrae.json').read_text())
    known = {
        family.name + ('_total' if family.type == 'counter' else '')
        for family in metrics.Metrics().registry.collect()
    }
    named = {
        name
        for panel in board['panels']
        for target in panel['targets']
        for name in re.findall(r'ecrae_\w+', target['expr'])
    }
    assert named == known


UNITS = sorted((ETC.parent / 'systemd').glob('*.service'))


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.stem)
def test_units_start_programs_that_exist_with_options_they_have(unit):
    (line,) = re.findall('^ExecStart=(.*)$', unit.read_text(), re.M)
    program, option, path = line.split()
    assert re.search(
        rf'^    {pathlib.Path(program).name} = ',
        (TOP / 'setup.cfg').read_text(),
        re.M,
    )
    assert (option, path) == ('--config-file', '/etc/ecrae/ecrae.conf')


@pytest.mark.skipif(
    not shutil.which('systemd-analyze'), reason='no systemd on this machine'
)
@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_the_units(unit, tmp_path):
    copy = tmp_path / unit.name
    text = re.sub(
        '^ExecStart=\\S+', 'ExecStart=/bin/true', unit.read_text(), flags=re.M
    )
    copy.write_text(text)
    done = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no', copy],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [
        line for line in done.stderr.splitlines() if unit.name in line
    ]
    assert (complaints, done.returncode) == ([], 0), done.stderr
