# SPDX-License-Identifier: Apache-2.0

"""Changes that an operator makes to the knowledge.

Each goes the same way: what is known becomes a document, the document is
changed and checked as a whole, and what it states is stored. So an import,
an edited field and a deletion are held to the same rules.
"""

import copy
import dataclasses
import difflib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import assembly
from ecrae.kb import document
from ecrae.kb import entries
from ecrae.kb import history
from ecrae.kb import knowledge
from ecrae.kb import yaml_text
from ecrae.kb.document import Document
from ecrae.kb.history import TargetChange
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag


#: What a section's entries are called, one at a time.
NOUNS = {
    'power-profile': 'power_profiles',
    'node-type': 'node_types',
    'flavor': 'flavors',
    'tag': 'tags',
    'host': 'hosts',
}
_NOTHING = Knowledge(tags={}, node_types={}, flavors={})

#: Users of an entry that an error names before it says "and more".
_NAMED_USERS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What happened to the entries of one noun."""

    noun: str
    added: int
    changed: int
    removed: int
    unchanged: int


def apply(
    session: orm.Session,
    added: Document,
    *,
    is_replaced: bool = False,
    cause: str = 'kb import',
) -> list[Change]:
    """Add a document to what is known, or put it in its place.

    :param cause: what the history of tags' targets says of it.
    :raises KnowledgeError: with every fault; nothing was changed.
    """
    before = knowledge.load(session)
    base = _NOTHING if is_replaced else before
    after = assembly.build(assembly.merged(base, added))
    _store(session, before, after, cause)
    return _changes(before, after)


def set_fields(
    session: orm.Session, noun: str, name: str, fields: Mapping[str, str]
) -> None:
    """Give fields of an entry new values, each as YAML writes it.

    A field is named as the document has it; below a field a dot leads to
    an item of its list by position, or to a key: ``targets.0.preference``.

    :raises NotFound: there is no such entry.
    :raises UsageError: a field is named that cannot be.
    :raises KnowledgeError: with every fault; nothing was changed.
    """
    before = knowledge.load(session)
    section = NOUNS[noun]
    known = entries.of(before)[section]
    check_exists(noun, name, known)
    entry = known[name]
    if noun == 'host' and 'node_type' in fields:
        # A curve measured on the old hardware says nothing of the new.
        entry.pop('power_profile', None)
    for field, text in fields.items():
        entry = _with_field(section, name, entry, field, text)
    changed = _document(section, name, entry)
    after = assembly.build(assembly.merged(before, changed))
    _store(session, before, after, f'kb set {noun}')


def delete(session: orm.Session, noun: str, names: Sequence[str]) -> None:
    """Forget entries that nothing refers to.

    :raises NotFound: there is no such entry.
    :raises Conflict: something refers to one; it says what.
    """
    before = knowledge.load(session)
    section = NOUNS[noun]
    sections = entries.of(before)
    for name in names:
        check_exists(noun, name, sections[section])
        users = sorted(_users(before, noun, name))
        if users:
            raise exception.Conflict(
                f'The {noun} {name} is used by {_listed(users)}: change or '
                'delete those first.'
            )
    for name in set(names):
        del sections[section][name]
    after = assembly.build(Document('knowledge base', sections))
    _store(session, before, after, f'kb delete {noun}')


def set_targets(
    session: orm.Session, changed: Sequence[Tag], cause: str
) -> None:
    """Put tags with other targets in the place of those of the same name."""
    before = knowledge.load(session)
    tags = {**before.tags, **{tag.name: tag for tag in changed}}
    _store(session, before, dataclasses.replace(before, tags=tags), cause)


def revert(session: orm.Session, change: TargetChange) -> None:
    """Put a target back to what it was before a change.

    :raises NotFound: its tag is gone.
    :raises KnowledgeError: the target's node type or flavor is gone, or the
        tag would be left without a target.
    """
    before = knowledge.load(session)
    tags = entries.of(before)['tags']
    check_exists('tag', change.tag, tags)
    entry = tags[change.tag]
    named = {'node_type': change.node_type, 'flavor': change.flavor}
    entry['targets'] = [
        target
        for target in entry['targets']
        if any(target[field] != name for field, name in named.items())
    ]
    if change.before is not None:
        entry['targets'].append({**named, **change.before})
    changed = _document('tags', change.tag, entry)
    after = assembly.build(assembly.merged(before, changed))
    _store(session, before, after, f'kb revert {change.id}')


def _store(
    session: orm.Session, before: Knowledge, after: Knowledge, cause: str
) -> None:
    knowledge.store(session, before, after)
    history.record(session, before, after, cause)


def check_exists(noun: str, name: str, known: Mapping[str, Any]) -> None:
    """Complain about a name that is not known.

    :raises NotFound: with the names that look like it.
    """
    if name in known:
        return
    near = difflib.get_close_matches(name, known)
    hint = f'; did you mean {", ".join(near)}?' if near else '.'
    raise exception.NotFound(f'No {noun} named {name}{hint}')


def _changes(before: Knowledge, after: Knowledge) -> list[Change]:
    old = entries.of(before)
    new = entries.of(after)
    result = []
    for noun, section in NOUNS.items():
        both = old[section].keys() & new[section].keys()
        changed = sum(
            old[section][name] != new[section][name] for name in both
        )
        result.append(
            Change(
                noun=noun,
                added=len(new[section].keys() - both),
                changed=changed,
                removed=len(old[section].keys() - both),
                unchanged=len(both) - changed,
            )
        )
    return result


def _users(known: Knowledge, noun: str, name: str) -> Iterator[str]:
    """What refers to an entry, as people call it."""
    if noun == 'power-profile':
        for node_type in known.node_types.values():
            profiles = {node_type.power_profile} | {
                board.power_profile for board in node_type.accelerators
            }
            if name in profiles:
                yield f'node-type {node_type.name}'
        for host in known.hosts.values():
            if host.power_profile == name:
                yield f'host {host.name}'
    for tag in known.tags.values():
        named = {
            'node-type': [target.node_type.name for target in tag.targets],
            'flavor': [target.flavor.name for target in tag.targets],
        }
        if name in named.get(noun, ()):
            yield f'tag {tag.name}'
    for host in known.hosts.values():
        if noun == 'node-type' and host.node_type == name:
            yield f'host {host.name}'


def _listed(users: list[str]) -> str:
    rest = len(users) - _NAMED_USERS
    more = f' and {rest} more' if rest > 0 else ''
    return ', '.join(users[:_NAMED_USERS]) + more


def _document(section: str, name: str, entry: Any) -> Document:
    value = {document.VERSION_KEY: document.VERSION, section: {name: entry}}
    return document.check(value, '')


def _with_field(
    section: str, name: str, entry: Any, field: str, text: str
) -> Any:
    """The entry with one field changed.

    What YAML takes for a number may be meant as text, as in ``source=2024``:
    it is kept as it was typed where only that is allowed.
    """
    value, faults = yaml_text.load(text, field)
    if faults:
        raise exception.KnowledgeError(source=field, faults=faults)
    changed = _replaced(entry, field, value)
    if not isinstance(value, str):
        as_text = _replaced(entry, field, text)
        if (
            _document(section, name, changed).faults
            and not _document(section, name, as_text).faults
        ):
            return as_text
    return changed


def _replaced(entry: Any, field: str, value: Any) -> Any:
    changed = copy.deepcopy(entry)
    top, _, rest = field.partition('.')
    if not rest:
        changed[top] = value
        return changed
    inner = changed.setdefault(top, {})
    key: Any = rest
    if isinstance(inner, list):
        position, _, key = rest.partition('.')
        if not position.isdecimal() or int(position) >= len(inner):
            raise exception.UsageError(
                f'{field}: {top} has items 0 to {len(inner) - 1}, not '
                f'{position}.'
            )
        if not key:
            inner[int(position)] = value
            return changed
        inner = inner[int(position)]
    if not isinstance(inner, dict):
        raise exception.UsageError(f'{field}: there is nothing below {top}.')
    inner[key] = value
    return changed
