"""`/api/commissioning`: starts, stops and cancels the learning of a source's baseline."""

import functools
from collections.abc import Callable

from agent.control.commissioning.requests import CommissioningRequests, CommissionRequest
from agent.messages.commissioning import Commissioning
from agent.web.http.request import RefusedError, Request, Route
from agent.web.resources import actions


def route(requests: Callable[[], CommissioningRequests]) -> Route:
    return Route("POST", "/api/commissioning", lambda request: _carry_out(request, requests()))


def _carry_out(request: Request, requests: CommissioningRequests) -> Commissioning:
    """How it stands then. What learns meanwhile is seen in `/api/setup`."""
    order = actions.body(request, CommissionRequest)
    if order.action == "stop":  # it answers when the baseline is in use, which takes seconds
        if order.source not in requests.statuses():
            raise RefusedError(404, "found no commissioning of this source")
        requests.add(order, lambda why=None, **_fields: None)
        return requests.statuses()[order.source]
    fields = actions.ask(functools.partial(requests.add, order))
    status: Commissioning = fields["commissioning"]
    return status
