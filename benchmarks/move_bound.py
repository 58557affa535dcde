# SPDX-License-Identifier: Apache-2.0

"""Watts below which nothing comes that moves no more than so many workloads.

A linear relaxation: a workload i stays (s_i) or goes to a kind of hosts
(f_it), in parts too; hosts of a kind share what arrives (a_hr of resource
r); host h is in use by z_hk at k · 10 % load, which is the convex envelope
of its curve and of being off. Nothing stays on a host that is off
(s_i ≤ Σ_k z_hk), so that moves pay only where they empty hosts.
"""

import numpy as np
from scipy import optimize
from scipy import sparse

from ecrae.migration.optimizer.problem import LOAD
from ecrae.migration.optimizer.problem import Problem
from ecrae.model import power


STEPS = np.linspace(0.0, 1.0, power.POINTS)


def watts_bound(problem: Problem, moves: int) -> float:
    """Least watts that so many moves could reach, or less."""
    n, m = problem.n_hosts, problem.n_units
    k_resources = len(problem.room)
    kind = _kinds(problem)
    n_kinds = int(kind.max()) + 1
    is_kind = _ones(kind, n_kinds)
    starts = _ones(problem.start, n)
    in_use = sparse.kron(sparse.eye_array(n), np.ones((1, power.POINTS)))
    runs_at = sparse.kron(sparse.diags_array(problem.cores), STEPS[None])
    none = sparse.coo_array
    goes_once = sparse.kron(sparse.eye_array(m), np.ones((1, n_kinds)))

    def arrives(row: np.ndarray) -> sparse.coo_array:
        """What comes to each kind, of what is shared by its hosts."""
        return sparse.kron(-row[None], sparse.eye_array(n_kinds))

    def share(resource: int, matrix: sparse.coo_array) -> sparse.coo_array:
        """A matrix that acts on one resource of what arrives."""
        unit = np.zeros((1, k_resources))
        unit[0, resource] = 1.0
        return sparse.kron(unit, matrix)

    eye = sparse.eye_array(n)
    stays = starts @ sparse.diags_array(problem.demand[LOAD])
    equal = [[sparse.eye_array(m), goes_once, none((m, 11 * n)), None]]
    equal += [[stays, None, -runs_at, share(LOAD, eye)]]
    equal += [
        [None, arrives(problem.demand[r]), None, share(r, is_kind)]
        for r in range(k_resources)
    ]
    at_most = [[sparse.eye_array(m), None, -(starts.T @ in_use), None]]
    at_most += [[None, none((n, m * n_kinds)), in_use, share(0, 0 * eye)]]
    at_most += [
        [
            starts @ sparse.diags_array(problem.demand[r]),
            None,
            -(sparse.diags_array(problem.room[r]) @ in_use),
            share(r, eye),
        ]
        for r in range(k_resources)
    ]
    at_most += [[-np.ones((1, m)), None, None, None]]
    cost = problem.curves_w - problem.sleep_w[:, None]
    free = m + m * n_kinds
    result = optimize.linprog(
        np.concatenate(
            (np.zeros(free), cost.ravel(), np.zeros(k_resources * n))
        ),
        A_ub=sparse.csr_array(sparse.block_array(at_most)),
        b_ub=np.concatenate(
            (np.zeros(m), np.ones(n), np.zeros(k_resources * n), [moves - m])
        ),
        A_eq=sparse.csr_array(sparse.block_array(equal)),
        b_eq=np.concatenate((np.ones(m), np.zeros(n + k_resources * n_kinds))),
        method='highs',
    )
    if result.fun is None:
        raise SystemExit(f'HiGHS: {result.message}')
    return float(result.fun + problem.sleep_w.sum())


def _kinds(problem: Problem) -> np.ndarray:
    """Hosts that are alike in all that counts here, shape (n,)."""
    facts = np.vstack((problem.room, problem.cores, problem.curves_w.T))
    return np.unique(facts, axis=1, return_inverse=True)[1].ravel()


def _ones(column: np.ndarray, height: int) -> sparse.coo_array:
    """A one in each column, at the row that is given."""
    width = len(column)
    return sparse.coo_array(
        (np.ones(width), (column, np.arange(width))), shape=(height, width)
    )
