# SPDX-License-Identifier: Apache-2.0

"""What ``ecrae`` and ``ecrae-manage`` have in common.

Exit codes: 0 for success, 1 for an error, 2 for wrong usage. An error is
one paragraph; its traceback is shown with ``--debug`` only.
"""

import argparse
import importlib.metadata
import logging
import sys
from collections.abc import Mapping
from typing import Any

from cliff import app
from cliff import commandmanager
from oslo_config import cfg

from ecrae import conf
from ecrae import exception
from ecrae.cmd import extras


class Application(app.App):
    """A command with subcommands, which reads ECRAE's configuration.

    :param name: of the command, as it is typed.
    :param commands: where each subcommand is, as ``module:Class``; only the
        one that runs is imported.
    """

    DEFAULT_VERBOSE_LEVEL = 0

    #: Set once the options are known.
    conf: cfg.ConfigOpts

    def __init__(
        self, name: str, description: str, commands: Mapping[str, str]
    ) -> None:
        # cliff takes the name from the class for its help and its errors.
        app.App.NAME = name
        self._failure: BaseException | None = None
        manager = commandmanager.CommandManager()
        for words, place in commands.items():
            manager.commands[words] = importlib.metadata.EntryPoint(
                words, place, ''
            )
        super().__init__(
            description=description,
            version=importlib.metadata.version('ecrae'),
            command_manager=manager,
            # Else --help is the application's wherever it stands.
            deferred_help=True,
        )

    def build_option_parser(
        self, description: Any, version: Any, argparse_kwargs: Any = None
    ) -> argparse.ArgumentParser:
        """Options before the subcommand."""
        parser = super().build_option_parser(
            description, version, argparse_kwargs
        )
        parser.add_argument(
            '--config-file',
            metavar='PATH',
            action='append',
            help='Configuration to read in place of /etc/ecrae/ecrae.conf; '
            'repeat it for several files, of which the last wins.',
        )
        return parser

    def initialize_app(self, argv: list[str]) -> None:
        """Read the configuration."""
        if not argv and not self.options.deferred_help:
            self.parser.error(f'no command; try "{self.NAME} --help"')
        self.conf = conf.load(self.options.config_file)

    def clean_up(self, cmd: Any, result: int, err: Any) -> None:
        """Remember how the subcommand failed."""
        self._failure = err

    def run(self, argv: list[str]) -> int:
        """Exit code of the whole; logging is left as it was found."""
        root = logging.getLogger()
        level, handlers = root.level, list(root.handlers)
        try:
            result: int = super().run(argv)
            return result
        finally:
            root.setLevel(level)
            for handler in set(root.handlers) - set(handlers):
                root.removeHandler(handler)
                handler.close()

    def run_subcommand(self, argv: list[str]) -> int:
        """Exit code of a subcommand."""
        try:
            result: int = super().run_subcommand(argv)
        except ModuleNotFoundError as error:
            if self.options.debug:
                raise
            self.stderr.write(extras.message(self.NAME, error) + '\n')
            return 1
        if isinstance(self._failure, exception.UsageError):
            return 2
        return result


def run(application: Application, argv: list[str] | None = None) -> int:
    """Run with the arguments given, or those of the process."""
    return int(application.run(sys.argv[1:] if argv is None else argv))
