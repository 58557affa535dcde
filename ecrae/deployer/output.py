# SPDX-License-Identifier: Apache-2.0

"""Writes a plan as files: the whole folder appears at once, or not at all."""

import json
import os
import pathlib
import tempfile

from ecrae import exception
from ecrae.deployer import yaml_safety
from ecrae.deployer.pipeline import DeploymentPlan
from ecrae.model import decision


COMPLETED = 'completed.yaml'
HOT = 'hot.yaml'
DECISION = 'decision.json'


def write(plan: DeploymentPlan, folder: pathlib.Path) -> None:
    """Make a folder with the plan's three documents and the HOT's files.

    A folder that an earlier plan made is replaced.

    :raises InputError: the folder cannot be made, or holds something else.
    """
    record = decision.as_document(plan.decision)
    contents = {
        **plan.hot_files,
        COMPLETED: yaml_safety.dump(plan.completed),
        HOT: yaml_safety.dump(plan.hot),
        DECISION: json.dumps(record, indent=2, ensure_ascii=False) + '\n',
    }
    for name in (COMPLETED, HOT, DECISION):
        if name in plan.hot_files:
            raise exception.TemplateError(
                source=plan.decision.source,
                faults=[f'a submitted file is named {name}, like an output'],
            )
    try:
        _replace(folder.absolute(), contents)
    except OSError as error:
        raise exception.InputError(
            source=str(folder), faults=[error.strerror or str(error)]
        ) from None


def _replace(folder: pathlib.Path, contents: dict[str, str]) -> None:
    if folder.exists() and not _is_replaceable(folder):
        raise exception.InputError(
            source=str(folder),
            faults=['is neither empty nor a folder that a plan was put in'],
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f'.{folder.name}-'
    ) as scratch:
        fresh = pathlib.Path(scratch, 'new')
        for name, text in contents.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, 'utf-8')
        if folder.exists():
            # A folder cannot take the place of one that has content.
            os.rename(folder, pathlib.Path(scratch, 'old'))
        os.rename(fresh, folder)


def _is_replaceable(folder: pathlib.Path) -> bool:
    if not folder.is_dir() or folder.is_symlink():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or {COMPLETED, HOT, DECISION} <= names
