# SPDX-License-Identifier: Apache-2.0

"""``ecrae explain``: why a component is where it is."""

from collections.abc import Iterable
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.clients import servers
from ecrae.clients.servers import Server
from ecrae.kb import decisions
from ecrae.kb.db import Database
from ecrae.model import hints
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.decision import Decision


class Explain(command.Lister):
    """Show every piece of hardware that was looked at, and why it lost.

    NAME is a server or a stack. The decision is read from the knowledge
    base, so this is a command for operators.
    """

    auth_required = True

    examples = """
        ecrae explain my-app
        ecrae explain my-app -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """One argument."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'name', metavar='NAME', help='Server or stack, by name or UUID.'
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """The candidates of every component, the chosen one first."""
        found = servers.find(self.connect(), parsed_args.name)
        tagged = [s for s in found if hints.DECISION in s.metadata]
        if not tagged:
            raise exception.NotFound(
                f'{parsed_args.name} has no server that ECRAE placed: none '
                f'carries the metadata {hints.DECISION}.'
            )
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            made = {
                key: decisions.get(session, key)
                for key in {s.metadata[hints.DECISION] for s in tagged}
            }
        return COLUMNS, [row for s in tagged for row in _rows(s, made)]


COLUMNS = (
    'server',
    'node',
    'tag',
    'runs_on',
    'candidate',
    'flavor',
    'host',
    'marginal_power_w',
    'efficiency',
    'outcome',
    'reason',
)


def _rows(
    server: Server, made: dict[str, Decision]
) -> Iterable[tuple[Any, ...]]:
    component = _component(server, made[server.metadata[hints.DECISION]])
    if component is None:
        return
    for score in component.candidates:
        yield (
            server.name,
            component.node,
            component.tag,
            server.host,
            score.node_type,
            score.flavor,
            score.host,
            _rounded(score.marginal_power_w),
            _rounded(score.efficiency),
            _outcome(score, component),
            score.reason,
        )


def _component(server: Server, decision: Decision) -> ComponentDecision | None:
    """The decision's component that the server runs.

    Where several components have the tag and node type, they had the same
    candidates, and the first speaks for all.
    """
    for component in decision.components:
        if component.tag == server.metadata.get(
            hints.TAG
        ) and component.chosen.node_type == server.metadata.get(
            hints.NODE_TYPE
        ):
            return component
    return None


def _outcome(score: CandidateScore, component: ComponentDecision) -> str:
    if score == component.chosen:
        return 'chosen'
    return 'lost' if score.is_feasible else 'impossible'


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
