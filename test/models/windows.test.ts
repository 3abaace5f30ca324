import assert from "node:assert/strict";
import fc from "fast-check";
import { Device } from "../../lib/graph/device.js";
import { type Data, native } from "../../lib/graph/native.js";
import { samplesPerFrame } from "../../lib/models/config.js";
import type { Decoder } from "../../lib/models/decoder.js";
import type { Encoder } from "../../lib/models/encoder.js";
import { LmSpt } from "../../lib/models/lmspt.js";
import { PUBLIC_CONFIG } from "../../lib/models/presets.js";
import { nextWindow, type Window, type WindowRule, windowFrames, windowStart } from "../../lib/models/windows.js";
import { type Context, Conv1d, contextOf, type Level, Scope } from "../../lib/nn/index.js";
import { randomFloats } from "../golden.js";
import { compute, randomModel, SMALL_FIELDS } from "./small-models.js";

/** All windows of a sequence whose frames arrive in pieces. */
function cut(frames: number, rule: WindowRule, pieces: readonly number[] = []): Window[] {
  const windows: Window[] = [];
  const take = (available: number, ended: boolean) => {
    for (;;) {
      const window = nextWindow(windows.at(-1)?.to ?? 0, { available, ended }, rule);
      if (!window) return;
      windows.push(window);
    }
  };
  let available = 0;
  for (const piece of pieces) {
    available = Math.min(frames, available + piece);
    take(available, false);
  }
  take(frames, true);
  return windows;
}

describe("windows", () => {
  const contexts = fc.record({ before: fc.nat(60), after: fc.nat(60), alignment: fc.integer({ min: 1, max: 20 }) });
  const rules = fc.record({ context: contexts, step: fc.integer({ min: 1, max: 100 }), prompt: fc.boolean() });

  it("tile the sequence, aligned, with all context or true borders around what they give", () => {
    fc.assert(
      fc.property(fc.nat(1500), rules, fc.array(fc.nat(400)), (frames, rule, pieces) => {
        const { before, after, alignment } = rule.context;
        let position = 0;
        for (const { start, length, from, to } of cut(frames, rule, pieces)) {
          assert.equal(from, position);
          assert(to > from, "a window gives nothing");
          assert.equal(start % alignment, 0);
          assert.equal(start, windowStart(from, rule));
          assert(start >= 0 && start + length <= frames, "a window sticks out");
          assert(length < windowFrames(rule) + alignment, "a window is too long");
          assert(start === 0 || from - before >= start, "context is missing before");
          assert(start + length === frames || to + after <= start + length, "context is missing after");
          position = to;
        }
        assert.equal(position, frames);
      }),
      { numRuns: 1000 },
    );
  });

  it("are of one length but for the last, and as few as possible, unless they are prompt", () => {
    fc.assert(
      fc.property(fc.nat(3000), rules, fc.array(fc.nat(400)), (frames, rule, pieces) => {
        const aligned = { ...rule, step: rule.step * rule.context.alignment, prompt: false };
        const windows = cut(frames, aligned, pieces);
        assert.deepEqual(windows, cut(frames, aligned), "the pieces make a difference");
        const size = windowFrames(aligned);
        for (const { length } of windows.slice(0, -1)) assert.equal(length, size);
        const needed = frames === 0 ? 0 : Math.max(1, 1 + Math.ceil((frames - size) / aligned.step));
        assert.equal(windows.length, needed);
      }),
      { numRuns: 1000 },
    );
  });

  it("that are prompt give every frame as soon as it and its context are there, at the latest a step later", () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const { step, context } = rule;
        const frames = 700;
        const prompt = { ...rule, prompt: true };
        let given = 0;
        for (let available = 1; available <= frames; available++) {
          const window = nextWindow(given, { available, ended: false }, prompt);
          if (window) given = window.to;
          assert(given <= Math.max(0, available - context.after));
          assert(given > available - context.after - step);
        }
        const lengths = new Set(
          cut(frames, prompt, Array(frames).fill(1))
            .filter(({ start }) => start > 0)
            .map(({ length }) => length),
        );
        if (step % context.alignment === 0) assert(lengths.size <= 2, "more than one length and that of the last");
      }),
    );
  });
});

/** The convolutions of the public encoder without blocks, from the input to the output. */
function publicEncoderLevels(): Level[] {
  const scope = Scope.root();
  const levels: Level[] = [];
  const add = (
    rowsPerFrame: number,
    kernel: number,
    options: { dilation?: number; stride?: number; padding: number },
  ) => levels.push({ layer: new Conv1d(scope, 1, 1, kernel, options), rowsPerFrame });
  let rows = 1920;
  add(rows, 7, { padding: 3 });
  for (const stride of [4, 5, 6, 8, 2]) {
    for (const dilation of [1, 3, 9]) add(rows, 7, { dilation, padding: 3 * dilation });
    rows /= stride;
    add(rows, 2 * stride, { stride, padding: Math.ceil(stride / 2) });
  }
  add(rows, 3, { padding: 1 });
  return levels;
}

