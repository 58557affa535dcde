# SPDX-License-Identifier: Apache-2.0

import pytest
from oslo_config import cfg

import ecrae.conf
from ecrae import exception


def test_configurations_do_not_share_what_is_set_in_one():
    one, other = cfg.ConfigOpts(), cfg.ConfigOpts()
    for conf in (one, other):
        ecrae.conf.register_opts(conf)
        conf([], default_config_files=[])
    one.set_override('connection', 'sqlite://', 'ecrae_database')
    assert other.ecrae_database.connection != 'sqlite://'


@pytest.mark.parametrize(
    ('line', 'reason'),
    [
        ('mode = bold', r'mode: .*advice, auto.*bold'),
        ('interval = fast', r'interval: .*fast'),
        ('max_migrations = -4', r'max_migrations: .*1'),
    ],
)
def test_a_value_that_may_not_be_names_file_group_and_option(
    tmp_path, line, reason
):
    path = tmp_path / 'ecrae.conf'
    path.write_text(f'[ecrae_rebalancer]\n{line}\n')
    place = rf'{path}: \[ecrae_rebalancer\] '
    with pytest.raises(exception.ConfigError, match=place + reason):
        ecrae.conf.load([str(path)])


def test_defaults_are_what_they_may_be():
    conf = cfg.ConfigOpts()
    ecrae.conf.register_opts(conf)
    conf([], default_config_files=[])
    ecrae.conf.check(conf)
