/** The training of a recogniser: its steps, validations and checkpoints. */
import { join } from "node:path";
import { writeText } from "../../io/atomic-file.js";
import { saveTextTokenizer } from "../../models/whisper/index.js";
import { BrokenFiles } from "../run/broken-files.js";
import { checkpointName, saveCheckpoint } from "../run/checkpoint.js";
import { runLoop, type Training } from "../run/loop.js";
import { resolveRun } from "../run/resolve-run.js";
import { namedMoments, namedParameters, writeTensors } from "../run/tensors.js";
import { rateAt } from "../schedule.js";
import { firstFault } from "../step/index.js";
import type { RecogniserEvent, RecogniserStepEvent, RecogniserValidationEvent } from "./events.js";
import { Hiding } from "./hiding.js";
import { type RecogniserConfig, resolveRecogniserConfig } from "./schema.js";
import { openSession, type RecogniserSession } from "./session.js";
import type { RecogniserState } from "./state.js";
import type { RecogniserLosses } from "./step.js";
import type { RecogniserValidation } from "./validation.js";

/** As `startRun`, of a recogniser. */
export async function* startRecogniserRun(
  source: string | object,
  overrides: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<RecogniserEvent, void> {
  const { config, folder } = await resolveRun(source, overrides, resolveRecogniserConfig);
  const session = await openSession(config, folder);
  try {
    yield* runLoop<RecogniserEvent>(new RecogniserTraining(config, session), folder, config, signal);
  } finally {
    await session.batches.close();
    await session.events.close();
    await session.device.close();
  }
}

class RecogniserTraining implements Training<RecogniserEvent> {
  state: RecogniserState;
  readonly validate: Training<RecogniserEvent>["validate"];
  private readonly broken = new BrokenFiles();
  private readonly hiding: Hiding;

  constructor(
    private readonly config: RecogniserConfig,
    private readonly session: RecogniserSession,
  ) {
    this.state = session.start;
    const { max_source_positions: positions, num_mel_bins: bands } = session.recipe.whisper.config;
    this.hiding = new Hiding(config, 2 * positions, bands);
    const { validation } = session;
    this.validate = validation && (() => this.judge(validation));
  }

  async *step(): AsyncGenerator<RecogniserEvent, void> {
    const begin = performance.now();
    const { batches, train, recipe, step } = this.session;
    const waited = batches.waitSeconds;
    const { forms, items, seconds: audioSeconds, epoch, next } = await batches.next();
    const dataWait = batches.waitSeconds - waited;
    yield* this.broken.news([...this.session.leftOut, ...batches.skipped]);
    const rate = this.rate();
    const text = train.rows.of(items.map((item) => train.utterances[item]!));
    const first = this.state.step * items.length;
    const inputs = {
      audio: forms[0]!,
      ...this.hiding.spectrum(first, items.length),
      tokens: this.hiding.tokens(text, first),
      targets: text.targets,
      ...(recipe.aligner && { labels: text.labels }),
      rate: Float32Array.of(rate),
      step: Float32Array.of(this.state.updates + 1),
    };
    const { norm, ...losses } = await step.run(inputs);
    const wasUpdated = Number.isFinite(norm[0]!);
    if (!wasUpdated) {
      const fault = firstFault((await step.trace(inputs)).steps);
      yield { kind: "skipped", step: this.state.step + 1, fault };
    }
    this.state = {
      ...this.state,
      step: this.state.step + 1,
      epoch,
      draw: next,
      updates: this.state.updates + Number(wasUpdated),
      skippedInARow: wasUpdated ? 0 : this.state.skippedInARow + 1,
    };
    const seconds = (performance.now() - begin) / 1000;
    const event: RecogniserStepEvent = {
      kind: "step",
      step: this.state.step,
      steps: this.config.steps,
      epoch,
      losses: Object.fromEntries(Object.entries(losses).map(([name, [value]]) => [name, value!])),
      norm: norm[0]!,
      rate,
      seconds,
      speed: audioSeconds / seconds,
      waits: batches.waits,
      dataWait,
    };
    if (event.step % this.config.log.every === 0) await this.log(event);
    yield event;
  }

  async save(folder: string): Promise<string> {
    const { device, recipe, optimizer } = this.session;
    const { whisper, tokenizer, aligner } = recipe;
    return saveCheckpoint(folder, this.state, async (inside) => {
      await writeTensors(join(inside, "model.safetensors"), device, namedParameters(whisper.parameters));
      await writeTensors(join(inside, "optimizer.safetensors"), device, namedMoments({ recogniser: optimizer }));
      if (aligner) await writeTensors(join(inside, "aligner.safetensors"), device, namedParameters(aligner.parameters));
      const config = { model_type: "whisper", ...whisper.config };
      await writeText(join(inside, "config.json"), JSON.stringify(config, undefined, 2));
      await saveTextTokenizer(inside, tokenizer.vocabulary);
    });
  }

  private rate(): number {
    const { optimizer, steps } = this.config;
    const { rate, final_rate: finalRate, warmup_steps: warmupSteps } = optimizer;
    return rateAt({ rate, finalRate, warmupSteps, steps }, this.state.step + 1);
  }

  private log({ losses, norm, rate, seconds, dataWait, step }: RecogniserStepEvent): Promise<void> {
    const values = {
      ...lossTags("Train", losses),
      "Train/grad_norm": norm,
      "Train/lr": rate,
      "Train/steps_per_second": 1 / seconds,
      "Train/data_wait": dataWait,
    };
    return this.session.events.scalars(values, step);
  }

  private async *judge(validation: RecogniserValidation): AsyncGenerator<RecogniserValidationEvent, boolean> {
    const result = await validation.run();
    const { step, best } = this.state;
    await this.session.events.scalars(
      {
        ...lossTags("Valid", result.losses),
        "Valid/word_error_rate": result.wordErrorRate,
        "Valid/character_error_rate": result.characterErrorRate,
      },
      step,
    );
    const isBest = best === undefined || result.wordErrorRate < best.loss;
    if (isBest) this.state = { ...this.state, best: { name: checkpointName(this.state), loss: result.wordErrorRate } };
    yield { kind: "validation", step, ...result, isBest };
    return isBest;
  }
}

/** Names under which TensorBoard shows the losses. */
function lossTags(group: string, losses: RecogniserLosses): Record<string, number> {
  return Object.fromEntries(Object.entries(losses).map(([name, loss]) => [`${group}/${name}_loss`, loss]));
}
