# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.model import tariff


CARBON = {'hydro': 25.0, 'coal': 975.0}


def test_only_watts_count_unless_told_otherwise():
    factors = tariff.factors(
        tariff.Tariff(carbon_g_per_kwh=CARBON), ['hydro', 'coal']
    )
    assert list(factors) == [1, 1]


def test_clean_zone_is_cheap_and_unknown_zone_average():
    factors = tariff.factors(
        tariff.Tariff(carbon_g_per_kwh=CARBON, carbon_weight=1.0),
        ['hydro', 'coal', 'unknown'],
    )
    assert list(factors) == [0.05, 1.95, 1.0]


def test_units_do_not_matter():
    kilograms = {zone: grams / 1000 for zone, grams in CARBON.items()}
    one, other = (
        tariff.factors(
            tariff.Tariff(carbon_g_per_kwh=known, carbon_weight=0.5),
            ['hydro', 'coal'],
        )
        for known in (CARBON, kilograms)
    )
    assert one == pytest.approx(other)


@pytest.mark.parametrize('value', [0.0, -1.0, float('nan'), float('inf')])
@pytest.mark.parametrize('column', ['carbon_g_per_kwh', 'price_per_kwh'])
def test_refuses_carbon_and_prices_out_of_range(column, value):
    with pytest.raises(ValueError, match='zone coal'):
        tariff.Tariff(**{column: {'coal': value}})


@pytest.mark.parametrize('share', ['standing_share', 'wake_share'])
@pytest.mark.parametrize('value', [-0.1, 1.1])
def test_refuses_shares_out_of_range(share, value):
    with pytest.raises(ValueError, match='shares'):
        tariff.Tariff(**{share: value})


@pytest.mark.parametrize('weights', [(-0.1, 0), (0.6, 0.6)])
def test_refuses_weights_out_of_range(weights):
    carbon_weight, price_weight = weights
    with pytest.raises(ValueError, match='weights'):
        tariff.Tariff(carbon_weight=carbon_weight, price_weight=price_weight)
