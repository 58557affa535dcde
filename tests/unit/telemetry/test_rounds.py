# SPDX-License-Identifier: Apache-2.0

import logging

from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.telemetry import collector
from ecrae.telemetry import rounds


def test_knowledge_base_may_come_and_go(tmp_path, caplog):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    process = rounds.Rounds(
        database, collector.Collector([], {}, timeout_s=1), 600
    )
    with caplog.at_level(logging.INFO, 'ecrae'):
        process.run_one()
        process.run_one()
        schema.upgrade(database)
        process.run_one()
        process.run_one()
    said = [
        record.getMessage()
        for record in caplog.records
        if record.name == rounds.__name__
    ]
    assert len(said) == 2
    assert 'ecrae-manage db sync' in said[0]
    assert said[1] == 'Readings are kept again'
