# SPDX-License-Identifier: Apache-2.0

"""Knowledge bases that hold the built-in catalogue and some hosts."""

import dataclasses

from ecrae.kb import catalogue
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.knowledge import KnownHost


def make(folder, hosts):
    """A knowledge base in a folder.

    :param hosts: node types by name.
    """
    made = Database(f'sqlite:///{folder}/kb.sqlite')
    schema.upgrade(made)
    known = {
        name: KnownHost(name=name, node_type=node_type)
        for name, node_type in hosts.items()
    }
    with made.writer() as session:
        knowledge.store(
            session,
            knowledge.load(session),
            dataclasses.replace(catalogue.load(), hosts=known),
        )
    return made
