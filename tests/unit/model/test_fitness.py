# SPDX-License-Identifier: Apache-2.0

from ecrae.kb import catalogue
from ecrae.model import cluster
from ecrae.model import fitness


BUILTIN = catalogue.load()


def host(node_type, **state):
    return cluster.Host(
        name=node_type,
        node_type=BUILTIN.node_types[node_type],
        vcpus_free=8,
        memory_free_mib=8192,
        disk_free_gib=100,
        **state,
    )


def test_every_tag_with_a_target_has_a_best_host():
    hosts = [host(name) for name in BUILTIN.node_types]
    views = fitness.of_hosts(hosts, BUILTIN.tags)
    assert {tag for view in views for tag in view.tags} == set(BUILTIN.tags)


def test_host_without_cpu_to_spare_suits_nothing():
    names = list(BUILTIN.node_types)
    hosts = [host(name, utilization=1.0) for name in names]
    views = fitness.of_hosts(hosts, BUILTIN.tags)
    assert [view.tags for view in views] == [[] for _ in names]


def test_draw_is_the_curves_or_the_measured_one():
    name = min(BUILTIN.node_types)
    idle_w = BUILTIN.node_types[name].curve.power_w[0]
    asleep_w = BUILTIN.node_types[name].curve.sleep_w
    idle, asleep, measured = fitness.of_hosts(
        [
            host(name),
            host(name, state=cluster.HostState.ASLEEP),
            host(name, power_w=2 * idle_w),
        ],
        {},
    )
    assert (idle.power_w, asleep.power_w) == (idle_w, asleep_w)
    assert measured.power_w == 2 * idle_w


def test_no_hosts():
    assert fitness.of_hosts([], BUILTIN.tags) == []
