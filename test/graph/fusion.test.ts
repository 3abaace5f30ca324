import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, conv1d, snake } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";
import { ResidualUnit } from "./support.js";

/** Steps and outputs of a graph on random inputs, with fusion as LMSPT_FUSION says. */
async function trace(device: Device, fusion: "0" | "1", build: (graph: Graph) => Record<string, Value>) {
  const before = process.env.LMSPT_FUSION;
  process.env.LMSPT_FUSION = fusion;
  try {
    const graph = new Graph();
    const plan = await graph.compile(device, build(graph));
    const inputs = plan.inputs.map(({ name, shape }, i) => [
      name,
      randomFloats(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      ),
    ]);
    const { steps, outputs } = await plan.trace(Object.fromEntries(inputs));
    return { ops: steps.map(({ op }) => op), outputs };
  } finally {
    if (before === undefined) delete process.env.LMSPT_FUSION;
    else process.env.LMSPT_FUSION = before;
  }
}

/** Runs both ways; the outputs must have the same bits. */
async function bothWays(device: Device, build: (graph: Graph) => Record<string, Value>) {
  const [plain, fused] = [await trace(device, "0", build), await trace(device, "1", build)];
  assert.deepEqual(fused.outputs, plain.outputs);
  return { plain: plain.ops, fused: fused.ops };
}

const inputsOf = (graph: Graph) => ({
  x: graph.input("x", [2, 40, 24]),
  alpha: graph.input("alpha", [24]),
  w: graph.input("w", [24, 24, 3]),
});
const same = { padLeft: 1, padRight: 1 };

describe("fusion", () => {
  onEveryVariant((device) => {
    it("makes two steps of a residual unit, with the same bits", async () => {
      const unit = new ResidualUnit(40);
      const { plain, fused } = await bothWays(device(), (graph) => ({ y: unit.apply(graph.input("x", [2, 70, 40])) }));
      assert.deepEqual(plain, ["snake", "conv1d", "snake", "conv1d", "add"]);
      assert.deepEqual(fused, ["conv1d", "conv1d"]);
    });

    it("makes one step of a long residual unit with a fast convolution, with the same bits", async () => {
      const unit = new ResidualUnit(24, true, true);
      const { fused } = await bothWays(device(), (graph) => ({ y: unit.apply(graph.input("x", [2, 2051, 24])) }));
      assert.deepEqual(fused, ["fused_residual_unit"]);
    });

    it("leaves a residual unit whose middle others read, and one whose sum takes another value", async () => {
      const unit = (graph: Graph, residual?: Value) => {
        const x = graph.input("x", [1, 4100, 16]);
        const [alpha, beta] = [graph.input("alpha", [16]), graph.input("beta", [16])];
        const [w, v] = [graph.input("w", [16, 16, 3]), graph.input("v", [16, 16, 1])];
        const middle = conv1d(snake(x, alpha), w, undefined, { ...same, winograd: true });
        return { middle, y: add(residual ?? x, conv1d(snake(middle, beta), v)) };
      };
      const alone = await bothWays(device(), (graph) => ({ y: unit(graph).y }));
      assert.equal(alone.fused.at(-1), "fused_residual_unit");
      assert(!(await bothWays(device(), unit)).fused.includes("fused_residual_unit"));
      const other = await bothWays(device(), (graph) => ({ y: unit(graph, graph.input("other", [1, 4100, 16])).y }));
      assert(!other.fused.includes("fused_residual_unit"));
    });

    it("leaves a Snake that others read, and one that is an output", async () => {
      const shared = await bothWays(device(), (graph) => {
        const { x, alpha, w } = inputsOf(graph);
        const s = snake(x, alpha);
        return { y: conv1d(s, w, undefined, same), z: add(s, 1) };
      });
      assert(shared.fused.includes("snake"));
      const output = await bothWays(device(), (graph) => {
        const { x, alpha, w } = inputsOf(graph);
        const s = snake(x, alpha);
        return { s, y: conv1d(s, w, undefined, same) };
      });
      assert(output.fused.includes("snake"));
    });

    it("leaves a sum whose convolution others read, one that broadcasts, and takes only one of two convolutions", async () => {
      const shared = await bothWays(device(), (graph) => {
        const { x, w } = inputsOf(graph);
        const y = conv1d(x, w, undefined, same);
        return { y, sum: add(x, y) };
      });
      assert(shared.fused.includes("add"));
      const broadcast = await bothWays(device(), (graph) => {
        const { x, w } = inputsOf(graph);
        return { y: add(conv1d(x, w, undefined, same), graph.input("row", [24])) };
      });
      assert(broadcast.fused.includes("add"));
      const two = await bothWays(device(), (graph) => {
        const { x, w } = inputsOf(graph);
        return { y: add(conv1d(x, w, undefined, same), conv1d(add(x, 1), w, undefined, same)) };
      });
      assert.equal(two.fused.filter((op) => op === "add").length, 1);
    });

    it("adds up a chain of sums in the order in which it was recorded", async () => {
      const { fused } = await bothWays(device(), (graph) => {
        const { x, w } = inputsOf(graph);
        const late = conv1d(x, w, undefined, same);
        const sum = add(late, add(x, 0.5));
        return { y: add(sum, conv1d(sum, w, undefined, same)) };
      });
      assert.deepEqual(
        fused.filter((op) => op === "add"),
        ["add"],
      );
    });
  });
});
