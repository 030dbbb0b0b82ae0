# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""A vector of float32 as a numba type: numba has none, and LLVM's own vectoriser fails on short rows.

Kernels add, multiply and compare vectors like numbers; LLVM lowers `<LANES x float>` on any CPU. `floats`
are pointers to flat float32 memory. Nothing here assumes that numbers are finite: NaN comes out wherever NaN
goes in.
"""

import operator
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.np.arrayobj import make_array

njit: Any = numba.njit  # compiled functions have numba's types, which mypy does not know
intrinsic: Any = numba.extending.intrinsic

ALIGN = 16  # floats: every row and tensor in a buffer of ours starts on a multiple of this


def _lanes_and_registers() -> tuple[int, int]:
    """Floats per vector register and number of such registers of this CPU."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 32
    if features.get("avx"):
        return 8, 16
    return 4, 32 if features.get("neon") else 16


LANES, REGISTERS = _lanes_and_registers()

INT, FLOAT = ir.IntType(64), ir.FloatType()
_SMALL = ir.IntType(32)
VECTOR, MASK = ir.VectorType(FLOAT, LANES), ir.VectorType(ir.IntType(1), LANES)
FLOATS = types.CPointer(types.float32)  # one word; an array would be passed as seven


class Lanes(types.Type):
    """numba's type of an LLVM vector."""

    def __init__(self, name: str, llvm_type: Any) -> None:
        super().__init__(name=name)
        self.llvm_type = llvm_type


@register_default(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, kind.llvm_type)


vector, mask = Lanes("Vector", VECTOR), Lanes("Mask", MASK)


class Emitter:
    """The handful of vector instructions that the kernels need, on top of an llvmlite builder."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def at(self, base: Any, *offsets: Any) -> Any:
        for offset in offsets:
            base = self.builder.gep(base, [offset], source_etype=FLOAT)
        return base

    def times(self, count: int, stride: Any) -> Any:
        return self.builder.mul(INT(count), stride)

    def load(self, pointer: Any) -> Any:
        pointer = self.builder.bitcast(pointer, ir.PointerType(VECTOR))
        return self.builder.load(pointer, align=4, typ=VECTOR)

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, ir.PointerType(VECTOR)), align=4)

    def call(self, name: str, result: Any, *values: Any) -> Any:
        kind = ir.FunctionType(result, [value.type for value in values])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), values)

    def first_lanes(self, count: Any) -> Any:
        """Mask of the first `count` lanes."""
        lanes = ir.Constant(ir.VectorType(_SMALL, LANES), list(range(LANES)))
        return self.builder.icmp_signed("<", lanes, self.spread(self.builder.trunc(count, _SMALL)))

    def load_masked(self, pointer: Any, mask: Any) -> Any:
        """The lanes of `mask` from memory, 0 in the others."""
        pointer = self.builder.bitcast(pointer, ir.PointerType(VECTOR))
        return self.call(f"llvm.masked.load.v{LANES}f32.p0", VECTOR, pointer, _SMALL(4), mask, VECTOR(None))

    def store_masked(self, value: Any, pointer: Any, mask: Any) -> None:
        pointer = self.builder.bitcast(pointer, ir.PointerType(VECTOR))
        self.call(f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), value, pointer, _SMALL(4), mask)

    def spread(self, scalar: Any) -> Any:
        """All lanes equal to `scalar`; a vector stays what it is."""
        if isinstance(scalar.type, ir.VectorType):
            return scalar
        kind = ir.VectorType(scalar.type, LANES)
        single = self.builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, _SMALL(0))
        zeros = ir.Constant(ir.VectorType(_SMALL, LANES), [0] * LANES)
        return self.builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), zeros)

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_SMALL, LANES), order))

    def extract(self, value: Any, lane: int) -> Any:
        return self.builder.extract_element(value, _SMALL(lane))

    def fold(self, combine: Callable[[Any, Any], Any], value: Any) -> Any:
        """All lanes of a vector in one number, half onto half."""
        half = LANES // 2
        while half:
            moved = self.shuffle(value, value, [(lane + half) % LANES for lane in range(LANES)])
            value, half = combine(value, moved), half // 2
        return self.extract(value, 0)


def _operator(python: Any, result: Any, emit: Callable[[Any, Any, Any], Any]) -> None:
    """Teach numba `python`(a, b) for vectors, and for a vector and a number."""
    pairs = [(vector, vector), (vector, types.float32), (types.float32, vector)]
    cases = [signature(result, *pair) for pair in pairs]
    infer_global(python)(type(f"Vector_{python.__name__}", (ConcreteTemplate,), {"cases": cases}))

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emitter = Emitter(context, builder)
        return emit(builder, *(emitter.spread(argument) for argument in arguments))

    for pair in pairs:
        lower_builtin(python, *pair)(lower)


_FUSED = ("contract",)  # a product and a sum may become one fused instruction; nothing else is relaxed
_operator(operator.add, vector, lambda builder, a, b: builder.fadd(a, b, flags=_FUSED))
_operator(operator.sub, vector, lambda builder, a, b: builder.fsub(a, b, flags=_FUSED))
_operator(operator.mul, vector, lambda builder, a, b: builder.fmul(a, b, flags=_FUSED))
_operator(operator.truediv, vector, lambda builder, a, b: builder.fdiv(a, b, flags=_FUSED))
_operator(operator.lt, mask, lambda builder, a, b: builder.fcmp_ordered("<", a, b))
_operator(operator.le, mask, lambda builder, a, b: builder.fcmp_ordered("<=", a, b))
_operator(operator.gt, mask, lambda builder, a, b: builder.fcmp_ordered(">", a, b))


def emitted(emit: Callable[..., Any], emitter: type[Emitter] = Emitter) -> Callable[..., Any]:
    """What numba calls to generate code, from a function of an emitter and the arguments; None is no value."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = emit(emitter(context, builder), *arguments)
        return context.get_dummy_value() if value is None else value

    return codegen


