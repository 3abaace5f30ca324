import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadAudio } from "../../lib/audio/decode.js";
import { encodeWav } from "../../lib/audio/wav.js";
import { writeSafetensors } from "../../lib/data/safetensors-writer.js";
import { LmSpt } from "../../lib/models/lmspt.js";
import { TINY_CONFIG } from "../../lib/models/presets.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import type { CheckpointEvent, StepEvent, TrainEvent } from "../../lib/train/run/events.js";
import { Trainer } from "../../lib/train/trainer.js";
import { fixture } from "../audio/support.js";
import { runChild, temporaryFolder, tree } from "../cli/support.js";
import { root } from "../package/root.js";
import { readEvents } from "./event-records.js";
import { collect, contents, ofKind, small } from "./runs.js";

/** Of TensorBoard, after a few steps without a teacher. */
const TAGS = [
  ...["total_loss", "spec_loss", "adv_g_loss", "feat_loss", "disc_loss"].map((name) => `Train/${name}`),
  ...["semantic", "acoustic"].flatMap((kind) => [
    ...["commitment_loss", "codebook_loss", "vocab_usage", "perplexity"].map((name) => `Train/${kind}/${name}`),
    ...["vocab_usage", "perplexity"].map((name) => `Valid/${kind}/${name}`),
  ]),
  ...["grad_norm_g", "grad_norm_d", "lr_g", "lr_d", "steps_per_second", "data_wait"].map((name) => `Train/${name}`),
  "Valid/spec_loss",
];
/** The only item of validation. */
const SPEECH = ["Valid/0/original", "Valid/0/reconstructed"];

