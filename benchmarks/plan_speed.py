# SPDX-License-Identifier: Apache-2.0

"""What a plan costs beside a plain translation of the same application.

A template with so many tagged servers, each with software, is planned over
an inventory of so many hosts, and translated by heat-translator alone, in
turns and in the same run. heat-translator is measured as a program of its
own, because that is how it runs and because the plan, too, runs it in a
process of its own; "in process" leaves out the start of Python. Printed are
medians in seconds of wall clock, and the part of the plan that goes into
each step; "selection" is all of choosing hardware, "ranking" the vectorised
arithmetic in it.

    python benchmarks/plan_speed.py --nodes 100 --hosts 1000
"""

import argparse
import contextlib
import functools
import io
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from unittest import mock

from toscaparser.tosca_template import ToscaTemplate
from translator.hot.tosca_translator import TOSCATranslator

from ecrae.deployer import completion
from ecrae.deployer import components
from ecrae.deployer import descriptor
from ecrae.deployer import inventory
from ecrae.deployer import pipeline
from ecrae.deployer import sandbox
from ecrae.deployer import selection
from ecrae.deployer import yaml_safety
from ecrae.kb import catalogue
from ecrae.model import ranking
from ecrae.model.cluster import Cluster
from ecrae.model.knowledge import Knowledge


_STOCK = """
import logging
import sys
from toscaparser.tosca_template import ToscaTemplate
from translator.hot.tosca_translator import TOSCATranslator
template = ToscaTemplate(sys.argv[1], {}, True)
print(len(TOSCATranslator(template, {}).translate()))
"""


def template(nodes: int, tags: list[str]) -> dict[str, Any]:
    """Servers with the tags in turn, each with a piece of software."""
    templates: dict[str, Any] = {}
    for index in range(nodes):
        templates[f'server_{index}'] = {
            'type': 'tosca.nodes.Compute',
            'metadata': {'ecrae.tag': tags[index % len(tags)]},
            'capabilities': {
                'host': {'properties': {'num_cpus': 1, 'mem_size': '1 GB'}},
                'os': {'properties': {'type': 'linux'}},
            },
        }
        templates[f'software_{index}'] = {
            'type': 'tosca.nodes.SoftwareComponent',
            'requirements': [{'host': f'server_{index}'}],
            'interfaces': {'Standard': {'create': 'create.sh'}},
        }
    return {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'topology_template': {'node_templates': templates},
    }


def cloud(hosts: int, known: Knowledge) -> Cluster:
    """So many hosts over all node types, at loads all over the range."""
    types = sorted(known.node_types)
    entries = [
        {
            'name': f'host-{index:05}',
            'node_type': types[index % len(types)],
            'utilization': (index * 37 % 90) / 100,
        }
        for index in range(hosts)
    ]
    text = yaml_safety.dump(
        {
            'ecrae_inventory': 1,
            'hosts': entries,
            'images': [
                {
                    'name': f'linux-{architecture}',
                    'architecture': architecture,
                    'os_type': 'linux',
                }
                for architecture in ('x86_64', 'aarch64', 'ppc64le')
            ],
        }
    )
    return inventory.read(text, 'benchmark', known)


class Stopwatch:
    """Seconds spent in functions while they are wrapped."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}

    @contextlib.contextmanager
    def on(self, owner: Any, name: str, label: str) -> Iterator[None]:
        """Time every call of ``owner.name``."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start_s = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                spent_s = time.perf_counter() - start_s
                self.spent_s[label] = self.spent_s.get(label, 0) + spent_s

        with mock.patch.object(owner, name, timed):
            yield


STEPS: tuple[tuple[Any, str, str], ...] = (
    (descriptor, 'read', 'reading and checking'),
    (components, 'servers', 'tags and needs'),
    (selection, 'select', 'selection'),
    (ranking, 'marginal', 'ranking (in selection)'),
    (completion, 'complete', 'completion'),
    (sandbox, 'translate', 'tosca-parser, heat-translator'),
)


def measure(run: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start_s = time.perf_counter()
    run()
    return time.perf_counter() - start_s


def translate(path: pathlib.Path) -> None:
    """heat-translator in this process."""
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = ToscaTemplate(str(path), {}, True)
        TOSCATranslator(parsed, {}).translate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--nodes', type=int, default=100)
    parser.add_argument('--hosts', type=int, default=1000)
    parser.add_argument('--repeat', type=int, default=5)
    parsed = parser.parse_args()
    known = catalogue.load()
    cluster = cloud(parsed.hosts, known)
    tags = sorted(known.tags)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, 'app.yaml')
        path.write_text(yaml_safety.dump(template(parsed.nodes, tags)))
        pathlib.Path(folder, 'create.sh').write_text('#!/bin/sh\n')
        stock = [sys.executable, '-c', _STOCK, str(path)]
        watch = Stopwatch()
        plans_s, programs_s, calls_s = [], [], []
        with contextlib.ExitStack() as stack:
            for step in STEPS:
                stack.enter_context(watch.on(*step))
            for _ in range(parsed.repeat):
                programs_s.append(
                    measure(
                        lambda: subprocess.run(
                            stock, check=True, capture_output=True
                        )
                    )
                )
                calls_s.append(measure(lambda: translate(path)))
                plans_s.append(
                    measure(
                        lambda: pipeline.plan(
                            path,
                            inputs={},
                            knowledge=known,
                            cluster=cluster,
                        )
                    )
                )
    print(
        f'{parsed.nodes} tagged servers with software, '
        f'{parsed.hosts} hosts, {len(known.tags)} tags, '
        f'{parsed.repeat} runs'
    )
    for label, values_s in (
        ('heat-translator, program', programs_s),
        ('heat-translator, in process', calls_s),
        ('ecrae plan', plans_s),
    ):
        print(f'{label:32} {statistics.median(values_s):8.3f} s')
    total_s = sum(plans_s)
    for _, _, label in STEPS:
        part = watch.spent_s.get(label, 0.0) / total_s
        print(f'  {label:30} {part:8.1%}')


if __name__ == '__main__':
    main()
