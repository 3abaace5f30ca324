/** Those who encode and decode: this engine in each of its CPU variants, and onnxruntime-node. */
import { join } from "node:path";
import { Device } from "../../lib/graph/device.js";
import type { Precision } from "../../lib/graph/precision.js";
import { ModelEngine } from "../../lib/models/engine.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { loadOnnxRuntime } from "../peers/onnxruntime.js";

/** Codes as the peer has them: (K, frames), codebook by codebook. */
export interface Contestant {
  readonly name: string;
  encode(samples: Float32Array): Promise<Int32Array>;
  decode(codes: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

export const PEER = "onnxruntime-node";

/** `name`: a CPU variant, with a precision other than fp32 after a colon. */
export function openEngine(model: LmSpt, name: string, threads: number): Contestant {
  const [variant, precision] = name.split(":") as [string, Precision?];
  const device = Device.open("cpu", { variant, threads });
  const engine = new ModelEngine(model, device, precision);
  const { n_codebooks: count, n_semantic_codebooks: semantic } = model.config;
  return {
    name,
    encode: async (samples) => {
      const codebooks = await engine.encode(samples, {});
      const codes = new Int32Array(count * codebooks[0]!.length);
      for (const [k, codebook] of codebooks.entries()) codes.set(codebook, k * codebook.length);
      return codes;
    },
    decode: (codes) => {
      const frames = codes.length / count;
      const codebooks = Array.from({ length: count }, (_, k) => codes.subarray(k * frames, (k + 1) * frames));
      const selection = { decoder: "main", semantic, acoustic: count - semantic } as const;
      return engine.decode(codebooks, frames * model.decoder.samplesPerFrame, selection, {});
    },
    close: async () => {
      engine.close();
      await device.close();
    },
  };
}

/** The exported model in `folder`, with all of the runtime's optimisations and as many threads. */
export async function openPeer(
  folder: string,
  codebooks: number,
  { threads, heldToAvx2 }: { readonly threads: number; readonly heldToAvx2: boolean },
): Promise<Contestant> {
  const { InferenceSession, Tensor } = await loadOnnxRuntime(heldToAvx2);
  const open = (name: string) =>
    InferenceSession.create(join(folder, name), {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
    });
  const [encoder, decoder] = [await open("encode.onnx"), await open("decode.onnx")];
  return {
    name: PEER,
    encode: async (samples) => {
      const { codes } = await encoder.run({ audio: new Tensor("float32", samples, [1, 1, samples.length]) });
      return Int32Array.from(codes!.data as BigInt64Array, Number);
    },
    decode: async (codes) => {
      const data = BigInt64Array.from(codes, BigInt);
      const { audio } = await decoder.run({
        codes: new Tensor("int64", data, [1, codebooks, codes.length / codebooks]),
      });
      return audio!.data as Float32Array;
    },
    close: async () => {
      await encoder.release();
      await decoder.release();
    },
  };
}
