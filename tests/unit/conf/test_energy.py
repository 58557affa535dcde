# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import conf
from ecrae import exception
from ecrae.conf import energy
from ecrae.model import tariff


@pytest.fixture
def load(tmp_path):
    def read(*lines):
        path = tmp_path / 'ecrae.conf'
        path.write_text('\n'.join(('[ecrae_energy]', *lines)))
        return energy.tariff(conf.load([str(path)]))

    return read


def test_by_default_only_watts_count(load):
    assert load() == tariff.PLAIN


def test_zones_and_weights(load):
    found = load(
        'carbon_intensity = north:20, south:410.5',
        'price = north:0.09',
        'carbon_weight = 0.5',
        'price_weight = 0.25',
    )

    assert found.carbon_g_per_kwh == {'north': 20.0, 'south': 410.5}
    assert found.price_per_kwh == {'north': 0.09}
    assert (found.carbon_weight, found.price_weight) == (0.5, 0.25)


@pytest.mark.parametrize(
    ('lines', 'part'),
    [
        (['carbon_weight = 0.6', 'price_weight = 0.6'], 'exceed 1 together'),
        (['price = north:0'], 'zone north'),
        (['wake_share = 2'], 'wake_share'),
        (['price = north:cheap'], 'price'),
    ],
)
def test_faults_name_the_group_or_option(load, lines, part):
    with pytest.raises(exception.ConfigError, match=part):
        load(*lines)
