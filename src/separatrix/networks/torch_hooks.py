"""Forward hooks of the user: which of them change what a module gives (§1).

A hook is a Python function that may do anything. Copies of the hooks run on the copy of the module, over copies of all that
their code names: attributes, closures and globals. So a hook that records fills a list of the copy. Hooks that change no
output are left out; the others stay in the copy and are traced with it.
"""

from __future__ import annotations

import copy
import dis
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

from separatrix.errors import InputError, printable
from separatrix.networks.comparison import random_points
from separatrix.networks.torch_outputs import run

KINDS = ("_forward_hooks", "_forward_pre_hooks")
LOOKED_AT, ENTRIES_LIMIT = 100_000, 1 << 26  # objects and entries of tensors that hooks may hold
ONE_BY_ONE_LIMIT, PAIRS, LARGE_INPUT, FAR = 32, 6, 1 << 14, 100.0
INSTALLED = ("site-packages", "dist-packages")
Convert = Callable[[torch.Tensor], torch.Tensor]


@dataclass(eq=False)
class Hook:
    """A hook on a copy of a module, which can be turned off.

    ``place``: the path of its module; ``holder``, ``key``: where it stands there; ``call``: the copy of the user's function,
    None where that cannot be copied, for ``reason``.
    """

    place: str
    holder: OrderedDict[int, Any]
    key: int
    call: Callable[..., Any] | None
    reason: str = ""
    is_on: bool = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the hook gives; None, which changes nothing, where it is off."""
        return self.call(*args, **kwargs) if self.is_on and self.call is not None else None


def is_of_torch(hook: Any) -> bool:
    """Whether torch itself put the hook there, as for weight norm and pruning."""
    return str(getattr(hook, "__module__", type(hook).__module__)).startswith("torch.")


def apart(module: torch.nn.Module, memo: dict[int, Any]) -> None:
    """Has ``copy.deepcopy`` with this memo leave out the hooks of a module where some are the user's."""
    for part in module.modules():
        for kind in KINDS:
            if not all(map(is_of_torch, getattr(part, kind).values())):
                memo[id(getattr(part, kind))] = OrderedDict()


def copied_hooks(module: torch.nn.Module, twin: torch.nn.Module, memo: dict[int, Any], convert: Convert) -> list[Hook]:
    """Copies of the user's hooks on ``twin``, a copy of ``module`` by ``memo``, beside torch's own.

    ``convert``: what makes a copy of a tensor in the precision of the twin.
    """
    parts, copies, found = dict(module.named_modules()), _Copies(memo, convert), []
    for place, own in twin.named_modules():
        for kind in KINDS:
            part, holder = parts.get(place), getattr(own, kind)
            theirs = getattr(part, kind, {})
            if all(map(is_of_torch, (*holder.values(), *theirs.values()))):
                continue
            holder.clear()
            for key, hook in theirs.items():
                if key in getattr(part, f"{kind}_with_kwargs", ()):
                    getattr(own, f"{kind}_with_kwargs")[key] = True
                if is_of_torch(hook):
                    holder[key] = copy.deepcopy(hook, memo)
                else:
                    holder[key] = _copied(hook, place, holder, key, copies)
                    found.append(holder[key])
    return found


def _copied(hook: Any, place: str, holder: OrderedDict[int, Any], key: int, copies: _Copies) -> Hook:
    try:
        return Hook(place, holder, key, copies.of_call(hook))
    except Exception as error:  # noqa: BLE001 -- objects of the user's may raise anything
        return Hook(place, holder, key, None, f"cannot be copied: {printable(error, 200)}")


