# SPDX-License-Identifier: Apache-2.0

"""What every command shares: examples in its help, errors without tracebacks.

A command is a cliff command that also inherits :class:`Command`. It raises
:class:`ecrae.exception.EcraeError` for whatever the user can mend; cliff's
``App`` prints such an error as one paragraph and exits with 1. Wrong usage
is argparse's, or an :class:`ecrae.exception.UsageError`, and exits with 2.
"""

import argparse
import re
import textwrap
from typing import TYPE_CHECKING
from typing import Any

import yaml
from cliff import columns
from cliff import command
from cliff import lister
from cliff import show
from oslo_config import cfg


if TYPE_CHECKING:
    from ecrae.clients import session


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keep the line breaks of the examples below the options."""


class Command(command.Command):
    """A command with an ``examples`` text below its help."""

    #: Shell lines, each of which a test runs.
    examples: str = ''

    #: Whether ``openstack`` has to sign in before it runs the command.
    auth_required = False

    @property
    def conf(self) -> cfg.ConfigOpts:
        """ECRAE's configuration, as the application has read it."""
        application: Any = self._openstack or self.app
        conf: cfg.ConfigOpts = application.conf
        return conf

    def connect(self, cloud: str | None = None) -> 'session.Connection':
        """The way to the caller's cloud; needs ``auth_required``.

        :param cloud: entry of ``clouds.yaml``; the caller's choice if not
            given.
        :raises ConfigError: there are no credentials, or they are incomplete.
        """
        if self._openstack and cloud is None:
            connection: session.Connection = self._openstack.connection
            return connection
        from ecrae.clients import session as sessions

        return sessions.from_environment(cloud)

    @property
    def _openstack(self) -> Any:
        """What ``openstack`` offers, if that is who runs the command."""
        manager = getattr(self.app, 'client_manager', None)
        return manager.ecrae if manager else None

    def get_parser(self, prog_name: str) -> Any:
        """Parser with the examples as its epilogue."""
        parser = super().get_parser(prog_name)
        if self.examples:
            lines = textwrap.dedent(self.examples).strip()
            if hasattr(self.app, 'client_manager'):
                lines = re.sub(
                    '^ecrae ', 'openstack ecrae ', lines, flags=re.M
                )
            parser.epilog = 'examples:\n' + textwrap.indent(lines, '  ')
            parser.formatter_class = _Help
        return parser


class Lister(Command, lister.Lister):
    """A command that prints a table of rows."""


class ShowOne(Command, show.ShowOne):
    """A command that prints one thing's fields."""


class Nested(columns.FormattableColumn):
    """A list or mapping in a field: YAML for people, itself in JSON."""

    def human_readable(self) -> str:
        """Lines of YAML."""
        text: str = yaml.safe_dump(
            self._value,
            sort_keys=False,
            default_flow_style=None,
            allow_unicode=True,
            width=10_000,
        )
        return text.strip()

    def machine_readable(self) -> Any:
        """The value itself."""
        return self._value
