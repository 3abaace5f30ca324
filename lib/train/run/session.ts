/** Everything that a run holds open: the device, the plans, the data, the log. */
import { Device, type DeviceName } from "../../graph/device.js";
import type { Parameter } from "../../nn/index.js";
import type { ResolvedConfig } from "../config/index.js";
import { adamwOptions } from "../config/run-fields.js";
import { Batches, loadCorpus } from "../data/index.js";
import { makeOptimizers, type Recipe, type StepOptimizers, type StepSize } from "../step/index.js";
import { loadState } from "./checkpoint.js";
import { makeRestarts, type Restarts } from "./code-restarts.js";
import { CurrentStep } from "./current-step.js";
import { EventFile } from "./event-file.js";
import type { RunFolder } from "./run-folder.js";
import { cropForms, setUpRecipe, stepSize } from "./setup.js";
import { type RunState, START } from "./state.js";
import { loadProgress } from "./trained-parts.js";
import { CodeUsage } from "./usage.js";
import { Validation } from "./validation.js";
import { loadValidationSet } from "./validation-set.js";

export class TrainingSession {
  private constructor(
    readonly device: Device,
    readonly recipe: Recipe,
    readonly optimizers: StepOptimizers,
    readonly restarts: Restarts,
    readonly size: StepSize,
    readonly start: RunState,
    readonly step: CurrentStep,
    readonly validation: Validation | undefined,
    /** Recordings that validation does without. */
    readonly leftOut: ReadonlyMap<string, string>,
    readonly batches: Batches,
    readonly events: EventFile,
    readonly usage: { readonly semantic: CodeUsage; readonly acoustic: CodeUsage },
  ) {}

  /** Takes up the newest checkpoint of the folder, where there is one. */
  static async open(config: ResolvedConfig, folder: RunFolder, signal?: AbortSignal): Promise<TrainingSession> {
    const sources = (await loadCorpus(config.data.train)).map(({ source }) => source);
    const size = stepSize(config);
    const checkpoint = await folder.newest();
    const recipe = await setUpRecipe(config, checkpoint, signal);
    const optimizers = makeOptimizers(recipe, adamwOptions(config.optimizer));
    const restarts = makeRestarts(recipe, { every: config.codebooks.restart_every, seed: config.seed });
    if (checkpoint !== undefined) await loadProgress(checkpoint, optimizers, restarts);
    const start = checkpoint === undefined ? START : await loadState<RunState>(checkpoint);
    const device = Device.open(config.device as DeviceName, { threads: config.threads });
    try {
      const parts = { device, recipe, optimizers, size };
      const step = await CurrentStep.compile(parts, config.discriminators.start, start.step);
      const { items, skipped } = await loadValidationSet(config, size);
      const validation = items.length > 0 ? await Validation.compile(device, recipe, size, items) : undefined;
      const usage = { semantic: usageOf(recipe, "semantic"), acoustic: usageOf(recipe, "acoustic") };
      await folder.begin();
      const events = await EventFile.create(folder.path);
      const { batch, workers, ahead } = config.data;
      const forms = [...cropForms(config, size).values()];
      const batches = new Batches({ sources, seed: config.seed, batch, forms, workers, ahead, start: start.draw });
      return new TrainingSession(
        device,
        recipe,
        optimizers,
        restarts,
        size,
        start,
        step,
        validation,
        skipped,
        batches,
        events,
        usage,
      );
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.batches.close();
    await this.events.close();
    await this.device.close();
  }
}

function usageOf({ model }: Recipe, kind: "semantic" | "acoustic"): CodeUsage {
  const isRecord = ({ name }: Parameter) => name === `quantizer.${kind}_vocab_usage`;
  return new CodeUsage(model.parameters.find(isRecord)!);
}
