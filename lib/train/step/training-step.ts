/**
 * A step of the recipe: the discriminators are updated first, then the tokenizer against the updated ones; or the tokenizer
 * alone, where the discriminators take no part yet.
 */
import type { Device } from "../../graph/device.js";
import type { Data, TraceStep } from "../../graph/native.js";
import type { Plan } from "../../graph/plan.js";
import { Optimizer, type Part, PUBLIC_ADAMW } from "../optimizer.js";
import { compileDiscriminatorPlan } from "./discriminator-plan.js";
import { type Fault, firstFault } from "./fault.js";
import { compileGeneratorPlan, type GeneratorOutput } from "./generator-plan.js";
import type { StepSize } from "./inputs.js";
import { type LossWeights, PUBLIC_WEIGHTS, type Recipe } from "./recipe.js";

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
  readonly norms: Norms;
  readonly codes: { readonly semantic: Int32Array; readonly acoustic: Int32Array };
  /** What the codes were found for, in the spaces of their codebooks: frames by codebooks by dimensions. */
  readonly latents: { readonly semantic: Float32Array; readonly acoustic: Float32Array };
}

export interface Norms {
  readonly generator: number;
  /** Where the discriminators take part. */
  readonly discriminator?: number;
}

/** The plans of one side: of the first part, of those between, of the last; the last one alone for a whole batch. */
class Side<Name extends string> {
  private constructor(
    private readonly parts: number,
    private readonly plans: readonly Plan<Name>[],
  ) {}

  static async compile<Name extends string>(
    parts: number,
    make: (part: Part) => Promise<Plan<Name>>,
  ): Promise<Side<Name>> {
    const plans: Plan<Name>[] = [];
    for (const index of new Set([0, Math.min(1, parts - 1), parts - 1])) plans.push(await make({ parts, index }));
    return new Side(parts, plans);
  }

  get memory(): number {
    return Math.max(...this.plans.map(({ memory }) => memory));
  }

  run(part: number, data: StepData, rate: number, step: number): Promise<Record<Name, Data>> {
    return this.of(part).run(this.inputs(part, data, rate, step));
  }

  async trace(part: number, data: StepData, rate: number, step: number): Promise<readonly TraceStep[]> {
    return (await this.of(part).trace(this.inputs(part, data, rate, step))).steps;
  }

  close(): void {
    for (const plan of this.plans) plan.close();
  }

  private of(part: number): Plan<Name> {
    return part === this.parts - 1 ? this.plans.at(-1)! : this.plans[Math.min(part, 1)]!;
  }

  private inputs(part: number, data: StepData, rate: number, step: number): Record<string, Data> {
    const all = { ...data, rate: Float32Array.of(rate), step: Float32Array.of(step) };
    const wanted = new Set(this.of(part).inputs.map(({ name }) => name));
    return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
  }
}

export class TrainingStep {
  private constructor(
    private readonly discriminator: Side<"loss" | "norm"> | undefined,
    private readonly generator: Side<GeneratorOutput>,
  ) {}

  static async compile(
    device: Device,
    recipe: Recipe,
    optimizers: StepOptimizers,
    size: StepSize,
  ): Promise<TrainingStep> {
    const { parts = 1, adversarial = true } = size;
    const discriminator = (part: Part) =>
      compileDiscriminatorPlan(device, recipe, optimizers.discriminator, size, part);
    return new TrainingStep(
      adversarial ? await Side.compile(parts, discriminator) : undefined,
      await Side.compile(parts, (part) => compileGeneratorPlan(device, recipe, optimizers.generator, size, part)),
    );
  }

  /** Bytes of the arena that all plans share. */
  get memory(): number {
    return Math.max(this.discriminator?.memory ?? 0, this.generator.memory);
  }

  /** One update of each side that takes part, by as many parts as the step was compiled for. */
  async run(parts: readonly StepData[], pace: Pace): Promise<StepResult> {
    const { discriminator } = this;
    const [judged, made] = await Promise.all([
      discriminator &&
        Promise.all(parts.map((data, i) => discriminator.run(i, data, pace.discriminator, pace.discriminatorStep))),
      Promise.all(parts.map((data, i) => this.generator.run(i, data, pace.generator, pace.generatorStep))),
    ]);
    const last = made.at(-1)!;
    const mean = (of: (part: number) => number) => parts.reduce((sum, _, i) => sum + of(i) / parts.length, 0);
    const losses = Object.keys(last).filter((name) => name === "total" || Object.hasOwn(PUBLIC_WEIGHTS, name));
    const means = losses.map((name) => [name, mean((i) => made[i]![name as GeneratorOutput][0]!)]);
    const all = <T extends Data>(name: GeneratorOutput) => joined(made.map((part) => part[name] as T));
    return {
      losses: { ...Object.fromEntries(means), ...(judged && { discriminator: mean((i) => judged[i]!.loss[0]!) }) },
      norms: { generator: last.norm[0]!, ...(judged && { discriminator: judged.at(-1)!.norm[0]! }) },
      codes: { semantic: all("semanticCodes"), acoustic: all("acousticCodes") },
      latents: { semantic: all("semanticLatents"), acoustic: all("acousticLatents") },
    };
  }

  /**
   * The first operation of a step that makes a number that is not finite, after a step with these data that was skipped
   * for it: the plans are run again, operation by operation, which changes nothing either.
   */
  async findFault(
    parts: readonly StepData[],
    pace: Pace,
    side: "generator" | "discriminator",
  ): Promise<Fault | undefined> {
    const plans = this[side];
    if (plans === undefined) return undefined;
    for (const [i, data] of parts.entries()) {
      const fault = firstFault(await plans.trace(i, data, pace[side], pace[`${side}Step`]));
      if (fault) return fault;
    }
    return undefined;
  }

  close(): void {
    this.discriminator?.close();
    this.generator.close();
  }
}

function joined<T extends Data>(parts: readonly T[]): T {
  const Values = parts[0]!.constructor as new (length: number) => T;
  const whole = new Values(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
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
