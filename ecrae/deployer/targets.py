# SPDX-License-Identifier: Apache-2.0

"""Looks up the tags of a descriptor's nodes: what could serve them.

A tag is in the knowledge base, or ``exact:`` and the name of a node type.
"""

import dataclasses
import difflib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ecrae import exception
from ecrae.deployer import components
from ecrae.deployer import policies
from ecrae.deployer.candidates import Component
from ecrae.deployer.components import Server
from ecrae.deployer.descriptor import Descriptor
from ecrae.model import images
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Image
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget


EXACT = 'exact:'


def tagged(
    descriptor: Descriptor,
    compute: Iterable[Server],
    knowledge: Knowledge,
    cluster: Cluster,
) -> list[Component]:
    """Components to select hardware for, with the targets of their tags.

    :raises TemplateError: a tag or an exact node type is unknown.
    """
    groups = policies.placement(descriptor)
    found = []
    for server in compute:
        if not server.tag:
            continue
        targets = tuple(_targets(descriptor, server, knowledge, cluster))
        found.append(
            Component(
                node=server.node,
                tag=server.tag,
                kind=_kind(server.tag, knowledge),
                targets=targets,
                minima=server.minima,
                together=groups.together(server.node),
                apart=groups.apart(server.node),
                unsuited=dict(_unsuited(server, targets, cluster.images)),
            )
        )
    return found


def _unsuited(
    server: Server, targets: Iterable[TagTarget], known: Sequence[Image]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Targets for whose architecture the cloud has no fitting image."""
    if not known or server.has_own_image:
        return
    for target in targets:
        wanted = dataclasses.replace(
            server.image, architecture=target.node_type.architecture
        )
        if not images.choose(wanted, target.flavor, known):
            yield (
                (target.node_type.name, target.flavor.name),
                images.lack(wanted, target.flavor, known),
            )


def _kind(tag: str, knowledge: Knowledge) -> TagKind:
    if tag.startswith(EXACT):
        return TagKind.EXACT
    known = knowledge.tags.get(tag)
    return known.kind if known else TagKind.HINT


def _targets(
    descriptor: Descriptor,
    server: Server,
    knowledge: Knowledge,
    cluster: Cluster,
) -> Iterator[TagTarget]:
    """Targets of a server's tag, with flavors as large as the cloud's are."""
    sizes = {flavor.name: flavor for flavor in cluster.flavors}
    if server.tag in knowledge.tags:
        targets = list(knowledge.tags[server.tag].targets)
    elif server.tag.startswith(EXACT):
        name = server.tag.removeprefix(EXACT).strip()
        if name not in knowledge.node_types:
            raise _unknown(
                descriptor, server, 'node type', name, knowledge.node_types
            )
        targets = list(_exact_targets(name, knowledge, cluster))
    else:
        raise _unknown(descriptor, server, 'tag', server.tag, knowledge.tags)
    for target in targets:
        flavor = sizes.get(target.flavor.name, target.flavor)
        yield dataclasses.replace(target, flavor=flavor)


def _exact_targets(
    name: str, knowledge: Knowledge, cluster: Cluster
) -> Iterator[TagTarget]:
    """Ways to use a node type: with flavors that tags use it with.

    Flavors that ask for nothing special come after them, in case none of
    those is big enough.
    """
    flavors: dict[str, TagTarget] = {}
    for tag in knowledge.tags.values():
        for target in tag.targets:
            if target.node_type.name == name:
                flavors.setdefault(target.flavor.name, target)
    plain = [
        flavor
        for flavor in cluster.flavors or knowledge.flavors.values()
        if not flavor.extra_specs and flavor.name not in flavors
    ]
    used = [target.flavor for target in flavors.values()]
    for preference, flavor in enumerate([*used, *plain], start=1):
        yield TagTarget(
            node_type=knowledge.node_types[name],
            flavor=flavor,
            preference=preference,
        )


def _unknown(
    descriptor: Descriptor,
    server: Server,
    noun: str,
    name: str,
    valid: Mapping[str, Any],
) -> exception.TemplateError:
    near = difflib.get_close_matches(name[:100], valid, n=3, cutoff=0.5)
    hint = (
        f'did you mean {" or ".join(near)}?'
        if near
        else (f'valid are {", ".join(sorted(valid)) or "none"}')
    )
    return descriptor.error(
        f'node {server.node}: no {noun} named {name}; {hint}',
        *components.path_of(server.node, *server.tag_path),
    )
