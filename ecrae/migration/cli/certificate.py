# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage certificate``: who may send workloads to whom."""

import argparse
import datetime
import pathlib
from collections.abc import Iterator
from typing import Any

from ecrae import command
from ecrae.migration import certificates


_FOLDER = '/etc/ecrae/ca'
#: A month is enough to notice.
_SOON = datetime.timedelta(days=30)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--ca',
        metavar='FOLDER',
        type=pathlib.Path,
        default=pathlib.Path(_FOLDER),
        help=f'Folder of the CA; {_FOLDER} by default. Keep it off the '
        f'compute hosts.',
    )


class Issue(command.ShowOne):
    """Issue a host's certificate, or renew it with a new key.

    The first call makes the CA. Copy the folder that is shown to the host's
    ``[ecrae_agent] certificate_directory``; the agent reads it anew for each
    migration.
    """

    examples = """
    ecrae-manage certificate issue compute-1 --address 192.0.2.7 --ca ca
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Host, its address, and for how long."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('host', help='Name of the host, as Nova has it.')
        parser.add_argument(
            '--address',
            required=True,
            help='IP address of its [ecrae_agent] migration_address.',
        )
        parser.add_argument(
            '--days',
            type=int,
            default=365,
            help='Validity in days; 365 by default.',
        )
        _add_folder(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """Make the files."""
        certificates.make_ca(parsed_args.ca)
        folder = certificates.issue(
            parsed_args.ca,
            parsed_args.host,
            parsed_args.address,
            parsed_args.days,
        )
        return ('host', 'folder'), (parsed_args.host, str(folder))


class Revoke(command.ShowOne):
    """Refuse a host's certificate from now on: its key may be known.

    Copy the file that is shown to every host's ``[ecrae_agent]
    certificate_directory``; until a host has it, that host goes on
    accepting. Then issue the host a new one.
    """

    examples = """
    ecrae-manage certificate revoke compute-1 --ca ca
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Whose."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('host', help='Name of the host, as Nova has it.')
        _add_folder(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """Renew the list."""
        path = certificates.revoke(parsed_args.ca, parsed_args.host)
        return ('host', 'list'), (parsed_args.host, str(path))


class List(command.Lister):
    """List the certificates that were issued, and which expire soon."""

    examples = """
    ecrae-manage certificate list --ca ca
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Only where the CA is."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_folder(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Iterator[Any]]:
        """One row for each host."""
        now = datetime.datetime.now(datetime.UTC)
        columns = ('host', 'address', 'serial', 'expires', 'state')
        rows = (
            (
                item.host,
                item.address,
                f'{item.serial:x}',
                item.not_after.isoformat(),
                _state(item, now),
            )
            for item in certificates.list_issued(parsed_args.ca)
        )
        return columns, rows


def _state(item: certificates.Issued, now: datetime.datetime) -> str:
    if item.is_revoked:
        return 'revoked'
    if item.not_after < now:
        return 'expired'
    return 'expires soon' if item.not_after - now < _SOON else 'valid'
