# SPDX-License-Identifier: Apache-2.0

"""An order of hosts and units by what they are, not by their names."""

import numpy as np

from ecrae.migration.optimizer.constraints import IntArray
from ecrae.model.power import FloatArray


def ranks(columns: FloatArray) -> IntArray:
    """Rank of each item by its columns, equal for equal ones.

    :param columns: shape (attributes, items).
    """
    order = np.lexsort(columns[::-1])
    inside = columns[:, order]
    is_new = (inside[:, 1:] != inside[:, :-1]).any(axis=0)
    numbers = np.empty(columns.shape[1], dtype=np.intp)
    numbers[order] = np.concatenate(([0], np.cumsum(is_new)))[: len(order)]
    return numbers


def orders(
    host_columns: FloatArray, unit_columns: FloatArray, start: IntArray
) -> tuple[IntArray, IntArray]:
    """Order of hosts and of units; ties stay in the order given.

    :param host_columns: attributes of hosts, shape (attributes, n).
    :param unit_columns: attributes of units, shape (attributes, m).
    :param start: host of each unit, shape (m,).

    Contents enter as sums of whole numbers, which no order can change.
    """
    unit_rank = ranks(unit_columns)
    n_hosts = host_columns.shape[1]
    contents = np.zeros((3, n_hosts), dtype=np.int64)
    np.add.at(contents[0], start, 1)
    np.add.at(contents[1], start, unit_rank)
    np.add.at(contents[2], start, unit_rank.astype(np.int64) ** 2)
    hosts = np.lexsort((*contents[::-1], ranks(host_columns)))
    place = np.empty(n_hosts, dtype=np.intp)
    place[hosts] = np.arange(n_hosts)
    return hosts, np.lexsort((place[start], unit_rank))
