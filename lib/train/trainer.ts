/** Training, for programs. What it needs is loaded when a run begins. */
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
