# SPDX-License-Identifier: Apache-2.0

"""Any knowledge that a document can state."""

import itertools

from hypothesis import strategies as st

from ecrae.model import accelerators
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerCurve
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


# Names that YAML or a database's collation could take for something else.
NAMES = st.one_of(
    st.from_regex(r'[A-Za-z0-9][A-Za-z0-9._-]{0,20}', fullmatch=True),
    st.sampled_from(['web', 'Web', 'no', 'null', '1e3', '0x1', '2026-01-01']),
)
PROFILE_NAMES = st.one_of(NAMES, NAMES.map('measured:{}'.format))
_CHARACTERS = st.characters(
    exclude_categories=('Cc', 'Cs'), exclude_characters='\x85\u2028\u2029'
)
LABELS = st.one_of(
    NAMES,
    st.text(_CHARACTERS, min_size=1, max_size=20).filter(
        lambda text: text == text.strip()
    ),
    st.sampled_from(['größe', 'große', 'm1 tiny', '💡', "it's", 'a: b', '*a']),
)
TEXTS = st.one_of(
    st.text(_CHARACTERS, max_size=40),
    st.sampled_from(['two\nlines', '\ttabs ', ' ', '\n', '# no', '{a: b}']),
)
COUNTS = st.integers(1, 2**31 - 1)
BOARDS = st.integers(1, 64)
AMOUNTS = st.integers(0, 2**31 - 1)
SPEEDS = st.floats(1e-6, 1e6)
SHARES = st.floats(1e-6, 1.0)


@st.composite
def _curves(draw):
    readings = draw(
        st.lists(st.floats(0, 1e6), min_size=11, max_size=11).map(sorted)
    )
    return PowerCurve(tuple(readings), draw(st.floats(0, readings[0])))


@st.composite
def _profiles(draw, name):
    return PowerProfile(
        name=name,
        curve=draw(_curves()),
        quality=draw(st.sampled_from(Quality)),
        source=draw(TEXTS.filter(bool)),
    )


def _board(kind, model, count, profile):
    if profile is None:
        return Accelerator(kind, model, count)
    return Accelerator(kind, model, count, profile.curve, profile.name)


@st.composite
def _node_types(draw, name, profiles):
    profile = draw(st.sampled_from(profiles))
    cores, threads = sorted(draw(st.tuples(COUNTS, COUNTS)))
    boards = draw(
        st.lists(
            st.builds(
                _board,
                NAMES,
                LABELS,
                BOARDS,
                st.sampled_from([None, *profiles]),
            ),
            max_size=2,
            unique_by=lambda board: (board.kind, board.model),
        )
    )
    return NodeType(
        name=name,
        architecture=draw(NAMES),
        cpu=draw(TEXTS),
        cores=cores,
        threads=threads,
        memory_mib=draw(COUNTS),
        disk_gib=draw(AMOUNTS),
        hypervisor_type=draw(NAMES),
        curve=accelerators.whole(
            profile.curve, sorted(boards, key=lambda b: (b.kind, b.model))
        ),
        power_profile=profile.name,
        accelerators=tuple(sorted(boards, key=lambda b: (b.kind, b.model))),
    )


@st.composite
def _flavors(draw, name):
    return Flavor(
        name=name,
        vcpus=draw(COUNTS),
        memory_mib=draw(COUNTS),
        disk_gib=draw(AMOUNTS),
        extra_specs=tuple(
            sorted(draw(st.dictionaries(LABELS, TEXTS, max_size=2)).items())
        ),
    )


@st.composite
def _boards_busy(draw, node_type):
    kinds = [board.kind for board in node_type.accelerators]
    if not kinds or draw(st.booleans()):
        return {}
    return {
        'accelerator': draw(st.sampled_from(kinds)),
        'accelerators_busy': draw(SPEEDS),
    }


@st.composite
def _tags(draw, name, node_types, flavors):
    kind = draw(st.sampled_from(TagKind))
    named = node_types[:1] if kind is TagKind.EXACT else node_types
    pairs = st.sampled_from(list(itertools.product(named, flavors)))
    targets = [
        TagTarget(
            node_type=node_type,
            flavor=flavor,
            preference=draw(COUNTS),
            relative_speed=draw(SPEEDS),
            expected_utilization=draw(SHARES),
            expected_memory=draw(SHARES),
            relative_draw=draw(st.floats(0.5, 2.0)),
            **draw(_boards_busy(node_type)),
        )
        for node_type, flavor in draw(
            st.lists(
                pairs,
                min_size=1,
                max_size=4,
                unique_by=lambda pair: (pair[0].name, pair[1].name),
            )
        )
    ]
    return Tag(
        name=name,
        kind=kind,
        description=draw(TEXTS),
        targets=tuple(sorted(targets, key=TagTarget.order)),
        source=draw(TEXTS),
    )


@st.composite
def knowledge(draw):
    """Any knowledge."""

    def some(names, make, *needed):
        if not all(needed):
            return {}
        chosen = draw(st.lists(names, max_size=3, unique=True))
        return {
            name: draw(make(name, *(list(n.values()) for n in needed)))
            for name in chosen
        }

    profiles = some(PROFILE_NAMES, _profiles)
    node_types = some(NAMES, _node_types, profiles)
    flavors = some(LABELS, _flavors)
    return Knowledge(
        tags=some(NAMES, _tags, node_types, flavors),
        node_types=node_types,
        flavors=flavors,
        hosts={
            name: KnownHost(
                name=name,
                node_type=draw(st.sampled_from(sorted(node_types))),
                state=draw(st.sampled_from(HostState)),
                power_profile=draw(st.sampled_from(['', *profiles])),
            )
            for name in (
                draw(st.lists(LABELS, max_size=3, unique=True))
                if node_types
                else ()
            )
        },
        power_profiles=profiles,
    )
