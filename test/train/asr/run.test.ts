import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Recogniser } from "../../../lib/models/whisper/index.js";
import { cutWhereQuiet } from "../../../lib/models/whisper/windows.js";
import type { RecogniserEvent } from "../../../lib/train/asr/events.js";
import { RecogniserTrainer, Trainer } from "../../../lib/train/trainer.js";
import { fixture } from "../../audio/support.js";
import { temporaryFolder } from "../../cli/support.js";
import { contents, small as smallTokenizer } from "../runs.js";
import { collect, ofKind, say, small, writeCorpus } from "./support.js";

describe("training a recogniser", function () {
  this.timeout(120_000);
  const inside = temporaryFolder();

  it("teaches it what is said: it transcribes files, and its features teach a tokenizer", async () => {
    const corpus = await writeCorpus(inside("corpus"));
    const settings = [`data=${corpus}`, `data.valid=${corpus}`, `out=${inside("run")}`, "steps=240"];
    const pace = ["optimizer.rate=4e-3", "optimizer.warmup_steps=20", "validation.every=80", "checkpoint.every=240"];
    // Its words are as short as what would be hidden.
    const open = ["hide.stretches=0", "hide.bands=0", "hide.tokens=0"];
    const events = await collect("asr-tiny", [...small, ...settings, ...pace, ...open]);
    const steps = ofKind(events, "step");
    for (const { losses, norm, rate, seconds, speed } of steps) {
      for (const value of [losses.text, losses.alignment, losses.total, norm, rate, seconds, speed]) assert(value! > 0);
    }
    const [first, last] = [steps[0]!.losses, steps.at(-1)!.losses];
    assert(last.text! < 0.2 * first.text!, `${first.text} ${last.text}`);
    const validation = ofKind(events, "validation").at(-1)!;
    assert.equal(validation.wordErrorRate, 0, JSON.stringify(validation.texts));
    assert.equal(validation.texts.length, 8);

    const folder = ofKind(events, "checkpoint").at(-1)!.path;
    await using recogniser = await Recogniser.load(folder, { device: "cpu", threads: 1 });
    for (const beams of [1, 3]) {
      const { text, language, tokens } = await recogniser.transcribe(inside("corpus/7.wav"), { beams });
      assert.deepEqual([text, language], ["one two two", "en"]);
      assert(tokens.length > 0);
    }
    const samples = say("one two one two one");
    const heard: string[] = [];
    for (const piece of [samples, ...cutWhereQuiet(samples, 0.8 * 16000)]) {
      heard.push((await recogniser.transcribe({ samples: piece, sampleRate: 16000 }, { language: "en" })).text);
    }
    assert(heard[1] !== "" && heard[2] !== "");
    assert.equal(heard[0], `${heard[1]} ${heard[2]}`, "what is longer than the window");

    const teacher = [`teacher.model=${folder}`, "teacher.window=full", "steps=1"];
    for await (const event of new Trainer("tiny", {
      overrides: [...smallTokenizer, ...teacher, `out=${inside("taught")}`],
    })) {
      if (event.kind === "step") assert(event.losses.distillation! > 0);
    }
    const tooLong = new Trainer("tiny", {
      overrides: [...smallTokenizer, ...teacher, `out=${inside("deaf")}`, "data.seconds=1"],
    });
    await assert.rejects(tooLong[Symbol.asyncIterator]().next(), {
      code: "ERR_LMSPT_CONFIG",
      message: /data\.seconds: expected at most 0\.8, which is what .* hears at a time, got 1/,
    });
  });

  it("begun again from a checkpoint ends bit for bit as one that never stopped", async () => {
    const corpus = await writeCorpus(inside("corpus"));
    const settings = [...small, `data=${corpus}`, "steps=6", "checkpoint.every=3"];
    const whole = ofKind(await collect("asr-tiny", [...settings, `out=${inside("whole")}`]), "checkpoint");
    const stop = new AbortController();
    const halves: RecogniserEvent[] = [];
    const overrides = [...settings, `out=${inside("halves")}`];
    for await (const event of new RecogniserTrainer("asr-tiny", { overrides, signal: stop.signal })) {
      halves.push(event);
      if (event.kind === "step" && event.step === 2) stop.abort();
    }
    assert.equal(ofKind(halves, "step").length, 2);
    const rest = ofKind(await collect(inside("halves"), []), "checkpoint");
    const [expected, actual] = [await contents(whole.at(-1)!.path), await contents(rest.at(-1)!.path)];
    assert.deepEqual(Object.keys(actual), [
      "added_tokens.json",
      "aligner.safetensors",
      "config.json",
      "merges.txt",
      "model.safetensors",
      "optimizer.safetensors",
      "state.json",
      "vocab.json",
    ]);
    assert.deepEqual(actual, expected);
  });

  it("goes on from another model, with its vocabulary, and without the loss of alignment", async () => {
    const corpus = await writeCorpus(inside("corpus"));
    const first = await collect("asr-tiny", [...small, `data=${corpus}`, `out=${inside("first")}`, "steps=1"]);
    const other = await writeCorpus(inside("other"), ["two one", "one"]);
    const settings = [`init=${ofKind(first, "checkpoint")[0]!.path}`, `data=${other}`, `out=${inside("second")}`];
    const still = ["optimizer.rate=0", "optimizer.final_rate=0", "losses.alignment=0", "steps=1"];
    const second = await collect("asr-tiny", [...small, ...settings, ...still]);
    assert.equal(ofKind(second, "step")[0]!.losses.alignment, undefined);
    const files = (events: readonly RecogniserEvent[]) => contents(ofKind(events, "checkpoint")[0]!.path);
    const [before, after] = [await files(first), await files(second)];
    for (const name of ["model.safetensors", "vocab.json", "config.json"]) assert.deepEqual(after[name], before[name]);
    assert(!("aligner.safetensors" in after));
  });

  it("leaves out what is too long to hear or to write, or cannot be read, and tells so", async () => {
    const folder = inside("corpus");
    const corpus = await writeCorpus(folder, ["one two one two one", "one", "two", "two two two"]);
    await writeFile(join(folder, "1.wav"), "nothing");
    const settings = [`data=${corpus}`, `out=${inside("run")}`, "steps=1", "text.merges=20"];
    const told = async (overrides: string[]) =>
      ofKind(await collect("asr-tiny", [...small, ...settings, ...overrides]), "broken-file")
        .map(({ path, problem }) => `${path.slice(-5)} ${problem}`)
        .sort();
    const [tooLong, notAudio, ...none] = await told([]);
    assert.match(tooLong!, /^0\.wav Expected at most 0\.8 s.*got 1\.25 s/);
    assert.match(notAudio!, /^1\.wav Expected audio as/);
    assert.deepEqual(none, []);
    const letters = await told(["text.merges=0", `out=${inside("letters")}`]);
    assert.match(
      letters[0]!,
      /^0\.wav Expected at most 16 tokens, model\.max_target_positions, its transcript takes 23/,
    );
  });

  it("skips a step whose gradient is not finite, names the operation, and gives up after three", async () => {
    const corpus = await writeCorpus(inside("corpus"));
    const settings = [...small, `data=${corpus}`, `out=${inside("run")}`, "losses.text=1e38", "losses.alignment=1e38"];
    const events: RecogniserEvent[] = [];
    const run = async () => {
      for await (const event of new RecogniserTrainer("asr-tiny", { overrides: settings })) events.push(event);
    };
    await assert.rejects(run(), { code: "ERR_LMSPT_DIVERGED", message: /3 steps in a row/ });
    assert.deepEqual(
      ofKind(events, "skipped").map(({ step, fault }) => [step, typeof fault?.op]),
      [1, 2, 3].map((step) => [step, "string"]),
    );
    assert.equal(ofKind(events, "checkpoint").length, 1);
  });

  it("is refused where nothing can come of it, before a folder is made", async () => {
    const refused = (overrides: string[], message: RegExp, code = "ERR_LMSPT_CONFIG") =>
      assert.rejects(collect("asr-tiny", [...small, `out=${inside("run")}`, ...overrides]), { code, message });
    await refused([], /data\.train/);
    await refused([`data=${fixture("speech.wav")}`], /Expected a manifest/, "ERR_LMSPT_FORMAT");
    const corpus = await writeCorpus(inside("corpus"));
    await refused([`data=${corpus}`, "model.max_target_positions=4"], /max_target_positions.*shortest takes/);
    await refused([`data=${corpus}`, "data.languages=[de]"], /found none/, "ERR_LMSPT_FORMAT");
    await refused([`data=${corpus}`, "model.d_modl=3"], /model\.d_modl.*did you mean d_model/);
    await refused([`data=${corpus}`, "model.d_model=33"], /encoder_attention_heads/, "ERR_LMSPT_MODEL");
    await assert.rejects(collect("asr-tny", []), { code: "ERR_LMSPT_CONFIG", message: /did you mean asr-tiny/ });
    assert.deepEqual(await readdir(inside("")), ["corpus"]);
  });
});
