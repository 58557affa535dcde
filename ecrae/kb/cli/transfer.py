# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage kb import`` and ``export``: the knowledge as a file."""

import os
import pathlib
import sys
import tempfile
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.kb import catalogue
from ecrae.kb import document
from ecrae.kb import editing
from ecrae.kb import entries
from ecrae.kb import knowledge
from ecrae.kb.db import Database


class Import(command.Lister):
    """Read a knowledge base document.

    Its entries are added, or take the place of those of the same name;
    others stay. A file with any fault changes nothing, and every fault is
    named with its place.
    """

    examples = """
        ecrae-manage kb import --builtin
        ecrae-manage kb import hosts.yaml
        ecrae-manage kb import --replace backup.yaml
        ecrae-manage kb import --dry-run - < hosts.yaml
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            'file',
            nargs='?',
            metavar='FILE',
            help='YAML document; - reads standard input.',
        )
        source.add_argument(
            '--builtin',
            action='store_true',
            help='Import the built-in catalogue.',
        )
        parser.add_argument(
            '--replace',
            action='store_true',
            help='Also forget every entry that the document does not name.',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Only say what would change.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Import and count what changed."""
        text, source = _text(parsed_args)
        added = document.read(text, source)
        database = Database(self.conf.ecrae_database.connection)
        with database.writer() as session:
            changes = editing.apply(
                session, added, is_replaced=parsed_args.replace
            )
            if parsed_args.dry_run:
                session.rollback()
        return (
            ('noun', 'added', 'changed', 'removed', 'unchanged'),
            [
                (
                    change.noun,
                    change.added,
                    change.changed,
                    change.removed,
                    change.unchanged,
                )
                for change in changes
            ],
        )


class Export(command.Command):
    """Write all that is known as a document that import reads."""

    examples = """
        ecrae-manage kb export > backup.yaml
        ecrae-manage kb export backup.yaml
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file',
            nargs='?',
            default='-',
            metavar='FILE',
            help='File to write; - or nothing writes to standard output.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Write the document."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            known = knowledge.load(session)
        text = document.render(entries.of(known))
        if parsed_args.file == '-':
            self.app.stdout.write(text)
        else:
            _write(pathlib.Path(parsed_args.file), text)


def _text(parsed_args: Any) -> tuple[str, str]:
    """Text of the document to import, and its name."""
    if parsed_args.builtin:
        return document.builtin_text(), catalogue.SOURCE
    try:
        if parsed_args.file == '-':
            return sys.stdin.buffer.read().decode(), 'standard input'
        return pathlib.Path(parsed_args.file).read_text('utf-8'), (
            parsed_args.file
        )
    except OSError as error:
        raise exception.InputError(
            f'{parsed_args.file} cannot be read: {error.strerror}.'
        ) from None
    except UnicodeDecodeError as error:
        raise exception.KnowledgeError(
            source=parsed_args.file,
            faults=[f'byte {error.start} is not UTF-8'],
        ) from None


def _write(path: pathlib.Path, text: str) -> None:
    """Write a whole file or none."""
    try:
        with tempfile.NamedTemporaryFile(
            'w', encoding='utf-8', dir=path.parent, delete=False
        ) as file:
            try:
                file.write(text)
                file.close()
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise exception.InputError(
            f'{path} cannot be written: {error.strerror}.'
        ) from None
