import assert from "node:assert/strict";
import { Device } from "../../../lib/graph/device.js";
import type { TraceStep } from "../../../lib/graph/native.js";
import type { Variable } from "../../../lib/graph/variable.js";
import { compileDiscriminatorPlan } from "../../../lib/train/step/discriminator-plan.js";
import { compileGeneratorPlan } from "../../../lib/train/step/generator-plan.js";
import {
  makeOptimizers,
  type Recipe,
  type StepOptimizers,
  type StepResult,
  TrainingStep,
} from "../../../lib/train/step/index.js";
import { assertClose, Golden } from "../../golden.js";
import { goldenData, goldenRecipe } from "./golden-recipe.js";

const logKey = "log_disc_adv_fm_mel_distill_accommit_accodebook_semcommit_semcodebook_total_normd_normg";
const size = { batch: 2, samples: 6000 };
const rate = 2e-4;
const pace = (step: number) => ({ generator: rate, discriminator: rate, generatorStep: step, discriminatorStep: step });

/** The columns of the reference's log. */
function logged({ losses, norms }: StepResult): number[] {
  const { discriminator, adversarial, feature, mel, distillation, total } = losses;
  const { acousticCommitment, acousticCodebook, semanticCommitment, semanticCodebook } = losses;
  const quantizers = [acousticCommitment, acousticCodebook, semanticCommitment, semanticCodebook];
  return [discriminator, adversarial, feature, mel, distillation, ...quantizers, total]
    .map((loss) => loss!)
    .concat([norms.discriminator!, norms.generator]);
}

