# SPDX-License-Identifier: Apache-2.0

from ecrae.kb import redeployments
from ecrae.kb.redeployments import Redeployment
from ecrae.model.attachments import Attachments
from ecrae.model.attachments import Port
from ecrae.model.attachments import Volume


HAD = Attachments(
    ports=(
        Port(
            id='p',
            network='n',
            addresses=('10.0.0.5', 'fd00::5'),
            security_groups=('web',),
            floating=('f',),
        ),
        Port(id='q', network='n', addresses=(), security_groups=()),
    ),
    volumes=(Volume(id='v', device='/dev/vdb'),),
)
BEGUN = Redeployment(server='s', attachments=HAD)
FAILED = Redeployment(server='s', attachments=HAD, failure='no room')


def _find(database, server='s'):
    with database.reader() as session:
        return redeployments.find(session, server)


def test_it_comes_back_as_it_was(database):
    assert _find(database) is None
    with database.writer() as session:
        redeployments.record(session, BEGUN)
    assert _find(database) == BEGUN
    assert _find(database, 'other') is None


def test_the_newest_counts(database):
    for each in (BEGUN, FAILED):
        with database.writer() as session:
            redeployments.record(session, each)
    assert _find(database) == FAILED


def test_what_is_over_is_forgotten(database):
    with database.writer() as session:
        redeployments.record(session, BEGUN)
    for _ in range(2):
        with database.writer() as session:
            redeployments.forget(session, 's')
    assert _find(database) is None
