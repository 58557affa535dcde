# SPDX-License-Identifier: Apache-2.0

"""``ecrae agent``: which hosts can move workloads, and how."""

import argparse
from collections.abc import Iterator
from typing import Any

from ecrae import command
from ecrae.migration.cli import control


class List(command.Lister):
    """List the agents, whether they are up and what they move."""

    examples = """
    ecrae agent list
    """

    def take_action(self, parsed_args: Any) -> tuple[Any, Iterator[Any]]:
        """One row for each agent that ever reported."""
        columns = ('host', 'up', 'drivers', 'workloads', 'last report')
        rows = (
            (
                agent.hostname,
                control.is_up(self.conf, agent),
                ', '.join(sorted(agent.capabilities.get('drivers', ()))),
                len(agent.capabilities.get('workloads', ())),
                agent.heartbeat_at.isoformat(timespec='seconds'),
            )
            for agent in control.list_agents(self.conf)
        )
        return columns, rows


class Show(command.ShowOne):
    """Show what a host's agent can do and what runs there.

    A mode with a text beside it is one that the host cannot do; the text
    says why.
    """

    examples = """
    ecrae agent show compute-1
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The host."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('host', help='Name of the host.')
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """Its last report."""
        agent = control.get_agent(self.conf, parsed_args.host)
        capabilities = agent.capabilities
        cpu = capabilities.get('cpu', {})
        fields = {
            'host': agent.hostname,
            'up': control.is_up(self.conf, agent),
            'last report': agent.heartbeat_at.isoformat(timespec='seconds'),
            'started': agent.started_at.isoformat(timespec='seconds'),
            'kernel': capabilities.get('kernel', ''),
            'architecture': cpu.get('architecture', ''),
            'cpu flags': ' '.join(cpu.get('flags', ())),
            'use': command.Nested(capabilities.get('use', {})),
            'drivers': command.Nested(capabilities.get('drivers', {})),
            'workloads': command.Nested(capabilities.get('workloads', [])),
        }
        return tuple(fields), tuple(fields.values())
