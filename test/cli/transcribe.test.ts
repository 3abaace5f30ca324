import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { small, writeCorpus } from "../train/asr/support.js";
import { run, TINY, temporaryFolder } from "./support.js";

describe("lmspt train asr and lmspt transcribe", function () {
  this.timeout(60_000);
  const inside = temporaryFolder();

  it("make a recogniser of recordings with their text, and lines of text of recordings", async () => {
    const corpus = await writeCorpus(inside("corpus"), ["one", "two one"]);
    const settings = [
      `data=${corpus}`,
      `data.valid=${corpus}`,
      `out=${inside("run")}`,
      "steps=2",
      "validation.every=2",
      "text.merges=5",
    ];
    const trained = await run("train", "asr", "asr-tiny", ...small, ...settings);
    assert.equal(trained.status, 0, trained.stderr);
    assert.match(trained.stderr, /^step 1\/2 {2}text \S+ {2}alignment \S+ {2}total \S+ {2}.* steps\/s/m);
    assert.match(trained.stderr, /^validation at step 2 .* word error rate \S+ %, of characters \S+ % {2}\(the best/m);
    assert.match(trained.stderr, /^ {4}said {3}(one|two one)$/m);
    const model = trained.stdout.trimEnd();
    const again = await run("train", "asr", inside("run"), "steps=3", "--quiet");
    assert.deepEqual([again.status, again.stderr], [0, ""]);

    const options = ["--model", model, "--device", "cpu", "--threads", "1"];
    const one = await run("transcribe", inside("corpus/0.wav"), ...options);
    assert.deepEqual([one.status, one.stderr], [0, ""]);
    const both = await run("transcribe", corpus, ...options);
    assert.equal(both.stdout.split("\n")[0], `${inside("corpus/0.wav")}\t${one.stdout.trimEnd()}`);
    assert.equal(both.stdout.split("\n").length, 3);
    const judged = await run("evaluate", corpus, ...TINY, "--recogniser", model, "--json");
    const { original, decoded } = JSON.parse(judged.stdout);
    for (const rate of [original.wordErrorRate, decoded.full.wordErrorRate]) assert(rate >= 0, judged.stdout);
    await writeFile(inside("corpus/0.wav"), "nothing");
    const json = await run("transcribe", corpus, ...options, "--json", "--beams", "2", "--language", "en");
    assert.equal(json.status, 1);
    assert.match(json.stderr, /0\.wav: /);
    const { file, text, tokens, language } = JSON.parse(json.stdout);
    assert.deepEqual(
      [file, typeof text, Array.isArray(tokens), language],
      [inside("corpus/1.wav"), "string", true, "en"],
    );
  });

  it("say what is wrong", async () => {
    const { status, stderr } = await run("transcribe", inside("none.wav"), "--model", inside(""));
    assert.notEqual(status, 0);
    assert.match(stderr, /none\.wav, found nothing/);
    const typo = await run("train", "asr", "asr-tiny", "text.mergs=1");
    assert.equal(typo.stderr, "lmspt: text.mergs (text.mergs=1): there is no such key; did you mean merges?\n");
  });
});
