# SPDX-License-Identifier: Apache-2.0

"""Redeployments under way in the database.

Heat takes a server's ports off before it makes another one in its place, and
does not always put them back: whoever does must know what there was, even
when the rebalancer that saw it has died.
"""

import dataclasses

from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model.attachments import Attachments
from ecrae.model.attachments import Port
from ecrae.model.attachments import Volume


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Redeployment:
    """A server that is being replaced."""

    server: str
    #: What it had before.
    attachments: Attachments
    #: Why it will not be replaced; empty while that may still happen.
    failure: str = ''


def record(session: orm.Session, redeployment: Redeployment) -> None:
    """Keep a redeployment, in place of what was kept of that server."""
    session.merge(
        models.Redeployment(
            server=redeployment.server,
            attachments=dataclasses.asdict(redeployment.attachments),
            failure=redeployment.failure,
        )
    )


def find(session: orm.Session, server: str) -> Redeployment | None:
    """The redeployment of a server; None: there is none under way."""
    row = session.get(models.Redeployment, server)
    if row is None:
        return None
    return Redeployment(
        server=row.server,
        attachments=Attachments(
            ports=tuple(
                Port(
                    id=each['id'],
                    network=each['network'],
                    addresses=tuple(each['addresses']),
                    security_groups=tuple(each['security_groups']),
                    floating=tuple(each['floating']),
                )
                for each in row.attachments['ports']
            ),
            volumes=tuple(
                Volume(**each) for each in row.attachments['volumes']
            ),
        ),
        failure=row.failure,
    )


def forget(session: orm.Session, server: str) -> None:
    """Forget a redeployment that is over, if there was one."""
    row = session.get(models.Redeployment, server)
    if row is not None:
        session.delete(row)
