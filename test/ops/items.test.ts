/** Items of different lengths in one convolution: conv1d, conv_transpose1d, fused_residual_unit. */
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/graph.js";
import { conv1d, convTranspose1d } from "../../lib/graph/ops/index.js";
import { onEveryUnit } from "../gemm/support.js";
import { checkItems, itemsCases, longUnit } from "./items.js";

describe("items of different lengths", () => {
  onEveryUnit((device, variant) => {
    for (const precision of ["fp32", "bf16", "bf16x3"] as const) {
      it(`have the bits of each alone in ${precision}`, async () => {
        // Emulated tiles take their time.
        const cases = variant === "amx-emulated" ? itemsCases.filter(({ channels }) => channels < 100) : itemsCases;
        for (const one of [...cases, longUnit]) await checkItems(device(), one, precision);
      });
    }
  });

  const graph = new Graph();
  const x = graph.input("x", [1, 12, 4]);
  const w = graph.input("w", [8, 4, 3]);
  const ends = graph.input("ends", [2], "i32");
  const refused = (message: RegExp) => ({ code: "ERR_LMSPT_SHAPE", message });

  it("are refused where frames, rows and strides do not fit", () => {
    const items = { ends, frameRows: 5 };
    assert.throws(() => conv1d(x, w, undefined, { padLeft: 2, items }), refused(/multiple of 5 rows/));
    const even = { ends, frameRows: 3 };
    assert.throws(
      () => conv1d(x, w, undefined, { stride: 2, padLeft: 1, items: even }),
      refused(/divisible by stride/),
    );
    assert.throws(() => conv1d(x, w, undefined, { length: 12, items: even }), refused(/no length/));
    assert.throws(() => conv1d(x, w, undefined, { padLeft: 2, padRight: 1, items: even }), refused(/no more rows/));
    const lacking = { ends, frameRows: 3, missing: 3 };
    assert.throws(() => conv1d(x, w, undefined, { padLeft: 2, items: lacking }), refused(/missing from 0 to 2/));
    const two = graph.input("two", [2, 6, 4]);
    assert.throws(() => conv1d(two, w, undefined, { padLeft: 2, items: even }), refused(/expected x \(1, T, I\)/));
    const rows = graph.input("rows", [4, 8, 4]);
    assert.throws(() => convTranspose1d(x, rows, undefined, { stride: 2, items: even }), refused(/no more rows/));
    const floats = graph.input("floats", [2]);
    assert.throws(() => conv1d(x, w, undefined, { padLeft: 2, items: { ends: floats, frameRows: 3 } }), {
      code: "ERR_LMSPT_SHAPE",
      message: /of type i32/,
    });
  });

  it("have no gradient", () => {
    const items = { ends, frameRows: 3 };
    const unsupported = { code: "ERR_LMSPT_UNSUPPORTED" };
    const y = conv1d(x, w, undefined, { padLeft: 1, padRight: 1, items });
    assert.throws(() => graph.gradients([y], [w]), unsupported);
    const up = graph.input("up", [4, 8, 2]);
    const z = convTranspose1d(x, up, undefined, { stride: 2, items });
    assert.throws(() => graph.gradients([z], [up]), unsupported);
  });
});
