import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { ctcLoss } from "../../lib/graph/ops/index.js";
import { assertClose, randomFloats } from "../golden.js";
import { differenceQuotient, evaluate, onEveryVariant } from "./support.js";

const one = Float32Array.of(1);

function inputsOf(items: readonly (readonly number[])[], frames: number, classes: number, scale = 2) {
  const most = Math.max(...items.map(({ length }) => length));
  const shape = [items.length, frames, classes];
  const logits = randomFloats(items.length * frames * classes, 3).map((value) => value * scale);
  const targets = items.flatMap((labels) => [...labels, ...Array<number>(most - labels.length).fill(-1)]);
  return { x: { data: logits, shape }, t: { data: Int32Array.from(targets), shape: [items.length, most] } };
}

const withBlank =
  (blank: number) =>
  ({ x, t }: Record<"x" | "t", Value>) =>
    ctcLoss(x, t, blank);

/** What a path spells: repetitions once, blanks left out. */
function spelling(path: readonly number[], blank: number): number[] {
  return path.filter((symbol, i) => symbol !== blank && symbol !== path[i - 1]);
}

/** The definition: every path of an item is looked at. Gives the loss and its gradient. */
function oracle({ x }: ReturnType<typeof inputsOf>, items: readonly (readonly number[])[], blank: number) {
  const [, frames, classes] = x.shape as [number, number, number];
  const gx = new Float64Array(x.data.length);
  let y = 0;
  for (const [item, labels] of items.entries()) {
    const probabilities = Array.from({ length: frames }, (_, t) => {
      const start = (item * frames + t) * classes;
      const powers = Array.from(x.data.subarray(start, start + classes), Math.exp);
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    });
    let total = 0;
    const occupied = new Float64Array(frames * classes);
    for (let number = 0; number < classes ** frames; number++) {
      const path = Array.from({ length: frames }, (_, t) => Math.floor(number / classes ** t) % classes);
      if (spelling(path, blank).join() !== labels.join()) continue;
      const probability = path.reduce((product, symbol, t) => product * probabilities[t]![symbol]!, 1);
      total += probability;
      for (const [t, symbol] of path.entries()) occupied[t * classes + symbol]! += probability;
    }
    if (total === 0) continue;
    const share = 1 / (items.length * Math.max(1, labels.length));
    y -= share * Math.log(total);
    for (const [i, mass] of occupied.entries()) {
      const softmax = probabilities[Math.floor(i / classes)]![i % classes]!;
      gx[item * frames * classes + i] = share * (softmax - mass / total);
    }
  }
  return { y, gx };
}

describe("ctc_loss", () => {
  onEveryVariant((device) => {
    const sets: readonly (readonly (readonly number[])[])[] = [
      [[1]],
      [[1, 2, 1], [2]],
      [[1, 1], [], [2, 2, 1]],
      [
        [1, 2, 1, 2],
        [2, 1],
      ],
    ];
    for (const blank of [0, 2]) {
      for (const set of sets) {
        const items = set.map((labels) => labels.map((label) => (blank === 2 ? label - 1 : label)));
        it(`agrees with the sum over all paths for ${JSON.stringify(items)}, blank ${blank}, gradient too`, async () => {
          const inputs = inputsOf(items, 6, 3);
          const wanted = oracle(inputs, items, blank);
          const { y, shape, gradients } = await evaluate(device(), inputs, withBlank(blank), one);
          assert.deepEqual(shape, []);
          assertClose(y, [wanted.y], 1e-6);
          assertClose(gradients.x, wanted.gx, 1e-5);
        });
      }
    }

    it("agrees with differences over many frames, some of them very unlikely", async () => {
      const labels = Array.from({ length: 30 }, (_, i) => 1 + ((i * 5) % 9));
      const inputs = inputsOf([labels, labels.slice(3, 9)], 200, 20, 8);
      const gy = Float32Array.of(-1.5);
      const { y, gradients } = await evaluate(device(), inputs, withBlank(0), gy);
      assert(y[0]! > 10 && Number.isFinite(y[0]!));
      for (const at of [7, 2000, 6100]) {
        const quotient = await differenceQuotient(device(), inputs, withBlank(0), gy, "x", at);
        assert(Math.abs(gradients.x[at]! - quotient) < 2e-3, `${at}: ${gradients.x[at]} ${quotient}`);
      }
      for (let frame = 0; frame < 400; frame++) {
        const row = Array.from(gradients.x.slice(frame * 20, frame * 20 + 20));
        const sum = row.reduce((a, b) => a + b, 0);
        assert(Math.abs(sum) < 1e-5, "the gradient of a frame sums to zero");
      }
    });

    it("leaves out items that do not fit into the frames", async () => {
      const inputs = inputsOf([[1, 1, 1], [1]], 4, 3);
      const { y, gradients } = await evaluate(device(), inputs, withBlank(0), one);
      assert.deepEqual(gradients.x.slice(0, 12), new Float32Array(12));
      assert(y[0]! > 0 && gradients.x.slice(12).some((value) => value !== 0));
    });

    it("is NaN for a label that is the blank or no class, and so is the gradient of that item alone", async () => {
      for (const label of [0, 3, 2 ** 31 - 1]) {
        const { y, gradients } = await evaluate(device(), inputsOf([[1], [label]], 4, 3), withBlank(0), one);
        assert(Number.isNaN(y[0]));
        assert.deepEqual(
          Array.from(gradients.x, Number.isNaN),
          Array.from({ length: 24 }, (_, i) => i >= 12),
        );
      }
    });
  });

  it("gives the same bits with any number of threads, gradient too", async () => {
    const results = [];
    for (const threads of [1, 4]) {
      const device = Device.open("cpu", { threads });
      const items = Array.from({ length: 9 }, (_, i) => [1, 2, 3].slice(0, 1 + (i % 3)));
      const { y, gradients } = await evaluate(device, inputsOf(items, 40, 5), withBlank(0), one);
      results.push({ y, x: gradients.x });
      await device.close();
    }
    assert.deepEqual(results[1], results[0]);
  });

  it("refuses targets of another type or number, and a blank that is no class", () => {
    const graph = new Graph();
    const logits = graph.input("logits", [2, 5, 4]);
    const targets = graph.input("targets", [2, 3], "i32");
    const code = "ERR_LMSPT_SHAPE";
    assert.throws(() => ctcLoss(logits, graph.input("floats", [2, 3])), { code, message: /targets of type i32/ });
    assert.throws(() => ctcLoss(logits, graph.input("three", [3, 3], "i32")), { code, message: /targets of shape/ });
    assert.throws(() => ctcLoss(logits, targets, 4), { code, message: /blank among the classes/ });
  });
});
