# SPDX-License-Identifier: Apache-2.0

"""Runs TOSCA's libraries in a process that can do nothing else.

A pattern in a descriptor can occupy Python's regular expressions for ever,
and holds the interpreter's lock all the while: in heat-engine no thread
could stop it. A process can be stopped, so that is the limit on time. It
also gets a limit on memory, no environment, and a guard that refuses files
and sockets (:mod:`ecrae.deployer.sandbox_child`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.deployer.descriptor import Descriptor


#: Wall clock for one document. A hundred servers take a few seconds.
TIMEOUT_S = 30

#: What the process inherits: above all no credentials.
_ENVIRONMENT = ('PATH', 'LANG', 'LC_ALL')


def translate(
    descriptor: Descriptor,
    document: Mapping[str, Any],
    values: Mapping[str, Any],
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """:func:`ecrae.deployer.tosca.translate`, at arm's length.

    :param descriptor: says in errors what is where.
    :param document: its completed form.
    :raises TemplateError: not valid, not translatable, or takes too long.
    """
    task = json.dumps({'document': document, 'values': values}, default=_date)
    answer = _run(descriptor, task, timeout_s)
    if 'faults' in answer:
        raise exception.TemplateError(
            source=descriptor.name,
            faults=[
                _with_line(descriptor, fault, answer['node'])
                for fault in answer['faults']
            ],
        )
    return answer


def _run(descriptor: Descriptor, task: str, timeout_s: float) -> Any:
    environment = {
        key: os.environ[key] for key in _ENVIRONMENT if key in os.environ
    }
    # It finds the packages that this process found.
    environment['PYTHONPATH'] = os.pathsep.join(
        path or os.getcwd() for path in sys.path
    )
    try:
        done = subprocess.run(
            [sys.executable, '-B', '-P', '-m', 'ecrae.deployer.sandbox_child'],
            input=task.encode(),
            capture_output=True,
            timeout=timeout_s,
            env=environment,
            cwd='/',
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise descriptor.error(
            f'not understood within {timeout_s:g} seconds'
        ) from None
    if done.returncode == 0:
        return json.loads(done.stdout)
    lines = done.stderr.decode('utf-8', 'replace').strip().splitlines()
    reason = lines[-1][:300] if lines else f'exit {done.returncode}'
    raise descriptor.error(f'cannot be processed ({reason})')


def _date(value: Any) -> str:
    text: str = value.isoformat()
    return text


def _with_line(descriptor: Descriptor, fault: str, node: str) -> str:
    """A fault with the line of the node that it is about, where known."""
    for name in [node] if node else descriptor.nodes:
        if node or f'"{name}"' in fault:
            path = ('topology_template', 'node_templates', name)
            if name in descriptor.nodes:
                return descriptor.place(*path) + fault
    return fault
