# SPDX-License-Identifier: Apache-2.0

"""What each server gets: flavor, image, hints and metadata."""

import dataclasses
from collections.abc import Iterable

from ecrae import exception
from ecrae.deployer.candidates import Minima
from ecrae.deployer.completion import Choice
from ecrae.deployer.components import Server
from ecrae.deployer.selection import Previous
from ecrae.deployer.translation import ServerPlan
from ecrae.model import hints
from ecrae.model import images
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Image
from ecrae.model.decision import ComponentDecision
from ecrae.model.knowledge import Knowledge


def choose(
    server: Server,
    decision: ComponentDecision,
    knowledge: Knowledge,
    cluster: Cluster,
    before: Previous | None,
) -> Choice:
    """What a tagged node gets, its image included."""
    chosen = decision.chosen
    node_type = knowledge.node_types[chosen.node_type]
    known = {flavor.name: flavor for flavor in cluster.flavors}
    flavor = known.get(chosen.flavor) or knowledge.flavors[chosen.flavor]
    wanted = dataclasses.replace(
        server.image, architecture=node_type.architecture
    )
    image = None
    if cluster.images and not server.has_own_image:
        image = _keep(before, wanted, flavor, cluster.images)
        # There is one: candidates without do not win.
        image = image or images.choose(wanted, flavor, cluster.images)
    return Choice(
        tag=decision.tag,
        node_type=node_type.name,
        architecture=node_type.architecture,
        flavor=flavor,
        image=image,
    )


def _keep(
    before: Previous | None,
    wanted: images.Wanted,
    flavor: Flavor,
    known: Iterable[Image],
) -> Image | None:
    """The image a server has, if it still does: a new one would wipe it."""
    if before is None or not before.image:
        return None
    return next(
        (
            image
            for image in known
            if image.name == before.image
            and images.is_fit(image, wanted, flavor)
        ),
        None,
    )


def tagged(server: Server, choice: Choice, decision_id: str) -> ServerPlan:
    """Plan for a tagged node.

    The decision's identifier is metadata only. Heat replaces a server whose
    scheduler hints change, and each update of a stack is a new decision.
    """
    scheduler_hints = {
        hints.TAG: choice.tag,
        hints.NODE_TYPE: choice.node_type,
    }
    wanted = dataclasses.replace(
        server.image, architecture=choice.architecture
    )
    return ServerPlan(
        flavor=choice.flavor.name,
        image=choice.image.name if choice.image else '',
        image_hint=str(wanted),
        scheduler_hints=scheduler_hints,
        metadata={
            **scheduler_hints,
            hints.DECISION: decision_id,
            **server.marks,
        },
        is_tagged=True,
    )


def untagged(
    server: Server, knowledge: Knowledge, cluster: Cluster
) -> ServerPlan:
    """Plan for a node without a tag: heat-translator's rule, done exactly.

    The rule is the flavor with the least memory that is large enough, and an
    image only if the author wrote something of the operating system.

    :raises PlacementError: the cloud has no such flavor or image.
    """
    known = cluster.flavors or tuple(knowledge.flavors.values())
    flavor = smallest_flavor(server.minima, known)
    if flavor is None:
        asked = server.minima
        raise exception.PlacementError(
            f'Node {server.node}: none of the {len(known)} flavors has '
            f'{asked.vcpus:g} vCPUs, {asked.memory_mib:g} MiB of memory and '
            f'{asked.disk_gib:g} GiB of disk.'
        )
    wanted = dataclasses.replace(
        server.image, architecture=server.minima.architecture
    )
    image: str | None = None
    if server.has_os and not server.has_own_image:
        image = ''
        if cluster.images:
            found = images.choose(wanted, flavor, cluster.images)
            if found is None:
                why = images.lack(wanted, flavor, cluster.images)
                raise exception.PlacementError(f'Node {server.node}: {why}.')
            image = found.name
    return ServerPlan(
        flavor=flavor.name,
        image=image,
        image_hint=str(wanted),
        metadata=server.marks,
    )


def smallest_flavor(
    minima: Minima, flavors: Iterable[Flavor]
) -> Flavor | None:
    """The flavor with the least memory that meets the minima.

    One that asks for nothing special, if there is one: it is not for a node
    without a tag to occupy a GPU.
    """
    return min(
        (
            flavor
            for flavor in flavors
            if flavor.vcpus >= minima.vcpus
            and flavor.memory_mib >= minima.memory_mib
            and flavor.disk_gib >= minima.disk_gib
        ),
        key=lambda flavor: (
            bool(flavor.extra_specs),
            flavor.memory_mib,
            flavor.vcpus,
            flavor.disk_gib,
            flavor.name,
        ),
        default=None,
    )
