/** Exported models run by onnxruntime-node, in tests that are pending where it cannot be had. */
import { loadOnnxRuntime, type OnnxRuntime, type OnnxSession, type OnnxTensor } from "../../bench/peers/onnxruntime.js";

/** Loads onnxruntime-node before a suite's tests; without it they are pending, and their titles say why. */
export function useOnnxRuntime(): () => OnnxRuntime {
  let runtime: OnnxRuntime;
  before(async function () {
    this.timeout(300_000);
    try {
      runtime = await loadOnnxRuntime();
    } catch (error) {
      for (const test of this.test!.parent!.tests) test.title += ` (${(error as Error).message})`;
      this.skip();
    }
  });
  return () => runtime;
}

export function openSession({ InferenceSession }: OnnxRuntime, model: Uint8Array): Promise<OnnxSession> {
  return InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
}

export async function runSession(
  { Tensor }: OnnxRuntime,
  session: OnnxSession,
  name: string,
  data: Float32Array | Int32Array,
  dims: readonly number[],
): Promise<OnnxTensor> {
  const tensor =
    data instanceof Float32Array
      ? new Tensor("float32", data, dims)
      : new Tensor("int64", BigInt64Array.from(data, BigInt), dims);
  return Object.values(await session.run({ [name]: tensor }))[0]!;
}