@intrinsic
def select(typing, condition, a, b):
    """a where condition, else b, lane by lane; a comparison with NaN is false."""
    return vector(mask, a, b), emitted(lambda emit, c, a, b: emit.builder.select(c, emit.spread(a), emit.spread(b)))


def _function(name: str) -> Callable[..., Any]:
    """An LLVM function of one vector."""

    @intrinsic
    def apply(typing, value):
        return vector(vector), emitted(lambda emit, value: emit.call(f"llvm.{name}.v{LANES}f32", VECTOR, value))

    function: Callable[..., Any] = apply
    return function


root, magnitude, nearest = _function("sqrt"), _function("fabs"), _function("rint")


@intrinsic
def power_of_two(typing, exponent):
    """2**exponent for whole numbers in [-126, 127]; 1 for NaN, whose conversion LLVM leaves undefined."""

    def power(emit: Emitter, value: Any) -> Any:
        builder, whole = emit.builder, ir.VectorType(_SMALL, LANES)
        value = builder.select(builder.fcmp_ordered("ord", value, value), value, VECTOR(None))
        biased = builder.add(builder.fptosi(value, whole), ir.Constant(whole, [127] * LANES))
        return builder.bitcast(builder.shl(biased, ir.Constant(whole, [23] * LANES)), VECTOR)

    return vector(vector), emitted(power)


@intrinsic
def spread(typing, number):
    """All lanes equal to a float32."""
    return vector(types.float32), emitted(lambda emit, number: emit.spread(number))


@intrinsic
def load(typing, floats, at):
    """The vector floats[at : at + LANES]."""
    return vector(FLOATS, types.int64), emitted(lambda emit, floats, at: emit.load(emit.at(floats, at)))


@intrinsic
def load_first(typing, floats, at, count):
    """The vector floats[at : at + count] with 0 in the lanes beyond; count may exceed LANES."""

    def first(emit: Emitter, floats: Any, at: Any, count: Any) -> Any:
        return emit.load_masked(emit.at(floats, at), emit.first_lanes(count))

    return vector(FLOATS, types.int64, types.int64), emitted(first)


@intrinsic
def store(typing, floats, at, value):
    """floats[at : at + LANES] = value."""

    def put(emit: Emitter, floats: Any, at: Any, value: Any) -> None:
        emit.store(emit.spread(value), emit.at(floats, at))

    return types.void(FLOATS, types.int64, value), emitted(put)


@intrinsic
def store_first(typing, floats, at, count, value):
    """floats[at : at + count] = the first lanes of value; count may exceed LANES."""

    def put(emit: Emitter, floats: Any, at: Any, count: Any, value: Any) -> None:
        emit.store_masked(emit.spread(value), emit.at(floats, at), emit.first_lanes(count))

    return types.void(FLOATS, types.int64, types.int64, value), emitted(put)


@intrinsic
def lanes_below(typing, count):
    """Mask of the first `count` lanes."""
    return mask(types.int64), emitted(lambda emit, count: emit.first_lanes(count))


@intrinsic
def total(typing, value):
    """Sum of the lanes."""
    return types.float32(vector), emitted(lambda emit, value: emit.fold(emit.builder.fadd, value))


@intrinsic
def largest(typing, value):
    """Largest of the lanes; a NaN may or may not be passed over."""

    def fold(emit: Emitter, value: Any) -> Any:
        return emit.fold(lambda a, b: emit.builder.select(emit.builder.fcmp_ordered(">", a, b), a, b), value)

    return types.float32(vector), emitted(fold)


@intrinsic
def pointer(typing, array):
    """The memory of a contiguous array; valid while the array lives."""

    def codegen(context, builder, signature, arguments):
        return make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), codegen


@intrinsic
def prefetch(typing, floats, at):
    """Ask for the cache line of floats[at] ahead of its use; never faults."""

    def ask(emit: Emitter, floats: Any, at: Any) -> None:
        place = emit.builder.bitcast(emit.at(floats, at), ir.PointerType(ir.IntType(8)))
        emit.call("llvm.prefetch.p0", ir.VoidType(), place, _SMALL(0), _SMALL(2), _SMALL(1))

    return types.void(FLOATS, types.int64), emitted(ask)