describe("what a cut costs", () => {
  let device: Device;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device.close());

  it("in the public encoder without blocks is what its receptive field of 46 532 and 48 447 samples says", () => {
    assert.deepEqual(contextOf(publicEncoderLevels()), { before: 25, after: 25, alignment: 1 });
  });

  it("in the public model is a few frames more, for the blocks of the fast convolutions", () => {
    const model = new LmSpt(PUBLIC_CONFIG);
    assert.deepEqual(model.semanticEncoder.context(), { before: 26, after: 29, alignment: 9 });
    assert.deepEqual(model.acousticEncoder.context(), { before: 26, after: 29, alignment: 9 });
    assert.deepEqual(model.decoder.context(), { before: 28, after: 31, alignment: 9 });
    assert.deepEqual(model.auxDecoder.context(), { before: 10, after: 11, alignment: 9 });
  });

  it("is nothing after the end of a causal model, and its pieces may begin anywhere", () => {
    const model = new LmSpt({ ...PUBLIC_CONFIG, is_causal: true });
    for (const { after, alignment } of [model.semanticEncoder.context(), model.decoder.context()]) {
      assert.deepEqual([after, alignment], [0, 1]);
    }
  });

  const configurations: [string, object][] = [
    ["the small model", {}],
    ["a causal model", { is_causal: true }],
    ["odd and single strides", { encoder_rates: [3, 1, 5], decoder_rates: [5, 1, 3], aux_decoder: { rates: [3, 5] } }],
    [
      "odd and single strides, causal",
      { is_causal: true, encoder_rates: [3, 1, 5], decoder_rates: [5, 1, 3], aux_decoder: { rates: [5, 3] } },
    ],
    ["one dilation", { dilation: [2], residual_kernel_size: 3 }],
    ["residual kernels of 1", { dilation: [1, 1], residual_kernel_size: 1 }],
    ["one level", { encoder_rates: [7], decoder_rates: [7], aux_decoder: { rates: [7] } }],
  ];

  /** What a stack makes of a whole sequence, and of its windows pieced together. */
  async function compareWithWindows(
    frames: number,
    context: Context,
    inputRow: number,
    outputRow: number,
    run: (x: Float32Array, frames: number) => Promise<Data>,
  ): Promise<void> {
    const x = randomFloats(frames * inputRow, 7);
    const whole = await run(x, frames);
    const pieces = cut(frames, { context, step: context.alignment, prompt: false });
    assert(pieces.length > 3);
    for (const { start, length, from, to } of pieces) {
      const piece = await run(x.subarray(start * inputRow, (start + length) * inputRow), length);
      const given = piece.subarray((from - start) * outputRow, (to - start) * outputRow);
      const expected = whole.subarray(from * outputRow, to * outputRow);
      assert.deepEqual(to === frames ? given.subarray(0, expected.length) : given, expected);
    }
  }

  for (const [name, fields] of configurations) {
    it(`is made up for with ${name}: windows give what the whole gives`, async () => {
      const model = await randomModel({ ...SMALL_FIELDS, aux_decoder: { rates: [3, 2, 2] }, ...fields });
      const { latent_dim: width } = model.config;
      const hop = samplesPerFrame(model.config);
      const check = (encoder: Encoder) => {
        const context = encoder.context();
        const frames = 2 * (context.before + context.after) + 5 * context.alignment + 20;
        return compareWithWindows(frames, context, hop, width, (x, length) =>
          compute(device, x, [1, length * hop, 1], (value) => encoder.forward(value)),
        );
      };
      const checkDecoder = (decoder: Decoder) => {
        const context = decoder.context();
        const frames = 2 * (context.before + context.after) + 5 * context.alignment + 20;
        return compareWithWindows(frames, context, width, decoder.samplesPerFrame, (x, length) =>
          compute(device, x, [1, length, width], (value) => decoder.forward(value)),
        );
      };
      await check(model.semanticEncoder);
      await checkDecoder(model.decoder);
      await checkDecoder(model.auxDecoder);
    });
  }

  it("is made up for on every CPU variant", async () => {
    const model = await randomModel(SMALL_FIELDS);
    const hop = samplesPerFrame(model.config);
    for (const variant of native().describeCpu().variants) {
      const other = Device.open("cpu", { variant });
      const context = model.semanticEncoder.context();
      await compareWithWindows(100, context, hop, model.config.latent_dim, (x, length) =>
        compute(other, x, [1, length * hop, 1], (value) => model.semanticEncoder.forward(value)),
      );
      await other.close();
    }
  });
});
