import { extname } from "node:path";
import type { Audio } from "../audio/audio.js";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import type { Tokens } from "../data/tokens.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { type Conversion, convertAll, type Machinery, type ReadyJob } from "./batch.js";
import { TOKEN_EXTENSIONS } from "./extensions.js";
import { type ExitStatus, usageFailure } from "./failure.js";
import { FileOutputs } from "./file-outputs.js";
import { locateTarget, planJobs, type Target } from "./jobs.js";
import type { ModelOptions } from "./model.js";
import { writeSpeech } from "./outputs.js";
import { ArchiveSource } from "./sources.js";
import type { Session } from "./terminal.js";
import { readTokens } from "./token-formats.js";
import { formatCount } from "./units.js";

/** Tokens of less audio than this are decoded together with others of their length. */
const SHORT_SAMPLES = 2 ** 22;

/** Which codebooks and which decoder make the speech. */
export const DECODE_MODES = ["full", "semantic", "acoustic", "aux"] as const;

export interface DecodeOptions extends ModelOptions {
  readonly output: string;
  readonly mode?: (typeof DECODE_MODES)[number];
  readonly codebooks?: number;
  readonly encoding: WavWriteEncoding;
  readonly force?: boolean;
}

/** `lmspt decode IN... -o OUT`: tokens to speech. */
export async function decode(inputs: string[], options: DecodeOptions, session: Session): Promise<ExitStatus> {
  const { force = false } = options;
  const target = await locateTarget(inputs, options.output);
  if (target.kind === "file" && extname(target.path).toLowerCase() !== ".wav") {
    throw usageFailure(`Expected --output to end in .wav, or in a slash to mean a folder, but it is ${target.path}`);
  }
  const extensions = { inputExtensions: TOKEN_EXTENSIONS, outputExtension: ".wav" };
  const plan = await planJobs(inputs, target, { ...extensions, archives: true, force });
  return convertAll(plan, options, session, intoSpeech(target, options, session));
}

function intoSpeech(target: Target, options: DecodeOptions, { signal }: Session): Conversion {
  const { force = false, mode, codebooks, encoding, precision } = options;
  return {
    verb: "Decoded",
    withWork: async (machinery, run) => {
      const { tokenizer } = machinery;
      requireCodebooks(codebooks, tokenizer);
      const made = { model: tokenizer.info.model, precision, mode, codebooks, encoding };
      await using outputs = await FileOutputs.open(target, { made, force });
      await run({
        state: (job) => outputs.state(job, job.identity),
        convert: async (job, onProgress) => {
          const tokens = await readInput(job, tokenizer);
          const speech = await decodeTokens(tokens, { mode, codebooks, signal }, machinery, onProgress);
          await outputs.save(job, job.identity, (path) => writeSpeech(path, speech, { encoding, signal }));
          const summary = `${formatCount(tokens.frames, "frame")}, ${speech.sampleRate} Hz`;
          return { seconds: tokens.samples / tokens.sampleRate, summary };
        },
      });
    },
  };
}

function readInput({ source, input }: ReadyJob, { tokenSpec }: Tokenizer): Promise<Tokens> {
  if (source instanceof ArchiveSource) return source.archive.get(source.entry.name);
  return readTokens(input, tokenSpec);
}

/** Short ones together with others of their length. */
function decodeTokens(
  tokens: Tokens,
  options: Pick<DecodeOptions, "mode" | "codebooks"> & { signal: AbortSignal },
  { tokenizer, batcher }: Machinery,
  onProgress: (doneSeconds: number, totalSeconds: number) => void,
): Promise<Audio> {
  if (tokens.samples >= SHORT_SAMPLES) return tokenizer.decode(tokens, { ...options, onProgress });
  return batcher.decode(tokens, options);
}

function requireCodebooks(asked: number | undefined, { config }: Tokenizer): void {
  if (asked === undefined || asked <= config.n_codebooks) return;
  throw usageFailure(`Expected 1 to ${config.n_codebooks} for --codebooks, as the model has, but received ${asked}`);
}
