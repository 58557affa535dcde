# SPDX-License-Identifier: Apache-2.0

"""``ecrae deploy``: a tagged descriptor becomes a stack of the caller's.

Who may see the hosts gets the plan made here. An ordinary tenant may not; if
the cloud's Heat knows tagged TOSCA, the descriptor goes there as it is and
heat-engine plans it with its own eyes.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.clients.orchestration import Stacks
from ecrae.clients.stack import Event
from ecrae.clients.stack import Request
from ecrae.clients.stack import Stack
from ecrae.deployer import deployment
from ecrae.deployer.cli import plan


#: Seconds that Heat gets to take a failed stack away again.
ROLLBACK_TIMEOUT_S = 900


class Deploy(command.Lister):
    """Create a Heat stack from a tagged TOSCA descriptor.

    Hardware is chosen for every tagged component and the reason printed.
    Credentials are those of OS_* variables or clouds.yaml. A stack that
    fails while this command waits for it is deleted again; an existing stack
    is never touched.
    """

    auth_required = True

    examples = """
        ecrae deploy owncloud.yaml --name shop --wait
        ecrae deploy owncloud.yaml --name shop --input db_name=shop
        ecrae deploy owncloud.yaml --name shop --dry-run -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file',
            metavar='FILE',
            help='TOSCA document or CSAR archive; - reads standard input.',
        )
        parser.add_argument(
            '--name',
            required=True,
            metavar='STACK',
            help='Name of the stack to create.',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Follow the stack until it is complete; if it fails, '
            'delete it and exit with 1.',
        )
        parser.add_argument(
            '--timeout',
            type=_minutes,
            default=60,
            metavar='MINUTES',
            help='Minutes after which creation has failed (default: 60).',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Choose, let Heat check the template, and create nothing.',
        )
        parser.add_argument(
            '--os-cloud',
            metavar='NAME',
            help='Entry of clouds.yaml to use in place of OS_CLOUD.',
        )
        plan.add_input_option(parser)
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Plan, create, follow; a row for each component."""
        inputs = plan.parse_inputs(parsed_args.input)
        descriptor = plan.read_descriptor(parsed_args.file)
        connection = self.connect(parsed_args.os_cloud)
        stacks = Stacks(connection)
        _refuse_existing(stacks, parsed_args.name)
        prepared = deployment.prepare(
            descriptor, inputs, self.conf, connection, stacks
        )
        self._tell(prepared.explanation)
        request = Request(
            template=prepared.template,
            files=prepared.files,
            parameters=prepared.parameters,
            timeout_min=parsed_args.timeout,
            rollback=not parsed_args.wait,
        )
        if parsed_args.dry_run:
            made = self._preview(stacks, parsed_args.name, request)
        else:
            made = self._create(stacks, prepared, request, parsed_args)
        return plan.COLUMNS, list(_rows(prepared, made))

    def _preview(
        self, stacks: Stacks, name: str, request: Request
    ) -> Mapping[str, Any]:
        resources = stacks.preview(name, request)
        self._tell(
            f'Heat accepts the template, of {len(resources)} resources. '
            'Nothing was created.'
        )
        return {
            resource['resource_name']: {
                'type': resource['resource_type'],
                'properties': resource['properties'],
            }
            for resource in resources
        }

    def _create(
        self,
        stacks: Stacks,
        prepared: deployment.Deployment,
        request: Request,
        parsed_args: Any,
    ) -> Mapping[str, Any]:
        stack_id = stacks.create(parsed_args.name, request)
        self._tell(f'Heat creates stack {parsed_args.name} ({stack_id}).')
        try:
            prepared.record()
        except exception.EcraeError as error:
            self._tell(f'The decision is not recorded: {error}')
        if parsed_args.wait:
            self._follow(stacks, stack_id, parsed_args.timeout)
        resources: Mapping[str, Any] = stacks.template(stack_id)['resources']
        return resources

    def _follow(self, stacks: Stacks, stack_id: str, minutes: int) -> None:
        reasons: list[str] = []

        def on_event(event: Event) -> None:
            self._tell(f'{event.time} {event.resource} {event.status}')
            if event.status.endswith('_FAILED'):
                reasons.append(f'{event.resource}: {event.reason}')

        try:
            stack = stacks.wait(
                stack_id, timeout_s=minutes * 60 + 60, on_event=on_event
            )
        except KeyboardInterrupt:
            raise exception.CloudError(
                f'Interrupted; Heat goes on creating stack {stack_id}. See '
                f'"openstack stack show {stack_id}".'
            ) from None
        except exception.CloudError as error:
            raise exception.CloudError(
                f'{error} Stack {stack_id} was left as it is.'
            ) from error
        if stack is None:
            raise exception.CloudError(
                f'Stack {stack_id} was deleted while it was being created.'
            )
        if not stack.is_complete:
            self._roll_back(stacks, stack, reasons)

    def _roll_back(
        self, stacks: Stacks, stack: Stack, reasons: list[str]
    ) -> None:
        """Delete a stack that this command made and that failed.

        :raises CloudError: always; says why and what is left.
        """
        reason = reasons[0] if reasons else stack.status_reason
        failed = f'Stack {stack.name} failed ({stack.status}): {reason}'
        self._tell(f'{failed} It is deleted again.')
        stacks.delete(stack.id)
        left = stacks.wait(stack.id, timeout_s=ROLLBACK_TIMEOUT_S)
        if left is not None:
            raise exception.CloudError(
                f'{failed} Deleting it failed too ({left.status_reason}): '
                f'"openstack stack delete {stack.id}" when that is mended.'
            )
        raise exception.CloudError(f'{failed} It has been deleted again.')

    def _tell(self, text: str) -> None:
        self.app.stderr.write(text + '\n')
        self.app.stderr.flush()


def _refuse_existing(stacks: Stacks, name: str) -> None:
    existing = stacks.find(name)
    if existing is not None:
        raise exception.Conflict(
            f'A stack named {name} is there already ({existing.status}) and '
            'was not touched. Choose another name, or change it with '
            '"openstack stack update".'
        )


def _rows(
    prepared: deployment.Deployment, resources: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """What was chosen; heat-engine keeps watts and losers to itself."""
    if prepared.decision is not None:
        yield from plan.rows(prepared.decision)
        return
    for server in deployment.tagged_servers(resources):
        yield (*server, '', None, None, command.Nested([]))


def _minutes(text: str) -> int:
    try:
        minutes = int(text)
    except ValueError:
        minutes = 0
    if minutes < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number ≥ 1')
    return minutes
