# SPDX-License-Identifier: Apache-2.0

"""What ``ecrae deploy`` asks of Heat, and who chose it.

Whoever may see the hosts, and has a knowledge base that names them, gets the
choice made in his own process. For everyone else heat-engine can choose, if
ECRAE is installed beside it: the descriptor then goes there as it is.
"""

import dataclasses
import posixpath
import time
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from ecrae import exception
from ecrae.clients import observation
from ecrae.clients.orchestration import Stacks
from ecrae.clients.session import Connection
from ecrae.conf import energy
from ecrae.deployer import bundle
from ecrae.deployer import descriptor as descriptors
from ecrae.deployer import pipeline
from ecrae.deployer import present
from ecrae.deployer import references
from ecrae.deployer import skeleton
from ecrae.deployer.descriptor import Descriptor
from ecrae.deployer.present import Memory
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb.db import Database
from ecrae.model import hints
from ecrae.model.cluster import Cluster
from ecrae.model.decision import Decision
from ecrae.model.knowledge import Knowledge


_SERVER = 'OS::Nova::Server'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A request to Heat."""

    #: Who chose, and from what; for people.
    explanation: str
    template: Mapping[str, Any]
    files: Mapping[str, str]
    parameters: Mapping[str, Any]
    #: Absent when heat-engine chooses.
    decision: Decision | None = None
    #: Where the decision belongs, if there is a database.
    database: Database | None = None

    def record(self) -> None:
        """Keep the decision in the knowledge base, if there is one.

        :raises ConfigError: the database failed.
        """
        if self.decision is not None and self.database is not None:
            with self.database.writer() as transaction:
                decisions.record(transaction, self.decision)


def tagged_servers(
    resources: Mapping[str, Any],
) -> Iterator[tuple[str, str, str, str]]:
    """Node, tag, node type and flavor of each tagged server of a HOT."""
    for name, resource in resources.items():
        properties = resource.get('properties') or {}
        metadata = properties.get('metadata') or {}
        if resource.get('type') == _SERVER and hints.TAG in metadata:
            yield (
                name,
                metadata[hints.TAG],
                metadata.get(hints.NODE_TYPE, ''),
                properties.get('flavor', ''),
            )


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    knowledge: Knowledge
    origin: str
    database: Database | None = None
    memory: Memory = present.NOTHING


def prepare(
    descriptor: Descriptor,
    inputs: Mapping[str, Any],
    conf: cfg.ConfigOpts,
    connection: Connection,
    stacks: Stacks,
) -> Deployment:
    """Choose hardware for a descriptor, or find out who can.

    :raises TemplateError: the descriptor is bad.
    :raises PlacementError: nothing fits.
    :raises CloudError: an API failed, or nobody here can choose.
    """
    known = _known(conf)
    if not known.knowledge.hosts:
        return _delegate(
            descriptor, inputs, stacks, f'the {known.origin} names no hosts'
        )
    try:
        cluster = observation.observe(connection, known.knowledge)
    except exception.Forbidden:
        return _delegate(
            descriptor, inputs, stacks, 'this account may not see hosts'
        )
    hosts = present.hosts(
        connection, cluster.hosts, known.knowledge, known.memory, time.time()
    )
    cluster = dataclasses.replace(
        cluster, hosts=tuple(hosts), tariff=energy.tariff(conf)
    )
    return _plan(descriptor, inputs, known, cluster)


def _plan(
    descriptor: Descriptor,
    inputs: Mapping[str, Any],
    known: _Known,
    cluster: Cluster,
) -> Deployment:
    plan = pipeline.plan(
        descriptor, inputs=inputs, knowledge=known.knowledge, cluster=cluster
    )
    plan.require_files()
    parameters = skeleton.skeleton(descriptor.document)['parameters']
    return Deployment(
        explanation=(
            f'Chosen here, with the {known.origin} and '
            f'{len(cluster.hosts)} hosts as they are now.'
        ),
        template=skeleton.with_parameters(plan.hot, parameters),
        files=plan.hot_files,
        parameters=inputs,
        decision=plan.decision,
        database=known.database,
    )


def _delegate(
    descriptor: Descriptor,
    inputs: Mapping[str, Any],
    stacks: Stacks,
    reason: str,
) -> Deployment:
    version = descriptors.HEAT_VERSIONS[0]
    if version not in stacks.template_versions():
        raise exception.CloudError(
            f'ECRAE cannot choose hardware here: {reason}, and this '
            f"cloud's Heat does not know {version} templates. Ask its "
            'operator to install ECRAE beside heat-engine, or use an account '
            'that may list hypervisors with a knowledge base that has them.'
        )
    return Deployment(
        explanation=f"Chosen by this cloud's heat-engine, because {reason}.",
        template={
            descriptors.HEAT_VERSION_KEY: version,
            **descriptor.document,
        },
        files=dict(_files(descriptor)),
        parameters=inputs,
    )


def _files(descriptor: Descriptor) -> Iterator[tuple[str, str]]:
    """Files that the descriptor names, by the path they have beside it.

    heat-engine gets the descriptor without the archive or folder it lay in.
    """
    folder = posixpath.dirname(descriptor.bundle.main)
    for reference in references.named(descriptor.document):
        try:
            path = bundle.resolve(reference)
        except ValueError as error:
            raise descriptor.error(
                f'file {reference!r} {error} when Heat gets it; move it '
                'beside or below the descriptor'
            ) from None
        for place in (bundle.resolve(reference, folder), path):
            text = descriptor.bundle.text(place)
            if text is not None:
                yield path, text
                break


def _known(conf: cfg.ConfigOpts) -> _Known:
    """The configured knowledge base, or what every ECRAE knows.

    :raises ConfigError: a database that someone configured does not work.
    """
    try:
        database = Database(conf.ecrae_database.connection)
        with database.reader() as transaction:
            known = kb_knowledge.load(transaction)
        return _Known(
            known,
            f'knowledge base {database.label}',
            database,
            present.remember(
                database, time.time(), conf.ecrae_telemetry.max_age
            ),
        )
    except exception.ConfigError:
        place = conf.get_location('connection', 'ecrae_database')
        if place is not None and place.location.is_user_controlled:
            raise
    return _Known(catalogue.load(), catalogue.SOURCE)
