"""Named tuples and frozen dataclasses that are there at once.

The standard library compiles a constructor for every named tuple and five functions for every
frozen dataclass while a module is imported. A report loads some seventy of them and makes objects
of a few: a fifth of all instructions of ``today`` went there (measured), and half as much into
loading :mod:`dataclasses` with all it imports. These are the same to a type checker, to
:mod:`dataclasses` and to whoever uses them, but share methods that ask a class for its fields.
For modules that every report loads; others have no use for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace
    from typing import NamedTuple as NamedTuple
else:
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

    class _Missing:
        """Stands for no default."""

    class _Field:
        """What is known of a dataclass' field."""

        __slots__ = ("compare", "default", "default_factory", "metadata", "name", "repr")

        def __init__(self, default, default_factory, metadata, repr, compare):  # noqa: A002
            self.default, self.default_factory = default, default_factory
            self.metadata = metadata or {}
            self.repr, self.compare = repr, compare
            self.name = ""

    def field(
        *,
        default=_Missing,
        default_factory=_Missing,
        metadata=None,
        repr=True,  # noqa: A002 - as in the standard library
        compare=True,
    ):
        """Describe a field as :func:`dataclasses.field` does."""
        return _Field(default, default_factory, metadata, repr, compare)

    class _Official:
        """A class' fields as :mod:`dataclasses` has them, made when it asks for them."""

        def __get__(self, record, cls):
            import dataclasses

            namespace = {"__annotations__": dict.fromkeys(cls._record, object)}
            for name, each in cls._record.items():
                described = {"metadata": each.metadata, "repr": each.repr, "compare": each.compare}
                if each.default is not _Missing:
                    described["default"] = each.default
                elif each.default_factory is not _Missing:
                    described["default_factory"] = each.default_factory
                namespace[name] = dataclasses.field(**described)
            like = dataclasses.dataclass(init=False, repr=False, eq=False)(
                type(cls.__name__, (), namespace)
            )
            official = like.__dataclass_fields__
            for name, each in official.items():
                each.type = cls.__annotations__[name]
            cls.__dataclass_fields__ = official
            return official

    def dataclass(*, frozen):
        """Make a frozen dataclass as :func:`dataclasses.dataclass` does."""
        assert frozen

        def make(cls):
            cls._record = {}
            for name in cls.__annotations__:
                default = cls.__dict__.get(name, _Missing)
                each = default if isinstance(default, _Field) else field(default=default)
                cls._record[name], each.name = each, name
                if each.default is not _Missing:
                    setattr(cls, name, each.default)
                elif default is not _Missing:
                    delattr(cls, name)
            cls.__dataclass_fields__ = _Official()
            cls.__match_args__ = tuple(cls._record)
            for method in _METHODS:
                if method.__name__ not in cls.__dict__:
                    setattr(cls, method.__name__, method)
            return cls

        return make

    def replace(record, **changes):
        """Return a record with some fields changed, as :func:`dataclasses.replace` does."""
        return type(record)(**{**record.__dict__, **changes})

    def fields(record):
        """Return a dataclass' fields in order, as :func:`dataclasses.fields` does."""
        return tuple(record._record.values())

    def __init__(self, *args, **kwargs):  # noqa: N807 - the methods of every dataclass
        kinds = self._record
        defaults = {}
        for name, each in kinds.items():
            if each.default is not _Missing:
                defaults[name] = each.default
            elif each.default_factory is not _Missing and name not in kwargs:
                defaults[name] = each.default_factory()
        values = _filled(type(self).__name__, tuple(kinds), defaults, args, kwargs)
        # in the fields' order, whatever was given
        self.__dict__.update((name, values[name]) for name in kinds)

    def __setattr__(self, name, _value):  # noqa: ARG001, N807
        message = f"cannot assign to field {name!r}"
        raise _frozen(message)

    def __delattr__(self, name):  # noqa: ARG001, N807
        message = f"cannot delete field {name!r}"
        raise _frozen(message)

    def _frozen(message):
        from dataclasses import FrozenInstanceError

        return FrozenInstanceError(message)

    def _compared(self):
        return tuple(getattr(self, name) for name, each in self._record.items() if each.compare)

    def __eq__(self, other):  # noqa: N807
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self):  # noqa: N807
        return hash(_compared(self))

    def __repr__(self):  # noqa: N807
        return _shown(
            self, {name: getattr(self, name) for name, each in self._record.items() if each.repr}
        )

    def _shown(record, values):
        inside = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{type(record).__qualname__}({inside})"

    _METHODS = (__init__, __setattr__, __delattr__, __eq__, __hash__, __repr__)
