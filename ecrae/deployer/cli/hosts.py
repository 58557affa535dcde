# SPDX-License-Identifier: Apache-2.0

"""``ecrae hosts``: what each host does and draws, and what it is good for."""

import time
from typing import Any

from ecrae import command
from ecrae.clients import observation
from ecrae.conf import energy
from ecrae.kb import knowledge as knowledge_base
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model import fitness
from ecrae.model import load
from ecrae.model.reading import Subject


class Hosts(command.Lister):
    """List hosts with load, watts, efficiency and the tags they suit.

    Efficiency is what one more typical component would get: busy reference
    cores for each added watt. The tags are those for which the host is the
    best or within ten per cent of it. A host's watts have those in them that
    its accelerators draw by curves of their own, idle ones included.
    """

    auth_required = True

    examples = """
        ecrae hosts
        ecrae hosts -f json --sort-column marginal_power_w
    """

    def take_action(self, parsed_args: Any) -> Any:
        """The cloud's hosts, as the ranking sees them."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            known = knowledge_base.load(session)
            measured = readings.list_all(session, Subject.HOST)
        hosts = load.with_readings(
            observation.observe_hosts(self.connect(), known),
            measured,
            time.time(),
            self.conf.ecrae_telemetry.max_age,
        )
        views = fitness.of_hosts(hosts, known.tags, energy.tariff(self.conf))
        return COLUMNS, [
            (
                host.name,
                host.node_type.name,
                host.node_type.architecture,
                str(host.state),
                round(host.utilization, 3),
                round(view.power_w, 1),
                host.power_w is not None,
                round(view.accelerator_power_w, 1),
                round(view.marginal_power_w, 2),
                round(view.efficiency, 4),
                command.Nested(view.tags),
            )
            for host, view in zip(hosts, views, strict=True)
        ]


COLUMNS = (
    'host',
    'node_type',
    'architecture',
    'state',
    'utilization',
    'power_w',
    'is_measured',
    'accelerator_power_w',
    'marginal_power_w',
    'efficiency',
    'tags',
)
