// A user's ECMAScript module, type-checked against the package as its exports map presents it.
import { type Audio, LmsptError, Tokenizer, type Tokens } from "lmspt";

export async function roundTrip(samples: Float32Array, signal: AbortSignal): Promise<Audio> {
  await using tokenizer = await Tokenizer.load("random:1", { device: "auto", precision: "fp32" });
  const tokens: Tokens = await tokenizer.encode({ samples, sampleRate: 16000 }, { signal });
  const batch: Tokens[] = await tokenizer.encode([samples, samples]);
  await tokenizer.decode(batch, { codebooks: 3 });
  // @ts-expect-error There is no such mode.
  await tokenizer.decode(tokens, { mode: "everything" });
  // @ts-expect-error Tokens are needed.
  await tokenizer.decode(samples);
  return tokenizer.decode(tokens, { mode: "full", signal });
}

export function codeOf(error: unknown): "ERR_LMSPT_MODEL" | undefined {
  return error instanceof LmsptError && error.code === "ERR_LMSPT_MODEL" ? error.code : undefined;
}
