# SPDX-License-Identifier: Apache-2.0

"""From a tagged descriptor to a Heat template and the reasons for it.

::

    descriptor ─► components ─► selection ─► completion ─► translation
    (safe)        (tags, needs)  (who wins)   (TOSCA)       (Heat template)
"""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.deployer import completion
from ecrae.deployer import components
from ecrae.deployer import descriptor as descriptors
from ecrae.deployer import inputs as input_values
from ecrae.deployer import selection
from ecrae.deployer import servers as server_plans
from ecrae.deployer import targets
from ecrae.deployer import translation
from ecrae.deployer.descriptor import Descriptor
from ecrae.deployer.selection import Previous
from ecrae.model.cluster import Cluster
from ecrae.model.decision import Decision
from ecrae.model.knowledge import Knowledge


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPlan:
    """What would be deployed, and why there."""

    #: Standard TOSCA that stands alone.
    completed: dict[str, Any]
    hot: dict[str, Any]
    #: Text of each file by the name that the Heat template has for it.
    hot_files: dict[str, str]
    #: Names that the Heat template has for files that nobody submitted. A
    #: plan can be read without them, a stack cannot be made.
    missing_files: tuple[str, ...]
    #: Image of each server that has one, by node.
    images: dict[str, str]
    decision: Decision

    def require_files(self) -> None:
        """Make sure that a stack can be made of this.

        :raises TemplateError: files are missing.
        """
        if self.missing_files:
            raise exception.TemplateError(
                source=self.decision.source,
                faults=[
                    f'{path} is not among the submitted files'
                    for path in self.missing_files
                ],
            )


def plan(
    source: Descriptor | descriptors.Source,
    *,
    inputs: Mapping[str, Any],
    knowledge: Knowledge,
    cluster: Cluster,
    previous: Mapping[str, tuple[str, ...]] | None = None,
) -> DeploymentPlan:
    """Choose hardware for every tagged node, and translate.

    :param source: a descriptor, or what :func:`descriptor.read` takes.
    :param inputs: values for the descriptor's inputs.
    :param previous: node type, flavor and optionally image that a node has
        since the last deployment, by node; it keeps them if it may.
    :raises TemplateError: the descriptor is malformed, unsafe, has an
        unknown tag or is not valid TOSCA.
    :raises PlacementError: no hardware, flavor or image for a node.
    """
    if not isinstance(source, Descriptor):
        source = descriptors.read(source)
    before = {
        node: Previous(*place) for node, place in (previous or {}).items()
    }
    values = input_values.resolve(source, inputs)
    servers = components.servers(source, values)
    tagged = targets.tagged(source, servers, knowledge, cluster)
    decisions = selection.select(tagged, cluster, before)
    decision = Decision(
        id=str(uuid.uuid4()),
        created_at=datetime.datetime.now(datetime.UTC),
        source=source.name,
        components=decisions,
    )
    choices = {
        server.node: server_plans.choose(
            server, chosen, knowledge, cluster, before.get(server.node)
        )
        for server, chosen in zip(
            (server for server in servers if server.tag),
            decisions,
            strict=True,
        )
    }
    completed = completion.complete(source, choices)
    plans = {
        server.node: (
            server_plans.tagged(server, choices[server.node], decision.id)
            if server.tag
            else server_plans.untagged(server, knowledge, cluster)
        )
        for server in servers
    }
    translated = translation.translate(source, completed, values, plans)
    return DeploymentPlan(
        completed=completed,
        hot=translated.hot,
        hot_files=translated.files,
        missing_files=translated.missing,
        images={
            node: server.image
            for node, server in plans.items()
            if server.image
        },
        decision=decision,
    )
