# SPDX-License-Identifier: Apache-2.0

"""Heat stacks: create, follow, and take away again.

What a stack does meanwhile, its events tell; :meth:`Stacks.wait` hands each
to a callable as it appears, so that a command shows progress without knowing
of heatclient.
"""

import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from heatclient import client as heat_client
from heatclient import exc as heat_exceptions

from ecrae import exception
from ecrae.clients import failures
from ecrae.clients.session import Connection
from ecrae.clients.stack import Event
from ecrae.clients.stack import Place
from ecrae.clients.stack import Request
from ecrae.clients.stack import Stack


#: Seconds between two looks at a stack that is being worked on.
POLL_INTERVAL_S = 2.0

#: Events read in one request.
PAGE = 500

#: Depth to which nested stacks' events are followed: Heat's own default
#: for how deep they may nest.
NESTED_DEPTH = 5


class Stacks:
    """The stacks of the connection's project.

    Every method raises :class:`~ecrae.exception.CloudError` when Heat fails
    or refuses, with Heat's own sentence.
    """

    def __init__(self, connection: Connection) -> None:
        self._api = heat_client.Client(
            '1',
            session=connection.session,
            service_type='orchestration',
            region_name=connection.region,
            interface=connection.interface,
        )

    def find(self, name_or_id: str) -> Stack | None:
        """The stack, or None if there is none."""
        with failures.reported('Heat', 'show a stack'):
            try:
                found = self._api.stacks.get(name_or_id)
            except heat_exceptions.HTTPNotFound:
                return None
        return _stack(found)

    def create(self, name: str, request: Request) -> str:
        """Start to create a stack; returns its id.

        :raises Conflict: a stack of that name is there already.
        """
        with failures.reported('Heat', f'create stack {name}'):
            try:
                answer = self._api.stacks.create(
                    stack_name=name, **request.fields()
                )
            except heat_exceptions.HTTPConflict as error:
                raise exception.Conflict(
                    f'A stack named {name} is there already. Choose another '
                    f'name, or update it with "openstack stack update".'
                ) from error
        return str(answer['stack']['id'])

    def update(self, stack_id: str, request: Request) -> None:
        """Start to make an existing stack what ``request`` says."""
        with failures.reported('Heat', 'update a stack'):
            self._api.stacks.update(stack_id, **request.fields())

    def change_template(
        self, stack_id: str, template: Mapping[str, Any]
    ) -> None:
        """Start to replace the template; all else of the stack stays.

        Heat goes back to the present template if the new one fails.
        """
        with failures.reported('Heat', 'update a stack'):
            self._api.stacks.update(
                stack_id,
                existing=True,
                template=dict(template),
                disable_rollback=False,
            )

    def look_again(self, stack_id: str) -> None:
        """Start to make the stack what its own template says.

        What failed before and is right by now counts as complete then.
        """
        with failures.reported('Heat', 'update a stack'):
            self._api.stacks.update(
                stack_id, existing=True, disable_rollback=True
            )

    def why_failed(self, stack_id: str, name: str) -> str:
        """Why the stack's last update failed; empty if it did not.

        When Heat has gone back, the stack's own reason tells of that alone.

        :param name: the stack's.
        """
        with failures.reported('Heat', 'list stack events'):
            found = self._api.events.list(
                stack_id, limit=PAGE, sort_dir='desc'
            )
        for event in found:
            if event.resource_name != name:
                continue
            if event.resource_status == 'UPDATE_FAILED':
                return event.resource_status_reason or ''
            if event.resource_status == 'UPDATE_IN_PROGRESS':
                break
        return ''

    def cancel_update(self, stack_id: str) -> None:
        """Let Heat go back to what the stack was before its update."""
        with failures.reported('Heat', 'cancel the update of a stack'):
            self._api.actions.cancel_update(stack_id)

    def find_server(self, server_id: str, name: str) -> Place | None:
        """Which resource of which stack a server is; None if of none.

        Heat cannot be asked that at once, so stacks are looked through, the
        ones that Heat would have named the server after first. A stack
        inside a stack counts by itself.

        :param name: the server's.
        """
        with failures.reported('Heat', "list a project's stacks"):
            stacks = sorted(
                self._api.stacks.list(show_nested=True),
                key=lambda stack: not name.startswith(stack.stack_name),
            )
        for stack in stacks:
            with failures.reported('Heat', "list a stack's resources"):
                try:
                    found = self._api.resources.list(
                        stack.id, filters={'physical_resource_id': server_id}
                    )
                except heat_exceptions.HTTPNotFound:
                    continue
            if found:
                return Place(stack.id, found[0].resource_name)
        return None

    def server_of(self, place: Place) -> str:
        """Id of the server that a resource is now; empty if it is none."""
        with failures.reported('Heat', "list a stack's resources"):
            found = self._api.resources.list(
                place.stack_id, filters={'name': place.resource}
            )
        for resource in found:
            if resource.resource_name == place.resource:
                return resource.physical_resource_id or ''
        return ''

    def delete(self, stack_id: str) -> None:
        """Start to delete a stack."""
        with failures.reported('Heat', 'delete a stack'):
            self._api.stacks.delete(stack_id)

    def preview(self, name: str, request: Request) -> list[dict[str, Any]]:
        """Resources that ``create`` would make; makes nothing."""
        with failures.reported('Heat', f'preview stack {name}'):
            stack = self._api.stacks.preview(
                stack_name=name, **request.fields()
            )
        return list(stack.resources)

    def template(self, stack_id: str) -> dict[str, Any]:
        """The template that Heat stores for a stack."""
        with failures.reported('Heat', "show a stack's template"):
            return dict(self._api.stacks.template(stack_id))

    def template_versions(self) -> set[str]:
        """Template versions Heat accepts, such as ``2021-04-16``."""
        with failures.reported('Heat', 'list template versions'):
            found = self._api.template_versions.list()
        return {
            name.partition('.')[2]
            for version in found
            for name in (version.version, *getattr(version, 'aliases', ()))
        }

    def wait(
        self,
        stack_id: str,
        *,
        timeout_s: float,
        on_event: Callable[[Event], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Stack | None:
        """Follow a stack until Heat no longer works on it.

        :returns: how it ended; None if it is gone.
        :raises CloudError: it is still being worked on after ``timeout_s``.
        """
        deadline = clock() + timeout_s
        marker: str | None = None
        while True:
            stack = self.find(stack_id)
            if stack is None or stack.status == 'DELETE_COMPLETE':
                return None
            for event in self._events_after(stack_id, marker):
                on_event(event)
                marker = event.id
            if not stack.is_in_progress:
                return stack
            if clock() >= deadline:
                raise exception.CloudError(
                    f'Stack {stack.name} is still {stack.status} after '
                    f'{timeout_s:.0f} s.'
                )
            sleep(POLL_INTERVAL_S)

    def _events_after(self, stack_id: str, marker: str | None) -> list[Event]:
        """Events after the one whose id is ``marker``, oldest first."""
        with failures.reported('Heat', 'list stack events'):
            try:
                found = self._api.events.list(
                    stack_id,
                    nested_depth=NESTED_DEPTH,
                    limit=PAGE,
                    marker=marker,
                    sort_dir='asc',
                )
            except heat_exceptions.HTTPNotFound:
                return []
        return [
            Event(
                id=event.id,
                time=event.event_time,
                resource=event.resource_name,
                status=event.resource_status,
                reason=event.resource_status_reason or '',
            )
            for event in found
        ]


def _stack(found: Any) -> Stack:
    return Stack(
        id=found.id,
        name=found.stack_name,
        status=found.stack_status,
        status_reason=found.stack_status_reason or '',
        outputs={
            output['output_key']: output.get('output_value')
            for output in getattr(found, 'outputs', None) or ()
        },
    )
