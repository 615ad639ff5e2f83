"""Records are what the standard library's named tuples and dataclasses are."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections import namedtuple
from typing import Any

import pytest

from tmuxmeter.records import NamedTuple, dataclass, field, fields, replace


class Point(NamedTuple):
    """A point."""

    x: int
    y: int = 2

    @property
    def both(self) -> int:
        """Both together."""
        return self.x + self.y


Plain = namedtuple("Plain", ("x", "y"), defaults=(2,))  # noqa: PYI024


@dataclass(frozen=True)
class Box:
    """A box."""

    width: int
    names: dict[str, int] = field(default_factory=dict, metadata={"doc": "names"})
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class PlainBox:
    """A box."""

    width: int
    names: dict[str, int] = dataclasses.field(default_factory=dict, metadata={"doc": "names"})
    note: str = dataclasses.field(default="", compare=False)
    secret: str = dataclasses.field(default="", repr=False)


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1, 3), {}),
    ((1,), {}),
    ((), {"y": 3, "x": 1}),
    ((1,), {"y": 3}),
    ((), {}),
    ((1, 2, 3), {}),
    ((1, 2), {"x": 1}),
    ((1,), {"z": 1}),
]


@pytest.mark.parametrize(("args", "kwargs"), ARGUMENTS)
def test_named_tuples_take_what_others_take(args: Any, kwargs: Any) -> None:
    try:
        plain = Plain(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError):
            Point(*args, **kwargs)
        return
    point = Point(*args, **kwargs)
    assert tuple(point) == tuple(plain)
    assert (point.x, point.y) == (plain.x, plain.y)


def test_named_tuples_do_what_others_do() -> None:
    point, plain = Point(1), Plain(1)
    assert point == (1, 2)
    assert hash(point) == hash(plain)
    assert point.both == 3
    assert (point._fields, point._field_defaults) == (plain._fields, plain._field_defaults)
    assert point._asdict() == plain._asdict()
    assert tuple(point._replace(y=5)) == tuple(plain._replace(y=5))
    with pytest.raises(ValueError, match="z"):
        point._replace(z=5)  # type: ignore[call-arg]
    assert Point._make([4, 5]) == Plain._make([4, 5])
    with pytest.raises(TypeError):
        Point._make([4])
    assert repr(point) == "Point(x=1, y=2)"
    assert isinstance(point, tuple)
    assert not hasattr(point, "__dict__")
    assert Point.__doc__ == "A point."
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc]
    for again in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert again == point
        assert type(again) is Point
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_a_field_without_a_default_comes_first() -> None:
    with pytest.raises(TypeError, match="default"):
        type(Point)("Bad", (NamedTuple,), {"__annotations__": {"x": "int", "y": "int"}, "x": 1})


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1,), {}), ((), {}), ((1, {}, "a", "b", 4), {}), ((1,), {"note": "n"}), ((1,), {"other": 1})],
)
def test_dataclasses_take_what_others_take(args: Any, kwargs: Any) -> None:
    try:
        plain = PlainBox(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError):
            Box(*args, **kwargs)
        return
    box = Box(*args, **kwargs)
    assert dataclasses.asdict(box) == dataclasses.asdict(plain)
    assert repr(box) == repr(plain).replace("PlainBox", "Box")


def test_dataclasses_do_what_others_do() -> None:
    box = Box(1, {"a": 2}, "note")
    assert box == Box(1, {"a": 2}, "another note")
    assert box != Box(2, {"a": 2})
    assert box != PlainBox(1, {"a": 2})
    assert Box(1).names is not Box(1).names
    assert dataclasses.replace(box, width=3) == Box(3, {"a": 2})
    assert replace(box, width=3) == dataclasses.replace(box, width=3)
    for own, official, plain in zip(
        fields(Box), dataclasses.fields(Box), dataclasses.fields(PlainBox), strict=True
    ):
        for name in ("name", "default", "default_factory", "metadata", "repr", "compare"):
            assert getattr(official, name) == getattr(plain, name), name
        assert official.type == plain.type
        assert (own.name, own.metadata) == (plain.name, plain.metadata)
    assert Box.__match_args__ == PlainBox.__match_args__
    with pytest.raises(TypeError):
        replace(box, other=1)  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        box.width = 4  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del box.width  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(box)
    for again in (copy.copy(box), pickle.loads(pickle.dumps(box))):
        assert again == box


def test_records_alone_load_no_dataclasses() -> None:
    code = "import sys, tmuxmeter.records, tmuxmeter.config.settings, tmuxmeter.breakeven.light\n"
    code += "assert 'dataclasses' not in sys.modules and 'inspect' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