describe("a training run", function () {
  this.timeout(120_000);
  const inside = temporaryFolder();
  const valid = `data.valid=${fixture("speech-1s.wav")}`;

  it("tells what it does, and leaves a configuration, TensorBoard's file and checkpoints that are models", async () => {
    const out = inside("run");
    const settings = [...small, valid, `out=${out}`, "steps=4", "checkpoint.every=2", "validation.every=4"];
    const events = await collect("tiny", settings);
    const steps = ofKind(events, "step");
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2, 3, 4],
    );
    for (const { losses, norms, rates, seconds, speed } of steps) {
      for (const value of [...Object.values(losses), ...Object.values(norms), seconds, speed]) assert(value! > 0);
      assert.equal(losses.distillation, undefined, "there is no teacher");
      assert(rates.discriminator === 1e-3 && rates.generator > 0);
    }
    const [validation] = ofKind(events, "validation");
    assert(validation!.isBest && validation!.usage.semantic.used > 0 && validation!.losses.mel! > 0);
    const saved = ofKind(events, "checkpoint");
    assert.deepEqual(
      saved.map(({ step }) => step),
      [2, 4],
    );
    const files = await tree(out);
    const log = files.find((name) => /^events\.out\.tfevents/.test(name));
    assert(files.includes("config.yaml") && log !== undefined);
    const values = readEvents(await readFile(join(out, log))).flatMap(({ summary }) => summary?.value ?? []);
    const tags = (has: (value: (typeof values)[number]) => boolean) => values.filter(has).map(({ tag }) => tag);
    const named = new Set(values.map(({ tag }) => tag));
    for (const tag of TAGS) assert(named.has(tag), `${tag} among ${[...named].join(" ")}`);
    assert.deepEqual(
      tags(({ audio }) => audio !== undefined),
      SPEECH.map((name) => `${name}/audio`),
    );
    assert.deepEqual(
      tags(({ image }) => image !== undefined),
      SPEECH.map((name) => `${name}/spectrogram`),
    );
    await using tokenizer = await Tokenizer.load(saved[1]!.path);
    const tokens = await tokenizer.encode(fixture("speech-1s.wav"));
    assert.equal(tokens.frames, 13);
    assert.equal((await tokenizer.decode(tokens)).samples.length, 24000);
  });

  it("begun again from a checkpoint ends bit for bit as one that never stopped", async () => {
    const settings = [
      ...small,
      "steps=4",
      "checkpoint.every=2",
      "data.accumulate=2",
      "codebooks.restart_every=3",
      "teacher.model=random:1:mini",
      "teacher.window=segment",
    ];
    const whole = ofKind(await collect("tiny", [...settings, `out=${inside("whole")}`]), "checkpoint");
    const stop = new AbortController();
    const halves: TrainEvent[] = [];
    const first = new Trainer("tiny", { overrides: [...settings, `out=${inside("halves")}`], signal: stop.signal });
    for await (const event of first) {
      halves.push(event);
      if (event.kind === "step" && event.step === 2) stop.abort();
    }
    assert.equal(ofKind(halves, "step").length, 2, "it stops after the step under way");
    const rest = await collect(inside("halves"), []);
    assert.deepEqual(
      ofKind(rest, "step").map(({ step }) => step),
      [3, 4],
    );
    const last = (events: CheckpointEvent[]) => contents(events.at(-1)!.path);
    assert.deepEqual(await last(ofKind(rest, "checkpoint")), await last(whole));
  });

  it("leaves the discriminators alone until their start, also where it is begun again there", async () => {
    const settings = [...small, "steps=4", "checkpoint.every=1", "checkpoint.keep=4", "discriminators.start=2"];
    const events = await collect("tiny", [...settings, `out=${inside("run")}`]);
    const judged = (step: StepEvent) => [step.losses.discriminator, step.losses.feature, step.norms.discriminator];
    for (const step of ofKind(events, "step")) {
      assert.deepEqual(
        judged(step).map((value) => value !== undefined && value > 0),
        Array(3).fill(step.step > 2),
      );
    }
    const saved = await Promise.all(ofKind(events, "checkpoint").map(({ path }) => contents(path)));
    const judges = saved.map((files) => files["discriminators.safetensors"]!);
    assert.deepEqual(judges[1], judges[0]);
    assert.notDeepEqual(judges[2], judges[1]);
    await collect("tiny", [...settings, "steps=2", `out=${inside("halves")}`]);
    const rest = ofKind(await collect(inside("halves"), ["steps=4"]), "checkpoint");
    assert.deepEqual(await contents(rest.at(-1)!.path), saved.at(-1));
  });

  it("killed without warning goes on from its last checkpoint, to the same end", async () => {
    const settings = [...small, "steps=6", "checkpoint.every=2"];
    const whole = ofKind(await collect("tiny", [...settings, `out=${inside("whole")}`]), "checkpoint");
    const child = join(root, "dist/test/train/children/train.js");
    const killed = await runChild(child, ["tiny", ...settings, `out=${inside("killed")}`], (process, text) => {
      if (text.includes("step 4")) process.kill("SIGKILL");
    });
    assert.equal(killed.status, null, killed.stderr);
    const rest = ofKind(await collect(inside("killed"), []), "checkpoint");
    assert.deepEqual(await contents(rest.at(-1)!.path), await contents(whole.at(-1)!.path));
  });

  it("keeps the last checkpoints and the best one", async () => {
    const out = inside("run");
    const settings = [...small, valid, `out=${out}`, "steps=5", "checkpoint.every=1", "checkpoint.keep=2"];
    // A rate of 0 changes nothing: the first validation stays the best.
    const still = ["optimizer.rate=0", "optimizer.final_rate=0", "validation.every=1"];
    await collect("tiny", [...settings, ...still]);
    const steps = (await readdir(join(out, "checkpoint"))).sort().map((name) => Number(name.slice(-7)));
    assert.deepEqual(steps, [1, 4, 5]);
  });

  it("falls: its losses, and with a teacher the teacher's distance, which it does not without", async () => {
    // One piece of speech, as long as a crop: from crop to crop, losses differ more than they fall in so few steps.
    const { samples, sampleRate } = await loadAudio(fixture("speech.wav"));
    const piece = samples.slice(1.7 * sampleRate, 2.02 * sampleRate);
    await writeFile(inside("piece.wav"), encodeWav({ samples: piece, sampleRate }));
    const data = [`data=${inside("piece.wav")}`, `data.valid=${inside("piece.wav")}`];
    const rates = ["optimizer.rate=2e-3", "optimizer.final_rate=1e-3"];
    const settings = [...small, ...data, ...rates, "steps=40", "validation.every=40"];
    const teacher = ["teacher.model=random:1:mini", "teacher.window=segment"];
    const taught = await collect("tiny", [...settings, ...teacher, `out=${inside("taught")}`]);
    const untaught = await collect("tiny", [
      ...settings,
      ...teacher,
      "losses.distillation=1e-9",
      `out=${inside("untaught")}`,
    ]);
    const totals = ofKind(taught, "step").map(({ losses }) => losses.total!);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    assert(mean(totals.slice(-5)) < 0.8 * mean(totals.slice(0, 5)), `total ${totals.join(" ")}`);
    const distances = ofKind(taught, "step").map(({ losses }) => losses.distillation!);
    assert(mean(distances.slice(-5)) < 0.7 * mean(distances.slice(0, 5)), `distances ${distances.join(" ")}`);
    const distanceOf = (events: readonly TrainEvent[]) => ofKind(events, "validation")[0]!.losses.distillation!;
    assert(distanceOf(taught) < 0.8 * distanceOf(untaught), `${distanceOf(taught)} ${distanceOf(untaught)}`);
  });

  it("skips steps whose gradients are not finite, names the operation, and gives up after three with a checkpoint", async () => {
    const folder = inside("");
    const model = new LmSpt(TINY_CONFIG);
    const tensors = model.parameters.map(({ name, shape }) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(
        name === "decoder.model.0.bias" ? Number.NaN : 0.1,
      );
      return [name, { dtype: "F32", shape, data }] as const;
    });
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    await writeFile(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
    const out = inside("run");
    const events: TrainEvent[] = [];
    const run = async () => {
      const overrides = [...small, `out=${out}`, `init=${folder}`, "steps=9"];
      for await (const event of new Trainer("tiny", { overrides })) events.push(event);
    };
    await assert.rejects(run(), { code: "ERR_LMSPT_DIVERGED", message: /3 steps in a row/ });
    const skipped = ofKind(events, "skipped");
    assert.deepEqual(
      skipped.map(({ step, side }) => `${step} ${side}`),
      [1, 2, 3].flatMap((step) => [`${step} discriminator`, `${step} generator`]),
    );
    assert(
      skipped.every(({ fault }) => fault && /conv1d/.test(fault.op)),
      JSON.stringify(skipped[0]),
    );
    assert.deepEqual(
      ofKind(events, "checkpoint").map(({ step }) => step),
      [3],
    );
    const state = JSON.parse(await readFile(join(ofKind(events, "checkpoint")[0]!.path, "state.json"), "utf8"));
    assert.deepEqual([state.step, state.generatorStep, state.discriminatorStep], [3, 0, 0]);
  });

  it("tells of files that it cannot read, once each", async () => {
    const [broken, other] = [inside("broken.wav"), inside("other.wav")];
    for (const path of [broken, other]) await writeFile(path, "nothing");
    const data = [`data=[${fixture("speech.wav")}, ${broken}]`, `data.valid=[${fixture("speech-1s.wav")}, ${other}]`];
    const told = ofKind(await collect("tiny", [...small, ...data, `out=${inside("run")}`, "steps=4"]), "broken-file");
    assert.deepEqual(
      told.map(({ path }) => path),
      [other, broken],
    );
  });

  it("goes on with what is overridden, whenever it is taken up again, and tells where a finished one ended", async () => {
    const out = inside("run");
    await collect("tiny", [...small, `out=${out}`, "steps=1"]);
    await collect(out, ["steps=2"]);
    assert.match(await readFile(join(out, "config.yaml"), "utf8"), /^steps: 2$/m);
    const [end, ...others] = await collect(out, []);
    assert(end?.kind === "checkpoint" && end.step === 2 && others.length === 0);
    assert((await readdir(end.path)).includes("model.safetensors"));
    for (const late of [`out=${inside("other")}`, `init=${end.path}`]) {
      await assert.rejects(collect(out, [late]), { code: "ERR_LMSPT_CONFIG", message: /expected for a new run/ });
    }
  });

  it("begins with the weights that it is given", async () => {
    const still = ["steps=1", "optimizer.rate=0", "optimizer.final_rate=0"];
    const [first] = ofKind(
      await collect("tiny", [...small, `out=${inside("first")}`, "steps=1", "seed=7"]),
      "checkpoint",
    );
    const [second] = ofKind(
      await collect("tiny", [...small, `out=${inside("second")}`, ...still, `init=${first!.path}`]),
      "checkpoint",
    );
    const weightsOf = async (path: string) => (await contents(path))["model.safetensors"]!;
    const [given, kept] = [await weightsOf(first!.path), await weightsOf(second!.path)];
    assert.equal(kept.length, given.length);
    const differing = kept.reduce((sum, byte, i) => sum + Number(byte !== given[i]), 0);
    assert(differing < kept.length / 1000, `${differing} of ${kept.length} bytes, but for those that count codes`);
  });

  it("is refused where nothing can come of it, before a folder is made", async () => {
    const out = inside("run");
    await assert.rejects(collect("tiny", [`out=${out}`]), { code: "ERR_LMSPT_CONFIG", message: /data\.train/ });
    const teacher = [...small, `out=${out}`, "teacher.model=nowhere"];
    await assert.rejects(collect("tiny", teacher), { code: "ERR_LMSPT_CONFIG", message: /teacher\.model.*nowhere/ });
    await assert.rejects(readdir(out), { code: "ENOENT" });
    const short = [...small, `out=${inside("other")}`, "data.seconds=0.01"];
    await assert.rejects(collect("tiny", short), { code: "ERR_LMSPT_CONFIG", message: /data\.seconds.*0\.08 s/ });
    await writeFile(inside("file"), "mine");
    const taken = [...small, `out=${inside("")}`];
    await assert.rejects(collect("tiny", taken), { code: "ERR_LMSPT_IO", message: /Expected nothing at/ });
  });
});
