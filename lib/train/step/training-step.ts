/** A step of the recipe: the discriminators are updated first, then the tokenizer against the updated ones. */
import type { Device } from "../../graph/device.js";
import type { Plan } from "../../graph/plan.js";
import { Optimizer, PUBLIC_ADAMW } from "../optimizer.js";
import { compileDiscriminatorPlan } from "./discriminator-plan.js";
import { compileGeneratorPlan, type GeneratorOutput } from "./generator-plan.js";
import type { StepSize } from "./inputs.js";
import type { LossWeights, Recipe } from "./recipe.js";

export interface StepData {
  /** Items one after another at the model's input rate. */
  readonly audio: Float32Array;
  /** The same at the output rate, where that is another. */
  readonly target?: Float32Array;
  /** The same at 16 kHz, where there is a teacher. */
  readonly teacherAudio?: Float32Array;
  /** Acoustic codebooks that count for each item. */
  readonly codebooks: Float32Array;
}

export interface Pace {
  /** Learning rates. */
  readonly generator: number;
  readonly discriminator: number;
  /** Counts from 1 the steps that each optimizer has made. */
  readonly generatorStep: number;
  readonly discriminatorStep: number;
}

export interface StepResult {
  readonly losses: Readonly<Partial<Record<keyof LossWeights | "total" | "discriminator", number>>>;
  /** Norms of the gradients before clipping; an update with one that is not finite was left out. */
  readonly norms: { readonly generator: number; readonly discriminator: number };
  readonly codes: { readonly semantic: Int32Array; readonly acoustic: Int32Array };
}

export class TrainingStep {
  private constructor(
    private readonly discriminatorPlan: Plan<"loss" | "norm">,
    private readonly generatorPlan: Plan<GeneratorOutput>,
  ) {}

  static async compile(
    device: Device,
    recipe: Recipe,
    optimizers: StepOptimizers,
    size: StepSize,
  ): Promise<TrainingStep> {
    return new TrainingStep(
      await compileDiscriminatorPlan(device, recipe, optimizers.discriminator, size),
      await compileGeneratorPlan(device, recipe, optimizers.generator, size),
    );
  }

  /** Bytes of the arena that the two plans share. */
  get memory(): number {
    return Math.max(this.discriminatorPlan.memory, this.generatorPlan.memory);
  }

  async run(data: StepData, pace: Pace): Promise<StepResult> {
    const [judged, made] = await Promise.all([
      this.discriminatorPlan.run(this.inputs(this.discriminatorPlan, data, pace.discriminator, pace.discriminatorStep)),
      this.generatorPlan.run(this.inputs(this.generatorPlan, data, pace.generator, pace.generatorStep)),
    ]);
    const { norm, semanticCodes, acousticCodes, ...losses } = made;
    const numbers = Object.entries(losses).map(([name, value]) => [name, value[0]!]);
    return {
      losses: { ...Object.fromEntries(numbers), discriminator: judged.loss[0]! },
      norms: { generator: norm[0]!, discriminator: judged.norm[0]! },
      codes: { semantic: semanticCodes as Int32Array, acoustic: acousticCodes as Int32Array },
    };
  }

  /**
   * The first operation of a step that makes a number that is not finite, after a step with these data that was skipped
   * for it: the plan is run again, operation by operation, which changes nothing either.
   */
  async findFault(data: StepData, pace: Pace, side: "generator" | "discriminator"): Promise<Fault | undefined> {
    const plan: Plan = side === "generator" ? this.generatorPlan : this.discriminatorPlan;
    const { steps } = await plan.trace(this.inputs(plan, data, pace[side], pace[`${side}Step`]));
    const index = steps.findIndex(({ finite }) => !finite);
    return index < 0 ? undefined : { op: steps[index]!.op, shape: steps[index]!.shape, index };
  }

  close(): void {
    this.discriminatorPlan.close();
    this.generatorPlan.close();
  }

  private inputs(plan: Plan, data: StepData, rate: number, step: number): Record<string, Float32Array> {
    const all = { ...data, rate: Float32Array.of(rate), step: Float32Array.of(step) };
    const wanted = new Set(plan.inputs.map(({ name }) => name));
    return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
  }
}

/** An operation of a plan, counted from the plan's start. */
export interface Fault {
  readonly op: string;
  readonly shape: string;
  readonly index: number;
}

export interface StepOptimizers {
  readonly generator: Optimizer;
  readonly discriminator: Optimizer;
}

export function makeOptimizers({ model, discriminators }: Recipe, options = PUBLIC_ADAMW): StepOptimizers {
  return {
    generator: new Optimizer(model.parameters, options),
    discriminator: new Optimizer(discriminators.parameters, options),
  };
}
