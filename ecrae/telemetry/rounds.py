# SPDX-License-Identifier: Apache-2.0

"""The collector's rounds: one after the other, whatever happens in one."""

from oslo_log import log as logging

from ecrae import exception
from ecrae.kb.db import Database
from ecrae.telemetry import collection
from ecrae.telemetry.collector import Collector
from ecrae.telemetry.coverage import Coverage


LOG = logging.getLogger(__name__)


class Rounds:
    """Collects again and again; the knowledge base may come and go."""

    def __init__(
        self, database: Database, collector: Collector, max_age_s: float
    ) -> None:
        self._database = database
        self._collector = collector
        self._max_age_s = max_age_s
        self._coverage = Coverage(collector.metrics)
        self._trouble = ''

    def run_one(self) -> None:
        """Collect once; trouble and its end are logged once each."""
        trouble = ''
        try:
            known, kept = collection.collect(
                self._database, self._collector, self._max_age_s
            )
            self._coverage.note(known.hosts, kept)
        except exception.EcraeError as error:
            trouble = str(error)
        if trouble and not self._trouble:
            LOG.error('Readings cannot be kept: %s', trouble)
        if self._trouble and not trouble:
            LOG.info('Readings are kept again')
        self._trouble = trouble
