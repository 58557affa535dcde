# SPDX-License-Identifier: Apache-2.0

"""What another service's configuration file says of ECRAE.

It is read as that service reads it, but without that service: ``ecrae-status``
runs where neither Nova nor Heat need be installed.
"""

import dataclasses
import pathlib
from collections.abc import Iterable

from oslo_config import cfg


@dataclasses.dataclass(frozen=True)
class ServiceFile:
    """One file, such as nova.conf."""

    path: pathlib.Path
    #: Values as written, by section and option.
    sections: dict[str, dict[str, list[str]]]

    def values(self, section: str, option: str) -> list[str]:
        """Every value of an option that may be given several times."""
        return self.sections.get(section, {}).get(option, [])

    def items(self, section: str, option: str) -> list[str]:
        """Parts of a comma separated list; of several, the last counts."""
        values = self.values(section, option)
        last = values[-1] if values else ''
        return [item.strip() for item in last.split(',') if item.strip()]


def read(path: pathlib.Path) -> ServiceFile:
    """The file's sections.

    :raises OSError: it cannot be read.
    :raises cfg.ParseError: it is not a configuration file.
    """
    path.open().close()
    sections: dict[str, dict[str, list[str]]] = {}
    parser = cfg.ConfigParser(str(path), sections)
    parser.parse()
    return ServiceFile(path, sections)


def faults(
    file: ServiceFile,
    groups: Iterable[tuple[cfg.OptGroup, list[cfg.Opt]]],
    loose: frozenset[str],
) -> list[str]:
    """What is wrong in the groups whose names start with ``ecrae``.

    :param groups: those that exist.
    :param loose: groups that take options of their own besides, such as
        those of an authentication plugin.
    """
    known = {group.name: (group, options) for group, options in groups}
    found = []
    for section in file.sections:
        if not section.startswith('ecrae'):
            continue
        if section not in known:
            found.append(
                f'[{section}] is no group of ECRAE; it has '
                f'{", ".join(sorted(known))}'
            )
            continue
        group, options = known[section]
        found += _values(file, group, options)
        if section not in loose:
            found += _names(file, section, options)
    return found


def _names(
    file: ServiceFile, section: str, options: list[cfg.Opt]
) -> list[str]:
    names = {option.name.replace('-', '_') for option in options}
    return [
        f'[{section}] has no option {name}; it has {", ".join(sorted(names))}'
        for name in file.sections[section]
        if name.replace('-', '_') not in names
    ]


def _values(
    file: ServiceFile, group: cfg.OptGroup, options: list[cfg.Opt]
) -> list[str]:
    # What an authentication plugin requires depends on which one it is.
    options = [option for option in options if not option.required]
    conf = cfg.ConfigOpts()
    conf.register_group(group)
    conf.register_opts(options, group=group)
    conf([], default_config_files=[str(file.path)], default_config_dirs=[])
    found = []
    for option in options:
        try:
            getattr(conf[group.name], option.dest)
        except (ValueError, cfg.Error) as error:
            # Before its last colon oslo.config says what we say better.
            reason = str(error).rpartition(': ')[2]
            found.append(f'[{group.name}] {option.name}: {reason}')
    return found
