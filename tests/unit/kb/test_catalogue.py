# SPDX-License-Identifier: Apache-2.0

import collections
import importlib.util
import pathlib

from ecrae.kb import catalogue
from ecrae.kb import document
from ecrae.model import ranking
from ecrae.model.cluster import Host
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagKind
from ecrae.model.power import Quality


BUILD = pathlib.Path(__file__).parents[3] / 'tools' / 'catalogue' / 'build.py'

AGREED_TAGS = {
    'web-frontend',
    'database',
    'memory-intensive',
    'cpu-intensive',
    'storage-intensive',
    'network-intensive',
    'vdi-desktop',
    'batch',
    'gpu',
    'fpga',
    'latency-sensitive',
    'idle-mostly',
}


def _winner(tag, utilization):
    hosts = [
        Host(
            name=name,
            node_type=node_type,
            vcpus_free=100,
            memory_free_mib=100000,
            disk_free_gib=1000,
            utilization=utilization,
        )
        for name, node_type in catalogue.load().node_types.items()
    ]
    arrays = HostArrays.of(hosts)
    scores = {
        target.node_type.name: ranking.marginal_of(arrays, target).efficiency[
            arrays.names.index(target.node_type.name)
        ]
        for target in tag.targets
    }
    return max(scores, key=scores.__getitem__)


def test_the_shipped_file_is_what_its_inputs_make():
    spec = importlib.util.spec_from_file_location('build', BUILD)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    assert build.build() == document.builtin_text()


def test_it_has_the_tags_that_applications_are_written_with():
    assert catalogue.load().tags.keys() >= AGREED_TAGS


def test_hint_tags_choose_between_node_types():
    for tag in catalogue.load().tags.values():
        named = {target.node_type.name for target in tag.targets}
        if tag.kind is TagKind.HINT:
            assert len(named) >= 2, tag.name
        else:
            assert len(named) == 1, tag.name


def test_every_tag_runs_somewhere_at_reference_speed():
    for tag in catalogue.load().tags.values():
        speeds = {target.relative_speed for target in tag.targets}
        assert 1.0 in speeds or tag.name == 'container-service'


def test_node_types_span_architectures_accelerators_and_hypervisors():
    node_types = catalogue.load().node_types.values()
    assert len(node_types) >= 12
    assert {n.architecture for n in node_types} == {
        'x86_64',
        'aarch64',
        'ppc64le',
    }
    assert {n.hypervisor_type for n in node_types} == {'qemu', 'lxc'}
    assert {a.kind for n in node_types for a in n.accelerators} == {
        'gpu',
        'fpga',
    }


def test_every_profile_says_where_it_comes_from():
    knowledge = catalogue.load()
    for profile in knowledge.power_profiles.values():
        assert profile.source
        is_board = profile.name.startswith('board-')
        assert is_board or profile.curve.sleep_w > 0
        is_published = profile.name.startswith('specpower-')
        assert is_published == (profile.quality is Quality.PUBLISHED)
    node_types = knowledge.node_types.values()
    used = {n.power_profile for n in node_types} | {
        a.power_profile for n in node_types for a in n.accelerators
    }
    assert used == knowledge.power_profiles.keys()


def test_no_node_type_wins_everything():
    tags = [
        tag
        for tag in catalogue.load().tags.values()
        if tag.kind is TagKind.HINT
    ]
    for utilization in (0.0, 0.3, 0.6, 0.9):
        wins = collections.Counter(_winner(tag, utilization) for tag in tags)
        assert len(wins) >= 5, (utilization, wins)
        assert max(wins.values()) <= len(tags) // 3, (utilization, wins)


def test_load_changes_the_choice_for_the_web():
    web = catalogue.load().tags['web-frontend']
    assert _winner(web, 0.0) != _winner(web, 0.9)


def test_the_smallest_flavor_is_preferred():
    for tag in catalogue.load().tags.values():
        sizes = [target.flavor.memory_mib for target in tag.targets]
        assert sizes == sorted(sizes), tag.name
