import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { Data } from "../../lib/graph/native.js";
import { slice } from "../../lib/graph/ops/index.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { assertClose, type Golden, swapLastTwo } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";
import { goldenModel } from "./golden-model.js";

const TOLERANCE = 1e-4;

for (const name of ["tiny", "tiny_causal", "tiny_shared_nosub"]) {
  describe(`the reference model ${name}`, () => {
    let golden: Golden;
    let model: LmSpt;
    before(async () => {
      ({ golden, model } = await goldenModel(name));
    });

    /** Reference codes (K, B, T) as the engine's (B, T, K). */
    function codes(): { data: Int32Array; shape: [number, number, number] } {
      const [count, batch, frames] = golden.shape("codes") as [number, number, number];
      const source = golden.integers("codes");
      const data = new Int32Array(source.length);
      for (let k = 0; k < count; k++) {
        for (let i = 0; i < batch * frames; i++) data[i * count + k] = source[k * batch * frames + i]!;
      }
      return { data, shape: [batch, frames, count] };
    }

    onEveryVariant((device) => {
      async function compute(
        input: { data: Data; shape: readonly number[] },
        build: (x: Value) => Value,
      ): Promise<Data> {
        const graph = new Graph();
        const x = graph.input("x", input.shape, input.data instanceof Int32Array ? "i32" : "f32");
        const plan = await graph.compile(device(), { y: build(x) });
        return (await plan.run({ x: input.data })).y!;
      }
      const audio = () => {
        const [batch, , length] = golden.shape("x") as [number, number, number];
        return { data: golden.floats("x"), shape: [batch, length, 1] };
      };
      const part = (start: number, count: number) => (x: Value) => slice(x, 2, start, count);

      it("gives the reference's latents", async () => {
        for (const [key, encoder] of [
          ["z_semantic", model.semanticEncoder],
          ["z_acoustic", model.acousticEncoder],
        ] as const) {
          const latent = (await compute(audio(), (x) => encoder.forward(x))) as Float32Array;
          const [batch, channels, frames] = golden.shape(key) as [number, number, number];
          assertClose(swapLastTwo(latent, [batch, frames, channels]), golden.floats(key), TOLERANCE, key);
        }
      });

      it("gives the reference's codes", async () => {
        assert.deepEqual(await compute(audio(), (x) => model.encode(x)), codes().data);
      });

      it("gives the reference's training forward and quantizer losses", async () => {
        const graph = new Graph();
        const trained = model.train(graph.input("x", audio().shape));
        const { commitment: semanticCommitment, codebook: semanticCodebook } = trained.semantic;
        const { commitment: acousticCommitment, codebook: acousticCodebook } = trained.acoustic;
        const { speech, auxSpeech } = trained;
        const losses = { semanticCommitment, semanticCodebook, acousticCommitment, acousticCodebook };
        const plan = await graph.compile<string>(device(), { speech, auxSpeech, ...losses });
        const result = await plan.run({ x: audio().data });
        assertClose(result.speech!, golden.floats("forward"), TOLERANCE, "forward");
        assertClose(result.auxSpeech!, golden.floats("forward_aux"), TOLERANCE, "forward_aux");
        const key = "losses_sem_commit_sem_codebook_ac_commit_ac_codebook";
        assertClose(
          Object.keys(losses).map((name) => result[name]![0]!),
          golden.floats(key),
          TOLERANCE,
          key,
        );
      });

      const decoders: [string, (x: Value) => Value][] = [
        ["decoded", (x) => model.decode(part(0, 1)(x), part(1, 3)(x))],
        ["decoded_semantic_only", (x) => model.decode(part(0, 1)(x), undefined)],
        ["decoded_acoustic_only", (x) => model.decode(undefined, part(1, 3)(x))],
        ["decoded_3_codebooks", (x) => model.decode(part(0, 1)(x), part(1, 2)(x))],
        ["aux_decoded", (x) => model.decodeAux(part(0, 1)(x))],
      ];
      for (const [key, decode] of decoders) {
        it(`gives the reference's ${key}`, async () => {
          assertClose(await compute(codes(), decode), golden.floats(key), TOLERANCE, key);
        });
      }
    });
  });
}
