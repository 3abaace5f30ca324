/** The plans of the steps that come: without discriminators until they take part, then with them. */
import type { Device } from "../../graph/device.js";
import { type Recipe, type StepOptimizers, type StepSize, TrainingStep } from "../step/index.js";

/** What a step is compiled of. */
export interface StepParts {
  readonly device: Device;
  readonly recipe: Recipe;
  readonly optimizers: StepOptimizers;
  readonly size: StepSize;
}

export class CurrentStep {
  private constructor(
    private readonly parts: StepParts,
    private readonly adversarialFrom: number,
    private step: TrainingStep,
    private adversarial: boolean,
  ) {}

  /** Compiles what makes the step after `done` steps; discriminators take part after `adversarialFrom` steps. */
  static async compile(parts: StepParts, adversarialFrom: number, done: number): Promise<CurrentStep> {
    const adversarial = done >= adversarialFrom;
    return new CurrentStep(parts, adversarialFrom, await compileStep(parts, adversarial), adversarial);
  }

  /** What makes the step after `done` steps, more than were done before. */
  async after(done: number): Promise<TrainingStep> {
    if (!this.adversarial && done >= this.adversarialFrom) {
      this.step.close();
      this.step = await compileStep(this.parts, true);
      this.adversarial = true;
    }
    return this.step;
  }
}

function compileStep({ device, recipe, optimizers, size }: StepParts, adversarial: boolean): Promise<TrainingStep> {
  return TrainingStep.compile(device, recipe, optimizers, { ...size, adversarial });
}
