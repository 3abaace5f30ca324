/** Training, for programs. What it needs is loaded when a run begins. */
import type { RecogniserEvent } from "./asr/events.js";
import type { TrainEvent } from "./run/events.js";

export interface TrainerOptions {
  /** `key=value` pairs that win over the configuration. */
  readonly overrides?: readonly string[];
  /** Ends the run after the step under way, with a checkpoint; the iteration then ends as if it were done. */
  readonly signal?: AbortSignal;
}

/**
 * A training run: `for await (const event of new Trainer("tiny", { overrides: ["data=speech/", "steps=200"] }))`.
 *
 * The configuration is a preset's name, the path of a YAML file, an object like its content, or the folder of a run to go
 * on with. Rejects with ERR_LMSPT_CONFIG where it does not say what it should, ERR_LMSPT_IO where files cannot be read or
 * written, ERR_LMSPT_DIVERGED where three steps in a row made numbers that are not finite.
 */
export class Trainer implements AsyncIterable<TrainEvent> {
  constructor(
    private readonly config: string | object,
    private readonly options: TrainerOptions = {},
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainEvent, void> {
    const { startRun } = await import("./run/run.js");
    yield* startRun(this.config, this.options.overrides ?? [], this.options.signal);
  }
}

/**
 * Trains a recogniser, a small Whisper, on recordings with their transcripts, as `Trainer` trains a tokenizer:
 * `for await (const event of new RecogniserTrainer("asr-tiny", { overrides: ["data=train.jsonl"] }))`. What it saves can be
 * loaded by `Recogniser`, and be the teacher of a tokenizer.
 */
export class RecogniserTrainer implements AsyncIterable<RecogniserEvent> {
  constructor(
    private readonly config: string | object,
    private readonly options: TrainerOptions = {},
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<RecogniserEvent, void> {
    const { startRecogniserRun } = await import("./asr/run.js");
    yield* startRecogniserRun(this.config, this.options.overrides ?? [], this.options.signal);
  }
}
