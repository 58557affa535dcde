# SPDX-License-Identifier: Apache-2.0

"""``ecrae plan``: decide and translate without touching any cloud."""

import dataclasses
import logging
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.conf import energy
from ecrae.deployer import descriptor
from ecrae.deployer import inventory
from ecrae.deployer import output
from ecrae.deployer import pipeline
from ecrae.deployer.descriptor import Descriptor
from ecrae.kb import assembly
from ecrae.kb import catalogue
from ecrae.kb import document
from ecrae.kb import knowledge as knowledge_base
from ecrae.kb.db import Database
from ecrae.model.cluster import Cluster
from ecrae.model.decision import Decision
from ecrae.model.knowledge import Knowledge


LOG = logging.getLogger(__name__)

_STDIN = '-'
_STDIN_NAME = 'standard input'


class Plan(command.Lister):
    """Show where the components of a tagged application would run, and why.

    FILE is a TOSCA document, whose scripts lie in the same folder, or a CSAR
    archive. Without an inventory a built-in example cloud is used.
    """

    examples = """
        ecrae plan examples/owncloud.yaml
        ecrae plan examples/owncloud.yaml --output-dir plan
        ecrae plan --inventory cloud.yaml --input size=large app.csar
        ecrae plan -f json - < app.yaml
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file',
            metavar='FILE',
            help='TOSCA document or CSAR archive; - reads standard input.',
        )
        parser.add_argument(
            '--inventory',
            metavar='CLOUD.yaml',
            help='Hosts, flavors and images to plan for; without this, a '
            'built-in example.',
        )
        parser.add_argument(
            '--knowledge',
            metavar='SOURCE',
            default='builtin',
            help='What to know of tags and hardware: "builtin" for the '
            'built-in catalogue, "database" for the configured knowledge '
            'base, or a file that "ecrae-manage kb export" wrote.',
        )
        parser.add_argument(
            '--output-dir',
            metavar='DIR',
            type=pathlib.Path,
            help='Folder to make, with completed.yaml, hot.yaml, '
            'decision.json and the files that hot.yaml needs.',
        )
        add_input_option(parser)
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Plan, write and show."""
        values = parse_inputs(parsed_args.input)
        known = self._knowledge(parsed_args.knowledge)
        plan = pipeline.plan(
            read_descriptor(parsed_args.file),
            inputs=values,
            knowledge=known,
            cluster=dataclasses.replace(
                _cluster(parsed_args.inventory, known),
                tariff=energy.tariff(self.conf),
            ),
        )
        if parsed_args.output_dir:
            output.write(plan, parsed_args.output_dir)
        for path in plan.missing_files:
            LOG.warning('%s is not there; a stack would need it.', path)
        return COLUMNS, list(rows(plan.decision))

    def _knowledge(self, source: str) -> Knowledge:
        if source == 'builtin':
            return catalogue.load()
        if source == 'database':
            database = Database(self.conf.ecrae_database.connection)
            with database.reader() as session:
                return knowledge_base.load(session)
        text = _read(source).decode('utf-8', 'replace')
        return assembly.build(document.read(text, source))


COLUMNS = (
    'node',
    'tag',
    'node_type',
    'flavor',
    'host',
    'marginal_power_w',
    'efficiency',
    'runners_up',
)


def rows(decision: Decision) -> Iterable[tuple[Any, ...]]:
    """One row for each component: what was chosen, and what came next."""
    for component in decision.components:
        chosen = component.chosen
        runners_up = [
            f'{score.node_type} {score.marginal_power_w:.2f} W'
            for score in component.candidates
            if score.is_feasible
            and score is not chosen
            and score.marginal_power_w is not None
        ]
        yield (
            component.node,
            component.tag,
            chosen.node_type,
            chosen.flavor,
            chosen.host,
            _rounded(chosen.marginal_power_w),
            _rounded(chosen.efficiency),
            command.Nested(runners_up),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def add_input_option(parser: Any) -> None:
    """``--input NAME=VALUE``, for every command that takes a descriptor."""
    parser.add_argument(
        '--input',
        metavar='NAME=VALUE',
        action='append',
        default=[],
        help="Value for one of the descriptor's inputs; may be repeated.",
    )


def parse_inputs(pairs: Iterable[str]) -> dict[str, str]:
    """Inputs by name.

    :raises UsageError: one has no equals sign or no name.
    """
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition('=')
        if not equals or not name:
            raise exception.UsageError(
                f'--input {pair!r} is not of the form NAME=VALUE.'
            )
        values[name] = value
    return values


def read_descriptor(path: str) -> Descriptor:
    """Descriptor of a file or, for ``-``, of standard input.

    :raises TemplateError: it cannot be read or used.
    """
    if path == _STDIN:
        content = sys.stdin.buffer.read(descriptor.MAX_BYTES + 1)
        return descriptor.read(content, name=_STDIN_NAME)
    return descriptor.read(pathlib.Path(path))


def _cluster(path: str | None, known: Knowledge) -> Cluster:
    if path is None:
        return inventory.builtin(known)
    return inventory.read(_read(path), path, known)


def _read(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise exception.InputError(source=path, faults=[reason]) from None
