import assert from "node:assert/strict";
import fc from "fast-check";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { CausalPlans, recordDecoding, recordEncoding } from "../../lib/models/causal-plans.js";
import { CausalDecoder, CausalEncoder } from "../../lib/models/causal-stream.js";
import { samplesPerFrame } from "../../lib/models/config.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { randomFloats } from "../golden.js";
import {
  causalModel,
  codebooksOf,
  decodePieces,
  decodeWhole,
  encodePieces,
  encodeWhole,
  everything,
  interleave,
} from "./causal-support.js";
import { compute, randomModel, SMALL_FIELDS } from "./small-models.js";

describe("a stream through a causal model", () => {
  let device: Device;
  let model: LmSpt;
  let plans: CausalPlans;
  let hop: number;
  let samples: Float32Array;
  let codes: Int32Array;
  before(async () => {
    device = Device.open("cpu");
    model = await causalModel({});
    hop = samplesPerFrame(model.config);
    samples = randomFloats(40 * hop, 3);
    codes = await encodeWhole(device, model, samples);
  });
  beforeEach(() => {
    plans = new CausalPlans(model, device);
  });
  after(() => device.close());

  /** The number of plans compiled while `work` runs. */
  async function compilations(work: () => Promise<void>): Promise<number> {
    const { compile } = Graph.prototype;
    let count = 0;
    Graph.prototype.compile = function (this: Graph, ...args: Parameters<typeof compile>) {
      count++;
      return compile.apply(this, args);
    } as typeof compile;
    try {
      await work();
    } finally {
      Graph.prototype.compile = compile;
    }
    return count;
  }

  const bytesOf = async (stream: CausalEncoder | CausalDecoder) => {
    const { past, pending } = await stream.snapshot();
    return [...Object.values(past), pending].reduce((sum, data) => sum + data.byteLength, 0);
  };

  it("any pieces of samples will do: frames come out as they become whole, silence completes the last", async () => {
    const encoder = new CausalEncoder(plans);
    assert.deepEqual(await encoder.push(samples.subarray(0, hop - 1)), Array(8).fill(new Int32Array()));
    assert.deepEqual(interleave([await encoder.push(samples.subarray(hop - 1, hop))]), codes.slice(0, 8));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3 * hop }), { minLength: 1 }), async (lengths) => {
        await encoder.reset();
        const length = 17 * hop - 5;
        const padded = new Float32Array(17 * hop);
        padded.set(samples.subarray(0, length));
        const expected = await encodeWhole(device, model, padded);
        assert.deepEqual(await encodePieces(encoder, samples.subarray(0, length), lengths), expected);
      }),
      { numRuns: 20 },
    );
  });

  it("the codebooks that are left out are left out", async () => {
    for (const [semantic, acoustic] of [
      [1, 0],
      [0, 7],
      [1, 3],
    ] as const) {
      const selection = { decoder: "main", semantic, acoustic } as const;
      const speech = await decodePieces(new CausalDecoder(plans, selection), codes, 8, [3, 1]);
      assert.deepEqual(speech, await decodeWhole(device, model, codes, selection));
    }
  });

  it("several streams share one plan without meeting, and need not be waited for", async () => {
    const count = await compilations(async () => {
      const inputs = [1, 2, 3, 4].map((seed) => randomFloats(12 * hop, seed));
      const streams = inputs.map(() => ({
        encoder: new CausalEncoder(plans),
        results: [] as Promise<Int32Array[]>[],
      }));
      for (let frame = 0; frame < 12; frame++) {
        for (const [i, { encoder, results }] of streams.entries()) {
          const piece = inputs[i]!.slice(frame * hop, (frame + 1) * hop);
          results.push(encoder.push(piece));
          piece.fill(0);
        }
      }
      for (const { results } of streams) results.reverse();
      for (const [i, { results }] of streams.entries()) {
        const expected = await compute(device, inputs[i]!, [1, 12 * hop, 1], (x) => model.encode(x));
        assert.deepEqual(interleave((await Promise.all(results)).reverse()), expected);
      }
    });
    assert.equal(count, 1 + 4, "one plan for all streams, and one for each of what they are compared with");
  });

  it("a step costs the same after any history: one plan, and a state that does not grow", async () => {
    const encoder = new CausalEncoder(plans);
    const decoder = new CausalDecoder(plans, everything(model));
    const sizes = new Set<string>();
    const count = await compilations(async () => {
      for (let frame = 0; frame < 200; frame++) {
        const codebooks = await encoder.push(randomFloats(hop, frame));
        assert.equal((await decoder.push(codebooks)).length, hop);
        sizes.add(`${await bytesOf(encoder)} ${await bytesOf(decoder)}`);
      }
    });
    assert.equal(count, 2);
    assert.equal(sizes.size, 1);
  });

  it("much at once is computed in few lengths of steps", async () => {
    const count = await compilations(async () => {
      const encoder = new CausalEncoder(plans);
      for (const length of [1, 2, 3, 7, 16, 31, 40]) await encoder.push(samples.subarray(0, length * hop));
    });
    assert.equal(count, 5);
  });

  it("steps are fused: a residual sum into its convolution, and a Snake, but for the one that is remembered", async () => {
    const opsOf = async ({ graph, outputs }: ReturnType<typeof recordEncoding>) => {
      const plan = await graph.compile<string>(device, outputs);
      const inputs = plan.inputs.map(({ name, shape, dtype }) => {
        const length = shape.reduce((a, b) => a * b);
        return [name, dtype === "i32" ? new Int32Array(length) : new Float32Array(length)] as const;
      });
      const { steps } = await plan.trace(Object.fromEntries(inputs));
      return (op: string) => steps.filter((step) => step.op === op).length;
    };
    const [blocks, units, encoders] = [3, 9, 2];
    const encoding = await opsOf(recordEncoding(model, 1));
    assert.equal(encoding("snake"), encoders * (units + blocks + 1));
    assert.equal(encoding("slice"), encoders * (1 + units + blocks + 1), "states");
    assert.equal(encoding("add"), 0);
    const decoding = await opsOf(recordDecoding(model, 1, everything(model)));
    assert.equal(decoding("snake"), units + blocks + 1);
    assert.equal(decoding("conv1d"), 8 + 1 + 2 * units + 1);
    assert.equal(decoding("conv_transpose1d"), blocks);
    assert.equal(decoding("add"), 0);
  });

  it("a snapshot goes on where it was taken, as often as wanted, in any stream", async () => {
    const encoder = new CausalEncoder(plans);
    const start = 5 * hop + 7;
    await encoder.push(samples.subarray(0, start));
    const snapshot = await encoder.snapshot();
    await encoder.push(randomFloats(3 * hop, 9));
    for (const stream of [encoder, new CausalEncoder(plans), encoder]) {
      await stream.restore(snapshot);
      assert.deepEqual(await encodePieces(stream, samples.subarray(start), [2 * hop]), codes.slice(5 * 8));
    }
    const decoder = new CausalDecoder(plans, everything(model));
    const speech = await decodeWhole(device, model, codes, everything(model));
    await decoder.push(codebooksOf(codes, 8, 0, 9));
    const kept = structuredClone(await decoder.snapshot());
    await decoder.finish();
    await decoder.restore(kept);
    assert.deepEqual(await decoder.push(codebooksOf(codes, 8, 9, 40)), speech.slice(9 * hop));
  });

  it("a stream that is finished takes nothing until it is reset", async () => {
    const encoder = new CausalEncoder(plans);
    await encoder.push(samples.subarray(0, 3));
    assert.equal((await encoder.finish())[0]!.length, 1);
    const closed = { code: "ERR_LMSPT_CLOSED", message: /reset it to begin another/ };
    await assert.rejects(encoder.push(samples), closed);
    await assert.rejects(encoder.finish(), closed);
    await encoder.reset();
    assert.deepEqual(await encodePieces(encoder, samples, [7 * hop]), codes);
    const decoder = new CausalDecoder(plans, everything(model));
    assert.equal((await decoder.finish()).length, 0);
    await assert.rejects(decoder.push(codebooksOf(codes, 8, 0, 1)), closed);
  });

  it("wrong input is refused and changes nothing", async () => {
    const invalid = (message: RegExp) => ({ code: "ERR_LMSPT_INVALID_ARGUMENT", message });
    const encoder = new CausalEncoder(plans);
    await encoder.push(samples.subarray(0, hop));
    await assert.rejects(encoder.push([0] as unknown as Float32Array), invalid(/a Float32Array for samples/));
    await assert.rejects(encoder.push(Float32Array.of(0, Number.NaN)), invalid(/NaN at sample 1/));
    assert.deepEqual(await encodePieces(encoder, samples.subarray(hop), [hop]), codes.slice(8));

    const decoder = new CausalDecoder(plans, everything(model));
    const good = codebooksOf(codes, 8, 0, 2);
    const spoiled = (k: number, wrong: Int32Array) => decoder.push(good.map((row, i) => (i === k ? wrong : row)));
    await assert.rejects(decoder.push(good.slice(1)), invalid(/8 codebooks/));
    await assert.rejects(spoiled(3, new Int32Array(1)), invalid(/8 codebooks/));
    await assert.rejects(spoiled(0, Int32Array.of(0, 64)), invalid(/0 to 63 for a code of codebook 0 but received 64/));
    await assert.rejects(spoiled(7, Int32Array.of(-1, 0)), invalid(/0 to 31 for a code of codebook 7/));
    await assert.rejects(decoder.restore({} as never), invalid(/what snapshot\(\) gave for the snapshot/));
    await assert.rejects(decoder.restore(await encoder.snapshot()), invalid(/the snapshot/));
    await decoder.reset();
    await assert.rejects(
      encoder.restore({ past: {}, pending: new Float32Array(hop) }),
      invalid(/the snapshot's pending samples/),
    );
  });

  it("what looks ahead is refused: other models, and the auxiliary decoder of this one", async () => {
    const other = await randomModel(SMALL_FIELDS);
    assert.throws(() => new CausalPlans(other, device), { code: "ERR_LMSPT_UNSUPPORTED", message: /is_causal/ });
    const aux = { decoder: "aux", semantic: 1, acoustic: 0 } as const;
    assert.throws(() => new CausalDecoder(plans, aux), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /auxiliary decoder/,
    });
    const nothing = { decoder: "main", semantic: 0, acoustic: 0 } as const;
    assert.throws(() => new CausalDecoder(plans, nothing), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
  });

  it("after a step has failed, nothing is taken until the stream is reset", async () => {
    const encoder = new CausalEncoder(plans);
    await encoder.push(samples.subarray(0, hop));
    await plans.useEncoding(1, (plan) => plan.close());
    const results = await Promise.allSettled([1, 2].map(() => encoder.push(samples.subarray(0, hop))));
    for (const result of results) {
      assert.equal(result.status, "rejected");
      assert.equal(result.reason.code, "ERR_LMSPT_CLOSED");
    }
    await assert.rejects(encoder.snapshot(), { code: "ERR_LMSPT_CLOSED" });
    await plans.close();
    await encoder.reset();
    assert.deepEqual(await encodePieces(encoder, samples, [hop]), codes);
  });
});
