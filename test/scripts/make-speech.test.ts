import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { loadCorpus } from "../../lib/train/data/index.js";
import { Draw } from "../../scripts/make-speech/draw.js";
import { vocabulary } from "../../scripts/make-speech/grammar.js";
import { GRAMMARS, type LanguageCode } from "../../scripts/make-speech/languages/index.js";
import { makeSpeech } from "../../scripts/make-speech/make.js";
import { planCorpus, SPLITS } from "../../scripts/make-speech/plan.js";
import { requireVoices } from "../../scripts/make-speech/synthesisers.js";
import { VOICES } from "../../scripts/make-speech/voices.js";
import { continuous, fixArticles, past, plural, third } from "../../scripts/make-speech/words/english-forms.js";
import { temporaryFolder, tree } from "../cli/support.js";

const plan = (sentences: number, seed = 1) => planCorpus({ seed, voices: VOICES }, { sentences });

describe("the sentences of make-speech", function () {
  this.timeout(20_000);

  it("have every rule that is asked for, and a vocabulary of some size", () => {
    for (const [language, grammar] of Object.entries(GRAMMARS)) {
      for (const [rule, alternatives] of Object.entries(grammar)) {
        for (const alternative of alternatives) {
          assert.notEqual(alternative.trim(), "", `${language} ${rule}`);
          for (const [, name] of alternative.matchAll(/\{([^}?]+)\??\}/g)) {
            assert(grammar[name!], `${language}: ${rule} asks for ${name}`);
          }
        }
      }
      assert(vocabulary(grammar).size > (language === "en" ? 2500 : 200), `${language} ${vocabulary(grammar).size}`);
    }
  });

  it("inflect English words", () => {
    assert.deepEqual(["wolf", "berry", "box", "key", "child"].map(plural), [
      "wolves",
      "berries",
      "boxes",
      "keys",
      "children",
    ]);
    assert.deepEqual(["carry", "watch", "go", "play"].map(third), ["carries", "watches", "goes", "plays"]);
    assert.deepEqual(["carry", "buy", "stop", "love", "play"].map(past), [
      "carried",
      "bought",
      "stopped",
      "loved",
      "played",
    ]);
    assert.deepEqual(["lie", "run", "love", "see", "tie"].map(continuous), [
      "lying",
      "running",
      "loving",
      "seeing",
      "tying",
    ]);
    assert.equal(
      fixArticles("A owl saw a uniform, a hour and a honest old man."),
      "An owl saw a uniform, an hour and an honest old man.",
    );
  });

  it("are all different, read as they are written, and end like sentences", () => {
    const sentences = plan(5000);
    assert.equal(new Set(sentences.map(({ text }) => text)).size, 5000);
    for (const { text } of sentences) assert.match(text, /^[¿\p{Lu}][\p{L} ,.?!'’-]*[.?!]$/u, text);
  });

  it("follow from the seed; a longer plan begins like a shorter one", () => {
    const long = plan(300);
    assert.deepEqual(plan(100), long.slice(0, 100));
    assert.notDeepEqual(plan(100, 2), long.slice(0, 100));
    assert.equal(new Draw(1, 2).fraction(), new Draw(1, 2).fraction());
  });

  it("are held out by voice and by sentence", () => {
    const sentences = plan(3000);
    const voicesOf = (split: string) =>
      new Set(sentences.filter((sentence) => sentence.split === split).map(({ voice }) => voice.name));
    const [known, sentence, voice] = SPLITS.map(voicesOf) as [Set<string>, Set<string>, Set<string>];
    for (const name of sentence) assert(known.has(name), name);
    for (const name of voice) assert(!known.has(name), name);
    assert.equal(known.size + voice.size, VOICES.length, "every voice is heard");
    const variants = (isHeldOut: boolean) =>
      VOICES.filter((voice) => voice.isHeldOut === isHeldOut && voice.voice.includes("+")).map(
        ({ voice }) => voice.split("+")[1],
      );
    for (const variant of variants(true)) assert(!variants(false).includes(variant), `${variant} speaks in both`);
    const languages = new Set(sentences.map(({ language }) => language));
    assert.deepEqual(languages, new Set(Object.keys(GRAMMARS) as LanguageCode[]));
    for (const split of SPLITS.slice(1)) assert.equal(sentences.filter((s) => s.split === split).length, 60);
  });
});

describe("make-speech", function () {
  this.timeout(60_000);
  const inside = temporaryFolder();

  it("says what is missing and what installs it", async () => {
    const unknown = { ...VOICES[0]!, synthesiser: "espeak-ng" as const, voice: "en+nobody" };
    await assert.rejects(
      requireVoices([unknown]),
      /espeak-ng (lacks the voices en\+nobody|does not run).*apt-get install espeak-ng/,
    );
  });

  it("speaks a corpus, goes on with one that is not complete, and makes it longer", async function () {
    // Synthesisers are no package of npm; all but the speaking is tested without one.
    if (!isInstalled("espeak-ng")) this.skip();
    const voices = VOICES.filter(({ synthesiser }) => synthesiser === "espeak-ng");
    const make = (count: number) => {
      const sentences = planCorpus({ seed: 5, voices }, { sentences: count });
      return makeSpeech({ out: inside("speech"), seed: 5, voices, sentences, jobs: 2 });
    };
    await make(34);
    const path = inside("speech", "audio", "0000", "0000003.wav");
    const first = await readFile(path);
    const manifest = await readFile(inside("speech", "valid-voice.jsonl"));
    await rm(path);
    const again = await make(34);
    assert(again.newSeconds > 0 && again.newSeconds < 0.2 * again.seconds, "one file alone is made anew");
    assert.deepEqual(await readFile(path), first);
    await make(36);
    assert.deepEqual(await readFile(inside("speech", "valid-voice.jsonl")), manifest);
    const entries = await loadCorpus(SPLITS.map((split) => inside("speech", `${split}.jsonl`)));
    assert.equal(entries.length, 36);
    for (const { text, speaker, language, seconds } of entries) assert(text && speaker && language && seconds! > 0.5);
    assert.equal((await readdir(inside("speech", "audio", "0000"))).length, 36);
    assert((await tree(inside("speech"))).every((name) => !name.endsWith(".partial")));
    const other = makeSpeech({ out: inside("speech"), seed: 6, voices, sentences: [], jobs: 1 });
    await assert.rejects(other, /another seed/);
  });
});

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
