"""Layers of networks on the workers of a Dask cluster: each travels once to every worker. distributed is imported here."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from distributed import WorkerPlugin

from separatrix.flow.parcels import give, name_of
from separatrix.networks.layers import AffineMap

_carried: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


class Carrier(WorkerPlugin):
    """Puts a layer into every worker, when it is registered or when the worker comes."""

    def __init__(self, name: str, layer: AffineMap) -> None:
        self.name, self.layer = name, layer

    def setup(self, worker: Any) -> None:
        """The worker has the layer from now on."""
        give(self.name, self.layer)

    def teardown(self, worker: Any) -> None:
        """The worker has it no longer."""
        give(self.name, None)


@contextlib.contextmanager
def carrying(client: Any) -> Iterator[None]:
    """Layers stay on the workers of this client until the outermost of such contexts ends."""
    is_outermost = client not in _carried
    _carried.setdefault(client, set())
    try:
        yield
    finally:
        if is_outermost:
            for name in sorted(_carried.pop(client)):
                with contextlib.suppress(OSError, ValueError, RuntimeError, TimeoutError):  # the scheduler may be gone
                    client.unregister_worker_plugin(name)


def carried(client: Any, layer: AffineMap) -> tuple[str, str]:
    """The name under which every worker of this client has the layer, sent where it is new to them."""
    name = name_of(layer)
    if name not in _carried[client]:
        client.register_plugin(Carrier(name, layer), name=name)
        _carried[client].add(name)
    return name, ""
