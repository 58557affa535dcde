# SPDX-License-Identifier: Apache-2.0

"""Every error ECRAE raises; a class says what its catcher can do.

::

    EcraeError
    ├── UsageError        the call is wrong: correct it and call again
    ├── ConfigError       an operator must change an option or a package
    ├── NotFound          the named thing is not in the knowledge base or cloud
    ├── Conflict          the world moved on: look again, then retry
    ├── InputError        a submitted file is bad; lists every fault found
    │   ├── TemplateError     a TOSCA descriptor
    │   └── KnowledgeError    a knowledge base document
    ├── PlacementError    no hardware fits, or none has room now
    ├── CloudError        an OpenStack service failed or refused
    ├── Unreachable       an agent did not answer: what it did is not known
    │   └── Forbidden         its policy does not let this account do that
    └── MigrationError
        ├── PreCheckFailed    nothing was touched
        ├── TransferFailed    undone; the workload runs at the source
        └── RestoreFailed     past the point of no return: needs a person
"""

from typing import Any


class EcraeError(Exception):
    """Base of all errors; ``str()`` is a sentence for the person at the CLI.

    The signature is what oslo.messaging needs to rebuild a remote error.
    """

    template = 'Unexpected error.'

    def __init__(self, message: str | None = None, **kwargs: Any) -> None:
        self.kwargs = kwargs
        super().__init__(message or self.template.format(**kwargs))


class UsageError(EcraeError):
    """The caller asked for something that cannot be asked for."""


class ConfigError(EcraeError):
    """An option, or a package that an option needs, is missing or wrong."""


class NotFound(EcraeError):
    """A named thing does not exist."""

    template = 'No {noun} named {name}.'


class Conflict(EcraeError):
    """The world is not (any longer) as the caller assumed."""


class InputError(EcraeError):
    """A submitted document is bad; nothing was changed.

    :param source: what the user calls the document (its file name).
    :param faults: one sentence for each fault, each with its place.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        source: str = '',
        faults: list[str] | None = None,
    ) -> None:
        self.source = source
        self.faults = faults or ([message] if message else [])
        if message is None:
            listed = '; '.join(self.faults)
            message = f'{source}: {listed}' if source else listed
        super().__init__(message, source=source, faults=self.faults)


class TemplateError(InputError):
    """A TOSCA descriptor cannot be used as it is."""


class KnowledgeError(InputError):
    """A knowledge base document cannot be imported as it is."""


class PlacementError(EcraeError):
    """No candidate hardware is big enough, or none has capacity now."""


class CloudError(EcraeError):
    """An OpenStack service failed, refused or timed out."""


class Forbidden(CloudError):
    """A service's policy does not let this account do that."""


class Unreachable(EcraeError):
    """An agent did not answer in time; it may have done what was asked."""


class MigrationError(EcraeError):
    """A migration did not end as asked; subclasses say where things are."""


class PreCheckFailed(MigrationError):
    """Refused before anything was touched."""


class TransferFailed(MigrationError):
    """Reverted: the workload still runs at the source."""


class RestoreFailed(MigrationError):
    """Failed past the point of no return: a person must look."""
