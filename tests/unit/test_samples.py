# SPDX-License-Identifier: Apache-2.0

import pathlib

from oslo_config import cfg
from oslo_config import generator

from ecrae import conf


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
