# SPDX-License-Identifier: Apache-2.0

import sys

import pytest
from oslo_config import cfg

import ecrae.conf
from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.telemetry import factory


@pytest.fixture
def conf(tmp_path):
    conf = cfg.ConfigOpts()
    ecrae.conf.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('file', str(tmp_path / 'f.json'), 'ecrae_telemetry')
    conf.set_override(
        'prometheus_url', 'http://monitor:9090', 'ecrae_telemetry'
    )
    return conf


def sources(conf, *names, **by_metric):
    conf.set_override('sources', list(names), 'ecrae_telemetry')
    conf.set_override('metric_sources', by_metric, 'ecrae_telemetry')
    return [source.name for source in factory.make_sources(conf)]


def test_no_source_unless_told():
    conf = cfg.ConfigOpts()
    ecrae.conf.register_opts(conf)
    conf([], default_config_files=[])
    assert factory.make_sources(conf) == []


def test_sources_in_their_order(conf):
    assert sources(conf, 'prometheus', 'file') == ['prometheus', 'file']


def test_agents_are_a_source(conf):
    assert sources(conf, 'agent') == ['agent']


def test_single_metric_can_come_from_elsewhere(conf):
    assert sources(conf, 'file', power_w='prometheus | file') == [
        'file',
        'prometheus',
    ]
    assert factory.priority(conf)[Metric.POWER_W] == ('prometheus', 'file')
    assert factory.priority(conf)[Metric.UTILIZATION] == ('file',)


@pytest.mark.parametrize(
    'by_metric', [{'watts': 'file'}, {'power_w': 'pdu|file'}]
)
def test_bad_metric_source_says_what_is_valid(conf, by_metric):
    with pytest.raises(
        exception.ConfigError, match=r'utilization.*gnocchi, prometheus'
    ):
        sources(conf, 'file', **by_metric)


def test_missing_url_names_the_option(conf):
    conf.clear_override('prometheus_url', 'ecrae_telemetry')
    with pytest.raises(exception.ConfigError, match='prometheus_url'):
        sources(conf, 'prometheus')


def test_missing_package_names_the_extra(conf, monkeypatch):
    monkeypatch.setitem(sys.modules, 'observabilityclient', None)
    monkeypatch.delitem(
        sys.modules, 'ecrae.telemetry.prometheus', raising=False
    )
    monkeypatch.delitem(
        sys.modules,
        'observabilityclient.prometheus_client',
        raising=False,
    )
    with pytest.raises(
        exception.ConfigError, match=r'pip install ecrae\[prometheus\]'
    ):
        sources(conf, 'prometheus')
