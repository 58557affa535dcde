# SPDX-License-Identifier: Apache-2.0

"""YAML of the knowledge base: strict where YAML forgives silently.

A key that stands twice in a mapping would lose its first value, and an
unquoted name such as ``1e3`` or ``on`` would not be text. Both are faults.
"""

from typing import Any

import yaml

from ecrae import exception


# libyaml's parser is ten times faster; wheels of PyYAML bring it.
_BaseLoader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)


class _Loader(_BaseLoader):
    """Safe loader that collects faults of keys."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.faults: list[str] = []


def _construct_mapping(loader: _Loader, node: Any) -> dict[str, Any]:
    loader.flatten_mapping(node)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        place = f'line {key_node.start_mark.line + 1}'
        if not isinstance(key, str):
            text = getattr(key_node, 'value', '')
            written = text if isinstance(text, str) else 'a collection'
            loader.faults.append(f'{place}: name {written} must be quoted')
        elif key in result:
            loader.faults.append(f'{place}: {key!r} stands twice')
        else:
            result[key] = loader.construct_object(value_node, deep=True)
    return result


_Loader.add_constructor('tag:yaml.org,2002:map', _construct_mapping)


class _Dumper(_BaseDumper):
    """Safe dumper without references between equal values."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def load(text: str, source: str) -> tuple[Any, list[str]]:
    """Value of a YAML text and the faults of its keys.

    :raises KnowledgeError: the text is not YAML.
    """
    loader: Any = None
    try:
        loader = _Loader(text)
        return loader.get_single_data(), loader.faults
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f'line {mark.line + 1}: ' if mark else ''
        raise exception.KnowledgeError(
            source=source, faults=[f'{place}not YAML: {error.problem}']
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = ' '.join(str(error).split())
        raise exception.KnowledgeError(
            source=source, faults=[f'not YAML: {reason}']
        ) from None
    except RecursionError:
        raise exception.KnowledgeError(
            source=source, faults=['nested too deeply']
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def dump(value: Any) -> str:
    """YAML text that :func:`load` reads back to the same value."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=79,
    )
    return text
