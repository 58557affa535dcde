# SPDX-License-Identifier: Apache-2.0

"""``ecrae servers``: which server draws how much of its host's watts."""

import argparse
import time
from typing import Any

from ecrae import command
from ecrae.clients import fleet
from ecrae.clients import observation
from ecrae.kb import knowledge as knowledge_base
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model import attribution
from ecrae.model import hints
from ecrae.model import load


class Servers(command.Lister):
    """List servers with the watts of their hosts that belong to them.

    What a host draws above idle is divided by the CPU that its servers use,
    the idle part by the vCPUs that they hold; the parts of a host's servers
    add up to what it draws. Hosts that the knowledge base does not know are
    left out with their servers.
    """

    auth_required = True

    examples = """
        ecrae servers
        ecrae servers --host compute-7
        ecrae servers -f json --sort-column power_w
    """

    def get_parser(self, prog_name: str) -> Any:
        """One option."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--host', metavar='NAME', help='Only the servers on this host.'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """The servers of all projects."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            known = knowledge_base.load(session)
            measured = readings.list_all(session)
        connection = self.connect()
        now, max_age_s = time.time(), self.conf.ecrae_telemetry.max_age
        hosts = load.with_readings(
            observation.observe_hosts(connection, known),
            measured,
            now,
            max_age_s,
        )
        servers = fleet.list_servers(connection)
        parts = attribution.of_servers(
            hosts, servers, load.cores_used(measured, now, max_age_s)
        )
        return COLUMNS, [
            (
                part.server.id,
                part.server.name,
                part.server.host,
                part.server.metadata.get(hints.TAG, ''),
                part.server.vcpus,
                round(part.cores_used, 2),
                part.is_cpu_measured,
                round(part.power_w, 2),
                round(part.share, 3),
                part.is_power_measured,
            )
            for part in parts
            if parsed_args.host in (None, part.server.host)
        ]


COLUMNS = (
    'id',
    'server',
    'host',
    'tag',
    'vcpus',
    'cores_used',
    'is_cpu_measured',
    'power_w',
    'share',
    'is_power_measured',
)