describe("the training step", function () {
  this.timeout(120_000);
  let golden: Golden;
  let device: Device;
  before(async () => {
    golden = await Golden.load("train_steps");
    device = Device.open("cpu");
  });
  after(() => device.close());

  async function start(): Promise<{ recipe: Recipe; optimizers: StepOptimizers; step: TrainingStep }> {
    const recipe = goldenRecipe(golden);
    const optimizers = makeOptimizers(recipe);
    return { recipe, optimizers, step: await TrainingStep.compile(device, recipe, optimizers, size) };
  }

  it("three times, is that of the reference: losses, norms of gradients and parameters", async () => {
    const { recipe, step } = await start();
    const data = goldenData(golden, recipe);
    const log = golden.floats(logKey);
    for (const count of [1, 2, 3]) {
      const actual = logged(await step.run([data], pace(count)));
      const expected = log.slice((count - 1) * 12, count * 12);
      for (const [i, name] of logKey.split("_").slice(1).entries()) {
        assertClose([actual[i]!], [expected[i]!], count === 1 ? 1e-4 : 1e-3, `step ${count}: ${name}`);
      }
    }
    const values = await device.read(recipe.model.parameters.map(({ variable }) => variable));
    for (const [i, { name }] of recipe.model.parameters.entries()) {
      assertClose(values[i]!, golden.floats(`final.model.${name}`), 1e-3, name);
    }
  });

  /** All that a run changes: parameters, then the moments of both optimizers. */
  const variablesOf = (recipe: Recipe, optimizers: StepOptimizers): Variable[] => [
    ...[...recipe.model.parameters, ...recipe.discriminators.parameters].map(({ variable }) => variable),
    ...[optimizers.generator, optimizers.discriminator].flatMap(({ moments }) =>
      moments.flatMap(({ mean, square }) => [mean, square]),
    ),
  ];

  it("taken up from a saved state goes on bit for bit as if it had never stopped", async () => {
    const first = await start();
    const data = goldenData(golden, first.recipe);
    for (const count of [1, 2]) await first.step.run([data], pace(count));
    const saved = await device.read(variablesOf(first.recipe, first.optimizers));
    const expected: StepResult[] = [];
    for (const count of [3, 4]) expected.push(await first.step.run([data], pace(count)));

    const second = await start();
    for (const [i, variable] of variablesOf(second.recipe, second.optimizers).entries()) variable.write(saved[i]!);
    for (const count of [3, 4]) assert.deepEqual(await second.step.run([data], pace(count)), expected[count - 3]);
    assert.deepEqual(
      await device.read(variablesOf(second.recipe, second.optimizers)),
      await device.read(variablesOf(first.recipe, first.optimizers)),
    );
  });

  it("does not depend on the number of threads", async () => {
    const outcomes: unknown[] = [];
    for (const threads of [1, 3]) {
      await using other = Device.open("cpu", { threads });
      const recipe = goldenRecipe(golden);
      const optimizers = makeOptimizers(recipe);
      const step = await TrainingStep.compile(other, recipe, optimizers, size);
      const result = await step.run([goldenData(golden, recipe)], pace(1));
      outcomes.push([result, await other.read(variablesOf(recipe, optimizers))]);
    }
    assert.deepEqual(outcomes[1], outcomes[0]);
  });

  it("with a sample that is no number changes nothing and says so", async () => {
    const { recipe, optimizers, step } = await start();
    const data = goldenData(golden, recipe);
    const before = await device.read(variablesOf(recipe, optimizers));
    const audio = data.audio.slice();
    audio[100] = Number.NaN;
    const { norms } = await step.run([{ ...data, audio }], pace(1));
    assert(!Number.isFinite(norms.generator) && !Number.isFinite(norms.discriminator));
    assert.deepEqual(await device.read(variablesOf(recipe, optimizers)), before);
  });

  it("has no gradients of the discriminators' weights in the generator's plan", async () => {
    const recipe = goldenRecipe(golden);
    const { generator, discriminator } = makeOptimizers(recipe);
    const data = goldenData(golden, recipe);
    const scalars = { rate: Float32Array.of(rate), step: Float32Array.of(1) };
    const { audio, teacherAudio, codebooks } = data;
    const inputs = { audio, codebooks, ...scalars };
    const weightGradients = (steps: readonly TraceStep[]) =>
      steps.filter(({ op }) => op === "conv2d_weight_grad").length;
    const judging = await compileDiscriminatorPlan(device, recipe, discriminator, size);
    assert.equal(weightGradients((await judging.trace(inputs)).steps), 3 * 6 + 2 * 26);
    const making = await compileGeneratorPlan(device, recipe, generator, size);
    assert.equal(weightGradients((await making.trace({ ...inputs, teacherAudio: teacherAudio! })).steps), 0);
  });

  it("counts only the codebooks that quantizer dropout leaves to an item", async () => {
    const losses: StepResult["losses"][] = [];
    for (const codebooks of [Float32Array.of(3, 3), Float32Array.of(1, 3)]) {
      const { recipe, step } = await start();
      losses.push((await step.run([{ ...goldenData(golden, recipe), codebooks }], pace(1))).losses);
    }
    assert(losses[1]!.acousticCommitment! < losses[0]!.acousticCommitment!);
    assert.equal(losses[1]!.semanticCommitment, losses[0]!.semanticCommitment);
  });

  it("in parts is the step of the whole batch", async () => {
    // Without a teacher, whose spectrum depends on the loudest point of the batch.
    const whole = { ...goldenRecipe(golden), teacher: undefined };
    const { audio, codebooks } = goldenData(golden, whole);
    const items = [0, 1, 0, 1].map((i) => audio.slice(6000 * i, 6000 * (i + 1)));
    const batch = {
      audio: Float32Array.from(items.flatMap((item) => [...item])),
      codebooks: Float32Array.of(3, 3, 3, 3),
    };
    const ofWhole = makeOptimizers(whole);
    const step = await TrainingStep.compile(device, whole, ofWhole, { batch: 4, samples: 6000 });
    const expected = await step.run([batch], pace(1));

    const inParts = { ...goldenRecipe(golden), teacher: undefined };
    const ofParts = makeOptimizers(inParts);
    const parted = await TrainingStep.compile(device, inParts, ofParts, { batch: 1, samples: 6000, parts: 4 });
    const parts = items.map((item) => ({ audio: item, codebooks: codebooks.slice(0, 1) }));
    const broken = parts.map((part, i) => (i === 1 ? { ...part, audio: part.audio.map(() => Number.NaN) } : part));
    const before = await device.read(variablesOf(inParts, ofParts));
    assert(!Number.isFinite((await parted.run(broken, pace(1))).norms.generator));
    assert.deepEqual(
      await device.read(variablesOf(inParts, ofParts)),
      before,
      "one broken part spoils the step, and only that",
    );
    const actual = await parted.run(parts, pace(1));
    for (const [name, loss] of Object.entries(expected.losses)) {
      assertClose([actual.losses[name as "mel"]!], [loss], 1e-4, name);
    }
    assertClose([actual.norms.generator], [expected.norms.generator], 1e-3, "norm of the generator");
    assertClose([actual.norms.discriminator!], [expected.norms.discriminator!], 1e-3, "norm of the discriminators");
    const moments = ({ generator, discriminator }: StepOptimizers) =>
      [generator, discriminator].flatMap(({ moments }) => moments.map(({ mean }) => mean));
    const [a, b] = [await device.read(moments(ofParts)), await device.read(moments(ofWhole))];
    for (const [i, mean] of a.entries()) assertClose(mean, b[i]!, 2e-3, `mean ${i}`);
    assert.deepEqual(actual.codes.semantic, expected.codes.semantic);
  });

  it("works without a teacher", async () => {
    const recipe = { ...goldenRecipe(golden), teacher: undefined };
    const step = await TrainingStep.compile(device, recipe, makeOptimizers(recipe), size);
    const { teacherAudio: _, ...data } = goldenData(golden, recipe);
    const { losses } = await step.run([data], pace(1));
    assert.equal(losses.distillation, undefined);
    assertClose([losses.mel!], [golden.floats(logKey)[3]!], 1e-4);
  });
});
