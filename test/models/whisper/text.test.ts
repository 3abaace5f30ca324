import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import {
  buildVocabulary,
  loadTextTokenizer,
  saveTextTokenizer,
  TextTokenizer,
} from "../../../lib/models/whisper/index.js";
import { BYTE_LETTERS, fromLetters, toLetters } from "../../../lib/models/whisper/text/byte-letters.js";
import { BytePairs, learnPairs } from "../../../lib/models/whisper/text/byte-pairs.js";
import { splitWords } from "../../../lib/models/whisper/text/words.js";
import { temporaryFolder } from "../../cli/support.js";

const corpus = ["the cat sat on the mat", "the cat's hat", "that is that, isn't it?"];
const vocabulary = buildVocabulary(corpus, { merges: 20, languages: ["de", "en"] });
const tokenizer = new TextTokenizer(vocabulary);

describe("Whisper's text tokens", () => {
  const inside = temporaryFolder();

  it("write bytes as the public vocabularies do", () => {
    assert.equal(toLetters(" é\n"), "\u0120\u00c3\u00a9\u010a");
    assert.equal(new Set(BYTE_LETTERS).size, 256);
    assert.deepEqual(fromLetters("\u0120A"), Uint8Array.of(32, 65));
    assert.equal(fromLetters("\u4e2d"), undefined);
  });

  it("cut text into words with the space before them", () => {
    assert.deepEqual(splitWords("It's  3.5 o'clock \n"), ["It", "'s", " ", " 3", ".", "5", " o", "'", "clock", " \n"]);
  });

  it("join the pair of the lowest rank first, every time", () => {
    const pairs = new BytePairs([
      ["b", "c"],
      ["a", "b"],
      ["bc", "bc"],
    ]);
    assert.deepEqual(pairs.split("abcbc"), ["a", "bcbc"]);
    assert.deepEqual(pairs.split("abab"), ["ab", "ab"]);
    assert.deepEqual(pairs.split("x"), ["x"]);
  });

  it("are learned by frequency, ties in a fixed order, and never from a pair that comes up once", () => {
    const words = new Map([
      ["abab", 3],
      ["cd", 3],
      ["ef", 1],
    ]);
    assert.deepEqual(learnPairs(words, 9), [
      ["a", "b"],
      ["ab", "ab"],
      ["c", "d"],
    ]);
    assert.deepEqual(learnPairs(words, 1), [["a", "b"]]);
  });

  it("give any text back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        assert.equal(tokenizer.decode(tokenizer.encode(text)), Buffer.from(text, "utf8").toString("utf8"));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("are fewer than bytes where pairs are known", () => {
    assert(tokenizer.encode("the cat").length < 4);
  });

  it("have a prompt with language and task, or neither", () => {
    const { special } = vocabulary;
    const named = (...names: string[]) => names.map((name) => special.get(name));
    assert.deepEqual(
      tokenizer.prompt("en"),
      named("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"),
    );
    assert.deepEqual(tokenizer.prompt(undefined), named("<|startoftranscript|>", "<|notimestamps|>"));
    assert.throws(() => tokenizer.prompt("fr"), { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /one of de, en/ });
    assert.deepEqual(tokenizer.languages, ["de", "en"]);
  });

  it("that are special or mean nothing are not spoken, and are left out of text", () => {
    const count = vocabulary.text.size + vocabulary.special.size + 3;
    const silent = new Set(tokenizer.unspeakable(count));
    assert(!silent.has(tokenizer.end) && silent.has(tokenizer.special("<|en|>")) && silent.has(count - 1));
    assert(tokenizer.encode("the cat").every((token) => !silent.has(token)));
    assert.equal(tokenizer.decode([...tokenizer.prompt("en"), ...tokenizer.encode("hat"), tokenizer.end]), "hat");
  });

  it("are the same from vocab.json with merges.txt, and from either form of tokenizer.json", async () => {
    const folderOf = async (name: string) => {
      await mkdir(inside(name));
      return inside(name);
    };
    const parts = await folderOf("parts");
    await saveTextTokenizer(parts, vocabulary);
    const loaded = await loadTextTokenizer(parts);
    assert.deepEqual(loaded.vocabulary, vocabulary);
    const forms = { text: vocabulary.merges.map((pair) => pair.join(" ")), lists: vocabulary.merges };
    for (const [name, merges] of Object.entries(forms)) {
      const added = [...vocabulary.special].map(([content, id]) => ({ id, content, special: true }));
      const model = { type: "BPE", vocab: Object.fromEntries(vocabulary.text), merges };
      const folder = await folderOf(name);
      await writeFile(join(folder, "tokenizer.json"), JSON.stringify({ added_tokens: added, model }));
      assert.deepEqual((await loadTextTokenizer(folder)).vocabulary, vocabulary);
    }
  });

  it("are refused where there are none, or they are not what they should be", async () => {
    const folder = inside("");
    await assert.rejects(loadTextTokenizer(folder), { code: "ERR_LMSPT_MODEL", message: /found neither/ });
    const file = (name: string, text: string) => writeFile(join(folder, name), text);
    await file("merges.txt", "#version: 0.2\na b c\n");
    await file("vocab.json", '{"a": 0}');
    await assert.rejects(loadTextTokenizer(folder), { code: "ERR_LMSPT_FORMAT", message: /merge of two parts/ });
    await file("merges.txt", "");
    await assert.rejects(loadTextTokenizer(folder), { code: "ERR_LMSPT_FORMAT", message: /<\|endoftext\|>/ });
    await file("vocab.json", '{"a": -1}');
    await assert.rejects(loadTextTokenizer(folder), { code: "ERR_LMSPT_FORMAT", message: /vocab.json: expected/ });
    await file("vocab.json", "{");
    await assert.rejects(loadTextTokenizer(folder), { code: "ERR_LMSPT_FORMAT", message: /not valid JSON/ });
  });
});