class _Copies:
    """Copies of functions, of what they name, and of what is inside that."""

    def __init__(self, memo: dict[int, Any], convert: Convert) -> None:
        self.memo, self.convert, self.entries = memo, convert, 0
        self.worlds: dict[int, dict[str, Any]] = {}  # copies of the globals of modules
        self.named: set[tuple[int, str]] = set()

    def of_call(self, hook: Any) -> Callable[..., Any]:
        """A copy of what can be called: a function, a method, a partial, an object."""
        if isinstance(hook, FunctionType):
            return self.of_function(hook)
        if isinstance(hook, partial):
            return partial(self.of_call(hook.func), *self.of(hook.args), **self.of(hook.keywords))
        owner, code = (hook.__self__, hook.__func__) if isinstance(hook, MethodType) else (hook, type(hook).__call__)
        own = self.of(owner)
        if not isinstance(code, FunctionType):
            return MethodType(code, own) if isinstance(hook, MethodType) else own
        return MethodType(self.of_function(code), own)

    def of_function(self, function: FunctionType) -> FunctionType:
        """The same code over copies of its closure, its defaults and the globals that it names."""
        if id(function) in self.memo:
            return self.memo[id(function)]
        theirs, cells = function.__globals__, function.__closure__ or ()
        world = self.worlds.setdefault(id(theirs), dict(theirs))
        own = tuple(self.memo.setdefault(id(cell), CellType()) for cell in cells)
        made = FunctionType(function.__code__, world, function.__name__, None, own)
        self.memo[id(function)] = made
        made.__defaults__, made.__kwdefaults__ = self.of(function.__defaults__), self.of(function.__kwdefaults__)
        made.__dict__.update(self.of(function.__dict__))
        for cell, new in zip(cells, own, strict=True):
            if _is_full(cell) and not _is_full(new):
                new.cell_contents = self.of(cell.cell_contents)
        for name in _names(function.__code__):
            if name in theirs and (id(theirs), name) not in self.named:
                self.named.add((id(theirs), name))
                world[name] = self.of(theirs[name])
        return made

    def of(self, value: Any) -> Any:
        """A copy of a value; modules, classes and functions of installed packages are as they are."""
        if isinstance(value, FunctionType):
            return self.of_function(value) if _is_the_users(value) else value
        if isinstance(value, (ModuleType, type)):
            return value
        self._convert_tensors(value)
        return copy.deepcopy(value, self.memo)

    def _convert_tensors(self, value: Any) -> None:
        """Copies of the tensors inside, some of which deepcopy refuses."""
        waiting, seen = [value], set()
        while waiting:
            item = waiting.pop()
            if id(item) in seen or id(item) in self.memo:
                continue
            seen.add(id(item))
            if type(item) in (torch.Tensor, torch.nn.Parameter):
                self.entries += item.numel()
                if self.entries > ENTRIES_LIMIT:
                    raise InputError(f"hooks hold tensors of more than {ENTRIES_LIMIT} entries")
                self.memo[id(item)] = self.convert(item)
            elif len(seen) < LOOKED_AT:
                waiting += _inside(item)


def _inside(item: Any) -> Iterable[Any]:
    """What a container or an object of the user's holds."""
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, (list, tuple, set, deque)):
        return item
    if isinstance(item, (type, ModuleType, FunctionType)):
        return ()
    return vars(item).values() if isinstance(getattr(item, "__dict__", None), dict) else ()


def _is_full(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a variable that has no value yet
        return False


def _names(code: CodeType) -> Iterator[str]:
    """Names of the globals that a function and those inside it read or write."""
    yield from (part.argval for part in dis.get_instructions(code) if part.opname.endswith(("_GLOBAL", "_NAME")))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_the_users(function: FunctionType) -> bool:
    """Whether a function belongs to no installed package."""
    top = str(function.__module__).partition(".")[0]
    return top not in sys.stdlib_module_names and not any(part in function.__code__.co_filename for part in INSTALLED)


def turn(hooks: Iterable[Hook], is_on: bool) -> None:
    """Turns hooks on or off."""
    for hook in hooks:
        hook.is_on = is_on


def without_idle_hooks(
    hooks: Sequence[Hook], twin: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype
) -> list[Hook]:
    """The hooks that change the output of ``twin`` at random points; the others are taken away.

    ``shape``: of one input without the batch. Where the module does not run with its hooks, their ``reason`` says why.
    """
    ready = [hook for hook in hooks if hook.call is not None]
    pairs = PAIRS if prod(shape) <= LARGE_INPUT else 1
    x = torch.from_numpy(random_points(prod(shape), 3 * pairs)).to(dtype).reshape(pairs, -1, *shape)
    x[-1, -1] *= FAR

    def output(on: Sequence[Hook]) -> torch.Tensor | str:
        for hook in ready:
            hook.is_on = hook in on
        try:
            return torch.cat([run(twin, rows.clone()).detach().double().flatten() for rows in x])
        except Exception as error:  # noqa: BLE001 -- the user's own code may raise anything
            return printable(error, 200)

    kept: list[Hook] = []
    if ready:
        without, whole = output(()), output(ready)
        if isinstance(whole, str):
            for hook in ready if not isinstance(without, str) else ():
                hook.reason = whole or "they raise an exception"
        elif not _are_equal(without, whole):
            kept = ready
            for hook in ready if len(ready) <= ONE_BY_ONE_LIMIT else ():
                others = [other for other in kept if other is not hook]
                kept = others if _are_equal(output(others), whole) else kept
    for hook in hooks:
        hook.is_on = hook in kept
        if not hook.is_on:
            hook.holder.pop(hook.key)
    return kept


def _are_equal(a: torch.Tensor | str, b: torch.Tensor | str) -> bool:
    """Whether two outputs are the same numbers; never where one is a reason why there are none."""
    if isinstance(a, str) or isinstance(b, str):
        return False
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a, 0.5), torch.nan_to_num(b, 0.5))


def places(hooks: Iterable[Hook]) -> str:
    """The modules that hooks stand at, for a message."""
    return printable(", ".join(dict.fromkeys(hook.place or "the module itself" for hook in hooks)), 200)
