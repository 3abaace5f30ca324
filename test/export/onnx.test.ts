/** Exported models against an implementation that nobody here wrote. */
import assert from "node:assert/strict";
import type { OnnxRuntime, OnnxSession } from "../../bench/peers/onnxruntime.js";
import { exportOnnx } from "../../lib/export/onnx/export.js";
import { Device } from "../../lib/graph/device.js";
import { type DecodeSelection, ModelEngine } from "../../lib/models/engine.js";
import { type LoadedModel, loadModel } from "../../lib/models/load.js";
import { randomFloats } from "../golden.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";
import { openSession, runSession, useOnnxRuntime } from "./onnx-support.js";

const FSQ = { semantic_quantizer: "fsq", semantic_quantizer_kwargs: { levels: [8, 5, 5] } };

const OPTIONS: Readonly<Record<string, object>> = {
  "the small model as it is": {},
  "a shared encoder": { use_shared_encoder: true },
  "no subtraction": { semantic_subtraction: false },
  causal: { is_causal: true },
  "causal with a shared encoder": { is_causal: true, use_shared_encoder: true },
  "a semantic FSQ": FSQ,
  "a semantic FSQ of odd and even levels, causal": {
    ...FSQ,
    semantic_quantizer_kwargs: { levels: [4, 3, 2, 5] },
    is_causal: true,
  },
  "three semantic codebooks of sixteen": { n_codebooks: 16, n_semantic_codebooks: 3 },
  "odd codebook sizes and dimensions": {
    semantic_codebook_size: 77,
    acoustic_codebook_size: 3,
    semantic_codebook_dim: 5,
    acoustic_codebook_dim: 2,
  },
  "encoders of different widths": { semantic_encoder_dim: 2, acoustic_encoder_dim: 6 },
  "odd strides": { encoder_rates: [5, 7], decoder_rates: [7, 5], aux_decoder: { rates: [35], sample_rate: 16000 } },
  "another output rate": { output_sample_rate: 24000, decoder_rates: [3, 3, 2] },
  "dilations 1 and 2, kernels of 3, causal": { residual_kernel_size: 3, dilation: [1, 2], is_causal: true },
};

const MAIN = (model: LoadedModel["model"]): DecodeSelection => {
  const { n_codebooks: all, n_semantic_codebooks: semantic } = model.config;
  return { decoder: "main", semantic, acoustic: all - semantic };
};

/** Largest difference of samples that full scale is 1 for. */
const TOLERANCE = 1e-4;

describe("exported ONNX models in onnxruntime-node", () => {
  const runtime = useOnnxRuntime();
  let device: Device | undefined;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device?.close());

  for (const [name, fields] of Object.entries(OPTIONS)) {
    it(`give our codes and samples: ${name}`, async () => {
      const model = await randomModel({ ...SMALL_FIELDS, ...fields });
      const pair = await Pair.open(runtime(), device!, loadedFrom(model));
      const frame = pair.samplesPerFrame;
      for (const length of [1, frame - 1, frame, frame + 1, 3 * frame, 100 * frame - 1]) await pair.check([length]);
      await pair.check([17 * frame, 17 * frame]);
      await pair.close();
    });
  }

  it("give our codes and samples: the public shape", async function () {
    this.timeout(120_000);
    const pair = await Pair.open(runtime(), device!, await loadModel("random:1"));
    for (const length of [1, 24_000, 40_001]) await pair.check([length]);
    await pair.check([9600, 9600]);
    await pair.close();
  });
});

function loadedFrom(model: LoadedModel["model"]): LoadedModel {
  return { model, fingerprint: `sha256:${"0".repeat(64)}`, source: "test", untrained: true, licence: undefined };
}

/** A model in this engine, and its exported form in the other. */
class Pair {
  private readonly engine: ModelEngine;

  private constructor(
    private readonly runtime: OnnxRuntime,
    device: Device,
    private readonly model: LoadedModel["model"],
    private readonly sessions: ReadonlyMap<string, OnnxSession>,
  ) {
    this.engine = new ModelEngine(model, device);
  }

  static async open(runtime: OnnxRuntime, device: Device, loaded: LoadedModel): Promise<Pair> {
    const sessions = new Map<string, OnnxSession>();
    for await (const { name, bytes } of exportOnnx(loaded, { producerVersion: "0.0.0" })) {
      sessions.set(name, await openSession(runtime, bytes));
    }
    return new Pair(runtime, device, loaded.model, sessions);
  }

  get samplesPerFrame(): number {
    return this.engine.samplesPerFrame;
  }

  /** Encodes and decodes a batch of clips of one length in both. */
  async check(lengths: readonly number[]): Promise<void> {
    const length = lengths[0]!;
    const clips = lengths.map((_, i) => randomFloats(length, length + i));
    const audio = Float32Array.from(clips.flatMap((clip) => [...clip]));
    const codes = await this.run("encode.onnx", "audio", audio, [clips.length, 1, length]);
    const ours: Int32Array[][] = [];
    for (const clip of clips) ours.push(await this.engine.encode(clip, {}));
    const frames = Math.ceil(length / this.samplesPerFrame);
    const flat = Int32Array.from(ours.flatMap((codebooks) => codebooks.flatMap((codebook) => [...codebook])));
    assert.deepEqual(codes.dims, [clips.length, this.model.config.n_codebooks, frames]);
    assert.deepEqual(Int32Array.from(codes.data as BigInt64Array, Number), flat, `codes of ${length} samples`);
    const aux: DecodeSelection = { ...MAIN(this.model), decoder: "aux", acoustic: 0 };
    await this.checkSpeech("decode.onnx", MAIN(this.model), ours, frames);
    await this.checkSpeech("aux_decode.onnx", aux, ours, frames);
  }

  async close(): Promise<void> {
    this.engine.close();
    for (const session of this.sessions.values()) await session.release();
  }

  private async checkSpeech(file: string, selection: DecodeSelection, codes: Int32Array[][], frames: number) {
    const decoder = selection.decoder === "main" ? this.model.decoder : this.model.auxDecoder;
    const flat = Int32Array.from(codes.flatMap((codebooks) => codebooks.flatMap((codebook) => [...codebook])));
    const dims = [codes.length, this.model.config.n_codebooks, frames];
    const audio = await this.run(file, "codes", flat, dims);
    const [batch, channels, samples] = audio.dims as [number, number, number];
    assert.deepEqual([batch, channels], [codes.length, 1]);
    const whole = frames * decoder.samplesPerFrame;
    assert(whole - samples >= 0 && whole - samples < decoder.samplesPerFrame, `${samples} samples of ${whole}`);
    for (const [i, codebooks] of codes.entries()) {
      const ours = (await this.engine.decode(codebooks, whole, selection, {})).subarray(0, samples);
      const theirs = (audio.data as Float32Array).subarray(i * samples, (i + 1) * samples);
      const worst = ours.reduce((largest, sample, j) => Math.max(largest, Math.abs(sample - theirs[j]!)), 0);
      assert(worst <= TOLERANCE, `${file}: ${frames} frames differ by ${worst}`);
      // A few frames may all have the code that stands for silence.
      assert(frames < 10 || ours.some((sample) => Math.abs(sample) > 10 * TOLERANCE), `${file} gives silence`);
    }
  }

  private run(file: string, name: string, data: Float32Array | Int32Array, dims: readonly number[]) {
    return runSession(this.runtime, this.sessions.get(file)!, name, data, dims);
  }
}
