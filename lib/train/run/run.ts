/** The training of a tokenizer: its steps, validations and checkpoints. */
import { type ResolvedConfig, resolveConfig } from "../config/index.js";
import type { Batch } from "../data/index.js";
import { randomInteger } from "../random.js";
import { rateAt } from "../schedule.js";
import type { Pace, StepData, StepResult, TrainingStep } from "../step/index.js";
import { BrokenFiles } from "./broken-files.js";
import { checkpointName, saveCheckpoint } from "./checkpoint.js";
import type { SkippedEvent, StepEvent, TrainEvent, ValidationEvent } from "./events.js";
import { runLoop, type Training } from "./loop.js";
import { resolveRun } from "./resolve-run.js";
import { logSpeech } from "./samples.js";
import { TrainingSession } from "./session.js";
import { cropForms, nameForms } from "./setup.js";
import type { RunState } from "./state.js";
import { lossTags, restartTags, usageTags } from "./tags.js";
import { saveParts } from "./trained-parts.js";
import type { Validation } from "./validation.js";

/**
 * Runs a configuration, `source` and `overrides` as for `resolveConfig`, or goes on with the run in the folder that
 * `source` names.
 */
export async function* startRun(
  source: string | object,
  overrides: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void> {
  const { config, folder } = await resolveRun(source, overrides, resolveConfig);
  const session = await TrainingSession.open(config, folder, signal);
  try {
    yield* runLoop<TrainEvent>(new TokenizerTraining(config, session), folder, config, signal);
  } finally {
    await session.close();
  }
}

class TokenizerTraining implements Training<TrainEvent> {
  state: RunState;
  readonly validate: Training<TrainEvent>["validate"];
  private readonly broken = new BrokenFiles();

  constructor(
    private readonly config: ResolvedConfig,
    private readonly session: TrainingSession,
  ) {
    this.state = session.start;
    const { validation } = session;
    this.validate = validation && (() => this.judge(validation));
  }

  async *step(): AsyncGenerator<TrainEvent, void> {
    const begin = performance.now();
    const batches: Batch[] = [];
    const waited = this.session.batches.waitSeconds;
    while (batches.length < this.config.data.accumulate) batches.push(await this.session.batches.next());
    const dataWait = this.session.batches.waitSeconds - waited;
    yield* this.broken.news([...this.session.leftOut, ...this.session.batches.skipped]);
    const data = batches.map((batch, part) => this.data(batch, part));
    const pace = this.pace();
    const step = await this.session.step.after(this.state.step);
    const result = await step.run(data, pace);
    const { generator, discriminator } = result.norms;
    const skipped = {
      discriminator: discriminator !== undefined && !Number.isFinite(discriminator),
      generator: !Number.isFinite(generator),
    };
    for (const side of ["discriminator", "generator"] as const) {
      if (skipped[side]) yield await this.describeSkipped(step, side, data, pace);
    }
    this.state = {
      ...this.state,
      step: this.state.step + 1,
      epoch: batches.at(-1)!.epoch,
      draw: batches.at(-1)!.next,
      generatorStep: this.state.generatorStep + Number(!skipped.generator),
      discriminatorStep: this.state.discriminatorStep + Number(discriminator !== undefined && !skipped.discriminator),
      skippedInARow: skipped.generator || skipped.discriminator ? this.state.skippedInARow + 1 : 0,
    };
    this.session.usage.semantic.add(result.codes.semantic);
    this.session.usage.acoustic.add(result.codes.acoustic);
    if (!skipped.generator) await this.restartCodes(result);
    const event = this.describe(result, pace, { seconds: (performance.now() - begin) / 1000, dataWait });
    if (this.state.step % this.config.log.every === 0) await this.log(event);
    yield event;
  }

  private async restartCodes({ codes, latents }: StepResult): Promise<void> {
    const { device, restarts } = this.session;
    for (const kind of ["semantic", "acoustic"] as const) {
      await restarts[kind].after(this.state.step, codes[kind], latents[kind], device);
    }
  }

  private describe(
    { losses, norms }: StepResult,
    pace: Pace,
    { seconds, dataWait }: Pick<StepEvent, "seconds" | "dataWait">,
  ): StepEvent {
    const { batch, samples, parts = 1 } = this.session.size;
    const audioSeconds = (parts * batch * samples) / this.config.model.sample_rate;
    return {
      kind: "step",
      step: this.state.step,
      steps: this.config.steps,
      epoch: this.state.epoch,
      losses,
      norms,
      rates: { generator: pace.generator, discriminator: pace.discriminator },
      seconds,
      speed: audioSeconds / seconds,
      waits: this.session.batches.waits,
      dataWait,
    };
  }

  /** Quantizer dropout: the first part of the batch keeps a random number of acoustic codebooks, the rest all. */
  private data({ forms }: Batch, part: number): StepData {
    const { seed, model, data } = this.config;
    const first = (this.state.step * data.accumulate + part) * data.batch;
    const acoustic = model.n_codebooks - model.n_semantic_codebooks;
    const cut = Math.floor(model.quantizer_dropout * data.batch);
    const codebooks = Float32Array.from({ length: data.batch }, (_, item) => {
      if (item >= cut) return acoustic;
      return 1 + randomInteger(seed, "codebooks", first + item, acoustic);
    });
    return { ...nameForms(cropForms(this.config, this.session.size).keys(), forms), codebooks };
  }

  private pace(): Pace {
    const { optimizer, steps } = this.config;
    const { rate, final_rate: finalRate, warmup_steps: warmupSteps } = optimizer;
    return {
      generator: rateAt({ rate, finalRate, warmupSteps, steps }, this.state.step + 1),
      discriminator: optimizer.discriminator_rate,
      generatorStep: this.state.generatorStep + 1,
      discriminatorStep: this.state.discriminatorStep + 1,
    };
  }

  private async describeSkipped(
    step: TrainingStep,
    side: SkippedEvent["side"],
    data: readonly StepData[],
    pace: Pace,
  ): Promise<SkippedEvent> {
    const fault = await step.findFault(data, pace, side);
    return { kind: "skipped", step: this.state.step + 1, side, fault };
  }

  private async log({ losses, norms, rates, seconds, dataWait, step }: StepEvent): Promise<void> {
    const { events, restarts, usage } = this.session;
    const reports = { semantic: usage.semantic.report(), acoustic: usage.acoustic.report() };
    await events.scalars(
      {
        ...lossTags("Train", losses),
        ...usageTags("Train", reports),
        ...(this.config.codebooks.restart_every > 0 && restartTags("Train", restarts)),
        "Train/grad_norm_g": norms.generator,
        ...(norms.discriminator !== undefined && { "Train/grad_norm_d": norms.discriminator }),
        "Train/lr_g": rates.generator,
        "Train/lr_d": rates.discriminator,
        "Train/steps_per_second": 1 / seconds,
        "Train/data_wait": dataWait,
      },
      step,
    );
  }

  private async *judge(validation: Validation): AsyncGenerator<ValidationEvent, boolean> {
    const { events, recipe } = this.session;
    const { losses, speech, usage } = await validation.run();
    const { step } = this.state;
    await events.scalars({ ...lossTags("Valid", losses), ...usageTags("Valid", usage) }, step);
    for (const [i, item] of validation.items.slice(0, this.config.validation.samples).entries()) {
      const rate = recipe.model.config.output_sample_rate;
      const original = item.target ?? item.audio;
      if (step === this.config.validation.every) await logSpeech(events, `Valid/${i}/original`, original, rate, step);
      await logSpeech(events, `Valid/${i}/reconstructed`, speech[i]!, rate, step);
    }
    const loss = losses.mel!;
    const isBest = this.state.best === undefined || loss < this.state.best.loss;
    if (isBest) this.state = { ...this.state, best: { name: checkpointName(this.state), loss } };
    yield { kind: "validation", step, losses, usage, isBest };
    return isBest;
  }

  save(folder: string): Promise<string> {
    const { device, usage } = this.session;
    usage.semantic.save();
    usage.acoustic.save();
    return saveCheckpoint(folder, this.state, (inside) => saveParts(inside, device, this.session));
  }
}
