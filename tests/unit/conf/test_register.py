# SPDX-License-Identifier: Apache-2.0

from oslo_config import cfg

import ecrae.conf


def test_configurations_do_not_share_what_is_set_in_one():
    one, other = cfg.ConfigOpts(), cfg.ConfigOpts()
    for conf in (one, other):
        ecrae.conf.register_opts(conf)
        conf([], default_config_files=[])
    one.set_override('connection', 'sqlite://', 'ecrae_database')
    assert other.ecrae_database.connection != 'sqlite://'
