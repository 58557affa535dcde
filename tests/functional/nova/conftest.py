# SPDX-License-Identifier: Apache-2.0

import nova.conf
import pytest
from nova import config
from nova import objects
from nova import rpc
from oslo_config import fixture as config_fixture

from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.scheduler_filters import knowledge_view


PLUGINS = {
    'EcraeTagFilter': 'ecrae.scheduler_filters.tag_filter',
    'EcraeDrainFilter': 'ecrae.scheduler_filters.drain_filter',
    'EcraePowerCapFilter': 'ecrae.scheduler_filters.power_cap_filter',
    'EcraeShortlistFilter': 'ecrae.scheduler_filters.shortlist_filter',
}
WEIGHER = 'ecrae.scheduler_filters.energy_weigher.EcraeEnergyWeigher'
NOVAS_FILTERS = 'nova.scheduler.filters.all_filters'
NOVAS_WEIGHERS = 'nova.scheduler.weights.all_weighers'


@pytest.fixture(scope='session', autouse=True)
def _nova(tmp_path_factory):
    """Nova's configuration and objects, as its services set them up."""
    path = tmp_path_factory.mktemp('nova') / 'nova.conf'
    path.write_text('[DEFAULT]\ntransport_url = fake://\n')
    config.parse_args(['nova-scheduler'], default_config_files=[str(path)])
    objects.register_all()
    rpc.init(nova.conf.CONF)
    yield
    rpc.cleanup()


@pytest.fixture
def conf(tmp_path):
    """Nova's configuration, with a knowledge base of the test's own."""
    with config_fixture.Config(nova.conf.CONF) as fixture:
        fixture.config(group='filter_scheduler', track_instance_changes=False)
        fixture.config(
            group='ecrae_database',
            connection=f'sqlite:///{tmp_path}/ecrae.sqlite',
        )
        fixture.config(group='ecrae_scheduler', first_load_timeout=30.0)
        yield fixture
    if knowledge_view._keeper is not None:
        knowledge_view._keeper.stop()
    knowledge_view._keeper = None


@pytest.fixture
def knowledge_base(conf):
    """Fills the knowledge base; what it held before is gone."""
    database = Database(nova.conf.CONF.ecrae_database.connection)
    schema.upgrade(database)

    def fill(known):
        with database.writer() as session:
            before = kb_knowledge.load(session)
            kb_knowledge.store(session, before, known)

    return fill


@pytest.fixture
def enable(conf):
    """Turns ECRAE's plugins on in Nova's configuration."""

    def turn_on(*filters, weigher=True):
        conf.config(
            group='filter_scheduler',
            available_filters=[
                NOVAS_FILTERS,
                *(f'{PLUGINS[name]}.{name}' for name in filters),
            ],
            enabled_filters=[
                *nova.conf.CONF.filter_scheduler.enabled_filters,
                *filters,
            ],
            weight_classes=[NOVAS_WEIGHERS, *([WEIGHER] if weigher else [])],
        )

    return turn_on
