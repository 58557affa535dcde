# SPDX-License-Identifier: Apache-2.0

"""What a server is connected to."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port on a network."""

    id: str
    network: str
    addresses: tuple[str, ...]
    security_groups: tuple[str, ...]
    #: Identifiers of the floating addresses that lead to it.
    floating: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume and where the server sees it."""

    id: str
    device: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attachments:
    """What a server has, in the order in which it got it."""

    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
