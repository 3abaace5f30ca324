/** What plans make of a residual quantizer: one step, with the bits of the ops that it was recorded as. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, codebookLookup, concat, conv1d, mul, reshape, sum } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { recordQuantizer, traceBothWays } from "./quantizers.js";
import { onEveryVariant } from "./support.js";

/** Runs both ways; the outputs must have the same bits. The ops of the plan that is not held back. */
async function bothWays(device: Device, build: (graph: Graph) => Record<string, Value>): Promise<string[]> {
  const { plain, fused } = await traceBothWays(device, build);
  assert.deepEqual(fused.outputs, plain.outputs);
  assert(!plain.ops.includes("fused_quantizer"));
  return fused.ops;
}

describe("quantizer", () => {
  onEveryVariant((device) => {
    for (const [shape, sizes] of [
      [[1, 1, 4], [1]],
      [
        [2, 3, 20],
        [17, 40],
      ],
      [
        [2, 29, 64],
        [100, 16, 33, 5],
      ],
      [
        [1, 100, 132],
        [1000, 64, 64, 64, 64, 64, 64, 64],
      ],
    ] as const) {
      it(`makes one step of ${sizes.length} stages, with the same bits: latents of ${shape[2]}`, async () => {
        const ops = await bothWays(device(), (graph) => {
          const stages = recordQuantizer(graph, graph.input("x", shape), sizes);
          return Object.fromEntries(stages.map(({ code }, i) => [`code${i}`, code]));
        });
        assert.deepEqual(ops, ["fused_quantizer"]);
      });
    }

    it("takes what one stage leaves of another latent, and codes that others read", async () => {
      const ops = await bothWays(device(), (graph) => {
        const [x, other] = [graph.input("x", [2, 9, 16]), graph.input("other", [2, 9, 16])];
        const codes = recordQuantizer(graph, x, [50, 20, 20], other).map(({ code }) => reshape(code, [2, 9, 1]));
        return { codes: concat(codes, -1) };
      });
      assert.deepEqual(ops, ["fused_quantizer", "concat"]);
    });

    it("takes a latent that is known after the first code, but not one that follows from it", async () => {
      const late = await bothWays(device(), (graph) => {
        const x = graph.input("x", [1, 9, 16]);
        const stages = recordQuantizer(graph, x, [50, 20], () => mul(graph.input("other", [1, 9, 16]), 2));
        return { a: stages[0]!.code, b: stages[1]!.code };
      });
      assert.deepEqual(late, ["mul", "fused_quantizer"]);
      const circular = await bothWays(device(), (graph) => {
        const x = graph.input("x", [1, 9, 8]);
        const book = graph.input("extra", [50, 8]);
        const stages = recordQuantizer(graph, x, [50, 20], (code) => codebookLookup(code, book));
        return { a: stages[0]!.code, b: stages[1]!.code };
      });
      assert(!circular.includes("fused_quantizer"));
    });

    it("ends before a residual or a part that others read", async () => {
      for (const which of ["part", "residual"] as const) {
        const ops = await bothWays(device(), (graph) => {
          const x = graph.input("x", [2, 9, 16]);
          const [first, second] = recordQuantizer(graph, x, [50, 20]);
          return { a: first!.code, b: second!.code, more: sum(first![which]!) };
        });
        assert.equal(ops.filter((op) => op === "fused_quantizer").length, 2, which);
        assert(ops.includes("sub"));
      }
    });

    it("leaves what it has no kernel for", async () => {
      const search = async (latent: number, features: number, grow = false) =>
        bothWays(device(), (graph) => {
          const x = graph.input("x", [1, 12, latent]);
          const stages = recordQuantizer(graph, grow ? add(x, 1) : x, [20, 20], undefined, features);
          return { a: stages[0]!.code, b: stages[1]!.code };
        });
      assert(!(await search(16, 4)).includes("fused_quantizer"));
      assert(!(await search(18, 8)).includes("fused_quantizer"));
      assert.deepEqual(await search(16, 8, true), ["add", "fused_quantizer"]);
      const strided = await bothWays(device(), (graph) => {
        const x = graph.input("x", [1, 12, 16]);
        const z = conv1d(x, graph.input("w", [8, 16, 1]), graph.input("b", [8]), { stride: 2, exact: true });
        const [code] = graph.apply("codebook_search", [z, graph.input("book", [20, 8])]);
        return { code: code! };
      });
      assert(!strided.includes("fused_quantizer"));
    });

    it("leaves all of it where LMSPT_FUSED_QUANTIZER is 0", async () => {
      process.env.LMSPT_FUSED_QUANTIZER = "0";
      try {
        const ops = await bothWays(device(), (graph) => {
          const [stage] = recordQuantizer(graph, graph.input("x", [1, 5, 16]), [20]);
          return { code: stage!.code };
        });
        assert.deepEqual(ops, ["conv1d", "codebook_search"]);
      } finally {
        delete process.env.LMSPT_FUSED_QUANTIZER;
      }
    });

    it("gives zeros, infinities and what is not a number the codes of its parts", async () => {
      const data = randomFloats(12 * 16, 3);
      data.fill(0, 0, 16);
      data[20] = NaN;
      data[40] = Infinity;
      data[60] = -Infinity;
      data.fill(3e38, 64, 80);
      const { plain, fused } = await traceBothWays(
        device(),
        (graph) => {
          const stages = recordQuantizer(graph, graph.input("x", [1, 12, 16]), [50, 20]);
          return { a: stages[0]!.code, b: stages[1]!.code };
        },
        { x: data },
      );
      assert.deepEqual(fused.outputs, plain.outputs);
    });
  });

  it("refuses inputs of no whole stages, and shapes that do not fit", () => {
    const graph = new Graph();
    const input = (name: string, ...shape: number[]) => graph.input(name, shape);
    const first = [input("w", 8, 16, 1), input("b", 8), input("book", 20, 8)];
    const x = input("x", 2, 5, 16);
    const [codes] = graph.apply("fused_quantizer", [x, ...first]);
    assert.deepEqual([codes!.shape, codes!.dtype], [[2, 5], "i32"]);
    assert.throws(() => graph.apply("fused_quantizer", [x, ...first, first[2]]), { code: "ERR_LMSPT_SHAPE" });
    assert.throws(() => graph.apply("fused_quantizer", [input("y", 2, 5, 18), ...first]), {
      message: /multiple of 4 channels/,
    });
    assert.throws(() => graph.apply("fused_quantizer", [x, first[0], first[1], input("small", 20, 4)]), {
      message: /8 features/,
    });
    const between = [first[2], input("v", 16, 8, 1), input("c", 16), undefined];
    assert.equal(graph.apply("fused_quantizer", [x, ...first, ...between, ...first]).length, 2);
    const wrong = [first[2], input("u", 16, 7, 1), input("d", 16), undefined];
    assert.throws(() => graph.apply("fused_quantizer", [x, ...first, ...wrong, ...first]), { message: /w_out/ });
  });
});
