# SPDX-License-Identifier: Apache-2.0

"""A template class by which Heat accepts tagged TOSCA as a template.

The line ``heat_template_version: ecrae_tosca_1`` selects it. Heat builds a
template first, then gives it the environment, then asks it for the stack's
parameters with the stack's identity. Only at this last moment are the inputs'
values and the stack's present servers known, so hardware is chosen then; from
there on the object holds plain HOT, and plain HOT is all that Heat stores.
"""

import contextlib
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from heat.common import exception as heat_exception
from heat.engine import template
from heat.engine.hot import template as hot_template
from oslo_config import cfg
from oslo_context import context as oslo_context

from ecrae import exception
from ecrae.deployer import descriptor as descriptors
from ecrae.deployer import skeleton
from ecrae.deployer import yaml_safety
from ecrae.deployer.heat import planner
from ecrae.deployer.heat import stored
from ecrae.deployer.heat import uploads
from ecrae.model.decision import Decision


_planner: planner.Planner | None = None
_planner_lock = threading.Lock()


class ToscaTemplate(hot_template.HOTemplate20130523):
    """A tagged TOSCA descriptor that turns into HOT when it is needed."""

    def __init__(
        self,
        document: Mapping[str, Any],
        template_id: int | None = None,
        files: Any = None,
        env: Any = None,
        *,
        text: str | None = None,
        name: str | None = None,
    ) -> None:
        #: The descriptor until hardware is chosen.
        self._document: Mapping[str, Any] | None = document
        self._text = text
        #: What errors and the decision call it; None: the stack's name.
        self._name = name
        self._decision: Decision | None = None
        #: Stack whose servers stay where they are; None: the identity's.
        self.follows: str | None = None
        super().__init__(
            skeleton.skeleton(document),
            template_id=template_id,
            files=files,
            env=env,
        )

    @classmethod
    def from_text(
        cls, text: str, name: str, *, files: Any, env: Any
    ) -> 'ToscaTemplate':
        """A descriptor that Heat has not parsed, and so with its lines.

        :raises StackValidationFailed: it is not YAML, or not a mapping.
        """
        with _refused():
            document = yaml_safety.load(text, name).value
            if not isinstance(document, Mapping):
                raise exception.TemplateError(
                    source=name, faults=['is not a TOSCA descriptor']
                )
        return cls(document, files=files, env=env, text=text, name=name)

    def parameters(
        self,
        stack_identifier: Any,
        user_params: Mapping[str, Any],
        param_defaults: Mapping[str, Any] | None = None,
    ) -> Any:
        """The stack's parameters; chooses hardware when asked first.

        While a parameter has no value nothing can be chosen, and Heat itself
        refuses to create such a stack.

        :raises StackValidationFailed: the descriptor is bad, nothing fits, or
            ECRAE cannot work.
        """
        given = super().parameters(
            stack_identifier, user_params, param_defaults
        )
        if self._document is None:
            return given
        try:
            given.validate(validate_value=True)
        except heat_exception.UserParameterMissing:
            return given
        with _refused():
            self._choose(stack_identifier, self._document, given)
        return super().parameters(
            stack_identifier, user_params, param_defaults
        )

    def _choose(
        self,
        identifier: Mapping[str, str] | None,
        document: Mapping[str, Any],
        given: Any,
    ) -> None:
        """Replace the descriptor by HOT with hardware chosen."""
        identifier = identifier or _new_nested_stack()
        followed = identifier
        if self.follows is not None:
            followed = {**identifier, 'stack_id': self.follows}
        servers = stored.servers_of(followed)
        plan = shared_planner().plan(
            self._descriptor(document, self._name or identifier['stack_name']),
            inputs={
                key: parameter.value()
                for key, parameter in given.params.items()
                if key not in given.PSEUDO_PARAMETERS
            },
            project_id=identifier['tenant'],
            previous=stored.previous(servers),
        )
        hot = skeleton.with_parameters(plan.hot, self.t['parameters'])
        stored.keep_decisions(hot, servers)
        _check_size(hot)
        self.files.update(plan.hot_files)
        self._become(hot)
        self._decision = plan.decision

    def _descriptor(
        self, document: Mapping[str, Any], name: str
    ) -> descriptors.Descriptor:
        plain, files = uploads.split(document, self.files)
        source: descriptors.Source = plain
        # Only the text knows its lines; but where the client has put URLs
        # into a list of files, the list must not reach the reader.
        if self._text is not None and plain == document:
            source = self._text
        return descriptors.read(source, name=name, files=files)

    def _become(self, hot: dict[str, Any]) -> None:
        """Be the HOT from now on, with the functions of its version."""
        self._document = None
        self.functions = template.get_template_class(hot).functions
        super().__init__(
            hot, template_id=self.id, files=self.files, env=self.env
        )

    def store(self, context: Any) -> Any:
        """Store the HOT, and in the knowledge base why it is as it is."""
        template_id = super().store(context)
        if self._decision is not None:
            shared_planner().record(self._decision)
            self._decision = None
        return template_id


def shared_planner() -> planner.Planner:
    """heat-engine's one planner, made when a template first needs it.

    heat-api and a heat-engine that sees no TOSCA never make one, and need no
    database for it.
    """
    global _planner
    with _planner_lock:
        if _planner is None:
            _planner = planner.from_options(cfg.CONF)
        return _planner


def _new_nested_stack() -> dict[str, str]:
    """Identity of a nested stack that Heat has none for yet."""
    context = oslo_context.get_current()
    return {
        'tenant': (context and context.project_id) or '',
        'stack_name': 'nested stack',
        'stack_id': '',
    }


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """Tell the tenant what ECRAE says, as Heat tells him of other faults."""
    try:
        yield
    except exception.EcraeError as error:
        raise heat_exception.StackValidationFailed(
            message=str(error)
        ) from error


def _check_size(hot: Mapping[str, Any]) -> None:
    """Hold the stack to Heat's limit, which Heat checks before we choose."""
    limit = cfg.CONF.max_resources_per_stack
    if limit != -1 and len(hot.get('resources') or ()) > limit:
        raise heat_exception.RequestLimitExceeded(
            message=heat_exception.StackResourceLimitExceeded.msg_fmt
        )
