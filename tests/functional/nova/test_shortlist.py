# SPDX-License-Identifier: Apache-2.0

"""A shortlist saves time and changes no choice."""

import random

import nova.conf
import pytest
from nova import objects

from ecrae.model.cluster import HostState
from tests import hardware
from tests.functional.nova.topology import Cloud
from tests.functional.nova.topology import Scheduler
from tests.functional.nova.topology import request_spec


KINDS = ('old', 'new', 'arm')


def _cloud(seed, hosts=24, alike=False):
    rng = random.Random(seed)
    cloud = Cloud()
    for i in range(hosts):
        kind = 'new' if alike else rng.choice(KINDS)
        used = 0 if alike else rng.randrange(100)
        cloud.add(f'{kind}-{i}', kind, vcpus_used=used)
    return cloud


def _passed(scheduler, spec):
    return scheduler.manager.host_manager.get_filtered_hosts(
        scheduler.states(), spec
    )


@pytest.fixture
def enabled(conf, enable):
    def turn_on(size):
        filters = ['EcraeTagFilter', *(['EcraeShortlistFilter'] * bool(size))]
        conf.config(group='ecrae_scheduler', shortlist_size=size)
        conf.config(
            group='filter_scheduler',
            enabled_filters=[
                name
                for name in nova.conf.CONF.filter_scheduler.enabled_filters
                if not name.startswith('Ecrae')
            ],
        )
        enable(*filters)

    return turn_on


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('count', [1, 5])
def test_choice_is_the_same_without_it(seed, count, knowledge_base, enabled):
    placed = []
    for size in (0, 4):
        cloud = _cloud(seed)
        asleep = {name: HostState.ASLEEP for name in list(cloud.nodes)[::5]}
        knowledge_base(cloud.knowledge(**asleep))
        enabled(size)
        scheduler = Scheduler(cloud)
        placed.append((scheduler.boot('web', count=count), scheduler.ranked))

    assert placed[0] == placed[1]


def test_only_the_best_are_left(knowledge_base, enabled):
    cloud = _cloud(1, hosts=40)
    knowledge_base(cloud.knowledge())
    enabled(4)
    scheduler = Scheduler(cloud)

    assert len(_passed(scheduler, request_spec('web', hardware.SMALL))) == 4
    many = request_spec('web', hardware.SMALL, count=3)
    assert len(_passed(scheduler, many)) == 12
    # An untagged server has no best hosts.
    assert len(_passed(scheduler, request_spec(None, hardware.SMALL))) == 40


def test_of_equals_the_least_loaded_are_left(knowledge_base, enabled):
    cloud = _cloud(0, hosts=9, alike=True)
    # A straight curve: load makes no difference.
    for used, node in enumerate(cloud.nodes.values()):
        node.vcpus_used = 40 - used
    knowledge_base(cloud.knowledge())
    enabled(2)
    spec = request_spec('web', hardware.SMALL)

    passed = _passed(Scheduler(cloud), spec)

    assert {state.host for state in passed} == {'new-7', 'new-8'}


def test_soft_affinity_decides_between_equals(knowledge_base, enabled):
    cloud = _cloud(0, hosts=9, alike=True)
    knowledge_base(cloud.knowledge())
    enabled(2)
    spec = request_spec('web', hardware.SMALL)
    spec.instance_group = objects.InstanceGroup(
        policy='soft-affinity',
        policies=['soft-affinity'],
        hosts=['new-7'],
        members=[],
    )

    assert len(_passed(Scheduler(cloud), spec)) == 9


def test_others_decide_where_energy_has_little_say(
    conf, knowledge_base, enabled
):
    conf.config(group='ecrae_scheduler', energy_weight_multiplier=0.5)
    cloud = _cloud(1, hosts=40)
    knowledge_base(cloud.knowledge())
    enabled(4)

    spec = request_spec('web', hardware.SMALL)
    # All that the tag allows.
    assert len(_passed(Scheduler(cloud), spec)) > 12


def test_without_knowledge_all_pass(conf, enabled):
    conf.config(group='ecrae_scheduler', first_load_timeout=0.1)
    cloud = _cloud(1, hosts=40)
    enabled(4)

    spec = request_spec('web', hardware.SMALL)
    assert len(_passed(Scheduler(cloud), spec)) == 40


def test_untagged_servers_do_not_come_to_it(
    knowledge_base, enabled, monkeypatch
):
    cloud = _cloud(1, hosts=40)
    knowledge_base(cloud.knowledge())
    enabled(4)
    scheduler = Scheduler(cloud)
    *_, shortlist = scheduler.manager.host_manager.enabled_filters
    asked = []
    real = shortlist.filter_all
    monkeypatch.setattr(
        shortlist,
        'filter_all',
        lambda states, spec: [asked.append(spec), real(states, spec)][1],
    )

    small = hardware.SMALL
    for tag, left, times in ((None, 40, 0), ('web', 4, 1), (None, 40, 1)):
        assert len(list(_passed(scheduler, request_spec(tag, small)))) == left
        assert len(asked) == times
