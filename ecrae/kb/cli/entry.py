# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage kb list|show|set|delete``: entries one by one."""

from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.kb import editing
from ecrae.kb import entries
from ecrae.kb import knowledge
from ecrae.kb.db import Database


#: Columns of ``kb list`` beside the name.
_COLUMNS = {
    'power-profile': ('quality', 'sleep_w', 'power_w', 'source'),
    'node-type': (
        'architecture',
        'cpu',
        'cores',
        'threads',
        'memory_mib',
        'disk_gib',
        'hypervisor_type',
        'power_profile',
    ),
    'flavor': ('vcpus', 'memory_mib', 'disk_gib'),
    'tag': ('kind', 'description', 'targets'),
    'host': ('node_type', 'state', 'power_profile'),
}


class List(command.Lister):
    """List the entries of a noun."""

    examples = """
        ecrae-manage kb list tag
        ecrae-manage kb list host -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        _add_noun(parser)
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """A row for each entry."""
        noun = parsed_args.noun
        columns = _COLUMNS[noun]
        return (
            ('name', *columns),
            [
                (name, *(_cell(entry.get(column, '')) for column in columns))
                for name, entry in _entries(self.conf, noun).items()
            ],
        )


class Show(command.ShowOne):
    """Show all fields of an entry."""

    examples = """
        ecrae-manage kb show node-type arm-altra-q80
        ecrae-manage kb show tag web-frontend -f yaml
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        _add_noun(parser)
        parser.add_argument('name', metavar='NAME')
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """The entry's fields."""
        known = _entries(self.conf, parsed_args.noun)
        editing.check_exists(parsed_args.noun, parsed_args.name, known)
        entry = {'name': parsed_args.name, **known[parsed_args.name]}
        return tuple(entry), tuple(_nested(each) for each in entry.values())


class Set(command.Command):
    """Change fields of an entry.

    A value is written as YAML has it. A dot leads below a field: to an item
    of a list by its position, or to a key of a mapping.
    """

    examples = """
        ecrae-manage kb set node-type arm-altra-q80 memory_mib=262144
        ecrae-manage kb set tag web-frontend targets.0.relative_speed=0.31
        ecrae-manage kb set flavor ecrae.gpu.large extra_specs.resources:VGPU=2
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        _add_noun(parser)
        parser.add_argument('name', metavar='NAME')
        parser.add_argument('fields', metavar='FIELD=VALUE', nargs='+')
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Change all fields, or none."""
        fields = {}
        for assignment in parsed_args.fields:
            field, equals, value = assignment.partition('=')
            if not equals:
                raise exception.UsageError(
                    f'{assignment} is not of the form FIELD=VALUE.'
                )
            fields[field] = value
        database = Database(self.conf.ecrae_database.connection)
        with database.writer() as session:
            editing.set_fields(
                session, parsed_args.noun, parsed_args.name, fields
            )


class Delete(command.Command):
    """Forget entries that nothing refers to."""

    examples = """
        ecrae-manage kb delete tag gpu-training
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        _add_noun(parser)
        parser.add_argument('names', metavar='NAME', nargs='+')
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Delete all, or none."""
        database = Database(self.conf.ecrae_database.connection)
        with database.writer() as session:
            editing.delete(session, parsed_args.noun, parsed_args.names)


def _add_noun(parser: Any) -> None:
    parser.add_argument(
        'noun',
        metavar='NOUN',
        choices=list(editing.NOUNS),
        help=f'One of {", ".join(editing.NOUNS)}.',
    )


def _entries(conf: Any, noun: str) -> dict[str, dict[str, Any]]:
    database = Database(conf.ecrae_database.connection)
    with database.reader() as session:
        known = knowledge.load(session)
    return entries.of(known)[editing.NOUNS[noun]]


def _cell(value: Any) -> Any:
    """A value in a row: of a tag's targets only the node types."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        named = dict.fromkeys(item['node_type'] for item in value)
        return _nested(list(named))
    return _nested(value)


def _nested(value: Any) -> Any:
    return command.Nested(value) if isinstance(value, (dict, list)) else value
