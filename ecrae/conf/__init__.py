# SPDX-License-Identifier: Apache-2.0

"""Options, one module for each group.

Every group's name starts with ``ecrae`` because inside nova-scheduler,
nova-api and heat-engine the options share that service's file. Nothing is
global: who needs options is handed a ``ConfigOpts``.
"""

from collections.abc import Sequence

from oslo_config import cfg

from ecrae import exception
from ecrae.conf import opts


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make all of ECRAE's options known to ``conf``; safe to repeat."""
    for group, options in opts.list_opts():
        # oslo.config keeps values set by a program in the group: one that all
        # configurations shared would carry them from one to the next.
        conf.register_group(
            cfg.OptGroup(group.name, title=group.title, help=group.help)
        )
        conf.register_opts(options, group=group.name)


def load(config_files: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """Options of ECRAE's own processes.

    :param config_files: files to read; by default ``ecrae.conf`` from where
        OpenStack keeps such files, ``/etc/ecrae`` above all, if it is there.
    :raises ConfigError: a file is missing or wrong.
    """
    conf = cfg.ConfigOpts()
    register_opts(conf)
    files = list(config_files) if config_files else None
    try:
        conf(args=[], project='ecrae', default_config_files=files)
        check(conf)
    except cfg.ConfigFilesNotFoundError as error:
        listed = ', '.join(error.config_files)
        raise exception.ConfigError(f'No file {listed}.') from None
    except (cfg.Error, OSError) as error:
        raise exception.ConfigError(f'Bad configuration: {error}.') from None
    return conf


def check(conf: cfg.ConfigOpts) -> None:
    """Read every value once, as oslo.config judges each when it is read.

    :raises ConfigError: one is not what its option may be.
    """
    for group, options in opts.list_opts():
        for option in options:
            try:
                conf[group.name][option.dest]
            except cfg.ConfigSourceValueError as error:
                files = ', '.join(conf.config_file)
                reason = str(error).rpartition(' is not valid: ')[2]
                raise exception.ConfigError(
                    f'{files}: [{group.name}] {option.name}: {reason}.'
                ) from None
