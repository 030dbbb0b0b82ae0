# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Register tiles of the three matrix products, written as LLVM vectors through numba intrinsics.

The innermost two loops of a product are emitted here by hand: a tile of accumulators stays in registers while
the loop runs over the depth.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import types
from numba.core import cgutils

from sgdlab.training.engines.native.vectors import (
    FLOAT,
    INT,
    LANES,
    REGISTERS,
    VECTOR,
    Emitter,
    emitted,
    intrinsic,
    njit,
)

# A tile of ROWS x COLUMNS accumulators leaves registers for one operand's vectors and a broadcast.
ROWS, COLUMNS = (4, 5) if REGISTERS == 32 else (2, 4)


class Block(NamedTuple):
    """A matrix in flat memory: element [r, c] stands at memory[at + r stride + c]."""

    memory: Any
    at: Any
    stride: Any


class View(NamedTuple):
    """A matrix in flat memory, transposed or not: element [r, c] stands at memory[at + r row + c column]."""

    memory: Any
    at: Any
    row: Any
    column: Any


@njit
def part(block, row, column):
    """The block from that element on."""
    return Block(block.memory, block.at + row * block.stride + column, block.stride)


@njit
def part_of_view(view, row, column):
    """The view from that element on."""
    return View(view.memory, view.at + row * view.row + column * view.column, view.row, view.column)


class _Tile(Emitter):
    """Accumulators and the sums over their lanes."""

    def rows(self, matrix: Any, count: int) -> list[Any]:
        """Where the first rows of a block or a view begin."""
        memory, at, stride = cgutils.unpack_tuple(self.builder, matrix)[:3]
        return [self.at(memory, at, self.times(r, stride)) for r in range(count)]

    def zeros(self, rows: int, columns: int) -> list[list[Any]]:
        """Accumulators, which LLVM promotes to registers."""
        return [[cgutils.alloca_once_value(self.builder, VECTOR(None)) for _ in range(columns)] for _ in range(rows)]

    def accumulate(self, accumulator: Any, a: Any, b: Any) -> None:
        total = self.builder.load(accumulator, typ=VECTOR)
        self.builder.store(self.call(f"llvm.fmuladd.v{LANES}f32", VECTOR, a, b, total), accumulator)

    def sums(self, vectors: list[Any]) -> list[Any]:
        """Sum over the lanes of each vector: halves of two vectors are folded into one, again and again."""
        groups = [[index] for index in range(len(vectors))]
        width = LANES  # lanes that still belong to one sum
        while width > 1:
            half = width // 2
            low = [i for i in range(LANES) if i % width < half]
            high = [i + half for i in low]
            folded: list[Any] = []
            names: list[list[int]] = []
            for k in range(0, len(vectors), 2):
                a = vectors[k]
                b = vectors[k + 1] if k + 1 < len(vectors) else a
                evens = self.shuffle(a, b, low + [i + LANES for i in low])
                odds = self.shuffle(a, b, high + [i + LANES for i in high])
                folded.append(self.builder.fadd(evens, odds))
                names.append(groups[k] + (groups[k + 1] if k + 1 < len(vectors) else [-1] * len(groups[k])))
            vectors, groups, width = folded, names, half
        place = {name: (v, lane) for v, group in enumerate(groups) for lane, name in enumerate(group)}
        return [
            self.extract(vectors[v], lane) for v, lane in (place[name] for name in range(len(place) - (-1 in place)))
        ]


