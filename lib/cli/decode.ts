import { extname } from "node:path";
import type { Audio } from "../audio/audio.js";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import type { Tokens } from "../data/tokens.js";
import type { WrittenSpeech } from "../models/files.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { type Conversion, convertAll, type ReadyJob } from "./batch.js";
import type { JobResult } from "./batch-results.js";
import { TOKEN_EXTENSIONS } from "./extensions.js";
import { type ExitStatus, usageFailure } from "./failure.js";
import { FileOutputs } from "./file-outputs.js";
import { locateTarget, planJobs, type Target } from "./jobs.js";
import type { ModelOptions } from "./model.js";
import { writeSpeech } from "./outputs.js";
import { decodeIntact } from "./recovery.js";
import { ArchiveSource } from "./sources.js";
import { printNotice, type Session } from "./terminal.js";
import { readTokens, sniffTokenFile } from "./token-formats.js";
import { formatCount } from "./units.js";

/** Tokens of less audio than this are decoded together with others; others are streamed. */
const SHORT_SAMPLES = 2 ** 22;

/** Which codebooks and which decoder make the speech. */
export const DECODE_MODES = ["full", "semantic", "acoustic", "aux"] as const;

export interface DecodeOptions extends ModelOptions {
  readonly output: string;
  readonly mode?: (typeof DECODE_MODES)[number];
  readonly codebooks?: number;
  readonly encoding: WavWriteEncoding;
  readonly force?: boolean;
  /** Decode what is intact of damaged token files. */
  readonly recover?: boolean;
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
  const losses: string[] = [];
  const status = await convertAll(plan, options, session, intoSpeech(target, options, session, losses));
  for (const loss of losses) printNotice(session.terminal, loss);
  return status;
}

/** `losses` takes a line for each input of which only a part was intact. */
function intoSpeech(target: Target, options: DecodeOptions, { signal }: Session, losses: string[]): Conversion {
  const { force = false, recover = false, mode, codebooks, encoding, precision } = options;
  return {
    verb: "Decoded",
    withWork: async (machinery, run) => {
      const { tokenizer } = machinery;
      requireCodebooks(codebooks, tokenizer);
      const made = { model: tokenizer.info.model, precision, mode, codebooks, encoding };
      await using outputs = await FileOutputs.open(target, { made, force });
      const save = async (job: ReadyJob, speech: Audio, frames: number, seconds: number) => {
        await outputs.save(job, job.identity, (path) => writeSpeech(path, speech, { encoding, signal }));
        return { seconds, summary: `${formatCount(frames, "frame")}, ${speech.sampleRate} Hz` };
      };
      await run({
        state: (job) => outputs.state(job, job.identity),
        convert: async (job, onProgress) => {
          if (recover && !(job.source instanceof ArchiveSource) && (await sniffTokenFile(job.input)) === "lmspt") {
            const what = { mode, codebooks, signal, onProgress };
            const { speech, frames, seconds, loss } = await decodeIntact(job.input, tokenizer, what);
            if (loss !== undefined) losses.push(`Recovered: ${job.input}: ${loss}`);
            return save(job, speech, frames, seconds);
          }
          const what = { mode, codebooks, signal };
          const input = (await isLongTokenFile(job)) ? job.input : await readInput(job, tokenizer);
          if (typeof input === "string" || input.samples >= SHORT_SAMPLES) {
            const write = (path: string) => tokenizer.decodeFile(input, path, { ...what, encoding, onProgress });
            return resultOf(await saved(outputs, job, write));
          }
          const speech = await machinery.batcher.decode(input, what);
          return save(job, speech, input.frames, input.samples / input.sampleRate);
        },
      });
    },
  };
}

function readInput({ source, input }: ReadyJob, { tokenSpec }: Tokenizer): Promise<Tokens> {
  if (source instanceof ArchiveSource) return source.archive.get(source.entry.name);
  return readTokens(input, tokenSpec);
}

/** Whether the input is a token file that is better read while it is decoded. */
async function isLongTokenFile({ source, input, memory }: ReadyJob): Promise<boolean> {
  if (source instanceof ArchiveSource || memory < SHORT_SAMPLES * Float32Array.BYTES_PER_ELEMENT) return false;
  return (await sniffTokenFile(input)) === "lmspt";
}

/** What was written into the output of a job. */
async function saved<T>(outputs: FileOutputs, job: ReadyJob, write: (path: string) => Promise<T>): Promise<T> {
  let written: T | undefined;
  await outputs.save(job, job.identity, async (path) => {
    written = await write(path);
  });
  return written!;
}

function resultOf({ frames, samples, sampleRate }: WrittenSpeech): JobResult {
  return { seconds: samples / sampleRate, summary: `${formatCount(frames, "frame")}, ${sampleRate} Hz` };
}

function requireCodebooks(asked: number | undefined, { config }: Tokenizer): void {
  if (asked === undefined || asked <= config.n_codebooks) return;
  throw usageFailure(`Expected 1 to ${config.n_codebooks} for --codebooks, as the model has, but received ${asked}`);
}
