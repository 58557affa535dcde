# SPDX-License-Identifier: Apache-2.0

from ecrae.model import pairing
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


def series(*moments):
    return [
        Reading(
            subject=Subject.HOST,
            name='a',
            metric=Metric.POWER_W,
            value=float(at),
            measured_at=float(at),
            source='file',
        )
        for at in moments
    ]


def pairs(first, second):
    return [
        (a, b)
        for a, b in zip(
            *(column.tolist() for column in pairing.pair(first, second)),
            strict=True,
        )
    ]


def test_each_sparse_reading_takes_the_nearest_dense_one():
    sparse = series(0, 300, 600)
    dense = series(*range(-30, 700, 60))
    expected = [(0, -30), (300, 270), (600, 570)]
    assert pairs(sparse, dense) == expected
    assert pairs(dense, sparse) == [(b, a) for a, b in expected]


def test_what_lies_further_than_half_an_interval_has_no_partner():
    assert pairs(series(0, 100, 200, 300), series(40, 140, 240, 451)) == [
        (0, 40),
        (100, 140),
        (200, 240),
    ]


def test_order_does_not_matter():
    assert pairs(series(100, 0), series(1, 101)) == [(0, 1), (100, 101)]


def test_one_reading_has_no_interval():
    assert pairs(series(0), series(0, 100)) == []
    assert pairs(series(), series()) == []
