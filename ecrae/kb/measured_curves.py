# SPDX-License-Identifier: Apache-2.0

"""Hosts' own power curves in the database."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from sqlalchemy import orm

from ecrae.kb import document
from ecrae.kb import editing
from ecrae.kb import knowledge
from ecrae.model.power import PowerProfile


def profile_name(host: str) -> str:
    """What the profile measured on a host is called."""
    return f'measured:{host}'


def keep(session: orm.Session, profiles: Mapping[str, PowerProfile]) -> None:
    """Make hosts use the profiles measured on them.

    :param profiles: by hostname.
    :raises NotFound: a host is gone.
    :raises KnowledgeError: a host's name cannot name a profile.
    """
    known = knowledge.load(session).hosts
    for name in profiles:
        editing.check_exists('host', name, known)
    value = {
        document.VERSION_KEY: document.VERSION,
        'power_profiles': {
            profile.name: {
                'quality': str(profile.quality),
                'source': profile.source,
                'sleep_w': profile.curve.sleep_w,
                'power_w': list(profile.curve.power_w),
            }
            for profile in profiles.values()
        },
        'hosts': {
            name: {
                'node_type': known[name].node_type,
                'power_profile': profile.name,
            }
            for name, profile in profiles.items()
        },
    }
    editing.apply(session, document.check(value, 'measured curves'))


def reset(session: orm.Session, names: Sequence[str]) -> None:
    """Make hosts use their node types' curves again; all, or none.

    The measured profiles stay, so that a host can be given its own again.

    :raises NotFound: there is no such host.
    """
    before = knowledge.load(session)
    hosts = dict(before.hosts)
    for name in names:
        editing.check_exists('host', name, hosts)
        hosts[name] = dataclasses.replace(hosts[name], power_profile='')
    after = dataclasses.replace(before, hosts=hosts)
    knowledge.store(session, before, after)