def _dot_tile(rows: int, columns: int) -> Callable[..., None]:
    """z[r, c] += sum_k x[r, k] w[c, k] for rows x columns results, all three of them Blocks.

    x is padded with finite values to a multiple of ALIGN floats per row; w need not be.
    """

    def tile(emit: _Tile, x: Any, w: Any, depth: Any, z: Any) -> None:
        builder, totals = emit.builder, emit.zeros(rows, columns)
        x_rows, w_rows, z_rows = emit.rows(x, rows), emit.rows(w, columns), emit.rows(z, rows)

        def multiply(k: Any, load_w: Callable[[Any], Any]) -> None:
            x_values = [emit.load(emit.at(row, k)) for row in x_rows]
            for c in range(columns):
                w_value = load_w(emit.at(w_rows[c], k))
                for r in range(rows):
                    emit.accumulate(totals[r][c], x_values[r], w_value)

        whole = builder.and_(depth, INT(-LANES))
        with cgutils.for_range_slice(builder, INT(0), whole, INT(LANES)) as (k, _):
            multiply(k, emit.load)
        rest = builder.sub(depth, whole)
        with builder.if_then(builder.icmp_signed(">", rest, INT(0))):
            mask = emit.first_lanes(rest)
            multiply(whole, lambda pointer: emit.load_masked(pointer, mask))
        flat = [builder.load(total, typ=VECTOR) for row in totals for total in row]
        for index, value in enumerate(emit.sums(flat)):
            r, c = divmod(index, columns)
            place = emit.at(z_rows[r], INT(c))
            builder.store(builder.fadd(builder.load(place, typ=FLOAT), value), place)

    @intrinsic
    def dot_tile(typing, x, w, depth, z):
        return types.void(x, w, types.int64, z), emitted(tile, _Tile)

    product: Callable[..., None] = dot_tile
    return product


def _outer_tile(rows: int, vectors: int, masked: bool) -> Callable[..., None]:
    """c[r, :] (+)= sum_k a[r, k] b[k, :] for `rows` rows of `vectors` vectors of c.

    a: a View; b and c: Blocks. Where masked, only the first `lanes` lanes are touched.
    """

    def tile(emit: _Tile, a: Any, b: Any, depth: Any, c: Any, add: Any, lanes: Any) -> None:
        builder, totals = emit.builder, emit.zeros(rows, vectors)
        a_rows, c_rows, (b_start,) = emit.rows(a, rows), emit.rows(c, rows), emit.rows(b, 1)
        a_column, b_stride = builder.extract_value(a, 3), builder.extract_value(b, 2)
        mask = emit.first_lanes(lanes) if masked else None
        load = (lambda p: emit.load_masked(p, mask)) if masked else emit.load
        with cgutils.for_range_slice(builder, INT(0), depth, INT(1)) as (k, _):
            b_row = emit.at(b_start, builder.mul(k, b_stride))
            b_values = [load(emit.at(b_row, INT(v * LANES))) for v in range(vectors)]
            for r in range(rows):
                scalar = builder.load(emit.at(a_rows[r], builder.mul(k, a_column)), typ=FLOAT)
                for v in range(vectors):
                    emit.accumulate(totals[r][v], emit.spread(scalar), b_values[v])
        places = [(totals[r][v], emit.at(c_rows[r], INT(v * LANES))) for r in range(rows) for v in range(vectors)]
        with builder.if_then(add):
            for total, place in places:
                builder.store(builder.fadd(builder.load(total, typ=VECTOR), load(place)), total)
        for total, place in places:
            value = builder.load(total, typ=VECTOR)
            if masked:
                emit.store_masked(value, place, mask)
            else:
                emit.store(value, place)

    @intrinsic
    def outer_tile(typing, a, b, depth, c, add, lanes):
        return types.void(a, b, types.int64, c, types.boolean, types.int64), emitted(tile, _Tile)

    product: Callable[..., None] = outer_tile
    return product


dot_full = _dot_tile(ROWS, COLUMNS)
dot_row = _dot_tile(1, COLUMNS)
dot_column = _dot_tile(ROWS, 1)
dot_single = _dot_tile(1, 1)
outer_full = _outer_tile(ROWS, COLUMNS, masked=False)
outer_row = _outer_tile(1, COLUMNS, masked=False)
outer_column = _outer_tile(ROWS, 1, masked=True)
outer_single = _outer_tile(1, 1, masked=True)
