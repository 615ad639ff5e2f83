"""Named tuples and frozen dataclasses that are there at once.

The standard library compiles a constructor for every named tuple and five functions for every
frozen dataclass while a module is imported. A report loads some seventy of them and makes objects
of a few: a fifth of all instructions of ``today`` went there (measured). These are the same to a
type checker, to :mod:`dataclasses` and to whoever uses them, but share methods that ask a class
for its fields. For modules that every report loads; others have no use for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from typing import NamedTuple as NamedTuple
else:
    import dataclasses
    from operator import itemgetter

    try:
        from _collections import _tuplegetter
    except ImportError:

        def _tuplegetter(index, doc):
            return property(itemgetter(index), doc=doc)

    def _filled(name, fields, defaults, args, kwargs):
        """Return a constructor's arguments by field, what was left out by its default."""
        if len(args) > len(fields):
            message = f"{name}() takes {len(fields)} arguments, not {len(args)}"
            raise TypeError(message)
        given = dict(zip(fields, args, strict=False))
        twice = given.keys() & kwargs.keys()
        unknown = kwargs.keys() - set(fields)
        values = {**defaults, **given, **kwargs}
        missing = [field for field in fields if field not in values]
        for wrong, what in ((twice, "twice"), (unknown, "unknown"), (missing, "missing")):
            if wrong:
                message = f"{name}(): {what}: {', '.join(sorted(wrong))}"
                raise TypeError(message)
        return values

    class _Kind(type):
        """Makes a class of named tuples from the annotations in its body."""

        def __new__(mcs, name, bases, namespace):
            if not bases or bases == (tuple,):
                return super().__new__(mcs, name, bases, namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                message = f"{name}: a field without a default follows one with a default"
                raise TypeError(message)
            for index, field in enumerate(fields):
                namespace[field] = _tuplegetter(index, None)
            return super().__new__(
                mcs,
                name,
                bases,
                {
                    **namespace,
                    "__slots__": (),
                    "__match_args__": fields,
                    "_fields": fields,
                    "_field_defaults": defaults,
                },
            )

    class NamedTuple(tuple, metaclass=_Kind):
        """What :class:`typing.NamedTuple` is, made without compiling anything."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - as in the standard library

        def __new__(cls, *args, **kwargs):  # noqa: D102
            if kwargs or len(args) != len(cls._fields):
                values = _filled(cls.__name__, cls._fields, cls._field_defaults, args, kwargs)
                args = [values[field] for field in cls._fields]
            return tuple.__new__(cls, args)

        @classmethod
        def _make(cls, values):  # as in the standard library
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                message = f"{cls.__name__} takes {len(cls._fields)} values, not {len(made)}"
                raise TypeError(message)
            return made

        def _replace(self, **changes):
            values = self._asdict()
            unknown = changes.keys() - values.keys()
            if unknown:
                message = f"unknown: {', '.join(sorted(unknown))}"
                raise ValueError(message)
            return tuple.__new__(type(self), (values | changes).values())

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return _shown(self, self._asdict())

    def dataclass(*, frozen):
        """Make a frozen dataclass as :func:`dataclasses.dataclass` does."""
        assert frozen

        def make(cls):
            cls = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
            for method in _METHODS:
                if method.__name__ not in cls.__dict__:
                    setattr(cls, method.__name__, method)
            return cls

        return make

    def __init__(self, *args, **kwargs):  # noqa: N807 - the methods of every dataclass
        kinds = self.__dataclass_fields__
        defaults = {}
        for name, field in kinds.items():
            if field.default is not dataclasses.MISSING:
                defaults[name] = field.default
            elif field.default_factory is not dataclasses.MISSING and name not in kwargs:
                defaults[name] = field.default_factory()
        values = _filled(type(self).__name__, tuple(kinds), defaults, args, kwargs)
        # in the fields' order, whatever was given
        self.__dict__.update((name, values[name]) for name in kinds)

    def __setattr__(self, name, _value):  # noqa: ARG001, N807
        message = f"cannot assign to field {name!r}"
        raise dataclasses.FrozenInstanceError(message)

    def __delattr__(self, name):  # noqa: ARG001, N807
        message = f"cannot delete field {name!r}"
        raise dataclasses.FrozenInstanceError(message)

    def _compared(self):
        kinds = self.__dataclass_fields__
        return tuple(getattr(self, name) for name, field in kinds.items() if field.compare)

    def __eq__(self, other):  # noqa: N807
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self):  # noqa: N807
        return hash(_compared(self))

    def __repr__(self):  # noqa: N807
        return _shown(self, {name: getattr(self, name) for name in self.__dataclass_fields__})

    def _shown(record, values):
        inside = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{type(record).__qualname__}({inside})"

    _METHODS = (__init__, __setattr__, __delattr__, __eq__, __hash__, __repr__)
